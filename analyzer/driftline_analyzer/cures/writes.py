"""The contested fields of a trace, write by write, in the order in which every cure takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

#: A field of an object: (`object.o`, `path.f`).
Cell = tuple[int, int]


class Setting(NamedTuple):
    """What a write does to one contested field.

    Attributes:
        cell: The field.
        base_pos: Position of what its writer had seen there; None if it had seen nothing.
        wrote: Digest of what it puts there; None where it removes the field.
        saw: Digest of what its writer had seen there; None where that was absent.
        wrote_value: What it puts there, as JSON; None where it is absent or was not recorded.
        saw_value: What its writer had seen there, alike.
    """

    cell: Cell
    base_pos: int | None
    wrote: int | None
    saw: int | None
    wrote_value: str | None
    saw_value: str | None


@dataclass(frozen=True, slots=True)
class Write:
    """One recorded write, as far as it sets contested fields.

    Attributes:
        e: Its event (`event.e`).
        o: Its object (`object.o`).
        b: Its branch (`branch.b`).
        pos: The position that it made.
        time: When it was recorded, in nanoseconds; never before the write before it.
        since: Since when its branch had worked on it.
        merges: Whether it is a merge: its writer had seen all that it merged.
        round: The round of branches that a barrier makes wait for each other (`Round.number`), or None.
        settings: What it does to each contested field that it sets.
    """

    e: int
    o: int
    b: int
    pos: int
    time: int
    since: int
    merges: bool
    round: int | None
    settings: tuple[Setting, ...]

    @property
    def effort(self) -> int:
        """How long its branch had worked on it, in nanoseconds; never nothing, since nothing is done in no time."""
        return max(self.time - self.since, 1)


@dataclass(frozen=True, slots=True)
class Round:
    """Branches that a barrier makes wait for each other.

    Attributes:
        number: What tells it from others.
        released: When the last of them ends.
    """

    number: int
    released: int


def writes(rows: Iterable[tuple[Any, ...]]) -> Iterator[Write]:
    """The writes of `contested.sql`.

    Args:
        rows: Its rows.
    """
    now = 0
    for _, group in groupby(rows, key=lambda row: row[0]):
        settings = list(group)
        e, o, _, b, round_, time, since, pos = settings[0][:8]
        now = max(now, time)
        yield Write(
            e=e, o=o, b=b, pos=pos, time=now, since=since, merges=settings[0][-1], round=round_,
            settings=tuple(Setting((row[1], row[2]), *row[8:13]) for row in settings),
        )  # fmt: skip
