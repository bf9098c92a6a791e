"""The shared objects of the clean pipeline: what each holds now, and which of them work falls on."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Final

import msgspec

from driftline.simulation.kinds import KINDS, Kind, Pool, Value

#: Kind by rank, over and over: the hottest object of all is a context.
_PATTERN: Final = tuple(
    KINDS[name]
    for name in (
        *("context", "plan", "entity", "context", "document", "context"),
        *("agent", "entity", "context", "plan", "context", "document"),
    )
)
_DRAWN: Final = 1024  # objects at once
_TRIES: Final = 4


class Item:
    """One object, as it stands.

    Attributes:
        id: Its id.
        kind: What it is.
        version: Its current version; 0 before the first.
        previous: The version before it.
        made: The newest version that any write made, aborted ones included.
        values: What each of its fields holds, in the order of its kind's paths; empty if it is not there.
        owner: The object that its link field names, or None.
        rank: The phase of the branch that made the current version.
        promoted: Whether that version has been promoted.
        confidence: Of the current version, in hundredths.
        depth: Mutation depth of the current version.
        locked: Whether some work in progress has it.
    """

    __slots__ = (
        "confidence",
        "depth",
        "id",
        "kind",
        "locked",
        "made",
        "owner",
        "previous",
        "promoted",
        "rank",
        "values",
        "version",
    )

    def __init__(self, number: int) -> None:
        self.kind: Kind = _PATTERN[number % len(_PATTERN)]
        self.id = f"{self.kind.name}/{number}"
        self.version = self.previous = self.made = self.depth = 0
        self.values: list[Value] = []
        self.owner: Item | None = None
        self.rank = 0
        self.promoted = False
        self.confidence = 50
        self.locked = False


class World:
    """All objects.

    Args:
        count: How many there are to choose from.
        skew: The exponent of their Zipf distribution.
        pool: Where values come from.
        rng: Decides everything.
    """

    def __init__(self, count: int, skew: float, pool: Pool, rng: Random) -> None:
        self._items: dict[int, Item] = {}
        self._targets: dict[str, list[Item]] = {}  # by kind: what may be named, being there for good
        self._pool = pool
        self._rng = rng
        self._cumulative = array("d", accumulate((rank + 1) ** -skew for rank in range(count)))
        self._numbers = range(count)
        self._drawn = self._draw()

    def _draw(self) -> Iterator[int]:
        while True:
            yield from self._rng.choices(self._numbers, cum_weights=self._cumulative, k=_DRAWN)

    def choose(self) -> Item:
        """An object: the hotter, the more often."""
        number = next(self._drawn)
        item = self._items.get(number)
        if item is None:
            item = self._items[number] = Item(number)
        return item

    def target(self, kind: Kind) -> Item | None:
        """An object that one of this kind may name, or None if none is found.

        None that some work in progress has: its first write may still be to come.
        """
        known = self._targets.get(kind.target) if kind.target is not None else None
        for _ in range(_TRIES if known else 0):
            item = known[int(self._rng.random() * len(known))] if known else None
            if item is not None and not item.locked:
                return item
        return None

    def stays(self, item: Item) -> None:
        """Remember a new object as one that others may name: such ones are never removed."""
        if item.kind.name != "entity":
            self._targets.setdefault(item.kind.name, []).append(item)

    def fresh(self, item: Item) -> list[Value]:
        """Values for all fields of a new object; sets whom it names."""
        item.owner = self.target(item.kind)
        return [
            self._pool.draw(path, self._rng) if path != item.kind.link else named(item.owner)
            for path in item.kind.paths
        ]

    def changed(self, item: Item, at: int) -> Value:
        """A new value for the field at this place of an object; if it names another object, that stays."""
        path = item.kind.paths[at]
        return item.values[at] if path == item.kind.link else self._pool.other(path, item.values[at], self._rng)


def named(item: Item | None) -> bytes:
    """What a link field holds."""
    return msgspec.json.encode(item.id if item is not None else "nobody")
