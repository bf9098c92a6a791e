"""The words of docs/model.md over a plain list of events: one function a notion, named after it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from reference.events import Event, Field, Version, load

Outcome = Literal["committed", "aborted", "unknown"]
Kind = Literal["overwritten", "dropped", "poorer", "reverted"]
Basis = Literal["recorded", "inferred"]

BEFORE_EVERYTHING = -math.inf
FOR_EVER = math.inf


@dataclass(frozen=True)
class Found:
    """One finding: what the reference and the analyzer must agree on."""

    code: str
    event: str
    object: str | None
    fields: frozenset[str]
    others: frozenset[str]
    base: str | None
    basis: Basis
    gives_way: bool = False  # no finding of its own: what is found at the same event names its rule
    also: frozenset[str] = frozenset()  # the other rules that see the same event; filled in by `find_all`


@dataclass(frozen=True)
class Standing:
    """What stands somewhere: the value, and the write that set it."""

    value: Field
    write: Event


class History:
    """A whole trace in memory.

    Args:
        events: Every event of every process, in any order.
        ordered: What `trace.json` says of it.
        policy: What `trace.json` says of that: TOML.
    """

    def __init__(self, events: Iterable[Event], *, ordered: bool = True, policy: str = "") -> None:
        self.ordered = ordered
        self.policy = tomllib.loads(policy)
        self.events = sorted(events, key=lambda e: (e.clock, e.process, e.seq))  # clock order
        self.rank = {event: rank for rank, event in enumerate(self.events)}
        self.ids = {event.id for event in self.events}
        self.branches = {event.branch for event in self.events}
        named = {event.parent for event in self.events if event.op == "unit-begin"}  # its own begin may be missing
        self.units = {unit for unit in {event.unit for event in self.events} | named if unit is not None}
        self.objects = {event.object for event in self.events if event.object is not None}

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a complete trace."""
        events, ordered, policy = load(folder)
        return cls(events, ordered=ordered, policy=policy)

    # ---- events ---------------------------------------------------------------------------------------------------

    def earlier(self, a: Event, b: Event) -> bool:
        """Whether `a` comes before `b` in clock order."""
        return self.rank[a] < self.rank[b]

    @cached_property
    def of_object(self) -> dict[str, list[Event]]:
        """The events of each object, in clock order."""
        return {obj: [event for event in self.events if event.object == obj] for obj in self.objects}

    @cached_property
    def of_branch(self) -> dict[str, list[Event]]:
        """The events of each branch, in clock order."""
        return {branch: [event for event in self.events if event.branch == branch] for branch in self.branches}

    @cached_property
    def writes(self) -> list[Event]:
        """Every write, in clock order."""
        return [event for event in self.events if event.is_write]

    # ---- outcome --------------------------------------------------------------------------------------------------

    def outcome(self, unit: str) -> Outcome:
        ends = {event.op for event in self.events if event.unit == unit}
        if "unit-abort" in ends:
            return "aborted"
        return "committed" if "unit-commit" in ends else "unknown"

    def units_around(self, unit: str) -> Iterator[str]:
        """The units that enclose this one, from the inside out."""
        for event in self.events:
            if event.op == "unit-begin" and event.unit == unit and event.parent is not None:
                yield event.parent
                yield from self.units_around(event.parent)

    @cached_property
    def outermost_units(self) -> dict[str, str]:
        """Each unit, and the one around all units that it is in."""
        return {unit: [unit, *self.units_around(unit)][-1] for unit in self.units}

    @cached_property
    def _effective_outcomes(self) -> dict[str, Outcome]:
        found: dict[str, Outcome] = {}
        for unit in self.units:
            outcomes = {self.outcome(unit), *map(self.outcome, self.units_around(unit))}
            found[unit] = "aborted" if "aborted" in outcomes else "unknown" if "unknown" in outcomes else "committed"
        return found

    def effective_outcome(self, unit: str) -> Outcome:
        return self._effective_outcomes[unit]

    def void(self, write: Event) -> bool:
        return write.unit is not None and self.effective_outcome(write.unit) == "aborted"

    # ---- order of versions ----------------------------------------------------------------------------------------

    def numbered_by_the_store(self, obj: str) -> bool:
        """Whether every version of the object is a number, and at most one process numbered versions by itself.

        To number a version is to make it: a read that took the newest number that its process knew (which marks that
        read's version as inferred, too) numbered nothing.
        """
        mentions = [event for event in self.events if event.object == obj and event.version is not None]
        numberers = {event.process for event in mentions if event.is_write and event.version_inferred}
        return all(isinstance(event.version, int) for event in mentions) and len(numberers) <= 1

    @cached_property
    def _first_mentions(self) -> dict[str, list[Version | tuple[str, Version]] | None]:
        """For each object its versions by first mention; None where the number itself is the position."""
        found: dict[str, list[Version | tuple[str, Version]] | None] = {}
        for obj in self.objects:
            found[obj] = None
            if not self.numbered_by_the_store(obj):
                names = [
                    _told_apart(event, event.version)
                    for event in self.events
                    if event.object == obj and event.version is not None
                ]
                found[obj] = list(dict.fromkeys(names))
        return found

    def position(self, event: Event, version: Version) -> float:
        """The position of a version of the event's object, named as in the event's process."""
        assert self.ordered, "a trace that is not ordered has no positions"
        mentions = self._first_mentions[event.object]
        if mentions is None:
            # "A base that was never mentioned lies before everything": read here as meant for first mentions only.
            # A number that nobody recorded has a place among the numbers all the same.
            return version if isinstance(version, int) else BEFORE_EVERYTHING
        name = _told_apart(event, version)
        return mentions.index(name) if name in mentions else BEFORE_EVERYTHING

    def position_of(self, event: Event) -> float:
        """The position of the version that the event itself made, read or marked."""
        assert event.version is not None
        return self.position(event, event.version)

    def version_name(self, event: Event) -> tuple[str, Version | tuple[str, Version]]:
        """What tells the version that an event made, read or marked from every other; an order is not needed."""
        assert event.version is not None
        by_number = self._first_mentions[event.object] is None
        return event.object, event.version if by_number else _told_apart(event, event.version)

    def type_of(self, obj: str) -> str | None:
        """The type of an object: as said last."""
        return next((event.type for event in reversed(self.of_object[obj]) if event.type), None)

    def type_policy(self, obj: str) -> dict[str, Any]:
        """What the policy says of an object's type."""
        types = self.policy.get("types", {})
        return types.get(self.type_of(obj), {}) if types else {}

    @cached_property
    def _in_order(self) -> dict[str, list[Event]]:
        return {
            obj: sorted(
                (write for write in self.writes if write.object == obj),
                key=lambda write: (self.position_of(write), self.rank[write]),
            )
            for obj in self.objects
        }

    def writes_in_order(self, obj: str) -> list[Event]:
        """Every write of one object, void or not, in the order of versions."""
        return self._in_order.get(obj, [])

    def writes_before(self, write: Event) -> list[Event]:
        """The writes of the same object that come before this one in the order of versions."""
        order = self.writes_in_order(write.object)
        return order[: order.index(write)]

    # ---- fields ---------------------------------------------------------------------------------------------------

    def contents_after(self, writes: Iterable[Event]) -> dict[str, Standing]:
        """What stands once these writes have been made in turn; void ones set nothing."""
        contents: dict[str, Standing] = {}
        for write in writes:
            if self.void(write):
                continue
            if write.is_full:
                contents = {}  # what it does not list it removes
            for path, value in write.fields.items():
                if value.digest is None:
                    contents.pop(path, None)
                else:
                    contents[path] = Standing(value, write)
        return contents

    @cached_property
    def _contents_before(self) -> dict[Event, dict[str, Standing]]:
        return {write: self.contents_after(self.writes_before(write)) for write in self.writes}

    def contents_before(self, write: Event) -> dict[str, Standing]:
        """Everything that stands just before a write, by field."""
        return self._contents_before[write]

    def stands_before(self, write: Event, path: str) -> Standing | None:
        """What the field stands at just before a write; None if absent."""
        return self.contents_before(write).get(path)

    def stood_at(self, obj: str, position: float, path: str) -> Standing | None:
        """What the last write at or before a position set; None if absent."""
        upto = [write for write in self.writes_in_order(obj) if self.position_of(write) <= position]
        return self.contents_after(upto).get(path)

    def sets(self, write: Event) -> dict[str, int | None]:
        """Field → digest, or None if removed: those that it lists; for a full write also those that it removes.

        Of a void write this says what it would have set.
        """
        removed = self.contents_before(write) if write.is_full else {}
        listed = {path: value.digest for path, value in write.fields.items()}
        return {**dict.fromkeys(removed), **listed}

    @cached_property
    def _changes(self) -> dict[Event, frozenset[str]]:
        return {
            write: frozenset(
                path for path, digest in self.sets(write).items() if digest != _digest(self.stands_before(write, path))
            )
            for write in self.writes
        }

    def changes(self, write: Event) -> frozenset[str]:
        """The fields that a write sets to something else than stands just before it."""
        return self._changes[write]

    # ---- bases ----------------------------------------------------------------------------------------------------

    def declared_base(self, write: Event) -> Version | None:
        """The declared base; for a merge, the newest of its bases."""
        if write.bases:
            return max(write.bases, key=lambda base: self.position(write, base))
        return None if write.base_inferred else write.base

    def b(self, write: Event, path: str) -> Version | None:
        """What the writer had seen of the field; None if it had never seen it."""
        declared = self.declared_base(write)
        if declared is not None:
            return declared
        if path in write.fields:
            return write.fields[path].base
        return write.base

    def object_base(self, write: Event) -> Version | None:
        """What the writer had seen of the whole object, as far as anything that it sets rests on exactly that."""
        declared = self.declared_base(write)
        if declared is not None:
            # "provided that at least one field that w sets has exactly this base" qualifies what it follows, the base
            # recorded with the event. A declared base is the writer's word even if the write turns out to set nothing.
            return declared
        if any(self.b(write, path) == write.base for path in self.sets(write)):
            return write.base
        return None

    def oldest(self, write: Event, bases: Iterable[Version]) -> Version:
        return min(bases, key=lambda base: self.position(write, base))

    def basis(self, write: Event) -> Basis:
        return "inferred" if self.declared_base(write) is None else "recorded"

    # ---- lost fields ----------------------------------------------------------------------------------------------

    def changed_since(self, write: Event, base: Version) -> list[Event]:
        """The writes by other branches, not void, that lie behind a base and before the write."""
        return [
            u
            for u in self.writes_before(write)
            if u.branch != write.branch
            and not self.void(u)
            and self.position(write, base) < self.position_of(u)
            and self.changes(u)
        ]

    def intervening(self, write: Event, path: str) -> list[Event]:
        """Every *u* that intervenes in the field of the write."""
        base = self.b(write, path)
        if base is None:
            return []
        return [u for u in self.changed_since(write, base) if path in self.changes(u)]

    def loses(self, write: Event, path: str) -> bool:
        return (
            not self.void(write)
            and path in self.changes(write)
            and self.b(write, path) is not None
            and bool(self.intervening(write, path))
        )

    def blind(self, write: Event, path: str) -> bool:
        standing = self.stands_before(write, path)
        return (
            not self.void(write)
            and write.op != "delete"
            and self.b(write, path) is None
            and path in self.changes(write)
            and standing is not None
            and standing.write.branch != write.branch
        )

    def poorer(self, write: Event, path: str) -> bool:
        """Whether the write sets the field to a value that holds less than the one that stands."""
        standing = self.stands_before(write, path)
        value = write.fields.get(path)
        if standing is None or value is None or value.digest is None:
            return False
        if (
            write.fidelity is not None
            and standing.write.fidelity is not None
            and write.fidelity < standing.write.fidelity
        ):
            return True
        old = standing.value
        if old.withheld or value.withheld:
            return False
        return old.size >= 64 and (2 * value.size < old.size or 2 * value.leaves < old.leaves)

    def kind(self, write: Event, path: str) -> Kind:
        """The kind of a lost field: the first that fits."""
        base = self.b(write, path)
        assert base is not None
        at_base = self.stood_at(write.object, self.position(write, base), path)
        sets = self.sets(write)[path]
        if write.op == "delete":
            return "overwritten"
        if write.is_full and sets is None and at_base is None:
            return "dropped"
        if self.poorer(write, path):
            return "poorer"
        if write.is_full and sets == _digest(at_base):
            return "reverted"
        return "overwritten"

    @cached_property
    def _lost(self) -> dict[Event, dict[str, Kind]]:
        return {
            write: {path: self.kind(write, path) for path in self.sets(write) if self.loses(write, path)}
            for write in self.writes
        }

    def lost(self, write: Event) -> dict[str, Kind]:
        """Each lost field of a write, with its kind."""
        return self._lost[write]

    def lost_as(self, kind: Kind, code: str) -> list[Found]:
        """One finding for each write that loses fields in this way."""
        if not self.ordered:
            return []
        found = []
        for write in self.writes:
            paths = [path for path, how in self.lost(write).items() if how == kind]
            if paths:
                others = {u.branch for path in paths for u in self.intervening(write, path)}
                base = self.oldest(write, (self.b(write, path) for path in paths))
                found.append(
                    Found(
                        code,
                        write.id,
                        write.object,
                        frozenset(paths),
                        frozenset(others),
                        str(base),
                        self.basis(write),
                    )
                )
        return found


def _told_apart(event: Event, version: Version) -> Version | tuple[str, Version]:
    """A label means the same everywhere; a number is its process's own."""
    return (event.process, version) if isinstance(version, int) else version


def _digest(standing: Standing | None) -> int | None:
    return None if standing is None else standing.value.digest
