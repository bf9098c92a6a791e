"""`AsyncStore`: the same store for coroutines.

Every method is the store's own, made awaitable: there is no second implementation, and no second set of names. In
memory a call takes less than handing it to a thread would, so it is made at once; with a file it waits for the disk and
for other processes, so it is made in a thread, and the event loop goes on. Either way it acts in the branch, the task
and the unit of whoever awaits it.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from driftline.discipline.pipeline import Verdict
from driftline.discipline.policy import Policy
from driftline.discipline.reconcile import Custom
from driftline.store.core import Mode
from driftline.store.store import Store
from driftline.store.unit import Unit

P = ParamSpec("P")
R = TypeVar("R")


def _awaited(
    method: Callable[Concatenate[Store, P], R],
) -> Callable[Concatenate[AsyncStore, P], Awaitable[R]]:
    """A method of `Store` as one of `AsyncStore`."""

    async def call(self: AsyncStore, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._run(method, *args, **kwargs)

    call.__name__, call.__doc__ = method.__name__, method.__doc__
    call.__qualname__ = f"AsyncStore.{method.__name__}"
    return call


class AsyncStore:
    """A `Store` whose methods are awaited; everything else is the same.

    Args:
        store: See `Store`, as for the others; or a store that is open already, to use it from coroutines, too.
        policy: See `Store`.
        mode: See `Store`.
        customs: See `Store`.

    Raises:
        DriftlineError: See `Store`.

    Example:
        >>> import asyncio
        >>> async def main() -> str:
        ...     async with AsyncStore() as store:
        ...         await store.write("context/42", {"summary": ""})
        ...         async with store.unit("both"):
        ...             await store.patch("context/42", {"summary": "short"})
        ...         return (await store.read("context/42"))["summary"]
        >>> asyncio.run(main())
        'short'
    """

    def __init__(
        self,
        store: Store | str | os.PathLike[str] | None = None,
        *,
        policy: Policy | str | os.PathLike[str] | None = None,
        mode: Mode = "enforce",
        customs: Mapping[str, Custom] | None = None,
    ) -> None:
        self.store = store if isinstance(store, Store) else Store(store, policy=policy, mode=mode, customs=customs)

    async def _run(self, method: Callable[Concatenate[Store, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        if not self.store.waits:
            return method(self.store, *args, **kwargs)
        from asyncio import to_thread  # only now: who has no file need not wait for it to load

        return await to_thread(method, self.store, *args, **kwargs)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _where: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.store.policy

    @property
    def mode(self) -> Mode:
        """Whether it holds."""
        return self.store.mode

    @property
    def counts(self) -> dict[Verdict, int]:
        """How often this process reached each verdict."""
        return self.store.counts

    def unit(self, name: str) -> Unit:
        """See `Store.unit`: `async with store.unit("move the budget"): …`."""
        return self.store.unit(name)

    close = _awaited(Store.close)
    read = _awaited(Store.read)
    get = _awaited(Store.get)
    read_all = _awaited(Store.read_all)
    referrers = _awaited(Store.referrers)
    ids = _awaited(Store.ids)
    snapshot = _awaited(Store.snapshot)
    history = _awaited(Store.history)
    quarantined = _awaited(Store.quarantined)
    release = _awaited(Store.release)
    write = _awaited(Store.write)
    patch = _awaited(Store.patch)
    append = _awaited(Store.append)
    derive = _awaited(Store.derive)
    delete = _awaited(Store.delete)
