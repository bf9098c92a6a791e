"""The fields that differ between two versions, as a diff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.render.values import contrast, value

if TYPE_CHECKING:
    from driftline_analyzer.state import FieldDiff
    from driftline_analyzer.targets import Target

_LINES = 3


def diff(found: Sequence[FieldDiff], before: Target, after: Target, *, started: int, kept: bool) -> RenderableType:
    """What `driftline diff` prints.

    Args:
        found: The answer.
        before: The first version.
        after: The second.
        started: Clock of the trace's first event.
        kept: Whether the trace keeps values.
    """
    parts: list[RenderableType] = [
        words.styled("--- ", "bold red").append_text(words.versioned(before.object, before.version, before.field)),
        words.styled("+++ ", "bold green").append_text(words.versioned(after.object, after.version, after.field)),
    ]
    if not found:
        parts.append(words.styled("no field differs", words.QUIET))
    for field in found[: words.FIELDS]:
        parts += [Text(), _title(field, started), _sides(field, kept=kept)]
    return Group(*parts, *words.left_out(len(found)))


def _title(field: FieldDiff, started: int) -> Text:
    text = words.field(field.path)
    if field.written is None:
        return text.append(f"  {field.kind}", words.QUIET)
    text.append(f"  {field.kind} in version ", words.QUIET).append_text(words.version(field.written.version))
    text.append(" by ", words.QUIET).append_text(words.actor(field.written))
    return text.append("  ").append_text(words.when(started, field.written.time))


def _sides(field: FieldDiff, *, kept: bool) -> RenderableType:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=1)
    table.add_column()
    if field.kind == "added":
        table.add_row(words.styled("+", "bold green"), value(field.after, kept=kept, lines=_LINES, style="green"))
    elif field.kind == "removed":
        table.add_row(words.styled("-", "bold red"), value(field.before, kept=kept, lines=_LINES, style="red"))
    else:
        old, new = contrast(field.before, field.after, kept=kept, lines=_LINES)
        table.add_row(words.styled("-", "bold red"), old)
        table.add_row(words.styled("+", "bold green"), new)
    return Padding(table, (0, 0, 0, 2))
