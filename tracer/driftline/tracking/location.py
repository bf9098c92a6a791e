"""Where a value stands in tracked objects: one value may stand in several places, and in several objects."""

from __future__ import annotations

from typing import Any, Final

from driftline.tracking.root import Keys, Root
from driftline.tracking.shapes import origin_of
from driftline.values import ABSENT, pointer

_MANY: Final = 8


class Location:
    """One place where a value stands.

    Attributes:
        root: The tracked object.
        keys: The keys and attribute names that lead there, as far as they lead through mappings and objects.
        path: The same as a JSON Pointer.
        inside: Whether the value stands deeper than that, somewhere inside the list, set or the like that stands there.
    """

    __slots__ = ("inside", "keys", "path", "root")

    def __init__(self, root: Root, keys: Keys = (), path: str = "", *, inside: bool = False) -> None:
        self.root = root
        self.keys = keys
        self.path = path
        self.inside = inside

    def is_open(self, depth: int) -> bool:
        """Whether what the value holds is recorded field by field, rather than with the value."""
        return len(self.keys) < depth and not self.inside

    def field(self, depth: int) -> tuple[str, Keys]:
        """The recorded field that the value is in, where it is not open."""
        if len(self.keys) <= depth:
            return self.path, self.keys
        keys = self.keys[:depth]
        return "".join(map(pointer, keys)), keys

    def holds(self, value: object) -> bool:
        """Whether the value still stands here. Inside a list nobody knows: there, contents tell."""
        found = self.root.walk(self.keys)
        return found is value or (found is not ABSENT and (self.inside or origin_of(found) is value))


def settle(value: object, locations: list[Location], parent: Location, key: Any, *, inside: bool) -> None:
    """A value was found under a key of what stands at `parent`, or inside it: it stands there from now on."""
    root = parent.root
    if inside or parent.inside:
        keys, path, inside = parent.keys, parent.path, True
    else:
        keys, path = (*parent.keys, key), parent.path + pointer(key)
    for known in locations:
        if known.root is root and known.path == path and known.inside == inside:
            return
    if len(locations) >= _MANY:
        locations[:] = [known for known in locations if known.holds(value)]
    locations.append(Location(root, keys, path, inside=inside))
