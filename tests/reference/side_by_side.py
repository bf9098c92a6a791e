"""Many traces in one, none of which knows of the others.

An analysis of a small trace takes its time for its steps, not for its events: of two hundred in one it takes hardly
more. What it finds in one must not depend on the others, so the reference looks at each alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from reference.event_lists import Row
from reference.events import load
from reference.history import History

_SIGN: Final = "~"
_NAMES: Final = ("process", "branch", "parent", "unit", "task", "object", "type")


def alike(traces: Sequence[tuple[list[Row], bool]], most: int) -> Iterator[tuple[list[list[Row]], bool]]:
    """Traces that may stand in one, and whether that is ordered.

    Args:
        traces: Rows, and whether they are ordered.
        most: How many may stand in one.
    """
    groups: defaultdict[tuple[bool, bool], list[list[Row]]] = defaultdict(list)
    for rows, ordered in traces:
        promotes = any(row["op"] == "promote" for row in rows)  # the one thing that a rule asks of the whole (DRF503)
        groups[promotes, ordered].append(rows)
    for (_, ordered), group in groups.items():
        for at in range(0, len(group), most):
            yield group[at : at + most], ordered


def side_by_side(traces: Sequence[Sequence[Row]]) -> list[Row]:
    """The rows of one trace that has them all, each with names of its own."""
    return [_renamed(row, number) for number, rows in enumerate(traces) for row in rows]


def _renamed(row: Row, number: int) -> Row:
    made: dict[str, Any] = {**row}
    for name in _NAMES:
        if made.get(name) is not None:
            made[name] = f"{made[name]}{_SIGN}{number}"
    for name in ("references", "inputs"):
        if made.get(name):
            made[name] = [{**item, "object": f"{item['object']}{_SIGN}{number}"} for item in made[name]]
    if made.get("signature") is not None:
        made["signature"] -= 2 * number + 2  # a trace has two, one above the other
    return made


def histories(folder: Path) -> Iterator[History]:
    """The histories of a trace whose parts know nothing of each other."""
    events, ordered, policy = load(folder)
    parts = defaultdict(list)
    for event in events:
        parts[event.process.partition(_SIGN)[2]].append(event)
    for own in parts.values():
        yield History(own, ordered=ordered, policy=policy)
