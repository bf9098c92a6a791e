"""DRF301 dangling_reference: a write refers to an object that had never existed by then."""

from __future__ import annotations

from reference.events import Event
from reference.history import Found, History
from reference.reading import in_one_unit
from reference.references import first_sign, refers


def find(history: History) -> list[Found]:
    found = []
    for write in history.writes:
        if history.void(write):
            continue
        paths = {path for path, target in refers(history, write) if dangles(history, write, target)}
        if paths:
            found.append(
                Found("DRF301", write.id, write.object, frozenset(paths), frozenset(), None, "recorded"),
            )
    return found


def dangles(history: History, write: Event, target: str) -> bool:
    first = first_sign(history, target)
    if first is None:
        return True
    if not history.ordered or not history.earlier(write, first):
        return False
    if first.op in {"read", "delete"}:
        return False  # it was there before the trace began
    return not any(
        other.object == target and not history.void(other) and in_one_unit(history, other, write)
        for other in history.writes
    )
