"""The calls that wait for the writer thread, and how many may: memory is bounded in calls and in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from driftline.calls import WIDTH

Overflow = Literal["wait", "drop"]
#: Characters or bytes of a payload above which it is counted; those below are bounded by the number of calls.
HEAVY: Final = 1024
_TEXTS: Final = frozenset({str, bytes})


class Backlog:
    """The queue of one process. Lists add and delete atomically, so it needs no lock of its own.

    Args:
        calls: How many calls may wait.
        weight: How many characters and bytes of large values may wait.
        overflow: Whether a call that finds no room waits for it, or is dropped and counted.

    Attributes:
        rows: `WIDTH` items a call, in order.
        limit: How many of them may wait.
        weight: Of the large values that were queued since the queue was last empty. Threads may disagree about it
            for a moment: a bound need not be exact.
        overflow: As above.
        dropped: How many calls were dropped.
    """

    __slots__ = ("_most", "dropped", "limit", "overflow", "rows", "weight")

    def __init__(self, *, calls: int = 131_072, weight: int = 32 << 20, overflow: Overflow = "wait") -> None:
        self.rows: list[Any] = []
        self.limit = calls * WIDTH
        self.weight = 0
        self.overflow = overflow
        self.dropped = 0
        self._most = weight

    def __len__(self) -> int:
        return len(self.rows) // WIDTH

    @property
    def is_full(self) -> bool:
        """Whether another call must wait, or be dropped."""
        return len(self.rows) >= self.limit or self.weight >= self._most

    def empty_copy(self) -> Backlog:
        """Another one with the same bounds."""
        return Backlog(calls=self.limit // WIDTH, weight=self._most, overflow=self.overflow)

    def remove(self, count: int) -> None:
        """Forget so many calls at the front."""
        if count * WIDTH == len(self.rows):
            self.weight = 0
        del self.rows[: count * WIDTH]  # the program only ever adds to the end


def weight_of(leaves: Sequence[tuple[str, object]]) -> int:
    """Characters and bytes of the large values among the fields of a call.

    Example:
        >>> weight_of([("/a", "x" * 5000), ("/b", "small"), ("/c", 10**9)])
        5000
    """
    weight = 0
    for _, payload in leaves:
        if payload.__class__ in _TEXTS and len(payload) > HEAVY:
            weight += len(payload)
    return weight
