"""The recorder of one process: captures calls in the program's threads, and queues them.

What must be known at the call is decided here, under one lock: the clock, the number of a version that the user leaves
to the tracer, and whether a read repeats. Everything else waits for the writer thread (`ledger.py`, `columns.py`). The
lock makes the order of the queue, of the clock and of the numbers the same order.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

from driftline.clock import HybridClock
from driftline.scope import CURRENT, Branch, Scope
from driftline.sightings import Version
from driftline.values import version_of

if TYPE_CHECKING:
    from driftline.writer import Writer

_log: Final = logging.getLogger("driftline")
_SPAN_MAKERS: Final = ("opentelemetry.sdk.trace", "ddtrace.opentelemetry")

#: A captured call, as it is queued: op, clock, scope, object, type, version, version_inferred, declared base, leaves,
#: rare. `leaves` is a list of (path, payload), or None where the operation has no fields; `rare` a mapping of the
#: columns that few operations have, or None.
Call = tuple[Any, ...]
#: What the ledger makes of it: op, clock, branch, unit, task, object, type, version, version_inferred, base,
#: base_inferred, depth, fields, rare. `fields` is a list of (path, payload, base).
Event = tuple[Any, ...]
Leaves = list[tuple[str, object]]
Fields = list[tuple[str, object, Version | None]]
Rare = dict[str, Any] | None


class Recorder:
    """Records the events of one process into one writer.

    Args:
        writer: Takes the calls, in order.
        branch_tag: Makes this process's branch ids unique in the run; empty in the process that began it.
        depth: How many levels of a nested mapping become fields.
    """

    def __init__(self, writer: Writer, *, branch_tag: str, depth: int) -> None:
        self.writer = writer
        self.depth = depth
        self.clock = HybridClock()
        self._tag = branch_tag
        self._lock = threading.RLock()  # a signal handler may record while its thread does
        self._numbers: dict[str, int] = {}  # the highest version number known of each object
        self._ids = 0
        self._threads = threading.local()
        self._thread_branches: list[Branch] = []
        self._queue = writer.queue
        self._queue_limit = writer.queue_limit
        self._traced = _is_traced()

    def continue_in_child(self, writer: Writer, branch_tag: str) -> None:
        """After a fork, in the child: write to its own stream, in a branch forked from the one in force."""
        self._lock = threading.RLock()  # a signal handler may record while its thread does
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
        if scope is not None and scope.branch.recorder is self:
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
        if scope is not None and scope.branch.recorder is not self:
            scope = None  # a block that an earlier recording left open
        if scope is None and threading.current_thread() is threading.main_thread():
            return self.scope()
        return scope

    def _new_id(self, name: str) -> str:
        self._ids += 1
        return f"{name}#{self._tag}{self._ids}"

    def start_branch(self, name: str, phase: str | None, parent: Branch | None) -> Branch:
        """Fork a branch off `parent` (None: a root) and record its start."""
        self._traced = _is_traced()  # an SDK may have been imported since the last branch
        if parent is not None and parent.recorder is not self:
            parent = None  # of an earlier recording
        with self._lock:
            branch = Branch(self._new_id(name), name, phase or (parent.phase if parent else None), parent, self)
            rare = {"name": name, "parent": parent.id if parent else None, "phase": branch.phase}
            self._append("branch-start", Scope(branch), rare)
        return branch

    def end_branch(self, branch: Branch, fault: BaseException | None) -> None:
        """Record the end of a branch; unless it failed, its parent gains what it saw."""
        with self._lock:
            self._append("branch-end", Scope(branch), _outcome(fault))

    def end_thread_branches(self) -> None:
        """Record the end of the branches that threads were given for want of one: recording ends for them too."""
        for branch in self._thread_branches:
            self.end_branch(branch, None)

    def begin(self, op: str, scope: Scope, name: str, rare: dict[str, Any]) -> Scope:
        """Record the begin of a unit or task, and give the scope inside it."""
        with self._lock:
            own_id = self._new_id(name)
            if op == "unit-begin":
                inner, outer = Scope(scope.branch, own_id, scope.task, scope), scope.unit
            else:
                inner, outer = Scope(scope.branch, scope.unit, own_id, scope), scope.task
            self._append(op, inner, {"name": name, "parent": outer, **rare})
        return inner

    def finish(self, op: str, scope: Scope, fault: BaseException | None) -> None:
        """Record the end of a unit or task, in the scope that `begin` gave."""
        with self._lock:
            self._append(op, scope, _outcome(fault))

    def _append(self, op: str, scope: Scope, rare: Rare) -> None:
        self._push((op, self.clock.tick(), scope, None, None, None, None, None, None, rare))

    # ---- objects --------------------------------------------------------------------------------------------------

    def read(
        self, object_id: str, type_: str | None, version: Version | None, leaves: Leaves, *, whole: bool,
    ) -> None:  # fmt: skip
        """A branch read an object, or only the fields given; a repeated read of one version in one scope is dropped."""
        scope = CURRENT.get()
        if scope is None or scope.branch.recorder is not self:
            scope = self.scope()
        if type(version) is not int:
            version = version_of(version)
        if version is None:  # the ledger knows which one is the newest
            with self._lock:
                self._push(
                    ("read", self.clock.tick(), scope, object_id, type_, None, True, None, leaves, {"whole": whole}),
                )
            return
        known = scope.known
        if whole:
            if known.get((object_id, None)) == version:
                return
            known[object_id, None] = version
        else:
            fresh = False
            for path, _ in leaves:
                if known.get((object_id, path)) != version:
                    known[object_id, path] = version
                    fresh = True
            if not fresh:
                return
        with self._lock:
            if type(version) is int and version > self._numbers.get(object_id, 0):
                self._numbers[object_id] = version
            self._push(
                ("read", self.clock.tick(), scope, object_id, type_, version, None, None, leaves, {"whole": whole}),
            )

    def write(  # noqa: PLR0917 - the hot path; by position because names cost time
        self,
        op: str,
        object_id: str,
        type_: str | None,
        version: Version | None,
        base: Version | None,
        leaves: Leaves,
        rare: Rare,
    ) -> Version:
        """A branch made a new version of an object: `write`, `patch`, `merge` or `delete`.

        Returns:
            The version made: the one given, or one above the highest known.
        """
        scope = CURRENT.get()
        if scope is None or scope.branch.recorder is not self:
            scope = self.scope()
        if self._traced:
            rare = _with_span(rare)
        inferred = None
        if type(version) is not int:
            version = version_of(version)
        if type(base) is not int:
            base = version_of(base)
        with self._lock:
            if version is None:
                version = self._numbers[object_id] = self._numbers.get(object_id, 0) + 1
                inferred = True
            elif type(version) is int and version > self._numbers.get(object_id, 0):
                self._numbers[object_id] = version
            queue = self._queue
            queue.append((op, self.clock.tick(), scope, object_id, type_, version, inferred, base, leaves, rare))
            if len(queue) >= self._queue_limit:
                self.writer.drain_below_limit()
        if op == "patch":
            for path, _ in leaves:
                scope.known[object_id, path] = version
        else:
            scope.known[object_id, None] = version
        return version

    def mark(self, op: str, object_id: str, version: Version | None, rare: dict[str, Any]) -> None:
        """Something was decided about a version: `snapshot`, `promote`, `quarantine` or `reject`."""
        scope = self.scope()
        inferred = True if version is None else None
        with self._lock:
            if version is not None:
                version = version_of(version)
                if type(version) is int and version > self._numbers.get(object_id, 0):
                    self._numbers[object_id] = version
            self._push((op, self.clock.tick(), scope, object_id, None, version, inferred, None, None, rare))

    # ---- the queue ------------------------------------------------------------------------------------------------

    def _push(self, call: Call) -> None:
        queue = self._queue
        queue.append((*call[:-1], _with_span(call[-1])) if self._traced else call)
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

    def fault(self, where: str, fault: Exception, lost: int = 1) -> None:
        """Count something that went wrong inside the tracer, and the events lost; the first of a kind is logged."""
        self.writer.fault(f"{where}: {type(fault).__name__}", fault, lost)


def _is_traced() -> bool:
    """Whether anything in this process can make spans: with the bare API there is no current span to look up."""
    return any(name in sys.modules for name in _SPAN_MAKERS)


def _with_span(rare: Rare) -> Rare:
    """With the ids of the OpenTelemetry span in force, if there is one."""
    span = get_current_span().get_span_context()
    if not span.is_valid:
        return rare
    return {**(rare or {}), "trace_id": format_trace_id(span.trace_id), "span_id": format_span_id(span.span_id)}


def _outcome(fault: BaseException | None) -> dict[str, Any]:
    if fault is None:
        return {"status": "ok"}
    return {"status": "failed", "reason": type(fault).__name__}


def log_fault(kind: str, fault: Exception) -> None:
    """Say once that the tracer failed at something; the traced program goes on."""
    _log.warning("driftline could not record (%s): %s; the program goes on, the trace is incomplete", kind, fault)
