"""Where a store keeps its state: what every back end offers, and the one in memory."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Any, Protocol

from driftline.discipline.lines import Lines
from driftline.discipline.quarantine import Quarantine
from driftline.discipline.world import World
from driftline.store.records import MemoryRecords, Records


class Backend(Protocol):
    """What a store needs of where its state is kept.

    Attributes:
        world: What has been promoted.
        lines: The branches.
        records: All versions.
        quarantine: What was set aside.
        waits: Whether a call may wait for a disk, or for another process.
        lock: Held while anything is decided: what happens in it is kept whole, or not at all if an exception leaves it.
        reading: Held while something is read, of one moment.
    """

    @property
    def world(self) -> World:
        """As above."""

    @property
    def lines(self) -> Lines:
        """As above."""

    @property
    def records(self) -> Records:
        """As above."""

    @property
    def quarantine(self) -> Quarantine:
        """As above."""

    @property
    def waits(self) -> bool:
        """As above."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """As above."""

    @property
    def reading(self) -> AbstractContextManager[Any]:
        """As above."""

    def order(self) -> int:
        """The place of the next write in the order of all commits. Under the lock."""

    def close(self) -> None:
        """Nobody uses it any more."""

    def continue_in_child(self) -> None:
        """This process was forked off one that used it."""


class MemoryBackend:
    """Keeps a store in the memory of this process."""

    waits = False

    def __init__(self) -> None:
        self.world = World()
        self.lines = Lines()
        self.records: Records = MemoryRecords()
        self.quarantine = Quarantine()
        self.lock = self.reading = threading.RLock()
        self._order = 0

    def order(self) -> int:
        """See `Backend`, as for the others."""
        self._order += 1
        return self._order

    def close(self) -> None:
        """See `Backend`."""

    def continue_in_child(self) -> None:
        """See `Backend`: a copy of its own, whose lock nobody holds here."""
        self.lock = self.reading = threading.RLock()
