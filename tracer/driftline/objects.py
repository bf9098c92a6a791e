"""What this process knows of each object, and what each scope knows of each object that it touched.

Two threads look at these: the caller's, under the recorder's lock, and the ledger's, which comes later in the order of
the queue. Neither reads what the other writes.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from driftline.sightings import Seen, Version

if TYPE_CHECKING:
    from driftline.scope import Scope

#: Of an object whose versions are labels at least half so many are remembered, the newest: memory stays bounded.
MENTIONS: Final = 8192


class ObjectState:
    """One object: its type, its newest version, and the order of its versions.

    Numbers are the store's own order. Once a label turns up, the order is that of first mention (docs/model.md), for
    numbers too.

    Attributes:
        id: Its id; None for the object of events that have none.
        number: The highest version number that was ever called; the recorder's.
        type: The type that was last called; the recorder's.
        settled_type: The same as far as the ledger has come, as is all that follows.
        head: The newest version.
        depth: Mutation depth of the head.
        mentions: Version to order of first mention; None while all are numbers.
    """

    __slots__ = (
        "_highest",
        "_lowest",
        "_mentioned",
        "depth",
        "head",
        "id",
        "mentions",
        "number",
        "settled_type",
        "type",
    )

    def __init__(self, object_id: str | None, type_: str | None) -> None:
        self.id = object_id
        self.number = 0
        self.type = self.settled_type = type_
        self.head: Version | None = None
        self.depth = 0
        self.mentions: dict[Version, int] | None = None
        self._mentioned = 0
        self._lowest, self._highest = 0, -1  # of the numbers seen while all were: those between them count as mentioned

    def newer(self, a: Version, b: Version) -> bool:
        """Whether `a` comes after `b` in this object's order, once labels have turned up."""
        return self._rank(a) > self._rank(b)

    def _rank(self, version: Version) -> tuple[int, int]:
        mentions = self.mentions or {}
        return mentions.get(version, 0), version if isinstance(version, int) else 0

    def learn(self, version: Version) -> None:
        """A version of this object exists."""
        if self.mentions is None:
            if isinstance(version, int):
                if self.head is None:
                    self.head = self._lowest = version
                elif version > self.head:  # type: ignore[operator] # a number as long as all are
                    self.head = version
                elif version < self._lowest:
                    self._lowest = version
                return
            self.mentions = {}
            self._highest = -1 if self.head is None else self.head  # type: ignore[assignment] # as above
        before = isinstance(version, int) and self._lowest <= version <= self._highest
        if not before and version not in self.mentions:
            self._mentioned += 1
            self.mentions[version] = self._mentioned
            self.head = version
            if len(self.mentions) > MENTIONS:
                self.mentions = dict(islice(self.mentions.items(), MENTIONS // 2, None))


#: The object of events that have none.
NOTHING = ObjectState(None, None)


class Place:
    """One object as one scope meets it, and what it read or wrote of it last: a read that repeats is not recorded.

    Attributes:
        scope: The branch, unit and task.
        object: The object; `NOTHING` for the begin and the end of a scope itself.
        whole: The version at which the scope last read or wrote the whole object; the recorder's.
        fields: The same for single fields, by JSON Pointer; the recorder's.
        settled_whole: `whole` as far as the ledger has come.
        settled_fields: `fields` as far as the ledger has come.
        seen: The branch's sightings of the object; the ledger's.
        epoch: The ledger's epoch in which it looked `seen` up; a fork freezes sightings and begins another.
    """

    __slots__ = ("epoch", "fields", "object", "scope", "seen", "settled_fields", "settled_whole", "whole")

    def __init__(self, scope: Scope, state: ObjectState = NOTHING) -> None:
        self.scope = scope
        self.object = state
        self.whole: Version | None = None
        self.fields: dict[str, Version] = {}
        self.settled_whole: Version | None = None
        self.settled_fields: dict[str, Version] = {}
        self.seen: Seen | None = None
        self.epoch = -1
