"""Forced sequencing of the critical path: who works on a contested object has it alone until the work has landed."""

from __future__ import annotations

from collections import defaultdict

from driftline_analyzer.cures.outcome import Outcome
from driftline_analyzer.cures.writes import Write


class Sequencing:
    """One branch after the other at each contested object, in the order in which their writes were recorded."""

    name = "sequencing"

    def __init__(self) -> None:
        self._outcome = Outcome(self.name)
        self._free: dict[int, int] = {}  # object → when the last one is done with it
        self._late: defaultdict[int, int] = defaultdict(int)  # branch → how far it is behind its recording

    def take(self, write: Write) -> None:
        """A write waits for its turn, and is made then in knowledge of all before it."""
        wanted = write.since + self._late[write.b]
        begins = max(wanted, self._free.get(write.o, wanted))
        self._outcome.waited += begins - wanted
        self._late[write.b] += begins - wanted
        self._free[write.o] = begins + (write.time - write.since)

    def outcome(self) -> Outcome:
        """What it comes to."""
        return self._outcome
