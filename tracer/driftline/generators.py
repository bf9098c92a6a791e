"""Blocks around generators: in force while the generator runs, out of force while its consumer does.

A context variable that a generator sets stays set when it yields (PEP 568 would have changed that but was deferred). So
a decorated generator is driven by one of ours, as `yield from` would (PEP 380), that puts the scope in force for each
resume and takes it out again at each yield, whatever blocks are open inside.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager
from typing import Any

from driftline.scope import CURRENT

Block = AbstractContextManager[object]
Generating = Callable[..., Generator[Any, Any, Any]]
GeneratingAsync = Callable[..., AsyncGenerator[Any, Any]]


def around_generator(fresh: Callable[[], Block], function: Generating) -> Generating:
    """A generator function whose every generator runs inside a block that `fresh` makes."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner, inside = function(*args, **kwargs), _Inside(fresh())
        value = thrown = None
        try:
            while True:
                with inside:
                    item = inner.send(value) if thrown is None else inner.throw(thrown)
                value = thrown = None
                try:
                    value = yield item
                except GeneratorExit:
                    with inside:
                        inner.close()
                    raise
                except BaseException as fault:  # noqa: BLE001 - the generator's to handle
                    thrown = fault
        except StopIteration as end:
            inside.leave(None)
            return end.value
        except BaseException as fault:
            inside.leave(fault)
            raise

    return run


def around_async_generator(fresh: Callable[[], Block], function: GeneratingAsync) -> GeneratingAsync:
    """The same for asynchronous ones."""

    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner, inside = function(*args, **kwargs), _Inside(fresh())
        value = thrown = None
        try:
            while True:
                with inside:
                    item = await (inner.asend(value) if thrown is None else inner.athrow(thrown))
                value = thrown = None
                try:
                    value = yield item
                except GeneratorExit:
                    with inside:
                        await inner.aclose()
                    raise
                except BaseException as fault:  # noqa: BLE001 - the generator's to handle
                    thrown = fault
        except StopAsyncIteration:
            inside.leave(None)
        except BaseException as fault:
            inside.leave(fault)
            raise

    return run


class _Inside:
    """The generator's side of a context: what is in force in there is kept while the consumer runs.

    Args:
        block: Entered now, inside.
    """

    def __init__(self, block: Block) -> None:
        self._block = block
        self._scope = self._consumer = CURRENT.get()
        with self:
            block.__enter__()

    def __enter__(self) -> None:
        self._consumer = CURRENT.get()
        CURRENT.set(self._scope)

    def __exit__(self, *_: object) -> None:
        self._scope = CURRENT.get()
        CURRENT.set(self._consumer)

    def leave(self, fault: BaseException | None) -> None:
        """The generator has ended."""
        with self:
            self._block.__exit__(None if fault is None else type(fault), fault, None)
