"""The objects or the branches of a trace, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.render.columns import Columns

if TYPE_CHECKING:
    from driftline_analyzer.listings import BranchRow, ObjectRow

_WIDEST = 40


def objects(rows: Sequence[ObjectRow], total: int) -> RenderableType:
    """What `driftline info --list objects` prints.

    Args:
        rows: The objects to show.
        total: How many there are.
    """
    cells = [
        [
            words.object_(row.object),
            words.safe(row.type),
            *_counts(row.writes, row.writers, row.reads),
            _found(row.findings),
        ]
        for row in rows
    ]
    return _table(
        ("Object", "Type", "Writes", "Writers", "Reads", "Findings"), cells, words.count(total - len(rows), "object")
    )


def branches(rows: Sequence[BranchRow], total: int, started: int) -> RenderableType:
    """What `driftline info --list branches` prints.

    Args:
        rows: The branches to show.
        total: How many there are.
        started: Clock of the trace's first event.
    """
    cells = [
        [
            words.branch(row.branch, row.branch_id),
            words.safe(row.phase),
            words.safe(row.parent),
            Text("no end", "yellow")
            if row.status is None
            else Text(row.status, "red" if row.status == "failed" else ""),
            Text("-") if row.started is None else words.when(started, row.started),
            *_counts(row.writes),
            _found(row.findings),
        ]
        for row in rows
    ]
    titles = ("Branch", "Phase", "Parent", "Ended", "Began", "Writes", "Findings")
    return _table(titles, cells, words.count(total - len(rows), "branch"))


def _table(titles: Sequence[str], cells: Sequence[Sequence[Text]], hidden: str) -> RenderableType:
    columns = Columns(titles, cells, widest=_WIDEST, right={"Writes", "Writers", "Reads", "Findings"})
    lines = [columns.header(), *(columns.line(row) for row in cells)]
    if not hidden.startswith("0 "):
        lines.append(words.styled(f"… {hidden} more: --limit N shows the first N", words.QUIET))
    return Group(*lines)


def _counts(*numbers: int) -> list[Text]:
    return [Text(f"{number:,}") for number in numbers]


def _found(number: int) -> Text:
    return words.styled(f"{number:,}", "bold red" if number else words.QUIET)
