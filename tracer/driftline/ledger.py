"""The ledger of one process: what each captured call means, worked out in the order of the queue.

The recorder captures a call in the program's thread and queues it; the writer thread passes the queue through here
before it becomes Arrow. This is where bases are inferred, reads that repeat are dropped, mutation depth is counted, and
forks and joins hand on what was seen. It is a plain function of the queue: no lock, no clock, no thread of its own.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from driftline.recorder import Call, Event, Fields, Leaves
from driftline.scope import Scope
from driftline.sightings import Newer, Seen, Sightings, Version
from driftline.values import ABSENT


def _always(_a: Version, _b: Version) -> bool:
    return True


class ObjectState:
    """What is known of one object: its type, its newest version, and the order of its versions.

    Numbers are the store's own order. Once a label turns up, the order is that of first mention (docs/model.md), for
    numbers too.
    """

    __slots__ = ("depth", "head", "highest", "lowest", "mentions", "type")

    def __init__(self, type_: str | None) -> None:
        self.type = type_
        self.head: Version | None = None  # the newest version known
        self.depth = 0  # of the head
        self.mentions: dict[Version, int] | None = None  # version → order of first mention; None while all are numbers
        self.lowest = self.highest = 0  # of the numbers seen while all were: those between them count as mentioned

    def newer(self, a: Version, b: Version) -> bool:
        """Whether `a` comes after `b` in this object's order, once labels have turned up."""
        return self._rank(a) > self._rank(b)

    def _rank(self, version: Version) -> tuple[int, int]:
        mentions = self.mentions or {}
        return mentions.get(version, 0), version if isinstance(version, int) else 0

    def learn(self, version: Version) -> None:
        """A version of this object exists."""
        if self.mentions is None:
            if isinstance(version, int):
                if self.head is None:
                    self.head = self.lowest = self.highest = version
                elif version > self.highest:
                    self.head = self.highest = version
                elif version < self.lowest:
                    self.lowest = version
                return
            self.mentions = {}
        before = isinstance(version, int) and self.lowest <= version <= self.highest
        if not before and version not in self.mentions:
            self.mentions[version] = len(self.mentions) + 1
            self.head = version


