"""The recorder of one process: captures calls in the program's threads, and queues them.

What must be known at the call is decided here, under one lock: the clock, the number of a version that the user leaves
to the tracer, and whether a read repeats. Everything else waits for the writer thread (`ledger.py`, `columns.py`). The
lock makes the order of the queue, of the clock and of the numbers the same order.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, ExitStack, nullcontext
from contextvars import copy_context
from itertools import chain
from time import time_ns
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from opentelemetry.context import attach, detach, get_current, set_value
from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

from driftline.backlog import weight_of
from driftline.calls import (
    FORK,
    INFERRED,
    MANY,
    PARTIAL,
    PARTIAL_INFERRED,
    RETYPE,
    SET_FIELD,
    WHOLE,
    WHOLE_INFERRED,
)
from driftline.clock import HybridClock
from driftline.lines import Lines
from driftline.objects import ObjectState, Place
from driftline.scope import CURRENT, LISTENERS, Branch, Scope, Watched
from driftline.secret_names import SecretNames
from driftline.sightings import Version
from driftline.values import flatten, flatten_patch, text_of, version_of

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from driftline.capture import Capture
    from driftline.writer import Writer

_log: Final = logging.getLogger("driftline")
_SPAN_MAKERS: Final = ("opentelemetry.sdk.trace", "ddtrace.opentelemetry")
_PLAIN_LIMIT: Final = 65_536
_NONE: Final[AbstractSet[str]] = frozenset()
_NOBODY: Final = nullcontext()
#: Whether threads take turns where CPython's do: what `set_field` rests on.
_SHORT_WAY: Final = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()

#: (JSON Pointer, payload as `values.freeze` gives it) of each field.
Leaves = list[tuple[str, object]]
#: The columns that few operations have.
Rare = Mapping[str, Any] | None


class Recorder:
    """Records the events of one process into one writer.

    Args:
        writer: Takes the calls, in order.
        branch_tag: Makes this process's branch ids unique in the run; empty in the process that began it.
        depth: How many levels of a nested mapping become fields.
        capture: What of each value is recorded.

    Attributes:
        plain: JSON Pointers whose values are recorded as they are: no rule looks at them, nothing in them is escaped.
        lines: The branches of threads, tasks and jobs.
        starting: Called before each branch starts, where something may make spans.
    """

    def __init__(self, writer: Writer, *, branch_tag: str, depth: int, capture: Capture) -> None:
        self.writer = writer
        self.depth = depth
        self.clock = HybridClock()
        self._known_plain: set[str] = set()
        self.plain: AbstractSet[str] = self._known_plain  # unless calls are being dropped
        self.capture = capture
        capture.fault = self._count
        self._tag = branch_tag
        self._ids = 0
        self._lock = threading.RLock()  # a signal handler may record while its thread does
        self._rows, self._limit = writer.backlog.rows, writer.backlog.limit
        self._objects = writer.objects
        self.lines = Lines(self)
        self.starting: Callable[[], None] | None = None
        self._traced = _is_traced()
        self._spanless: Context | None = None  # an OpenTelemetry context that is known to hold no span
        self._span: tuple[Context, dict[str, str]] | None = None  # the last one that held one, and its ids

    def continue_in_child(self, writer: Writer, branch_tag: str, name: str) -> None:
        """After a fork, in the child: write to its own stream, in a branch `name` forked from the one in force."""
        self.writer = writer
        self._lock = threading.RLock()
        self._rows, self._limit = writer.backlog.rows, writer.backlog.limit
        self._tag = branch_tag
        self.lines.continue_in_child(name)

    # ---- scopes ---------------------------------------------------------------------------------------------------

    def scope(self) -> Scope:
        """The scope in force in this context, or this thread's own; its branch has started."""
        scope = CURRENT.get()
        if scope is not None and scope.branch.recorder is self:
            return scope
        return self.lines.scope()

    def _new_id(self, name: str) -> str:
        self._ids += 1
        return f"{name}#{self._tag}{self._ids}"

    def start_branch(self, branch: Branch) -> None:
        """Record that a branch starts, forked off its parent (None: a root)."""
        self._traced = _is_traced()  # an SDK may have been imported since the last branch
        if self._traced and self.starting is not None:
            self.starting()
        if branch.parent is not None and branch.parent.recorder is not self:
            branch.parent = None  # of an earlier recording
        self._wait()
        with self._lock:
            branch.id = self._new_id(branch.name)
            rare = {"name": branch.name, "parent": branch.parent.id if branch.parent else None, "phase": branch.phase}
            self._append("branch-start", Scope(branch), rare)
            branch.recorder = self  # last: another thread of this line may look at it without the lock

    def end_branch(self, branch: Branch, fault: BaseException | None) -> None:
        """Record the end of a branch; unless it failed, its parent gains what it saw."""
        for watched, touched in list((branch.watched or {}).items()):
            watched.look_again(self, Scope(branch), touched)
        self._wait()
        listeners = [listener.branch_ends(branch, failed=fault is not None) for listener in LISTENERS]
        with _all(listeners), self._lock:
            branch.ended = True
            self._append("branch-end", Scope(branch), _outcome(fault))

    def watched_by(self, branch: Branch) -> Watched:
        """What a branch looks at again when it ends, to be added to."""
        if branch.watched is None:
            branch.watched = WeakKeyDictionary()
        return branch.watched

    def fork(self, branch: Branch) -> None:
        """A branch that may start later splits off here."""
        self._wait()
        with self._lock:
            self._append(FORK, Scope(branch), None)

    @property
    def lock(self) -> threading.RLock:
        """Held while the queue, the clock and the numbers move on together."""
        return self._lock

    def begin(self, op: str, scope: Scope, name: str, rare: Mapping[str, Any]) -> Scope:
        """Record the begin of a unit or task, and give the scope inside it."""
        self._wait()
        with self._lock:
            own_id = self._new_id(name)
            if op == "unit-begin":
                inner, outer = Scope(scope.branch, own_id, scope.task, scope), scope.unit
                inner.signature = scope.signature
            else:
                inner, outer = Scope(scope.branch, scope.unit, own_id, scope), scope.task
                inner.signature = rare["signature"]
            self._append(op, inner, {"name": name, "parent": outer, **rare})
        return inner

    def finish(self, op: str, scope: Scope, fault: BaseException | None) -> None:
        """Record the end of a unit or task, in the scope that `begin` gave."""
        self._wait()
        listeners: list[AbstractContextManager[None]] = []
        if LISTENERS and op == "task-end" and fault is None and scope.signature is not None:
            listeners = [listener.task_ends(scope.branch, scope.signature) for listener in LISTENERS]
        with _all(listeners), self._lock:
            self._append(op, scope, _outcome(fault))

    def _append(self, op: str, scope: Scope, rare: Rare) -> None:
        if self._traced:
            rare = self._with_span(rare)
        self._push(op, Place(scope), None, None, None, None, rare)

    # ---- objects --------------------------------------------------------------------------------------------------

    def fields(self, value: object, depth: int | None = None) -> Leaves:
        """The fields of a value. What is to be left out or cut is decided when they are recorded, in the call."""
        return flatten(value, depth or self.depth)

    def patch_fields(self, fields: Mapping[str, object], depth: int | None = None) -> Leaves:
        """The fields of a patch, likewise."""
        leaves = flatten_patch(fields, depth or self.depth)
        if _SHORT_WAY and len(leaves) == len(fields) == 1 and len(self._known_plain) < _PLAIN_LIMIT:
            path = leaves[0][0]
            if path in fields and self.capture.passes(path):
                self._known_plain.add(path)
        return leaves

    def set_field(  # noqa: PLR0917 - the hot path; by position because names cost time
        self,
        object_id: str,
        type_: str | None,
        version: Version | None,
        base: Version | None,
        path: str,
        value: object,
        confidence: float | None,
        source: str | None,
    ) -> Version:
        """What `write` does, for the commonest call: a patch of one field, a scalar, whose path is in `plain`.

        Returns:
            The version made: the one given, or one above the highest known.
        """
        scope = CURRENT.get()
        if scope is None or scope.branch.recorder is not self:
            scope = self.lines.scope()
        place = scope.places.get(object_id)
        if (
            place is None
            or (version is not None and type(version) is not int)
            or (base is not None and type(base) is not int)
            or (self._traced and _context_in_force() is not self._spanless)
        ):
            leaves = [(path, value)]
            return self.write(
                "patch", object_id, type_, version, base, leaves, None, confidence=confidence, source=source
            )
        state = place.object
        if type_ is not state.type and type_ is not None:
            self._retype(place, type_)
        clock, rows, rare = self.clock, self._rows, None
        # No lock: it would cost as much again. From here on nothing is called until `extend`, and CPython changes
        # threads and handles signals only at calls and jumps back, so the order of the queue is that of the clock and
        # of the numbers here, too. Without a global interpreter lock `plain` stays empty, so that nobody comes here.
        now = time_ns()
        if now <= clock.last:
            now = clock.last + 1
        clock.last = now
        if version is None:
            version = state.number = state.number + 1
            rare = INFERRED
        elif version > state.number:
            state.number = version
        rows.extend((SET_FIELD, now, place, version, base, path, value, confidence, source, rare))
        if len(rows) >= self._limit and not self.writer.make_room():
            self.plain = _NONE  # the long way looks for room before it queues
        place.fields[path] = version
        return version

    def write(  # noqa: C901, PLR0917 - one stretch without a call; by position because names cost time
        self,
        op: str,
        object_id: str,
        type_: str | None,
        version: Version | None,
        base: Version | None,
        leaves: Leaves,
        rare: Rare,
        *,
        confidence: float | None = None,
        source: str | None = None,
    ) -> Version:
        """A branch made a new version of an object: `write`, `patch`, `merge` or `delete`.

        Returns:
            The version made: the one given, or one above the highest known.
        """
        place = self._place(object_id, type_)
        if self._traced:
            rare = self._with_span(rare)
        if version is not None and type(version) is not int:
            version = version_of(version)
        if base is not None and type(base) is not int:
            base = version_of(base)
        leaves = self.capture.screen(object_id, type_, leaves)
        path, payload = _flat(leaves)
        state, rows, clock = place.object, self._rows, self.clock
        numbered = type(version) is int
        if version is None:
            rare = INFERRED if rare is None else {**rare, **INFERRED}
        has_room = self._has_room(leaves)
        with self._lock:
            if type_ is not state.type and type_ is not None:
                self._retype(place, type_)
            now = time_ns()  # nothing is called until `extend`: see `set_field`, which does not wait for the lock
            if now <= clock.last:
                now = clock.last + 1
            clock.last = now
            if version is None:
                version = state.number = state.number + 1
            elif numbered and version > state.number:  # type: ignore[operator] # a number is
                state.number = version  # type: ignore[assignment]
            if has_room:
                rows.extend((op, now, place, version, base, path, payload, confidence, source, rare))
        if has_room:
            self._remember(place, version, leaves, whole=op != "patch")
        else:
            self._drop(state, version)
        return version

    def read(
        self, object_id: str, type_: str | None, version: Version | None, leaves: Leaves, *, whole: bool,
    ) -> None:  # fmt: skip
        """A branch read an object, or only the fields given; a repeated read of one version in one scope is dropped."""
        place = self._place(object_id, type_)
        if version is not None and type(version) is not int:
            version = version_of(version)
        if version is None:  # the ledger knows which one is the newest
            rare: Rare = WHOLE_INFERRED if whole else PARTIAL_INFERRED
        else:
            rare = WHOLE if whole else PARTIAL
            known = place.whole == version
            if known or (not whole and all(place.fields.get(name) == version for name, _ in leaves)):
                return
        if self._traced:
            rare = self._with_span(rare)
        screened = self.capture.screen(object_id, type_, leaves)
        path, payload = _flat(screened)
        state = place.object
        if not self._has_room(screened):
            self._drop(state, version)
            return
        if version is not None:
            self._remember(place, version, leaves, whole=whole)
        with self._lock:
            if type(version) is int and version > state.number:
                state.number = version
            if type_ is not state.type and type_ is not None:
                self._retype(place, type_)
            self._push("read", place, version, None, path, payload, rare)

    def read_again(
        self, scope: Scope, object_id: str, type_: str | None, version: int, leaves: Leaves, *, whole: bool,
    ) -> None:  # fmt: skip
        """A branch read a version whose content is not what it was: recorded even if the version was read before."""
        place = self._place(object_id, type_, scope)
        screened = self.capture.screen(object_id, type_, leaves)
        path, payload = _flat(screened)
        rare: Rare = WHOLE if whole else PARTIAL
        if self._traced:
            rare = self._with_span(rare)
        if not self._has_room(screened):
            self._drop(place.object, version)
            return
        self._remember(place, version, leaves, whole=whole)
        with self._lock:
            self._push("read", place, version, None, path, payload, rare)

    @staticmethod
    def _remember(place: Place, version: Version, leaves: Leaves, *, whole: bool) -> None:
        """This scope has read or written this version."""
        if whole:
            place.whole = version
        else:
            for name, _ in leaves:
                place.fields[name] = version

    def knows(self, object_id: str, path: str, version: int) -> bool:
        """Whether the scope in force has read or written this field at this version: a read of it would be dropped."""
        place = self.scope().places.get(object_id)
        return place is not None and version in (place.fields.get(path), place.whole)

    def highest(self, object_id: str) -> int:
        """The highest version number known of an object, 0 if none is."""
        state = self._objects.get(object_id)
        return 0 if state is None else state.number

    def mark(self, op: str, object_id: str, version: Version | None, rare: Rare) -> None:
        """Something was decided about a version: `snapshot`, `promote`, `quarantine` or `reject`."""
        place = self._place(object_id, None)
        if version is None:
            rare = INFERRED if rare is None else {**rare, **INFERRED}
        elif type(version) is not int:
            version = version_of(version)
        if self._traced:
            rare = self._with_span(rare)
        state = place.object
        if not self._has_room(()):
            self._drop(state, version)
            return
        with self._lock:
            if type(version) is int and version > state.number:
                state.number = version
            self._push(op, place, version, None, None, None, rare)

    def _place(self, object_id: str, type_: str | None, scope: Scope | None = None) -> Place:
        """The object as a scope, by default the one in force, meets it."""
        if scope is None:
            scope = CURRENT.get()
        if scope is None or scope.branch.recorder is not self:
            scope = self.lines.scope()
        place = scope.places.get(object_id)
        if place is None:
            name = object_id if type(object_id) is str else str(text_of(object_id))
            with self._lock:
                state = self._objects.get(name)
                if state is None:
                    state = self._objects[name] = ObjectState(name, type_ if type(type_) is str else text_of(type_))
                place = scope.places.setdefault(object_id, Place(scope, state))
        return place

    # ---- the queue ------------------------------------------------------------------------------------------------

    def _push(  # noqa: PLR0917 - by position because names cost time
        self,
        op: str,
        place: Place,
        version: Version | None,
        base: Version | None,
        path: object,
        payload: object,
        rare: Mapping[str, Any] | None,
        confidence: float | None = None,
        source: str | None = None,
    ) -> None:
        """Queue a call. Under the lock: the order of the queue is that of the clock."""
        rows = self._rows  # after `tick` nothing is called until `extend`: see `set_field`
        rows.extend((op, self.clock.tick(), place, version, base, path, payload, confidence, source, rare))

    def _has_room(self, leaves: Sequence[tuple[str, object]]) -> bool:
        """Whether a call with these fields may be queued. Waits until it may, unless such calls are to be dropped."""
        backlog = self.writer.backlog
        if backlog.is_full and not self.writer.make_room():
            return False
        if self.plain is _NONE:
            self.plain = self._known_plain
        weight = weight_of(leaves)
        if weight:
            backlog.weight += weight
        return True

    def _wait(self) -> None:
        """Wait for room: what says where events happen is never dropped."""
        if self.writer.backlog.is_full:
            self.writer.make_room(may_drop=False)

    def _drop(self, state: ObjectState, version: Version | None) -> None:
        """There was no room for a call: its version exists all the same."""
        with self._lock:
            if type(version) is int and version > state.number:
                state.number = version
            self.writer.drop()

    def _retype(self, place: Place, type_: str) -> None:
        """From here on the object is of this type, if it was not before. Under the lock."""
        type_ = type_ if type(type_) is str else str(text_of(type_))
        if type_ != place.object.type:
            place.object.type = type_
            self._push(RETYPE, place, None, None, None, type_, None)

    def witness(self, clock: int) -> None:
        """Learn a clock value, in nanoseconds, that came with a message from another process."""
        with self._lock:
            self.clock.witness(clock)

    def now(self) -> int:
        """A clock value, in nanoseconds, to send with a message."""
        with self._lock:
            return self.clock.tick()

    def _with_span(self, rare: Rare) -> Rare:
        """With the ids of the OpenTelemetry span in force, if there is one."""
        context = _context_in_force()
        if context is self._spanless:
            return rare
        if self._span is None or self._span[0] is not context:
            span = get_current_span(context).get_span_context()
            if not span.is_valid:
                self._spanless = context
                return rare
            ids = {"trace_id": format_trace_id(span.trace_id), "span_id": format_span_id(span.span_id)}
            self._span = context, ids
        ids = self._span[1]
        return ids if rare is None else {**rare, **ids}

    def _count(self, kind: str, fault: Exception) -> None:
        """Count something that went wrong and lost no event."""
        self.writer.fault(kind, fault)

    def fault(self, where: str, fault: Exception, lost: int = 1) -> None:
        """Count something that went wrong inside the tracer, and the events lost; the first of a kind is logged."""
        self.writer.fault(f"{where}: {type(fault).__name__}", fault, lost)


