"""DRF302 orphan_reference: a write or a read refers to an object that had been removed."""

from __future__ import annotations

from collections.abc import Iterable

from reference.events import Event
from reference.history import Found, History
from reference.references import refers, removed_as_of


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []  # which of an object's writes is the newest, nobody can say
    found = []
    for event in history.events:
        if event.is_write and not history.void(event):
            named = [(path, removed_as_of(history, event, target)) for path, target in refers(history, event)]
            orphans = [(path, delete) for path, delete in named if delete is not None]
            if orphans:
                found.append(_finding(event, [path for path, _ in orphans], [delete for _, delete in orphans]))
        if event.op == "read" and event.version is not None:
            delete = removed_as_of(history, event, event.object)
            if delete is not None and history.position_of(event) < history.position_of(delete):
                found.append(_finding(event, (), (delete,)))
    return found


def _finding(event: Event, paths: Iterable[str], deletes: Iterable[Event]) -> Found:
    others = frozenset(delete.branch for delete in deletes)
    return Found("DRF302", event.id, event.object, frozenset(paths), others, None, "recorded")
