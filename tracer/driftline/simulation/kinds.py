"""The kinds of shared objects in a simulated run, and the values that their fields take.

Values are drawn from a pool that is made once: a run of a hundred million events needs no more memory for them than a
small one, and a batch gets its digests, sizes and texts by looking numbers up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

import msgspec
import pyarrow as pa
from xxhash import xxh3_64_intdigest

from driftline.canonical import filled_leaves

#: What a field holds: the number of a value in the pool, or a value's canonical JSON; None where it holds nothing.
Value = int | bytes | None

_VALUES: Final = 512  # of each path
_FACTS: Final = 256  # rich lists, and as many scant ones
_ADDED: Final = "/notes"  # the field that no object has from the start
_RICH: Final = frozenset({"/facts", "/body"})

_WHO: Final = ("a field survey", "the registry", "two laboratories", "a panel study", "the ministry", "an archive")
_WHAT: Final = ("the yield", "the number of sites", "the unit cost", "public support", "the failure rate", "the price")
_TOPICS: Final = ("tidal power", "urban bees", "soil carbon", "night trains", "sea grass", "heat pumps", "rare earths")
_PLACES: Final = ("Galicia", "Jutland", "the Algarve", "Tyrol", "Saxony", "Crete", "Lapland", "Flanders")


@dataclass(frozen=True)
class Kind:
    """A type of object.

    Attributes:
        name: The type, and the first part of each object's id.
        paths: Its fields.
        link: The field that names another object, or None.
        target: The kind of object that it names.
    """

    name: str
    paths: tuple[str, ...]
    link: str | None = None
    target: str | None = None

    @property
    def plain(self) -> tuple[str, ...]:
        """The fields whose values are short and name nothing: none of them can be poorer than another."""
        return tuple(path for path in self.paths if path not in _RICH and path != self.link)

    @property
    def rich(self) -> str:
        """The field that holds the bulk of an object.

        Example:
            >>> KINDS["context"].rich
            '/facts'
        """
        return next(path for path in self.paths if path in _RICH)


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("agent", ("/name", "/role", "/status")),
        Kind("plan", ("/goal", "/status", "/priority", "/owner"), "/owner", "agent"),
        Kind(
            "context",
            ("/topic", "/facts", "/summary", "/owner", "/meta/score", "/meta/source"),
            "/owner",
            "agent",
        ),
        Kind("entity", ("/name", "/kind", "/alias", "/status")),
        Kind("document", ("/title", "/body", "/status", "/about"), "/about", "context"),
        Kind("brief", ("/title", "/body", "/summary")),
    )
}

#: Every path, by its number in a batch.
PATHS: Final = (*dict.fromkeys(path for kind in KINDS.values() for path in kind.paths), _ADDED)
PATH_NUMBER: Final = {path: number for number, path in enumerate(PATHS)}


class Pool:
    """Every value that a simulated field may take, encoded.

    Args:
        rng: What the values are made from.

    Example:
        >>> pool = Pool(Random(1))
        >>> pool.text(pool.draw("/status", Random(2))).decode().startswith('"')
        True
    """

    def __init__(self, rng: Random) -> None:
        self._texts: list[bytes] = []
        self._of: dict[str, range] = {}
        for path in PATHS:
            self._of[path] = self._add(_distinct(partial(_example, path, rng), _VALUES))
        self.rich = self._add(_distinct(lambda: [_claim(rng) for _ in range(rng.randint(6, 10))], _FACTS))
        self.scant = self._add(_distinct(lambda: [_short(rng)], _FACTS))
        self.digests = pa.array(map(xxh3_64_intdigest, self._texts), pa.uint64())
        self.sizes = pa.array(map(len, self._texts), pa.int32())
        self.leaves = pa.array(map(filled_leaves, self._texts), pa.int32())
        self.texts = pa.array(self._texts, pa.utf8())

    def __len__(self) -> int:
        return len(self._texts)

    def _add(self, values: Iterator[object]) -> range:
        first = len(self._texts)
        self._texts += map(msgspec.json.encode, values)
        return range(first, len(self._texts))

    def draw(self, path: str, rng: Random) -> int:
        """A value for the field at a path."""
        values = self._of[path]
        return values.start + int(rng.random() * len(values))

    def other(self, path: str, standing: Value, rng: Random) -> int:
        """A value for a field, another than the one that it holds."""
        drawn = self.draw(path, rng)
        return drawn if drawn != standing else self._of[path].start + (drawn + 1 - self._of[path].start) % _VALUES

    def text(self, value: Value) -> bytes:
        """The canonical JSON of a value; nothing where there is none."""
        if value is None:
            return b""
        return self._texts[value] if isinstance(value, int) else value


def _distinct(make: Callable[[], object], count: int) -> Iterator[object]:
    seen: set[bytes] = set()
    while len(seen) < count:
        value = make()
        encoded = msgspec.json.encode(value)
        if encoded not in seen:
            seen.add(encoded)
            yield value


def _example(path: str, rng: Random) -> object:
    if path in _RICH:
        return [_claim(rng) for _ in range(rng.randint(1, 4))]
    if path == "/meta/score":
        return rng.randint(1, 9_999) / 10_000
    if path == "/priority":
        return rng.randint(1, 100_000)
    return _short(rng)


def _short(rng: Random) -> str:
    return f"{rng.choice(_TOPICS)} in {rng.choice(_PLACES)}, no. {rng.randint(1, 999)}"


def _claim(rng: Random) -> str:
    first = rng.randint(1990, 2015)
    return (
        f"According to {rng.choice(_WHO)}, {rng.choice(_WHAT)} of {rng.choice(_TOPICS)} in {rng.choice(_PLACES)}"
        f" changed by {rng.randint(-40, 160)} % between {first} and {first + rng.randint(2, 9)}."
    )
