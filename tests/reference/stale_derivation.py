"""DRF201 stale_derivation: what a write was derived from had been superseded when it landed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reference.events import Event, Version
from reference.history import BEFORE_EVERYTHING, Found, History
from reference.reading import above

#: An input: the object, the field that was used, and the position at which it was used.
Used = tuple[str, str, float]


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    found = []
    for w in landing(history):
        used = inferred(history, w) if w.inputs is None else declared(history, w, w.inputs)
        others = {u.branch for obj, path, position in used for u in superseding(history, w, obj, path, position)}
        if others:
            basis = "inferred" if w.inputs is None else "recorded"
            found.append(Found("DRF201", w.id, w.object, history.changes(w), frozenset(others), None, basis))
    return found


def landing(history: History) -> list[Event]:
    """The writes that change something."""
    return [write for write in history.writes if not history.void(write) and history.changes(write)]


def declared(history: History, w: Event, inputs: Iterable[tuple[str, Version]]) -> set[Used]:
    used = set()
    for obj, version in inputs:
        if obj == w.object or obj not in history.objects:
            continue
        position = history.position(replace(w, object=obj), version)
        reads = [read for read in reads_before(history, w, obj) if history.position_of(read) == position]
        paths = {path for read in reads for path in fields(history, read)} if reads else every_field(history, obj)
        used |= {(obj, path, position) for path in paths}
    return used


def inferred(history: History, w: Event) -> set[Used]:
    """What its branch had read, as far as it counts for this write."""
    used = set()
    own = [write for write in landing(history) if write.branch == w.branch and write.task == w.task]
    for obj in history.objects - {w.object}:
        for read in reads_before(history, w, obj):
            if read.task != w.task:
                continue
            position = history.position_of(read)
            for path in fields(history, read):
                due = [read] if w.task is None else [read, *next_change(history, obj, path, position)]
                if w.task is not None and len(due) == 1:
                    continue  # never superseded
                later = [write for write in own if all(history.earlier(event, write) for event in due)]
                if later and later[0] is w:
                    used.add((obj, path, position))
    return used


def reads_before(history: History, w: Event, obj: str) -> list[Event]:
    return [
        event
        for event in history.events
        if event.op == "read"
        and event.branch == w.branch
        and event.object == obj
        and event.version is not None
        and history.earlier(event, w)
    ]


def every_field(history: History, obj: str) -> set[str]:
    return {path for u in changing(history, obj) for path in history.changes(u)}


def fields(history: History, read: Event) -> set[str]:
    return every_field(history, str(read.object)) if read.whole else set(read.fields)


def changing(history: History, obj: str) -> list[Event]:
    return [u for u in history.writes_in_order(obj) if not history.void(u) and history.changes(u)]


def next_change(history: History, obj: str, path: str, position: float) -> list[Event]:
    """The first change of a field above a position, if there is one."""
    above_it = [u for u in changing(history, obj) if path in history.changes(u) and history.position_of(u) > position]
    return above_it[:1]


def superseding(history: History, w: Event, obj: str, path: str, position: float) -> list[Event]:
    seen = max(position, seen_upto(history, w, obj))
    return [
        u
        for u in changing(history, obj)
        if path in history.changes(u) and history.position_of(u) > seen and history.earlier(u, w)
    ]


def seen_upto(history: History, w: Event, obj: str) -> float:
    """The highest position at which the branch, or one that joined it, had read or written an object before a write."""
    until = {w.branch: w}
    for event in history.events:
        ends = event.op == "branch-end" and event.branch != w.branch and history.earlier(event, w)
        if ends and w.branch in above(history, event.branch):
            until[event.branch] = event
    sights = [
        history.position_of(event)
        for event in history.events
        if event.object == obj
        and event.branch in until
        and history.earlier(event, until[event.branch])
        and event.version is not None
        and (event.op == "read" or (event.is_write and not history.void(event)))
    ]
    return max(sights, default=BEFORE_EVERYTHING)
