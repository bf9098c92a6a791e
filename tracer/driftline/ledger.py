"""The ledger of one process: what each captured call means, worked out in the order of the queue.

The recorder captures a call in the program's thread and queues it; the writer thread passes the queue through here
before it becomes Arrow. This is where bases are inferred, reads that repeat are dropped, mutation depth is counted, and
forks and joins hand on what was seen. It is a plain function of the queue: no lock, no clock, no thread of its own.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import Any

from driftline.calls import FORK, MANY, RETYPE, SET_FIELD, WIDTH
from driftline.objects import ObjectState, Place
from driftline.scope import Branch, Scope
from driftline.sightings import Newer, Seen, Sightings, Version
from driftline.values import ABSENT


def _always(_a: Version, _b: Version) -> bool:
    return True


class Settled:
    """Events, a list a column, one entry an event: calls of which the ledger has worked out the rest.

    Attributes:
        ops, clocks, places, versions, bases, paths, payloads, confidences, sources, rares: As in a call.
        base_inferred: True where the bases were worked out, else None.
        field_bases: The base of the event's field, or a list of one for each of several, where they were worked out.
        depths: Mutation depths, or None.
        types: The objects' types; None if they are what the objects say now.
        single: Whether each event has one field.
    """

    _COLUMNS = (
        "ops", "clocks", "places", "versions", "bases", "paths", "payloads", "confidences", "sources", "rares",
        "base_inferred", "field_bases", "depths",
    )  # fmt: skip
    __slots__ = (*_COLUMNS, "single", "types")

    def __init__(self, rows: list[Any], count: int = 0) -> None:
        end = count * WIDTH
        self.ops: list[str] = rows[0:end:WIDTH]
        self.clocks: list[int] = rows[1:end:WIDTH]
        self.places: list[Place] = rows[2:end:WIDTH]
        self.versions: list[Any] = rows[3:end:WIDTH]
        self.bases: list[Any] = rows[4:end:WIDTH]
        self.paths: list[Any] = rows[5:end:WIDTH]
        self.payloads: list[Any] = rows[6:end:WIDTH]
        self.confidences: list[Any] = rows[7:end:WIDTH]
        self.sources: list[Any] = rows[8:end:WIDTH]
        self.rares: list[Any] = rows[9:end:WIDTH]
        nothing = [None] * len(self.ops)
        self.base_inferred: list[Any] = nothing[:]
        self.field_bases: list[Any] = nothing[:]
        self.depths: list[Any] = nothing
        self.types: list[Any] | None = None
        self.single = True

    def __len__(self) -> int:
        return len(self.ops)

    def retype(self, row: int, type_: str) -> None:
        """From this row on, its object is of another type."""
        if self.types is None:
            self.types = []
        self._type_up_to(row)
        self.places[row].object.settled_type = type_

    def _type_up_to(self, row: int) -> None:
        if self.types is not None:
            self.types += [place.object.settled_type for place in self.places[len(self.types) : row]]

    def finish(self, dropped: Sequence[int]) -> None:
        """Leave out the rows that are no events."""
        self._type_up_to(len(self))
        self.single = self.ops.count(SET_FIELD) == len(self)
        if dropped:
            kept = bytearray(b"\1") * len(self)
            for row in dropped:
                kept[row] = 0
            self._change(lambda column: list(compress(column, kept)))

    def part(self, start: int, end: int) -> Settled:
        """Some of the events."""
        part = Settled([])
        for name in self.__slots__:
            setattr(part, name, getattr(self, name))
        part._change(lambda column: column[start:end])
        return part

    def _change(self, change: Callable[[list[Any]], list[Any]]) -> None:
        for name in self._COLUMNS:
            setattr(self, name, change(getattr(self, name)))
        if self.types is not None:
            self.types = change(self.types)


class Ledger:
    """Turns captured calls into events. Used by one thread at a time.

    Args:
        ordered: Whether the order of arrival means anything.

    Attributes:
        objects: Every object, by id; the recorder adds to it.
    """

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._clock = 0  # of the last call settled
        self._epoch = 0  # a place that was looked up in an earlier one takes the long way
        self.objects: dict[str, ObjectState] = {}

    def settle(self, rows: list[Any], count: int, fault: Callable[[str, Exception], None]) -> Settled:
        """The events that captured calls become, without the reads that need not be recorded again.

        Args:
            rows: The queue.
            count: How many calls to settle, from its front. They are settled in its order, each once.
            fault: Told the operation of each call that could not be settled, and why; that call becomes no event.
        """
        out = Settled(rows, count)
        out.clocks = self._rising(out.clocks)
        dropped: list[int] = []
        calls = zip(range(count), out.ops, out.places, out.versions, out.bases, out.paths, strict=True)
        row = 0
        while row < len(out):
            try:
                row = self._settle_from(calls, out, dropped)
            except _Failed as failed:
                dropped.append(failed.row)
                fault(out.ops[failed.row], failed.fault)
        out.finish(dropped)
        return out

    def _rising(self, clocks: list[int]) -> list[int]:
        """Clocks in the order of the queue. They nearly always are: `Recorder.set_field` says when they may not be."""
        if clocks and (clocks[0] <= self._clock or clocks != sorted(clocks)):
            last = self._clock
            clocks = [last := max(clock, last + 1) for clock in clocks]
        if clocks:
            self._clock = clocks[-1]
        return clocks

    def _settle_from(
        self, calls: Iterator[tuple[Any, ...]], out: Settled, dropped: list[int],
    ) -> int:  # fmt: skip
        """Settle the calls that are left; the commonest one right here, since a function a call costs more than it."""
        bases, inferred, field_bases, depths = out.bases, out.base_inferred, out.field_bases, out.depths
        epoch = self._epoch
        row = -1
        try:
            for row, op, place, version, base, path in calls:
                state = place.object
                if op is not SET_FIELD or place.epoch != epoch or state.head is None or version < state.head:
                    if not self._settle_one(row, out):
                        dropped.append(row)
                    epoch = self._epoch
                    continue
                # The newest version there is: so it is newer than all that was seen of the object, too.
                seen = place.seen
                whole = seen.whole
                if base is None:
                    known = seen.fields.get(path)
                    bases[row], inferred[row] = whole, True
                    field_bases[row] = whole if known is None or (whole is not None and whole > known) else known
                    depth = seen.depth
                elif whole is not None and base == whole:
                    depth = seen.depth
                else:
                    depth = state.depth
                if place.scope.read_depth > depth:
                    depth = place.scope.read_depth
                depth += 1
                state.head, state.depth = version, depth
                if depth > seen.depth:
                    seen.depth = depth
                seen.fields[path] = place.settled_fields[path] = version
                depths[row] = depth
        except Exception as fault:
            raise _Failed(row, fault) from fault
        return len(out)

    def _settle_one(self, row: int, out: Settled) -> bool:
        """Settle any call; returns whether it is an event."""
        op, place, version = out.ops[row], out.places[row], out.versions[row]
        state = place.object
        if op is FORK:
            self._fork(place.scope.branch)
            return False  # if it ever acts, its start says so
        if state.id is None:
            self._settle_scope(op, place.scope, out.rares[row])
            return True
        if op is RETYPE:
            out.retype(row, out.payloads[row])
            return False
        if op == "read":
            return self._settle_read(row, out, place)
        if out.paths[row] is None:
            if version is None:
                out.versions[row] = state.head
            else:
                self._learn(state, version)
            return True
        self._settle_write(row, out, place)
        return True

    def _settle_scope(self, op: str, scope: Scope, rare: Any) -> None:
        branch = scope.branch
        if op == "branch-start":
            if not branch.is_forked:
                self._fork(branch)
        elif op == "branch-end":
            if rare["status"] == "ok":
                self._join(branch)
        elif op == "unit-begin":
            if scope.outer is not None:
                scope.read_depth = scope.outer.read_depth  # a unit's writes may rest on what was read before it
        elif op != "task-start" and scope.outer is not None and scope.read_depth > scope.outer.read_depth:
            scope.outer.read_depth = scope.read_depth

    def _seen(self, place: Place) -> Seen:
        """The branch's sightings of an object, to read and to change."""
        if place.seen is None or place.epoch != self._epoch:
            place.seen = place.scope.branch.sightings.of(str(place.object.id))
            if self._ordered and place.object.mentions is None:
                place.epoch = self._epoch
        return place.seen

    def _learn(self, state: ObjectState, version: Version) -> None:
        """A version of an object exists."""
        numbered = state.mentions is None
        state.learn(version)
        if numbered and state.mentions is not None:
            self._epoch += 1  # numbers alone say no more which version is newer: none of its places takes the short way

    def _fork(self, branch: Branch) -> None:
        """The branch has seen what the one had that it was opened in."""
        self._epoch += 1
        source = branch.within or branch.parent
        branch.sightings = Sightings() if source is None else source.sightings.fork()
        branch.is_forked = True

    def _join(self, branch: Branch) -> None:
        """Those that the branch came from gain what it saw."""
        for other in (branch.parent, branch.within):
            if other is not None:
                other.sightings.join(branch.sightings, self._newer_of)

    # ---- reads ----------------------------------------------------------------------------------------------------

    def _settle_read(self, row: int, out: Settled, place: Place) -> bool:
        version, whole, state = out.versions[row], out.rares[row]["whole"], place.object
        paths = _paths(out, row)
        repeats = False
        if version is None:
            version = out.versions[row] = state.head
            repeats = self._repeats(place, version, paths, whole=whole)
        if version is not None:
            if not repeats:
                self._remember(place, version, paths, whole=whole)
            self._learn(state, version)
            newer = self._newer(state)
            seen = self._seen(place)
            if whole:
                seen.see_whole(version, state.depth, newer)
            else:
                for path in paths:
                    seen.see_field(path, version, state.depth, newer)
            if state.depth > place.scope.read_depth:
                place.scope.read_depth = state.depth
        return not repeats

    @staticmethod
    def _repeats(place: Place, version: Version | None, paths: Sequence[str], *, whole: bool) -> bool:
        """Whether a read of the newest version is one that this scope made before; the recorder drops all others.

        Looked up in what was settled, not in what the recorder knows: the program may have gone on since.
        """
        if version is None:
            return False
        if whole:
            return place.settled_whole == version
        return all(place.settled_fields.get(path) == version for path in paths)

    @staticmethod
    def _remember(place: Place, version: Version, paths: Sequence[str], *, whole: bool) -> None:
        """This scope has read or written this version."""
        if whole:
            place.settled_whole = version
        else:
            place.settled_fields.update(dict.fromkeys(paths, version))

    # ---- writes ---------------------------------------------------------------------------------------------------

    def _settle_write(self, row: int, out: Settled, place: Place) -> None:
        op, version, base, rare, state = out.ops[row], out.versions[row], out.bases[row], out.rares[row], place.object
        paths, seen = _paths(out, row), self._seen(place)
        whole = op not in {"patch", SET_FIELD}
        declared = base is not None or (rare is not None and "bases" in rare)
        depth = None if rare is None else rare.get("depth")  # a store's own count is the truth
        if depth is None:
            depth = 1 + self._deepest_input(place, seen, base, rare, declared=declared)
        out.depths[row] = depth
        if not declared:
            self._infer(row, out, seen, paths, self._newer(state), whole=whole)
        self._learn(state, version)
        if state.head == version:
            state.depth = depth
        newer = self._newer(state)
        if whole:
            seen.see_whole(version, depth, newer)
        else:
            for path in paths:
                seen.see_field(path, version, depth, newer)
        self._remember(place, version, paths, whole=whole)

    @staticmethod
    def _infer(row: int, out: Settled, seen: Seen, paths: Sequence[str], newer: Newer, *, whole: bool) -> None:
        """Each field's base; a whole write also removes what the branch had seen and does not list."""
        out.bases[row] = seen.whole
        out.base_inferred[row] = True
        found = [seen.base(path, newer) for path in paths]
        if whole and seen.fields:
            given = set(paths)
            gone = [path for path in seen.fields if path not in given]
            if gone:
                found += [seen.base(path, newer) for path in gone]
                leaves = out.payloads[row] if out.paths[row] is MANY else (out.paths[row], out.payloads[row])
                out.paths[row] = MANY
                out.payloads[row] = (*leaves, *(item for path in gone for item in (path, ABSENT)))
        out.field_bases[row] = found if out.paths[row] is MANY else found[0]

    def _deepest_input(self, place: Place, seen: Seen, base: Version | None, rare: Any, *, declared: bool) -> int:
        """Mutation depth of the deepest version that a write is derived from.

        Depths are kept for the newest version of each object and for what each branch saw last; an older version that
        is named as a base or an input counts as deep as the newest.
        """
        named = rare.get("inputs") if rare is not None else None
        own = place.object.depth if declared and base != seen.whole else seen.depth
        if named is None:
            return max(own, place.scope.read_depth)
        known = (self.objects.get(object_id) for object_id, _ in named)
        return max(own, max((other.depth for other in known if other is not None), default=0))

    # ---- order ----------------------------------------------------------------------------------------------------

    def _newer(self, state: ObjectState) -> Newer:
        if not self._ordered:
            return _always
        return operator.gt if state.mentions is None else state.newer

    def _newer_of(self, object_id: str) -> Newer:
        return self._newer(self.objects[object_id])


class _Failed(Exception):  # noqa: N818 - says which, not what
    """A call could not be settled."""

    def __init__(self, row: int, fault: Exception) -> None:
        super().__init__(row)
        self.row = row
        self.fault = fault


def _paths(out: Settled, row: int) -> Sequence[str]:
    """The paths of a call's fields."""
    path = out.paths[row]
    return out.payloads[row][0::2] if path is MANY else (path,)
