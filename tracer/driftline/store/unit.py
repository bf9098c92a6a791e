"""A unit of a store: several writes that land together, or not at all."""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import Final, Self

from driftline.discipline.pipeline import Decision
from driftline.errors import DriftlineError
from driftline.store.core import Core
from driftline.store.refused import RefusedError
from driftline.store.requests import Actor, Request

REFUSED: Final = frozenset({"rejected", "failed"})


class Unit:
    """A `with` block, sync or async, whose writes are decided as one when it ends.

    Attributes:
        name: What it does.
        decisions: What was decided, write by write; empty until it has ended.
    """

    def __init__(self, core: Core, name: str) -> None:
        self.name = name
        self.decisions: tuple[Decision, ...] = ()
        self.core = core
        self.requests: list[Request] = []
        self._actor: Actor | None = None

    def __enter__(self) -> Self:
        around = unit_of(self.core)
        if around is not None:
            raise DriftlineError(
                f"the unit {self.name!r} begins inside the unit {around.name!r} of the same store",
                "end that one first, or leave the inner one out: all writes of a unit land together",
            )
        if self._actor is not None:
            raise DriftlineError(f"the unit {self.name!r} was used before", "ask the store for another: store.unit(…)")
        with self.core.at_work():
            self._actor = self.core.actor()
        _IN_FORCE.set((*_IN_FORCE.get(), self))
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, fault: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._leave()
        self._end(fault)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, _kind: type[BaseException] | None, fault: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._leave()
        if self.core.backend.waits:
            from asyncio import to_thread  # only now: who has no file need not wait for it to load

            await to_thread(self._end, fault)
        else:
            self._end(fault)

    def _leave(self) -> None:
        """It is in force no more. In the context in which it was."""
        _IN_FORCE.set(tuple(unit for unit in _IN_FORCE.get() if unit is not self))

    def _end(self, fault: BaseException | None) -> None:
        """Decide what was proposed in it."""
        requests, self.requests = self.requests, []
        if self._actor is None:
            return
        with self.core.at_work():
            self.decisions = self.core.decide_unit(self.name, self._actor, requests, fault)
        if fault is None and self.core.mode == "enforce":
            raise_if_refused(self.decisions)


#: The units in force in this context, at most one a store.
_IN_FORCE: Final[ContextVar[tuple[Unit, ...]]] = ContextVar("driftline_store_units", default=())


def unit_of(core: Core) -> Unit | None:
    """The unit of a store that is in force in this context."""
    return next((unit for unit in _IN_FORCE.get() if unit.core is core), None)


def raise_if_refused(decisions: tuple[Decision, ...]) -> None:
    """Tell the writer at once of what was refused.

    Raises:
        RefusedError: If one was; a failed one before a rejected one.
    """
    for verdict in ("failed", "rejected"):
        for decision in decisions:
            if decision.verdict == verdict:
                raise RefusedError(decision, tuple(one for one in decisions if one is not decision))
