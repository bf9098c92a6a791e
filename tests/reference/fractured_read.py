"""DRF205 fractured_read: a branch read one part of a committed unit, and another part from before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable

from reference.events import Event
from reference.history import Found, History
from reference.reading import above, basis, outermost


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    units = {unit for write in history.writes if (unit := outermost(history, write)) is not None}
    found: dict[Event, list[tuple[str, str, Event]]] = defaultdict(list)
    for reads in episodes(history):
        for unit in units:
            if history.outcome(unit) == "committed" and not in_the_know(history, reads[0], unit):
                for stale, path, seen in first_pair(history, reads, unit):
                    found[stale].append((unit, path, seen))
    return [
        Found(
            "DRF205",
            stale.id,
            stale.object,
            frozenset(path for _, path, _ in pairs),
            frozenset(write.branch for unit, _, _ in pairs for write in writes_of(history, unit)),
            None,
            basis(stale, *(seen for _, _, seen in pairs)),
        )
        for stale, pairs in found.items()
    ]


def episodes(history: History) -> list[list[Event]]:
    """What each branch read together: in one unit, or in one task between two of its writes."""
    found: dict[Hashable, list[Event]] = defaultdict(list)
    written: dict[str, int] = defaultdict(int)
    for event in history.events:
        written[event.branch] += event.is_write
        if event.op == "read" and event.version is not None:
            unit = outermost(history, event)
            if unit is None:
                found[event.branch, event.task, written[event.branch]].append(event)
            elif history.outcome(unit) != "aborted":
                found[event.branch, unit].append(event)
    return list(found.values())


def writes_of(history: History, unit: str) -> list[Event]:
    return [write for write in history.writes if outermost(history, write) == unit and not history.void(write)]


def in_the_know(history: History, read: Event, unit: str) -> bool:
    """Whether the reader is in the unit, wrote in it, or is one from which a branch that did descends."""
    writers = {write.branch for write in writes_of(history, unit)}
    informed = writers | {branch for writer in writers for branch in above(history, writer)}
    return outermost(history, read) == unit or read.branch in informed


def first_pair(history: History, reads: list[Event], unit: str) -> list[tuple[Event, str, Event]]:
    """The stale read that is found, once for each of its fields, with the first read of another part."""
    pairs = []
    written = writes_of(history, unit)
    for obj in {write.object for write in written}:
        writes = [write for write in history.writes_in_order(obj) if write in written]
        seen = [read for read in reads if read.object != obj and sees_last(history, read, unit)]
        for path in {path for write in writes for path in history.changes(write)}:
            views = [read for read in reads if read.object == obj and (read.whole or path in read.fields)]
            if seen and views and history.position_of(views[-1]) < history.position_of(writes[0]):
                pairs.append((views[-1], path, seen[0]))
    if not pairs:
        return []
    first = min(pairs, key=lambda pair: sorted((history.rank[pair[0]], history.rank[pair[2]]), reverse=True))
    return [pair for pair in pairs if pair[0] is first[0]]


def sees_last(history: History, read: Event, unit: str) -> bool:
    """Whether a read is of the version that the unit's last write of its object made."""
    writes = [write for write in writes_of(history, unit) if write.object == read.object]
    return bool(writes) and history.position_of(read) == max(map(history.position_of, writes))
