"""Contexts follow by themselves while a recording is on: into threads, pools, event-loop tasks and processes.

Each gets a line of execution of its own (`lines.py`) that splits off where it was created and ends when it is done. For
that, a few functions of the standard library are replaced while something records; afterwards they are what they were.
Where someone else has replaced one in the meantime it is left alone, and what is beneath does nothing any more.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from driftline.scope import CURRENT, Scope

if TYPE_CHECKING:
    from driftline.processes import Origin
    from driftline.recorder import Recorder
    from driftline.session import Recording

_UNSET: Final = object()


class Propagation:
    """The replaced functions of one recording.

    Args:
        recording: Has the lines that split off.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._recorder = recording.recorder
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._in_force = False

    def begin(self) -> None:
        """Replace what has to be; from now on contexts follow."""
        from asyncio.base_events import BaseEventLoop  # only now: who does not record need not wait for these to load
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
        from multiprocessing.pool import Pool
        from multiprocessing.process import BaseProcess

        self._in_force = True
        self._replace(threading.Thread, "start", self._start_thread)
        self._replace(ThreadPoolExecutor, "submit", self._submit)
        self._replace(BaseEventLoop, "create_task", self._create_task)
        self._replace(os, "execv", self._exec)  # what the others are made of
        self._replace(os, "execve", self._exec)
        self._replace(BaseProcess, "start", self._start_process)
        self._replace(ProcessPoolExecutor, "submit", self._submit_to_process)
        self._replace(Pool, "apply_async", self._apply_async)
        self._replace(Pool, "_guarded_task_generation", self._generate_tasks)  # for `map` and all its relatives

    def end(self) -> None:
        """Put back what was there. More than once does nothing."""
        self._in_force = False
        while self._replaced:
            owner, name, original, replacement = self._replaced.pop()
            if vars(owner).get(name) is replacement:
                setattr(owner, name, original)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """For a while, nothing follows."""
        self._in_force = False
        try:
            yield
        finally:
            self._in_force = True

    def _replace(self, owner: Any, name: str, around: Callable[..., Any]) -> None:
        original = vars(owner).get(name)
        if original is None:
            return  # another version of Python: what is called there does not follow

        @functools.wraps(original)
        def replacement(*args: Any, **kwargs: Any) -> Any:
            if not self._in_force:  # replaced in turn by someone who keeps calling it
                return original(*args, **kwargs)
            return around(original, *args, **kwargs)

        setattr(owner, name, replacement)
        self._replaced.append((owner, name, original, replacement))

    def _fork(self, name: str | None = None) -> Line | None:
        """A line that splits off here; None if that fails, and then the program runs as if nothing followed."""
        try:
            return Line(self._recorder, self._recorder.lines.fork(name))
        except Exception as fault:  # noqa: BLE001 - counted, never raised into the program
            self._recorder.fault("propagate", fault, lost=0)
            return None

    # ---- around the replaced functions ----------------------------------------------------------------------------

    def _start_thread(self, original: Callable[..., None], thread: threading.Thread) -> None:
        line = self._fork(thread.name)
        if line is None:
            return original(thread)
        own = vars(thread)
        before = own.get("run", _UNSET)
        run = thread.run

        def restore() -> None:
            if before is _UNSET:
                own.pop("run", None)
            else:
                own["run"] = before

        def run_in_line() -> None:
            restore()
            line.adopt()
            with line:
                run()

        own["run"] = run_in_line
        try:
            return original(thread)
        except BaseException:
            restore()
            raise

    def _submit(self, original: Callable[..., Any], pool: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        interpreters = sys.modules.get("concurrent.futures.interpreter")
        if interpreters is not None and isinstance(pool, interpreters.InterpreterPoolExecutor):
            return original(pool, function, *args, **kwargs)  # what it runs is pickled, for another interpreter
        line = self._fork()
        return original(pool, function if line is None else Job(function, line), *args, **kwargs)

    def _create_task(self, original: Callable[..., Any], loop: Any, coroutine: Any, **kwargs: Any) -> Any:
        if (
            kwargs.get("context") is not None  # then the program says where the task belongs
            or not isinstance(coroutine, Coroutine)
            or (line := self._fork()) is None
        ):
            return original(loop, coroutine, **kwargs)
        token = CURRENT.set(line.scope)  # the task copies the context
        try:
            return original(loop, FollowedCoroutine(coroutine, line), **kwargs)
        finally:
            CURRENT.reset(token)

    # ---- other processes ------------------------------------------------------------------------------------------

    def _origin(self) -> Origin | None:
        """Where something starts that another process runs; None if that fails."""
        try:
            from driftline.processes import Origin  # which needs the session, which needs this

            return Origin.here(self._recording)
        except Exception as fault:  # noqa: BLE001 - counted, never raised into the program
            self._recorder.fault("propagate", fault, lost=0)
            return None

    def _start_process(self, original: Callable[..., None], process: Any) -> None:
        origin = self._origin()
        if origin is None:
            return original(process)
        from driftline.processes import CHILD_NAME, Birth

        token = CHILD_NAME.set(process.name)  # forked, it looks there; spawned, it unpickles this
        vars(process)["_driftline"] = Birth(origin, process.name)
        try:
            return original(process)
        finally:
            del vars(process)["_driftline"]
            CHILD_NAME.reset(token)

    def _exec(self, original: Callable[..., NoReturn], *args: Any, **kwargs: Any) -> NoReturn:
        from driftline.processes import seal, unseal

        seal()
        try:
            original(*args, **kwargs)
        finally:  # still here: it failed
            unseal()

    def _submit_to_process(
        self, original: Callable[..., Any], pool: Any, function: Any, /, *args: Any, **kwargs: Any
    ) -> Any:
        return original(pool, self._remote(function), *args, **kwargs)

    def _apply_async(self, original: Callable[..., Any], pool: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        return original(pool, self._pooled(pool, func), *args, **kwargs)

    def _generate_tasks(self, original: Callable[..., Any], pool: Any, job: Any, func: Any, iterable: Any) -> Any:
        return original(pool, job, self._pooled(pool, func), iterable)

    def _pooled(self, pool: Any, function: Callable[..., Any]) -> Callable[..., Any]:
        from multiprocessing.pool import ThreadPool

        if isinstance(pool, ThreadPool):
            return Jobs(function, self._recorder)
        return self._remote(function, seals=True)  # the end of a pool kills its workers

    def _remote(self, function: Callable[..., Any], *, seals: bool = False) -> Callable[..., Any]:
        origin = self._origin()
        if origin is None:
            return function
        from driftline.processes import RemoteJob

        return RemoteJob(function, origin, seals=seals)


class Line:
    """A line of execution that has split off: ends with the block that it is used for.

    Attributes:
        scope: Where it acts.
    """

    __slots__ = ("_recorder", "scope")

    def __init__(self, recorder: Recorder, scope: Scope) -> None:
        self._recorder = recorder
        self.scope = scope

    def adopt(self) -> None:
        """This thread is the line."""
        self._recorder.lines.adopt(self.scope)

    def end(self, fault: BaseException | None) -> None:
        """It is done, or `fault` ended it."""
        try:
            self._recorder.lines.end(self.scope.branch, fault)
        except Exception as own:  # noqa: BLE001 - counted, never raised into the program
            self._recorder.fault("propagate", own)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        fault: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        self.end(fault)


class Job:
    """A function that a pool calls, in a line of its own. It ends before the pool hands out the result."""

    __slots__ = ("_function", "_line")

    def __init__(self, function: Callable[..., Any], line: Line) -> None:
        self._function = function
        self._line = line

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        token = CURRENT.set(self._line.scope)
        try:
            with self._line:
                return self._function(*args, **kwargs)
        finally:
            CURRENT.reset(token)


class Jobs:
    """A function that a pool calls many times, each in a line of its own off the scope in force now."""

    __slots__ = ("_function", "_outer", "_recorder")

    def __init__(self, function: Callable[..., Any], recorder: Recorder) -> None:
        self._function = function
        self._recorder = recorder
        self._outer = recorder.lines.here()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        line = Line(self._recorder, self._recorder.lines.fork(None, self._outer))
        return Job(self._function, line)(*args, **kwargs)


class FollowedCoroutine(Coroutine[Any, Any, Any]):
    """A task's coroutine; in every other respect the coroutine itself.

    The task's line ends in the very step in which the coroutine does. A callback on the task would come later than
    others that see the task done: `asyncio.wait` hands out tasks whose callbacks have not run.
    """

    __slots__ = ("_coroutine", "_line")

    def __init__(self, coroutine: Any, line: Line) -> None:
        self._coroutine = coroutine
        self._line = line

    def send(self, value: Any) -> Any:
        """Run to the next suspension, the return or the exception."""
        try:
            return self._coroutine.send(value)
        except StopIteration:
            self._line.end(None)
            raise
        except BaseException as fault:
            self._line.end(fault)
            raise

    def throw(self, *fault: Any) -> Any:
        """Run on with an exception, such as a cancellation."""
        try:
            return self._coroutine.throw(*fault)
        except StopIteration:
            self._line.end(None)
            raise
        except BaseException as own:
            self._line.end(own)
            raise

    def close(self) -> None:
        """End it, for want of someone who waits for it."""
        try:
            self._coroutine.close()
        finally:
            self._line.end(None)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def __iter__(self) -> FollowedCoroutine:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def __getattr__(self, name: str) -> Any:  # cr_frame, cr_await, __qualname__: what debuggers show is the program's
        return getattr(self._coroutine, name)

    def __repr__(self) -> str:
        return repr(self._coroutine)
