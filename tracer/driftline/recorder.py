"""The recorder of one process: numbers versions, infers bases, stamps the clock, queues events.

Everything that decides what an event says happens here, under one lock, in the calling thread; turning events into
Arrow happens in the writer thread (`writer.py`). The lock makes the order of the queue, of the clock and of the
versions the same order.
"""

from __future__ import annotations

import logging
import operator
import os
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from driftline.clock import HybridClock
from driftline.scope import CURRENT, Branch, Scope
from driftline.sightings import Newer, Seen, Sightings, Version
from driftline.values import ABSENT, flatten, flatten_patch

if TYPE_CHECKING:
    from driftline.writer import Writer

_log: Final = logging.getLogger("driftline")

#: One queued event: op, clock, branch, unit, task, object, type, version, version_inferred, base, base_inferred, depth,
#: fields, rare. `fields` is a list of (path, payload, base); `rare` a mapping of the remaining columns, or None.
Event = tuple[Any, ...]
Fields = list[tuple[str, object, Version | None]]
Rare = dict[str, Any] | None


def _always(_a: Version, _b: Version) -> bool:
    return True


class ObjectState:
    """What the recorder knows of one object: its type, its newest version, and the order of its versions.

    Numbers are the store's own order. Once a label turns up, the order is that of first mention (docs/model.md), for
    numbers too.
    """

    __slots__ = ("depth", "head", "mentions", "number", "type")

    def __init__(self, type_: str | None) -> None:
        self.type = type_
        self.number = 0  # the highest version number known
        self.head: Version | None = None  # the newest version known
        self.depth = 0  # of the head
        self.mentions: dict[Version, int] | None = None  # version → order of first mention; None while all are numbers

    def newer(self, a: Version, b: Version) -> bool:
        """Whether `a` comes after `b` in this object's order."""
        if type(a) is int and type(b) is int and self.mentions is None:
            return a > b
        mentions = self.mentions or {}
        return mentions.get(a, 0) > mentions.get(b, 0)

    def learn(self, version: Version) -> None:
        """A version of this object exists."""
        if type(version) is int:
            if version > self.number:
                self.number = version
                if self.mentions is None:
                    self.head = version
            if self.mentions is None:
                return
        elif self.mentions is None:
            self.mentions = {} if self.head is None else {self.head: 1}
        if version not in self.mentions:
            self.mentions[version] = len(self.mentions) + 1
            self.head = version


