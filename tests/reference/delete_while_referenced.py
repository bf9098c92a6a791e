"""DRF303 delete_while_referenced: an object is removed while live state still refers to it."""

from __future__ import annotations

from reference.events import Event
from reference.history import Found, History
from reference.reading import in_one_unit
from reference.references import refers, refers_from, removed_as_of


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    found = []
    for delete in history.writes:
        if delete.op != "delete" or history.void(delete) or removed_as_of(history, delete, delete.object):
            continue
        left = [
            setter
            for obj in sorted(holders(history, delete.object) - {delete.object})
            if removed_as_of(history, delete, obj) is None
            for setter in live_references(history, delete, obj)
        ]
        if left:
            others = frozenset(setter.branch for setter in left)
            found.append(Found("DRF303", delete.id, delete.object, frozenset(), others, None, "recorded"))
    return found


def holders(history: History, target: str) -> set[str]:
    """The objects that any write made to refer to another."""
    return {write.object for write in history.writes for _, named in refers(history, write) if named == target}


def live_references(history: History, delete: Event, obj: str) -> list[Event]:
    """The writes whose fields of an object refer to what is removed, and go on doing so."""
    earlier = [
        write for write in history.writes_in_order(obj) if not history.void(write) and history.earlier(write, delete)
    ]
    newest = {path: write for write in earlier for path in history.sets(write)}
    return [
        write
        for path, write in newest.items()
        if refers_from(history, write, path, delete.object) and not mended(history, delete, obj, path)
    ]


def mended(history: History, delete: Event, obj: str, path: str) -> bool:
    """Whether the same unit goes on to set the field to something else, or to remove what holds it."""
    later = [
        write
        for write in history.writes_in_order(obj)
        if not history.void(write) and history.earlier(delete, write) and in_one_unit(history, delete, write)
    ]
    return any(
        write.op == "delete" or (path in history.sets(write) and not refers_from(history, write, path, delete.object))
        for write in later
    )
