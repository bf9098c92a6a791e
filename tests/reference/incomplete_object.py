"""DRF402 incomplete_object: a finished version lacks a field that objects of its type must have, or nearly all have."""

from __future__ import annotations

from collections.abc import Iterable

from reference.events import Event
from reference.history import Found, History


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    found: dict[Event, Found] = {}
    for obj in sorted(history.objects):
        policy = history.type_policy(obj)
        if history.type_of(obj) not in history.policy.get("types", {}):
            found |= learned(history, obj)
            continue
        for write in finished(history, obj):
            gaps = [
                path
                for path in policy.get("required", [])
                if not fills(filled_at(history, write), path, also_above=True)
            ]
            if gaps:
                found[write] = Found("DRF402", write.id, obj, frozenset(gaps), frozenset(), None, "recorded")
    return list(found.values())


def is_known(history: History, write: Event) -> bool:
    """Whether a write of the whole object is at or before this one."""
    return any(other.is_full and not history.void(other) for other in [*history.writes_before(write), write])


def last(history: History, obj: str) -> Event | None:
    """The write that made the object's last version, if the object stands at the end and is known."""
    writes = [write for write in history.writes_in_order(obj) if not history.void(write)]
    if not writes or writes[-1].op == "delete" or not is_known(history, writes[-1]):
        return None
    return writes[-1]


def finished(history: History, obj: str) -> set[Event]:
    """The writes that made a finished version of an object."""
    found = {last(history, obj)}
    for mark in history.events:
        if mark.op in {"promote", "snapshot"} and mark.object == obj and mark.version is not None:
            made = [
                write
                for write in history.writes
                if write.object == obj
                and not history.void(write)
                and history.position_of(write) == history.position_of(mark)
            ]
            if made and made[-1].op != "delete" and is_known(history, made[-1]):
                found.add(made[-1])
    return {write for write in found if write is not None}


def filled_at(history: History, write: Event) -> set[str]:
    """The fields with a filled leaf once this write, and all before it, have been made."""
    upto = [*history.writes_before(write), write]
    return {path for path, standing in history.contents_after(upto).items() if standing.value.leaves > 0}


def fills(filled: Iterable[str], path: str, *, also_above: bool) -> bool:
    return any(
        other == path or other.startswith(f"{path}/") or (also_above and path.startswith(f"{other}/"))
        for other in filled
    )


def learned(history: History, obj: str) -> dict[Event, Found]:
    """What the other objects of its type say that an object lacks."""
    own, type_ = last(history, obj), history.type_of(obj)
    peers = [
        write
        for other in history.objects
        if history.type_of(other) == type_ and (write := last(history, other)) is not None
    ]
    if own is None or type_ is None or len(peers) < 20:
        return {}
    contents = [filled_at(history, peer) for peer in peers]
    gaps = [
        path
        for path in {path for write in history.writes for path in write.fields}
        if 100 * sum(fills(filled, path, also_above=False) for filled in contents) >= 95 * len(peers)
        and not fills(filled_at(history, own), path, also_above=True)
    ]
    return {own: Found("DRF402", own.id, obj, frozenset(gaps), frozenset(), None, "inferred")} if gaps else {}
