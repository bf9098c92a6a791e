"""A hybrid logical clock in one integer.

Kulkarni et al. 2014, "Logical Physical Clocks", keep wall time and a counter apart; here both share 64 bits of
nanoseconds, since a process that makes more than one event a nanosecond does not exist. Never behind the wall clock,
never behind what it has seen.
"""

from __future__ import annotations

from time import time_ns
from typing import Final

MAX_AHEAD: Final = 3_600_000_000_000  # nanoseconds: an hour


class HybridClock:
    """Strictly increasing nanoseconds since 1970. Not thread-safe: the recorder's lock guards it.

    Example:
        >>> clock = HybridClock()
        >>> first = clock.tick()
        >>> clock.witness(first + 1_000_000_000)
        >>> clock.tick() > first + 1_000_000_000
        True
    """

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = 0

    def tick(self) -> int:
        """The time of an event that happens now, in nanoseconds: later than every earlier one."""
        now = time_ns()
        if now <= self.last:
            now = self.last + 1
        self.last = now
        return now

    def witness(self, clock: int) -> None:
        """Learn a clock value, in nanoseconds, that came with a message: what follows is later than it.

        One further ahead of the wall clock than `MAX_AHEAD` counts as that far: a damaged message must not drag the
        clock into the future.
        """
        clock = min(clock, time_ns() + MAX_AHEAD)
        if clock > self.last:
            self.last = clock