class Ledger:
    """Turns captured calls into events. Used by one thread at a time.

    Args:
        ordered: Whether the order of arrival means anything.
    """

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._objects: dict[str, ObjectState] = {}

    def settle(self, call: Call) -> Event | None:
        """The event that a captured call becomes, or None for a read that need not be recorded again.

        Calls are settled in the order of the queue, each once.
        """
        op, clock, scope, object_id, type_, version, version_inferred, base, leaves, rare = call
        if object_id is None:
            return self._settle_scope(op, clock, scope, rare)
        state = self._objects.get(object_id)
        if state is None:
            state = self._objects[object_id] = ObjectState(type_)
        elif type_ is not None:
            state.type = type_
        if leaves is None:
            fields, base_inferred, depth = None, None, None
            if version is None:
                version = state.head
            else:
                state.learn(version)
        elif op == "read":
            base_inferred = depth = None
            repeats = False
            if version is None:
                version = state.head
                repeats = self._repeats(scope, object_id, version, leaves, whole=rare["whole"])
            if not repeats:
                self._remember(scope, object_id, version, leaves, whole=rare["whole"])
            fields = self._settle_read(state, call, version)
            if repeats:
                return None
        else:
            bases = rare.get("bases") if rare is not None else None
            base_inferred = True if base is None and bases is None else None
            fields, base, depth = self._settle_write(call, state, declared=base_inferred is None)
            self._remember(scope, object_id, version, leaves, whole=op != "patch")
        return (
            op, clock, scope.branch.id, scope.unit, scope.task, object_id, state.type, version, version_inferred, base,
            base_inferred, depth, fields, rare,
        )  # fmt: skip

    def _settle_scope(self, op: str, clock: int, scope: Scope, rare: Any) -> Event:
        branch = scope.branch
        if op == "branch-start":
            branch.sightings = branch.parent.sightings.fork() if branch.parent is not None else Sightings()
        elif op == "branch-end":
            if rare["status"] == "ok" and branch.parent is not None:
                branch.parent.sightings.join(branch.sightings, self._newer_of)
        elif op == "unit-begin":
            if scope.outer is not None:
                scope.read_depth = scope.outer.read_depth  # a unit's writes may rest on what was read before it
        elif op != "task-start" and scope.outer is not None and scope.read_depth > scope.outer.read_depth:
            scope.outer.read_depth = scope.read_depth
        return (
            op, clock, branch.id, scope.unit, scope.task, None, None, None, None, None, None, None, None, rare,
        )  # fmt: skip

    # ---- reads ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _repeats(scope: Scope, object_id: str, version: Version | None, leaves: Leaves, *, whole: bool) -> bool:
        """Whether a read of the newest version is one that this scope made before; the recorder drops all others.

        Looked up in what was settled, not in what the recorder knows: the program may have gone on since.
        """
        if version is None:
            return False
        settled = scope.settled
        keys = [(object_id, None)] if whole else [(object_id, path) for path, _ in leaves]
        return all(settled.get(key) == version for key in keys)

    @staticmethod
    def _remember(scope: Scope, object_id: str, version: Version | None, leaves: Leaves, *, whole: bool) -> None:
        """This scope has read or written this version."""
        if version is None:
            return
        if whole:
            scope.settled[object_id, None] = version
        else:
            for path, _ in leaves:
                scope.settled[object_id, path] = version

    def _settle_read(self, state: ObjectState, call: Call, version: Version | None) -> Fields:
        _, _, scope, object_id, _, _, _, _, leaves, rare = call
        if version is not None:
            state.learn(version)
            newer = self._newer(state)
            seen = scope.branch.sightings.of(object_id)
            if rare["whole"]:
                seen.see_whole(version, state.depth, newer)
            else:
                for path, _ in leaves:
                    seen.see_field(path, version, state.depth, newer)
            if state.depth > scope.read_depth:
                scope.read_depth = state.depth
        return [(path, payload, None) for path, payload in leaves]

    # ---- writes ---------------------------------------------------------------------------------------------------

    def _settle_write(
        self, call: Call, state: ObjectState, *, declared: bool,
    ) -> tuple[Fields, Version | None, int]:  # fmt: skip
        op, _, scope, object_id, _, version, _, base, leaves, rare = call
        seen = scope.branch.sightings.of(object_id)
        depth = 1 + self._deepest_input(state, seen, scope, base, rare, declared=declared)
        if declared:
            fields: Fields = [(path, payload, None) for path, payload in leaves]
        else:
            base = seen.whole
            fields = self._with_bases(leaves, seen, self._newer(state), whole=op != "patch")
        state.learn(version)
        if state.head == version:
            state.depth = depth
        newer = self._newer(state)
        if op == "patch":
            for path, _ in leaves:
                seen.see_field(path, version, depth, newer)
        else:
            seen.see_whole(version, depth, newer)
        return fields, base, depth

    @staticmethod
    def _with_bases(leaves: Iterable[tuple[str, object]], seen: Seen, newer: Newer, *, whole: bool) -> Fields:
        """Each field with its inferred base; a whole write also removes what the branch had seen and does not list."""
        fields: Fields = [(path, payload, seen.base(path, newer)) for path, payload in leaves]
        if whole and seen.fields:
            given = {path for path, _ in leaves}
            fields += [(path, ABSENT, seen.base(path, newer)) for path in seen.fields if path not in given]
        return fields

    def _deepest_input(
        self, state: ObjectState, seen: Seen, scope: Scope, base: Version | None, rare: Any, *, declared: bool,
    ) -> int:  # fmt: skip
        """Mutation depth of the deepest version that a write is derived from.

        Depths are kept for the newest version of each object and for what each branch saw last; an older version that
        is named as a base or an input counts as deep as the newest.
        """
        named = rare.get("inputs") if rare is not None else None
        own = state.depth if declared and base != seen.whole else seen.depth
        if named is None:
            return max(own, scope.read_depth)
        known = (self._objects.get(object_id) for object_id, _ in named)
        return max(own, max((other.depth for other in known if other is not None), default=0))

    # ---- order ----------------------------------------------------------------------------------------------------

    def _newer(self, state: ObjectState) -> Newer:
        if not self._ordered:
            return _always
        return operator.gt if state.mentions is None else state.newer

    def _newer_of(self, object_id: str) -> Newer:
        return self._newer(self._objects[object_id])
