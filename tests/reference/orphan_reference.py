"""DRF302 orphan_reference: a write or a read refers to an object that had been removed."""

from __future__ import annotations

from collections.abc import Iterable

from reference.events import Event
from reference.history import Found, History


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []  # which of an object's writes is the newest, nobody can say
    found = []
    for event in history.events:
        if event.is_write and not history.void(event):
            deletes = {path: removed_as_of(history, event, target) for path, target in event.references}
            orphans = {path: delete for path, delete in deletes.items() if delete is not None}
            if orphans:
                found.append(_finding(event, orphans.keys(), orphans.values()))
        if event.op == "read" and event.version is not None:
            delete = removed_as_of(history, event, event.object)
            if delete is not None and history.position_of(event) < history.position_of(delete):
                found.append(_finding(event, (), (delete,)))
    return found


def removed_as_of(history: History, event: Event, obj: str) -> Event | None:
    """The delete by which an object is removed as of an event; None if it is not."""
    earlier = [
        write for write in history.writes_in_order(obj) if not history.void(write) and history.earlier(write, event)
    ]
    return earlier[-1] if earlier and earlier[-1].op == "delete" else None


def _finding(event: Event, paths: Iterable[str], deletes: Iterable[Event]) -> Found:
    others = frozenset(delete.branch for delete in deletes)
    return Found("DRF302", event.id, event.object, frozenset(paths), others, None, "recorded")
