"""Who changed each field last, and what its writer knew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.render.columns import Columns
from driftline_cli.render.values import value

if TYPE_CHECKING:
    from driftline_analyzer.history import BlameLine
    from driftline_analyzer.targets import Target

_TITLES: Final = ("Version", "Branch", "Phase", "Time", "Had read", "Stood", "Conf.")
_NAMES: Final = 30
_RIGHT: Final = frozenset({"Version", "Had read", "Stood", "Conf."})


def blame(lines: Sequence[BlameLine], target: Target, *, started: int, kept: bool) -> RenderableType:
    """What `driftline blame` prints.

    Args:
        lines: The answer.
        target: What was asked about.
        started: Clock of the trace's first event.
        kept: Whether the trace keeps values.
    """
    head = words.versioned(target.object, target.version, target.field)
    if not lines:
        what = "no field is there" if target.field is None else "the field is not there"
        return Group(head, words.styled(f"{what}: it was removed, or never set", words.QUIET))
    shown = lines[: words.FIELDS]
    rows = [_row(line, started) for line in shown]
    columns = Columns(_TITLES, rows, right=_RIGHT)
    names = min(max(words.field(line.path).cell_len for line in shown), _NAMES)
    parts: list[RenderableType] = [head, Text(), Padding(columns.header(), (0, 0, 0, 2))]
    for line, row in zip(shown, rows, strict=True):
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(no_wrap=True, overflow="ellipsis", width=names)
        table.add_column(ratio=1)
        table.add_column(justify="right", no_wrap=True)
        table.add_row(words.field(line.path), value(line.value, kept=kept), words.codes(line.findings))
        parts += [table, Padding(columns.line(row), (0, 0, 0, 2))]
    return Group(*parts, *words.left_out(len(lines)))


def _row(line: BlameLine, started: int) -> list[Text]:
    written = line.written
    confidence = words.styled("-", words.QUIET) if written.confidence is None else Text(f"{written.confidence:g}")
    return [
        words.version(written.version),
        words.branch(written.branch, written.branch_id),
        words.safe(written.phase),
        words.when(started, written.time),
        words.version(line.base),
        words.version(line.head),
        confidence,
    ]
