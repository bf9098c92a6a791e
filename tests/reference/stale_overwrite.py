"""DRF101 stale_overwrite: a write loses a field that it neither drops, impoverishes nor reverts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import replace

from reference.events import Event, Version
from reference.history import Found, History
from reference.reading import name, outermost


def find(history: History) -> list[Found]:
    return history.lost_as("overwritten", "DRF101") if history.ordered else rivals(history)


def rivals(history: History) -> list[Found]:
    """Without an order: the committed writers that took a field from one base to different values."""
    meetings: defaultdict[tuple[str, Hashable, frozenset[Hashable]], dict[str, list[Event]]] = defaultdict(dict)
    paths = {path for write in history.writes for path in write.fields}
    bases = {base_of(history, write, path) for write in history.writes for path in write.fields} - {None}
    for obj in history.objects:
        for path in paths:
            for base in bases:
                party = [
                    write
                    for write in history.writes
                    if write.object == obj
                    and takes_part(history, write, path)
                    and base_of(history, write, path) == base
                ]
                writers = frozenset(writer(history, write) for write in party)
                if len(writers) > 1 and len({write.fields[path].digest for write in party}) > 1:
                    meetings[obj, base, writers][path] = party
    return [_finding(history, obj, meeting) for (obj, _, _), meeting in meetings.items()]


def writer(history: History, write: Event) -> Hashable:
    return outermost(history, write) or ("branch", write.branch)


def takes_part(history: History, write: Event, path: str) -> bool:
    """Whether a committed write changes the field from its base, as far as what stood there is known."""
    if write.op == "merge" or path not in write.fields:
        return False
    if write.unit is not None and history.effective_outcome(write.unit) != "committed":
        return False
    stood = [
        other.fields[path].digest
        for other in history.writes
        if other.object == write.object
        and path in other.fields
        and not history.void(other)
        and name(history, other) == base_of(history, write, path)
    ]
    return not stood or stood[-1] != write.fields[path].digest


def base_of(history: History, write: Event, path: str) -> Hashable:
    """The base of a field, told apart as versions are; None if there is none or, for a merge, more than one."""
    version: Version | None = None if write.bases or path not in write.fields else history.b(write, path)
    return None if version is None else history.version_name(replace(write, version=version))


def _finding(history: History, obj: str, meeting: dict[str, list[Event]]) -> Found:
    writes = {write for party in meeting.values() for write in party}
    last = max(writes, key=lambda write: history.rank[write])
    others = {write.branch for write in writes if writer(history, write) != writer(history, last)}
    base = next(str(history.b(write, path)) for path, party in meeting.items() for write in party)
    return Found("DRF101", last.id, obj, frozenset(meeting), frozenset(others), base, "inferred")