class Recorder:
    """Records the events of one process into one writer.

    Args:
        writer: Takes the events, in order.
        branch_tag: Makes this process's branch ids unique in the run; empty in the process that began it.
        depth: How many levels of a nested mapping become fields.
        ordered: Whether the order of arrival means anything.
    """

    def __init__(self, writer: Writer, *, branch_tag: str, depth: int, ordered: bool) -> None:
        self.writer = writer
        self.depth = depth
        self.ordered = ordered
        self.clock = HybridClock()
        self._tag = branch_tag
        self._lock = threading.Lock()
        self._objects: dict[str, ObjectState] = {}
        self._ids = 0
        self._threads = threading.local()
        self._thread_branches: list[Branch] = []
        self._queue = writer.queue
        self._queue_limit = writer.queue_limit

    def continue_in_child(self, writer: Writer, branch_tag: str) -> None:
        """After a fork, in the child: write to its own stream, in a branch forked from the one in force."""
        self._lock = threading.Lock()
        self.writer = writer
        self._queue, self._queue_limit = writer.queue, writer.queue_limit
        self._tag = branch_tag
        self._thread_branches = []
        outer = CURRENT.get() or getattr(self._threads, "scope", None)
        own = self.start_branch(f"process-{os.getpid()}", None, outer.branch if outer is not None else None)
        self._thread_branches.append(own)
        CURRENT.set(Scope(own, outer=outer))

    # ---- scopes ---------------------------------------------------------------------------------------------------

    def scope(self) -> Scope:
        """The scope in force in this context, or this thread's own branch."""
        scope = CURRENT.get()
        if scope is not None:
            return scope
        own: Scope | None = getattr(self._threads, "scope", None)
        if own is None:
            thread = threading.current_thread()
            is_main = thread is threading.main_thread()
            own = self._threads.scope = Scope(self.start_branch("main" if is_main else thread.name, None, None))
            self._thread_branches.append(own.branch)
        return own

    def parent_scope(self) -> Scope | None:
        """The scope that a branch opened here forks from: none in a thread that carries none."""
        scope = CURRENT.get()
        if scope is None and threading.current_thread() is threading.main_thread():
            return self.scope()
        return scope

    def _new_id(self, name: str) -> str:
        self._ids += 1
        return f"{name}#{self._tag}{self._ids}"

    def start_branch(self, name: str, phase: str | None, parent: Branch | None) -> Branch:
        """Fork a branch off `parent` (None: a root) and record its start."""
        with self._lock:
            sightings = parent.sightings.fork() if parent is not None else Sightings()
            branch = Branch(self._new_id(name), name, phase or (parent.phase if parent else None), parent, sightings)
            rare = {"name": name, "parent": parent.id if parent else None, "phase": branch.phase}
            self._append("branch-start", branch, None, None, rare)
        return branch

    def end_branch(self, branch: Branch, fault: BaseException | None) -> None:
        """Record the end of a branch; unless it failed, its parent gains what it saw."""
        with self._lock:
            self._append("branch-end", branch, None, None, _outcome(fault))
            if fault is None and branch.parent is not None:
                branch.parent.sightings.join(branch.sightings, self._newer_of)

    def end_thread_branches(self) -> None:
        """Record the end of the branches that threads were given for want of one: recording ends for them too."""
        for branch in self._thread_branches:
            self.end_branch(branch, None)

    def begin(self, op: str, scope: Scope, name: str, rare: dict[str, object]) -> Scope:
        """Record the begin of a unit or task, and give the scope inside it."""
        with self._lock:
            own_id = self._new_id(name)
            if op == "unit-begin":
                inner = Scope(scope.branch, own_id, scope.task, scope)
                inner.read_depth = scope.read_depth  # a unit's writes may rest on what was read before it
                outer = scope.unit
            else:
                inner = Scope(scope.branch, scope.unit, own_id, scope)
                outer = scope.task
            self._append(op, inner.branch, inner.unit, inner.task, {"name": name, "parent": outer, **rare})
        return inner

    def finish(self, op: str, scope: Scope, fault: BaseException | None) -> None:
        """Record the end of a unit or task, in the scope that `begin` gave."""
        with self._lock:
            self._append(op, scope.branch, scope.unit, scope.task, _outcome(fault))
            if scope.outer is not None and scope.read_depth > scope.outer.read_depth:
                scope.outer.read_depth = scope.read_depth

    # ---- objects --------------------------------------------------------------------------------------------------

    def _object(self, object_id: str, type_: str | None) -> ObjectState:
        state = self._objects.get(object_id)
        if state is None:
            state = self._objects[object_id] = ObjectState(type_)
        elif type_ is not None:
            state.type = type_
        return state

    def _newer(self, state: ObjectState) -> Newer:
        if not self.ordered:
            return _always
        return operator.gt if state.mentions is None else state.newer

    def _newer_of(self, object_id: str) -> Newer:
        return self._newer(self._objects[object_id])

    def read(
        self,
        object_id: str,
        value: object,
        *,
        version: Version | None,
        type_: str | None,
        partial: bool,
    ) -> None:
        """A branch read an object, or with `partial` only the fields given."""
        scope = self.scope()
        leaves = flatten(value, self.depth)
        with self._lock:
            state = self._object(object_id, type_)
            seen = scope.branch.sightings.of(object_id)
            inferred = version is None
            if version is None:
                version = state.head
            if version is not None:
                known = scope.known
                keys = [(object_id, path) for path, _ in leaves] if partial else [(object_id, None)]
                if all(known.get(key) == version for key in keys):
                    return
                known.update(dict.fromkeys(keys, version))
                state.learn(version)
                newer = self._newer(state)
                if partial:
                    for path, _ in leaves:
                        seen.see_field(path, version, state.depth, newer)
                else:
                    seen.see_whole(version, state.depth, newer)
                if state.depth > scope.read_depth:
                    scope.read_depth = state.depth
            fields: Fields = [(path, payload, None) for path, payload in leaves]
            self._push(
                (
                    "read", self.clock.tick(), scope.branch.id, scope.unit, scope.task, object_id, state.type, version,
                    inferred or None, None, None, None, fields, {"whole": not partial},
                ),
            )  # fmt: skip

    def write(
        self,
        op: str,
        object_id: str,
        value: object,
        *,
        version: Version | None,
        type_: str | None = None,
        base: Version | None = None,
        bases: Iterable[Version] | None = None,
        inputs: Iterable[tuple[str, Version]] | None = None,
        rare: Rare = None,
    ) -> Version:
        """A branch made a new version of an object: `write`, `patch`, `merge` or `delete`.

        Returns:
            The version made: the one given, or one above the highest known.
        """
        scope = self.scope()
        leaves = self._leaves(op, value)
        declared = base is not None or bases is not None
        rare = _with_lists(rare, bases=bases, inputs=inputs)
        with self._lock:
            state = self._object(object_id, type_)
            seen = scope.branch.sightings.of(object_id)
            depth = 1 + self._deepest_input(state, seen, scope, base, rare, declared=declared)
            version_inferred = version is None
            if version is None:
                version = state.number + 1
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
                    scope.known[object_id, path] = version
            else:
                seen.see_whole(version, depth, newer)
                scope.known[object_id, None] = version
            inferred = None if declared else True
            self._push(
                (
                    op, self.clock.tick(), scope.branch.id, scope.unit, scope.task, object_id, state.type, version,
                    version_inferred or None, base, inferred, depth, fields, rare,
                ),
            )  # fmt: skip
        return version

    def _leaves(self, op: str, value: object) -> list[tuple[str, object]]:
        """The fields that a write lists, captured now."""
        if op == "patch" and isinstance(value, Mapping):
            return flatten_patch(value, self.depth)
        return [] if op == "delete" else flatten(value, self.depth)

    @staticmethod
    def _with_bases(leaves: list[tuple[str, object]], seen: Seen, newer: Newer, *, whole: bool) -> Fields:
        """Each field with its inferred base; a whole write also removes what the branch had seen and does not list."""
        fields: Fields = [(path, payload, seen.base(path, newer)) for path, payload in leaves]
        if whole and seen.fields:
            given = {path for path, _ in leaves}
            fields += [(path, ABSENT, seen.base(path, newer)) for path in seen.fields if path not in given]
        return fields

    def _deepest_input(
        self, state: ObjectState, seen: Seen, scope: Scope, base: Version | None, rare: Rare, *, declared: bool,
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

    def mark(self, op: str, object_id: str, version: Version | None, rare: dict[str, object]) -> None:
        """Something was decided about a version: `snapshot`, `promote`, `quarantine` or `reject`."""
        scope = self.scope()
        with self._lock:
            state = self._object(object_id, None)
            inferred = version is None
            if version is None:
                version = state.head
            else:
                state.learn(version)
            self._push(
                (
                    op, self.clock.tick(), scope.branch.id, scope.unit, scope.task, object_id, state.type, version,
                    inferred or None, None, None, None, None, rare,
                ),
            )  # fmt: skip

    # ---- the queue ------------------------------------------------------------------------------------------------

    def _append(
        self,
        op: str,
        branch: Branch,
        unit: str | None,
        task: str | None,
        rare: Mapping[str, object] | None,
    ) -> None:
        self._push(
            (op, self.clock.tick(), branch.id, unit, task, None, None, None, None, None, None, None, None, rare),
        )

    def _push(self, event: Event) -> None:
        queue = self._queue
        queue.append(event)
        if len(queue) >= self._queue_limit:
            self.writer.drain_below_limit()

    def witness(self, clock: int) -> None:
        """Learn a clock value, in nanoseconds, that came with a message from another process."""
        with self._lock:
            self.clock.witness(clock)

    def now(self) -> int:
        """A clock value, in nanoseconds, to send with a message."""
        with self._lock:
            return self.clock.tick()

    def fault(self, where: str, fault: Exception) -> None:
        """Count something that went wrong inside the tracer; the first of each kind is logged."""
        self.writer.fault(f"{where}: {type(fault).__name__}", fault)


def _with_lists(
    rare: Rare, *, bases: Iterable[Version] | None, inputs: Iterable[tuple[str, Version]] | None,
) -> Rare:  # fmt: skip
    """The rare columns with the lists that were given, copied now."""
    if bases is None and inputs is None:
        return rare
    lists: dict[str, Any] = {} if bases is None else {"bases": list(bases)}
    if inputs is not None:
        lists["inputs"] = [(object_id, version) for object_id, version in inputs]
    return {**(rare or {}), **lists}


def _outcome(fault: BaseException | None) -> dict[str, object]:
    if fault is None:
        return {"status": "ok"}
    return {"status": "failed", "reason": type(fault).__name__}


def log_fault(kind: str, fault: Exception) -> None:
    """Say once that the tracer failed at something; the traced program goes on."""
    _log.warning("driftline could not record (%s): %s; the program goes on, the trace is incomplete", kind, fault)
