"""DRF603 recursive_corruption: a branch built upon a drifted value and wrote it back."""

from __future__ import annotations

from typing import Final

from reference.events import Event
from reference.history import FOR_EVER, Found, History

ORIGINS: Final = ("DRF101", "DRF102", "DRF103", "DRF104", "DRF105", "DRF106", "DRF201", "DRF202")


def find(history: History) -> list[Found]:
    from reference import RULES  # the other rules, this one among them

    if not history.ordered:
        return []
    by_id = {event.id: event for event in history.events}
    origins = {
        (by_id[found.event], path)
        for code in ORIGINS
        if code in RULES
        for found in RULES[code](history)
        if not found.gives_way
        for path in found.fields
        if path in history.sets(by_id[found.event])
    }
    returned: dict[Event, list[tuple[Event, str]]] = {}
    for origin, path in origins:
        first = next((w for w in history.writes_in_order(origin.object) if returns(history, origin, path, w)), None)
        if first is not None:
            returned.setdefault(first, []).append((origin, path))
    return [
        Found(
            "DRF603",
            write.id,
            write.object,
            frozenset(path for _, path in parts),
            frozenset(origin.branch for origin, _ in parts),
            None,
            history.basis(write),
        )
        for write, parts in returned.items()
    ]


def returns(history: History, origin: Event, path: str, write: Event) -> bool:
    """Whether a write changes a field on the strength of what the origin made of it."""
    if history.void(write) or write.branch == origin.branch or path not in history.changes(write):
        return False
    base = history.b(write, path)
    if base is None or not in_span(history, origin, path, history.position(write, base)):
        return False
    reads = [
        event
        for event in history.of_object[write.object]
        if event.op == "read"
        and event.branch == write.branch
        and event.version is not None
        and (event.whole or path in event.fields)
        and history.earlier(event, write)
    ]
    return (
        bool(reads)
        and history.earlier(origin, reads[-1])
        and in_span(history, origin, path, history.position_of(reads[-1]))
    )


def in_span(history: History, origin: Event, path: str, position: float) -> bool:
    """Whether a position lies between an origin and the next setting of its field."""
    order = history.writes_in_order(origin.object)
    later = [w for w in order[order.index(origin) + 1 :] if not history.void(w) and path in history.sets(w)]
    end = history.position_of(later[0]) if later else FOR_EVER
    return history.position_of(origin) <= position < end
