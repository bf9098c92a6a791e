"""Everything that happened to an object: each write with what it asserted and retracted, and each decision about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.render.columns import Columns
from driftline_cli.render.values import Value, contrast, value
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from driftline_analyzer.history import FieldChange, LogEntry
    from driftline_analyzer.targets import Target

_TITLES: Final = ("Version", "Did", "Branch", "Phase", "Time", "Base", "Stood")
_RIGHT: Final = frozenset({"Version", "Base", "Stood"})
_CHANGES: Final = 8
_INDENT: Final = 9
_OUTCOMES: Final = {
    "aborted": ("its unit was aborted", "red"),
    "unknown": ("whether its unit was committed is unknown", "yellow"),
}


def log(
    entries: Sequence[LogEntry],
    target: Target,
    *,
    earlier: int,
    started: int,
    kept: bool,
    whole: bool,
) -> RenderableType:
    """What `driftline log` prints.

    Args:
        entries: The answer, oldest first.
        target: What was asked about.
        earlier: How many older entries were left out.
        started: Clock of the trace's first event.
        kept: Whether the trace keeps values.
        whole: Whether to show every changed field, not only the first few.
    """
    head = words.versioned(target.object, target.version, target.field)
    head.append(f"  {words.count(len(entries) + earlier, 'write')} and decisions", words.QUIET)
    rows = [_row(entry, started) for entry in entries]
    columns = Columns(_TITLES, rows, right=_RIGHT)
    parts: list[RenderableType] = [head, Text(), columns.header()]
    if earlier:
        parts.append(words.styled(f"… {earlier:,} earlier: --all shows every one, --limit N the newest N", words.QUIET))
    for entry, row in zip(entries, rows, strict=True):
        parts += [columns.line(row), *_remarks(entry)]
        parts += _changes(entry, kept=kept, limit=len(entry.changes) if whole else _CHANGES)
    return Group(*parts)


def _row(entry: LogEntry, started: int) -> list[Text]:
    event = entry.event
    return [
        words.version(event.version),
        words.styled(words.verb(event.op), "bold"),
        words.branch(event.branch, event.branch_id),
        words.safe(event.phase),
        words.when(started, event.time),
        words.version(event.base),
        words.version(entry.head),
    ]


def _remarks(entry: LogEntry) -> list[RenderableType]:
    made = []
    if entry.findings:
        made.append(words.rules(entry.findings))
    if entry.outcome in _OUTCOMES:
        what, style = _OUTCOMES[entry.outcome]
        made.append(words.styled(what, style))
    if entry.event.reason:
        made.append(words.styled(plain(entry.event.reason), "italic"))
    return [Padding(remark, (0, 0, 0, _INDENT)) for remark in made]


def _changes(entry: LogEntry, *, kept: bool, limit: int) -> list[RenderableType]:
    told = [change for change in entry.changes if change.kind != "unchanged"]
    same = len(entry.changes) - len(told)
    rows: list[RenderableType] = []
    if told:
        table = Table.grid(padding=(0, 1, 0, 0), expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=30)
        table.add_column(ratio=1)
        for change in told[:limit]:
            for sign, style, shown in _signed(change, kept=kept):
                table.add_row(words.styled(sign, f"bold {style}"), words.field(change.path), shown)
        rows.append(Padding(table, (0, 0, 0, _INDENT)))
    more = max(0, len(told) - limit)
    notes = [f"{words.count(more, 'more field')} changed"] if more else []
    notes += [f"{words.count(same, 'field')} set to what stood already"] if same else []
    if notes:
        rows.append(Padding(words.styled(", ".join(notes), words.QUIET), (0, 0, 0, _INDENT + 2)))
    return rows


def _signed(change: FieldChange, *, kept: bool) -> list[tuple[str, str, Value]]:
    """The retraction and the assertion that a change is made of."""
    if change.kind == "added":
        return [("+", "green", value(change.after, kept=kept, style="green"))]
    if change.kind == "removed":
        return [("-", "red", value(change.before, kept=kept, style="red"))]
    before, after = contrast(change.before, change.after, kept=kept, lines=1)
    return [("-", "red", before), ("+", "green", after)]
