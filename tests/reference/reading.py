"""The words of docs/model.md about reads: in one unit with what, of which write, and of what another branch left."""

from __future__ import annotations

from collections.abc import Hashable

from reference.events import Event
from reference.history import Basis, History


def outermost(history: History, event: Event) -> str | None:
    """The unit around all units that an event is in; None outside units."""
    return None if event.unit is None else history.outermost_units[event.unit]


def in_one_unit(history: History, a: Event, b: Event) -> bool:
    return a.unit is not None and outermost(history, a) == outermost(history, b)


def name(history: History, event: Event) -> Hashable:
    """What tells a version from the others of its object; needs no order."""
    return history.version_name(event)


def made(history: History, read: Event) -> Event | None:
    """The write whose content a read of a version saw; None if nobody wrote that version."""
    if read.op != "read" or read.version is None:
        return None
    writes = [
        write for write in history.writes if write.object == read.object and name(history, write) == name(history, read)
    ]
    before = [write for write in writes if history.earlier(write, read)]
    return before[-1] if before else writes[0] if writes else None


def failed(history: History, branch: str) -> bool:
    """Whether the end of a branch says that it failed."""
    ends = [event for event in history.events if event.branch == branch and event.op == "branch-end"]
    return bool(ends) and ends[-1].status == "failed"


def basis(*reads: Event) -> Basis:
    """A read whose version was worked out proves nothing."""
    return "inferred" if any(read.version_inferred for read in reads) else "recorded"


def above(history: History, branch: str) -> set[str]:
    """Every branch that this one descends from."""
    found: set[str] = set()
    newest = {branch}
    while newest:
        starts = [e for own in newest for e in history.of_branch.get(own, []) if e.op == "branch-start"]
        parents = {start.parent for start in starts if start.parent is not None}
        newest = parents - found
        found |= parents
    return found
