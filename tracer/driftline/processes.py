"""Other processes: forked, spawned, workers of a pool. Branch and clock follow; each records into its own stream.

A forked process inherits the recording by memory. A spawned one is told where it comes from by what is pickled for it,
and joins the run when it unpickles that.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import attach, detach

from driftline.errors import DriftlineError
from driftline.headers import Sent, pack
from driftline.privacy import run_key
from driftline.propagation import Line
from driftline.recorder import Recorder, log_fault
from driftline.scope import CURRENT, Scope
from driftline.session import ENVIRONMENT, RECORDING, Recording, branch_tag, start_by, stop
from driftline.settings import from_environment, resolve

if TYPE_CHECKING:
    from driftline.writer import Writer

#: What the next process that is forked in this context is called.
CHILD_NAME: Final[ContextVar[str | None]] = ContextVar("driftline_child", default=None)

_paused: Final[list[Writer]] = []  # while this process forks
_told: Final[list[ModuleType]] = []  # multiprocessing.util, once it knows that recordings end with a worker


class _Forks:
    """How often this process has forked: names its children, the same from run to run."""

    count = 0


# ---- spawned ------------------------------------------------------------------------------------------------------


class Origin:
    """Where something was started that runs in another process. It is pickled along, and read there."""

    __slots__ = ("_headers", "_unit", "_variables")

    def __init__(self, variables: Mapping[str, str], headers: dict[str, str], unit: str | None) -> None:
        self._variables = variables
        self._headers = headers
        self._unit = unit

    @classmethod
    def here(cls, recording: Recording) -> Origin:
        """The place in force now."""
        recorder = recording.recorder
        return cls(recording.variables, pack(recorder, {}), recorder.scope().unit)

    def __getstate__(self) -> tuple[Mapping[str, str], dict[str, str], str | None]:
        return self._variables, self._headers, self._unit

    def __setstate__(self, state: tuple[Mapping[str, str], dict[str, str], str | None]) -> None:
        self._variables, self._headers, self._unit = state

    def arrive(self) -> tuple[Recorder, Sent, Scope] | None:
        """Record in this process, too: the recorder, what was sent, and the scope that it was sent from."""
        recorder = _join(self._variables)
        if recorder is None:
            return None
        sent = Sent.of(self._headers)
        scope = sent.scope(recorder)
        if scope is None:
            return None
        scope.unit = self._unit
        return recorder, sent, scope


class Birth:
    """Pickled as part of a process that is to be started; the process is then born into its line of execution."""

    __slots__ = ("_name", "_origin")

    def __init__(self, origin: Origin, name: str) -> None:
        self._origin = origin
        self._name = name

    def __reduce__(self) -> tuple[Callable[[Origin, str], None], tuple[Origin, str]]:
        return _be_born, (self._origin, self._name)


def _be_born(origin: Origin, name: str) -> None:
    try:
        arrived = origin.arrive()
        if arrived is not None:
            recorder, sent, scope = arrived
            attach(sent.context())  # for as long as the process lives
            recorder.lines.adopt(recorder.lines.fork(name, scope))
    except Exception as fault:  # noqa: BLE001 - the process runs on, unrecorded
        log_fault("start of a process", fault)


class RemoteJob:
    """A function that another process calls, each time in a line of its own.

    Args:
        function: What it calls.
        origin: Where the job was submitted.
        seals: Whether what it recorded is on disk before it returns, because its process will be killed.
    """

    __slots__ = ("_function", "_origin", "_seals")

    def __init__(self, function: Callable[..., Any], origin: Origin, *, seals: bool) -> None:
        self._function = function
        self._origin = origin
        self._seals = seals

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        with ExitStack() as stack:
            try:
                self._begin(stack)
            except Exception as fault:  # noqa: BLE001 - the job runs, unrecorded
                log_fault("job", fault)
            return self._function(*args, **kwargs)

    def _begin(self, stack: ExitStack) -> None:
        arrived = self._origin.arrive()
        if arrived is None:
            return
        recorder, sent, scope = arrived
        if self._seals:
            stack.callback(seal)
            unseal()
        stack.callback(detach, attach(sent.context()))
        line = Line(recorder, recorder.lines.fork(None, scope))
        stack.callback(CURRENT.reset, CURRENT.set(line.scope))
        stack.enter_context(line)


def seal() -> None:
    """Before this process may be gone without a word: what was recorded is on disk, and the trace says so."""
    recording = RECORDING.recording
    if recording is None:
        return
    try:
        if recording.recorder.lines.act_elsewhere():
            recording.flush()  # there may be more in a moment
        else:
            recording.writer.seal()
    except Exception as fault:  # noqa: BLE001 - counted, never raised into the program
        recording.recorder.fault("flush", fault, lost=0)


def unseal() -> None:
    """The process goes on."""
    recording = RECORDING.recording
    if recording is not None:
        recording.writer.unseal()


def _join(variables: Mapping[str, str]) -> Recorder | None:
    """The recorder of a run in this process, which may have to join it; or the one that it chose itself."""
    recording = RECORDING.recording
    if recording is not None and (str(recording.path) == variables[ENVIRONMENT] or not recording.is_inherited):
        return recording.recorder
    try:
        recording = start_by(resolve([from_environment(variables)]), run_key(variables), join=True)
    except DriftlineError as fault:
        log_fault("join", fault)
        return None
    recording.is_inherited = True
    _end_with_workers()
    return recording.recorder


# ---- forked -------------------------------------------------------------------------------------------------------


def _before_fork() -> None:
    """Between two batches, so that the child finds the ledger whole."""
    _Forks.count += 1
    recording = RECORDING.recording
    if recording is not None:
        try:
            recording.recorder.scope()  # the branch that the child descends from is this process's to start
        except Exception as fault:  # noqa: BLE001 - counted, never raised into the program
            recording.recorder.fault("fork", fault)
        recording.writer.pause()
        _paused.append(recording.writer)  # the recording may be stopped before the fork is over
        _end_with_workers()


def _after_fork_in_parent() -> None:
    while _paused:
        _paused.pop().resume()


def _after_fork_in_child() -> None:
    """A forked child records on, as a process and branch of its own; queue and stream stay the parent's."""
    name = CHILD_NAME.get() or f"process-{_Forks.count}"
    CHILD_NAME.set(None)
    _Forks.count = 0
    RECORDING.lock = threading.RLock()
    _paused.clear()
    recording = RECORDING.recording
    RECORDING.set(None)
    if recording is None:
        return
    try:
        record = recording.writer.record.of_child()
        with recording.propagation.suspended():  # another thread may hold the recorder's lock, for ever in here
            writer = recording.writer.for_child(record)
        recording.telemetry.continue_in_child(writer)
        recording.recorder.continue_in_child(writer, branch_tag(record), name)
        recording.writer = writer
        recording.is_inherited = True
        RECORDING.set(recording)
    except Exception as fault:  # noqa: BLE001 - the child runs on, unrecorded
        log_fault("fork", fault)


# ---- the end of a worker ------------------------------------------------------------------------------------------


def _end_with_workers() -> None:
    """Have multiprocessing end the recording with each of its processes: they run nothing of `atexit`."""
    workers = sys.modules.get("multiprocessing.util")
    if workers is not None and workers not in _told:
        _told.append(workers)
        workers.register_after_fork(stop, _end_with_this_one)


def _end_with_this_one(_stop: object) -> None:
    sys.modules["multiprocessing.util"].Finalize(None, stop, exitpriority=-100)


def follow_forks() -> None:
    """From now on, a forked process records on."""
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
