"""DRF206 write_skew: two committed units each changed what the other had read, and neither saw the other."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace
from typing import NamedTuple

from reference.events import Event
from reference.history import Basis, Found, History


class Missed(NamedTuple):
    """A read of one unit, and a later version by the other in which a field that was read had changed."""

    read: Event
    write: Event
    path: str


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    units = {unit for event in history.events if (unit := outermost(history, event)) is not None}
    committed = sorted(unit for unit in units if history.outcome(unit) == "committed")
    found: dict[Event, list[Found]] = {}
    for one, other in itertools.combinations(committed, 2):
        if branches(history, one) & branches(history, other) or changed(history, one) & changed(history, other):
            continue
        there, back = missed(history, one, other), missed(history, other, one)
        if there and back:
            latest, finding = _finding(history, one, other, [*there, *back])
            found.setdefault(latest, []).append(finding)
    return [functools.reduce(_together, findings) for findings in found.values()]


def outermost(history: History, event: Event) -> str | None:
    return None if event.unit is None else [event.unit, *history.units_around(event.unit)][-1]


def writes(history: History, unit: str) -> list[Event]:
    return [write for write in history.writes if outermost(history, write) == unit and not history.void(write)]


def branches(history: History, unit: str) -> set[str]:
    return {write.branch for write in writes(history, unit)}


def changed(history: History, unit: str) -> set[tuple[str | None, str]]:
    return {(write.object, path) for write in writes(history, unit) for path in history.changes(write)}


def missed(history: History, reader: str, writer: str) -> list[Missed]:
    return [
        Missed(read, write, path)
        for read in history.events
        if read.op == "read" and read.version is not None and outermost(history, read) == reader
        for write in writes(history, writer)
        if write.object == read.object and history.position_of(read) < history.position_of(write)
        for path in history.changes(write)
        if read.whole or path in read.fields
    ]


def _finding(history: History, one: str, other: str, parts: list[Missed]) -> tuple[Event, Found]:
    latest = max((part.write for part in parts), key=lambda write: history.rank[write])
    fields = frozenset(part.path for part in parts if part.write == latest)
    against = frozenset(branches(history, other if outermost(history, latest) == one else one))
    guessed = any(part.read.version_inferred for part in parts)
    basis: Basis = "inferred" if guessed else "recorded"
    return latest, Found("DRF206", latest.id, latest.object, fields, against, None, basis)


def _together(a: Found, b: Found) -> Found:
    """Two cycles that one write completes are one finding."""
    basis: Basis = "inferred" if "inferred" in {a.basis, b.basis} else "recorded"
    return replace(a, fields=a.fields | b.fields, others=a.others | b.others, basis=basis)
