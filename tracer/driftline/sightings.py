"""What each branch has seen of each object: where inferred bases come from.

A sighting is the newest version of an object, or of one of its fields, that a branch has read or written. A branch
inherits its parent's sightings at the fork and the parent gains the child's at the join. Forks are frequent, so nothing
is copied then: both sides share frozen layers and write to a fresh one; an object is copied into a branch's own layer
when the branch first touches it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

#: A version as the user names it: the store's own number, or a label whose order is unknown.
Version = int | str
Newer = Callable[[Version, Version], bool]

_MERGE_ABOVE: Final = 8  # layers


class Seen:
    """The newest sightings of one object by one branch.

    Attributes:
        whole: Version of the newest sighting of the whole object, or None.
        fields: Version of the newest sighting of single fields since then, by JSON Pointer.
        depth: Mutation depth of the newest version seen.
    """

    __slots__ = ("depth", "fields", "whole")

    def __init__(self, whole: Version | None = None, fields: dict[str, Version] | None = None, depth: int = 0) -> None:
        self.whole = whole
        self.fields = {} if fields is None else fields
        self.depth = depth

    def base(self, path: str, newer: Newer) -> Version | None:
        """The newest version at which this field was seen, alone or with the whole object; None if never."""
        single = self.fields.get(path)
        if single is None:
            return self.whole
        if self.whole is None or newer(single, self.whole):
            return single
        return self.whole

    def see_whole(self, version: Version, depth: int, newer: Newer) -> None:
        """The whole object was read or written at this version."""
        if self.whole is None or newer(version, self.whole):
            self.whole = version
            if self.fields:
                # Without an order the last sighting wins, so whatever is not strictly newer goes.
                self.fields = {p: v for p, v in self.fields.items() if newer(v, version) and not newer(version, v)}
        if depth > self.depth:
            self.depth = depth

    def see_field(self, path: str, version: Version, depth: int, newer: Newer) -> None:
        """One field was read or written at this version."""
        known = self.fields.get(path)
        if known is None or newer(version, known):
            self.fields[path] = version
        if depth > self.depth:
            self.depth = depth

    def gain(self, other: Seen, newer: Newer) -> None:
        """Everything that another branch saw of this object."""
        if other.whole is not None:
            self.see_whole(other.whole, other.depth, newer)
        for path, version in other.fields.items():
            self.see_field(path, version, other.depth, newer)

    def copy(self) -> Seen:
        """A copy that can change on its own."""
        return Seen(self.whole, dict(self.fields), self.depth)


class Sightings:
    """Every object that one branch has seen. Not thread-safe: the recorder's lock guards it.

    Example:
        >>> newer = lambda a, b: a > b
        >>> parent = Sightings()
        >>> parent.of("o/1").see_whole(1, 1, newer)
        >>> child = parent.fork()
        >>> parent.of("o/1").see_whole(5, 1, newer)
        >>> child.of("o/1").whole
        1
        >>> child.of("o/1").see_field("/n", 6, 2, newer)
        >>> parent.join(child, lambda object: newer)
        >>> parent.of("o/1").base("/n", newer), parent.of("o/1").base("/m", newer)
        (6, 5)
    """

    __slots__ = ("_inherited", "_own", "_top")

    def __init__(self, inherited: tuple[dict[str, Seen], ...] = ()) -> None:
        self._inherited = inherited  # frozen, oldest first
        self._own: tuple[dict[str, Seen], ...] = ()  # frozen since a fork, oldest first
        self._top: dict[str, Seen] = {}

    def of(self, object_id: str) -> Seen:
        """This branch's own sightings of one object, to read and to change."""
        seen = self._top.get(object_id)
        if seen is None:
            seen = self._top[object_id] = self._frozen(object_id)
        return seen

    def _frozen(self, object_id: str) -> Seen:
        for layers in (self._own, self._inherited):
            for layer in reversed(layers):
                found = layer.get(object_id)
                if found is not None:
                    return found.copy()
        return Seen()

    def fork(self) -> Sightings:
        """The sightings that a child branch starts with."""
        if self._top:
            self._own = _compacted((*self._own, self._top))
            self._top = {}
        return Sightings(_compacted(self._inherited + self._own))

    def join(self, child: Sightings, newer_of: Callable[[str], Newer]) -> None:
        """Gain what a child saw since its fork; `newer_of` gives the order of one object's versions."""
        for layer in (*child._own, child._top):
            for object_id, seen in layer.items():
                self.of(object_id).gain(seen, newer_of(object_id))


def _compacted(layers: tuple[dict[str, Seen], ...]) -> tuple[dict[str, Seen], ...]:
    """At most `_MERGE_ABOVE` layers: small ones are merged into their older neighbour, newer sightings winning.

    A newer layer's entry for an object was copied from the older one before it changed, so it holds all of it.
    """
    while len(layers) > _MERGE_ABOVE:
        at = min(range(len(layers) - 1), key=lambda i: len(layers[i]) + len(layers[i + 1]))
        layers = (*layers[:at], {**layers[at], **layers[at + 1]}, *layers[at + 2 :])
    return layers
