"""A barrier with delayed merge: branches of a round work on a snapshot, and are merged when the last one is done."""

from __future__ import annotations

import heapq
from collections import defaultdict

from driftline_analyzer.cures.outcome import Outcome
from driftline_analyzer.cures.writes import Cell, Round, Setting, Write


class Barrier:
    """Three-way merge of all at once, at the end of each round.

    Args:
        waited: What the branches of all rounds wait for the last of theirs, in nanoseconds.
    """

    name = "barrier"

    def __init__(self, rounds: dict[int, Round], waited: int) -> None:
        self._outcome = Outcome(self.name, waited=waited)
        self._rounds = rounds
        self._stands: dict[Cell, int | None] = {}
        self._open: list[tuple[int, int]] = []  # (released, number) of rounds with something to merge
        self._snapshots: defaultdict[int, dict[Cell, int | None]] = defaultdict(dict)
        self._said: defaultdict[int, dict[tuple[Cell, int], int | None]] = defaultdict(
            dict
        )  # field, branch → last word

    def take(self, write: Write) -> None:
        """A write lands at once, or is kept for the end of its round."""
        self._release(write.time)
        known = None if write.round is None else self._rounds[write.round]
        for setting in write.settings:
            if known is None or known.released < write.time:
                self._merge_one(setting)
                continue
            if known.number not in self._snapshots:
                heapq.heappush(self._open, (known.released, known.number))
            self._snapshots[known.number].setdefault(setting.cell, self._stands.get(setting.cell))
            self._said[known.number][setting.cell, write.b] = setting.wrote

    def outcome(self) -> Outcome:
        """What it comes to, once every round has ended."""
        self._release(None)
        return self._outcome

    def _merge_one(self, setting: Setting) -> None:
        """A write outside any round: merged with what stands."""
        standing = self._stands.get(setting.cell)
        if setting.saw in (standing, setting.wrote) or standing == setting.wrote:
            if setting.saw != setting.wrote:
                self._stands[setting.cell] = setting.wrote
        else:
            self._outcome.decisions += 1

    def _release(self, time: int | None) -> None:
        """Merge the rounds that ended before a time; all of them for None."""
        while self._open and (time is None or self._open[0][0] < time):
            _, number = heapq.heappop(self._open)
            said = self._said.pop(number)
            changed: defaultdict[Cell, set[int | None]] = defaultdict(set)
            for (cell, _), wrote in said.items():
                changed[cell].add(wrote)
            for cell, snapshot in self._snapshots.pop(number).items():
                distinct = (changed[cell] | {self._stands.get(cell)}) - {snapshot}
                if len(distinct) > 1:
                    self._outcome.decisions += 1
                for wrote in distinct if len(distinct) == 1 else ():
                    self._stands[cell] = wrote
