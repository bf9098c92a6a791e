"""Optimistic rejection with retry: a write whose fields somebody has changed is refused, and made anew."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Final, NamedTuple

from driftline_analyzer.cures.outcome import Outcome
from driftline_analyzer.cures.writes import Cell, Setting, Write

#: Attempts at one write; after the last a person is asked.
ATTEMPTS: Final = 8


class _Landed(NamedTuple):
    """A change of a field.

    Attributes:
        by: The branch that made it.
        pos: The position that it was recorded at.
        time: When it landed.
        anew: Whether by a retry, later than recorded.
    """

    by: int
    pos: int
    time: int
    anew: bool


@dataclass(slots=True)
class _Field:
    """A contested field: what stands, its newest change, and the newest by another branch than that one's."""

    stands: int | None = None
    newest: _Landed | None = None
    other: _Landed | None = None

    def newest_by_others(self, b: int) -> _Landed | None:
        return self.newest if self.newest is None or self.newest.by != b else self.other

    def land(self, landed: _Landed, digest: int | None) -> None:
        if self.newest is not None and self.newest.by != landed.by:
            self.other = self.newest
        self.newest, self.stands = landed, digest


class _Retry(NamedTuple):
    """An attempt to come.

    Attributes:
        time: When.
        number: Which of all.
        since: Since when its branch works on it.
        attempts: How many came before it.
        write: At what.
    """

    time: int
    number: int
    since: int
    attempts: int
    write: Write


class Optimistic:
    """Compare and set on every field of a write."""

    name = "optimistic"

    def __init__(self) -> None:
        self._outcome = Outcome(self.name)
        self._fields: dict[Cell, _Field] = {}
        self._retries: list[_Retry] = []
        self._number = 0

    def take(self, write: Write) -> None:
        """A write is attempted for the first time; retries that were due before it come first."""
        self._retry_until(write.time)
        changing = [s for s in write.settings if s.wrote != self._field(s.cell).stands]
        if any(self._is_unseen(setting, write) for setting in changing):
            self._refuse(write, write.time, 1)
        else:
            self._land(write, write.time, changing, anew=False)

    def outcome(self) -> Outcome:
        """What it comes to, once every retry has been made."""
        self._retry_until(None)
        return self._outcome

    def _field(self, cell: Cell) -> _Field:
        return self._fields.setdefault(cell, _Field())

    def _is_unseen(self, setting: Setting, write: Write) -> bool:
        """Whether another branch's newest change of a field is one that the writer had not seen."""
        newest = self._field(setting.cell).newest_by_others(write.b)
        if newest is None:
            return False
        if newest.anew:
            return newest.time > write.since
        return setting.base_pos is None or newest.pos > setting.base_pos

    def _refuse(self, write: Write, now: int, attempts: int) -> None:
        self._outcome.refused += 1
        if attempts == ATTEMPTS:
            self._outcome.decisions += 1
            self._outcome.waited += now - write.time
            return
        self._number += 1
        heapq.heappush(self._retries, _Retry(now + write.effort, self._number, now, attempts, write))

    def _retry_until(self, time: int | None) -> None:
        """Make the retries that are due before a time; all of them for None."""
        while self._retries and (time is None or self._retries[0].time < time):
            retry = heapq.heappop(self._retries)
            write = retry.write
            others = [self._field(setting.cell).newest_by_others(write.b) for setting in write.settings]
            if any(newest is not None and newest.time > retry.since for newest in others):
                self._refuse(write, retry.time, retry.attempts + 1)
                continue
            self._outcome.retried += 1
            self._outcome.waited += retry.time - write.time
            self._land(write, retry.time, list(write.settings), anew=True)

    def _land(self, write: Write, time: int, settings: list[Setting], *, anew: bool) -> None:
        for setting in settings:
            self._field(setting.cell).land(_Landed(write.b, write.pos, time, anew), setting.wrote)
