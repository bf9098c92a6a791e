"""`branch`, `unit` and `task`: where events happen. Each is a context manager, sync and async, and a decorator."""

from __future__ import annotations

import functools
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast, overload

from driftline.generators import around_async_generator, around_generator
from driftline.recorder import Recorder
from driftline.scope import CURRENT, Branch, Scope, leave
from driftline.session import RECORDING, active

P = ParamSpec("P")
R = TypeVar("R")


class _Block(ABC):
    """A `with` block that puts a scope in force: what `branch`, `unit` and `task` share.

    Entering and leaving never raises: a fault of the tracer is counted, and the block runs as if nothing recorded.
    """

    def __init__(self) -> None:
        self._recorder: Recorder | None = None
        self._scope: Scope | None = None
        self._forks = 0

    @abstractmethod
    def _fresh(self) -> _Block:
        """A new block with the same arguments, for each call of a decorated function."""

    @abstractmethod
    def _open(self, recorder: Recorder) -> Scope:
        """Record the begin, and give the scope inside."""

    @abstractmethod
    def _close(self, recorder: Recorder, scope: Scope, fault: BaseException | None) -> None:
        """Record the end, and how it came."""

    def __enter__(self) -> Self:
        recorder = RECORDING.tracker
        if recorder is not None:
            try:
                scope = self._open(recorder)
                self._recorder, self._scope, self._forks = recorder, scope, recorder.lines.forks
                CURRENT.set(scope)
            except Exception as fault:  # noqa: BLE001 - counted, never raised into the program
                recorder.fault(type(self).__name__, fault)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        fault: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        recorder, scope = self._recorder, self._scope
        if recorder is None or scope is None:
            return
        self._recorder = self._scope = None
        leave(scope)
        if recorder.lines.forks != self._forks:
            return  # opened before a fork: it ends in the parent
        try:
            self._close(recorder, scope, fault)
        except Exception as own:  # noqa: BLE001 - counted, never raised into the program
            recorder.fault(type(self).__name__, own)
        scope.places.clear()  # scope and places refer to each other: without this they wait for the cycle collector

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.__exit__(kind, fault, where)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function, coroutine function or generator function: each call runs in a block of its own.

        A generator's block is in force while the generator runs, and not while its consumer does.
        """
        if inspect.isgeneratorfunction(function):
            return cast("Callable[P, R]", around_generator(self._fresh, function))
        if inspect.isasyncgenfunction(function):
            return cast("Callable[P, R]", around_async_generator(self._fresh, function))
        if inspect.iscoroutinefunction(function):
            coroutine = cast("Callable[..., Any]", function)

            @functools.wraps(function)
            async def run_async(*args: P.args, **kwargs: P.kwargs) -> object:
                with self._fresh():
                    return await coroutine(*args, **kwargs)

            return cast("Callable[P, R]", run_async)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._fresh():
                return function(*args, **kwargs)

        return run


class branch(_Block):  # noqa: N801 - reads as a keyword where it is used
    """Run a block as a branch of its own: a sequential line of execution with a name.

    It forks from the branch in force and inherits what that has seen; when the block ends without an exception, that
    branch gains what this one saw. An exception that leaves the block marks the branch failed.

    Args:
        name: What to call it; need not be unique.
        phase: The phase it works in, such as `reasoning`; None takes its parent's.
        parent: The branch to fork from, as `current()` gave it; None takes the branch in force.

    Example:
        >>> with branch("researcher", phase="reasoning"):
        ...     pass
        >>> @branch("summariser")
        ... def summarise(text: str) -> str:
        ...     return text[:10]
        >>> summarise("a long text indeed")
        'a long tex'
    """

    def __init__(self, name: str, *, phase: str | None = None, parent: Branch | None = None) -> None:
        super().__init__()
        self._name = name
        self._phase = phase
        self._parent = parent

    def _fresh(self) -> branch:
        return branch(self._name, phase=self._phase, parent=self._parent)

    def _open(self, recorder: Recorder) -> Scope:
        outer = recorder.lines.here()
        origin = self._parent or outer.branch
        own = Scope(recorder.lines.open(str(self._name), self._phase, origin), outer=outer)
        if origin is outer.branch:
            own.unit = outer.unit  # what a unit forks is part of it
        return own

    def _close(self, recorder: Recorder, scope: Scope, fault: BaseException | None) -> None:
        # Whoever stops asking a generator for more, as `break` does, is not saying that its work is void.
        recorder.end_branch(scope.branch, None if isinstance(fault, GeneratorExit) else fault)


class unit(_Block):  # noqa: N801 - reads as a keyword where it is used
    """Mark writes that are meant to land together: a transaction, or one update in several steps.

    The unit is committed when the block ends, aborted when an exception leaves it, and unknown when neither happens.

    Args:
        name: What the unit does, such as `two-step update`.

    Example:
        >>> with unit("move the budget"):
        ...     pass
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def _fresh(self) -> unit:
        return unit(self._name)

    def _open(self, recorder: Recorder) -> Scope:
        return recorder.begin("unit-begin", recorder.scope(), str(self._name), {})

    def _close(self, recorder: Recorder, scope: Scope, fault: BaseException | None) -> None:
        recorder.finish("unit-commit" if fault is None else "unit-abort", scope, fault)