def _all(blocks: Sequence[AbstractContextManager[None]]) -> AbstractContextManager[object]:
    """All of these blocks as one; without any, nothing that costs anything."""
    if not blocks:
        return _NOBODY
    stack = ExitStack()
    try:
        for block in blocks:
            stack.enter_context(block)
    except BaseException:
        stack.close()
        raise
    return stack


def _is_traced() -> bool:
    """Whether anything in this process can make spans: with the bare API there is no current span to look up."""
    return any(name in sys.modules for name in _SPAN_MAKERS)


def _find_context_in_force() -> Any:
    """What gives the OpenTelemetry context in force: its context variable, if it keeps it in one.

    `get_current` goes through two more functions, and nearly always ends in that variable.
    """
    probe = set_value("driftline", None)
    token = attach(probe)
    try:
        found = [variable for variable, value in copy_context().items() if value is probe]
    finally:
        detach(token)
    return found[0].get if len(found) == 1 else get_current


_context_in_force: Final = _find_context_in_force()


def _flat(leaves: Leaves) -> tuple[object, object]:
    """Fields as they are queued: path and payload."""
    if len(leaves) == 1:
        return leaves[0]
    return MANY, tuple(chain.from_iterable(leaves))


def _outcome(fault: BaseException | None) -> dict[str, Any]:
    if fault is None:
        return {"status": "ok"}
    return {"status": "failed", "reason": type(fault).__name__}


def log_fault(kind: str, fault: BaseException) -> None:
    """Say once that the tracer failed at something; the traced program goes on."""
    said = SecretNames().scrub(str(text_of(fault)))
    _log.warning("driftline could not record (%s): %s; the program goes on, the trace is incomplete", kind, said)