class task(_Block):  # noqa: N801 - reads as a keyword where it is used
    """Mark a piece of work with a signature (its name and inputs), to see the same work done twice.

    Args:
        name: What is done, such as `summarise`.
        inputs: What it is done with; any value. Only its digest is recorded.

    Example:
        >>> with task("summarise", inputs={"doc": 1}):
        ...     pass
    """

    def __init__(self, name: str, *, inputs: object = None) -> None:
        super().__init__()
        self._name = name
        self._inputs = inputs

    def _fresh(self) -> task:
        return task(self._name, inputs=self._inputs)

    def _open(self, recorder: Recorder) -> Scope:
        rare: dict[str, Any] = {"signature": recorder.capture.signature(str(self._name), self._inputs)}
        return recorder.begin("task-start", recorder.scope(), str(self._name), rare)

    def _close(self, recorder: Recorder, scope: Scope, fault: BaseException | None) -> None:
        recorder.finish("task-end", scope, fault)


def current() -> Branch | None:
    """The branch in force in this context, or None while nothing records.

    Example:
        >>> current() is None
        True
    """
    recorder = active()
    return None if recorder is None else recorder.scope().branch


class _PropagatingExecutor(Executor):
    """An executor whose work runs in the branch of whoever submitted it."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        return self._executor.submit(propagate(fn), *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - Executor's
        self._executor.shutdown(wait, cancel_futures=cancel_futures)


@overload
def propagate(what: Executor) -> Executor: ...
@overload
def propagate(what: Callable[P, R]) -> Callable[P, R]: ...
def propagate(what: Any) -> Any:
    """Carry the branch in force into another thread.

    Args:
        what: A function, to be called elsewhere in the branch in force now; or a thread pool, whose `submit` and `map`
            then carry the branch in force at each submission.

    Returns:
        The wrapped function or executor.

    Raises:
        TypeError: If it is a process pool: `inject` and `extract` carry a branch to another process.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with propagate(ThreadPoolExecutor()) as pool:
        ...     pool.submit(abs, -1).result()
        1
    """
    if isinstance(what, Executor):
        pools = sys.modules.get("concurrent.futures.process")
        if pools is not None and isinstance(what, pools.ProcessPoolExecutor):
            raise TypeError("a branch goes to another process with a message: inject() there, extract() here")
        return _PropagatingExecutor(what)
    recorder = RECORDING.tracker
    if recorder is None:
        return what
    scope = recorder.lines.here()

    @functools.wraps(what)
    def carried(*args: object, **kwargs: object) -> object:
        token = CURRENT.set(scope)
        try:
            return what(*args, **kwargs)
        finally:
            CURRENT.reset(token)

    return carried
