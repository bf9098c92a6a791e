"""What a store keeps of each branch: which version of each object it has seen, and what it read too early.

As everywhere in Driftline a branch knows what it has read or written whole, what the branch that it forked from knew at
that moment, and, of branches that forked from it and ended well, what these knew (docs/model.md, "Bases"). Nothing is
copied at a fork: a branch remembers when it was born, and its ancestors when they saw what.
"""

from __future__ import annotations

from time import monotonic_ns
from typing import Final

from driftline.scope import Branch

_MOST: Final = 64  # sightings of one object by one branch; of more, only the newest can be inherited


class Notes:
    """What one store keeps of one branch. They live as long as the branch does.

    Attributes:
        line: Its id in the store; None until it writes.
        seen: For each object the versions that it saw, each with the moment, both rising.
        early: For each object that it read while an earlier phase was at work on it, the version.
    """

    __slots__ = ("early", "line", "seen")

    def __init__(self) -> None:
        self.line: str | None = None
        self.seen: dict[str, list[tuple[int, int]]] = {}
        self.early: dict[str, int] = {}

    def saw(self, object_id: str, version: int) -> None:
        """The branch has read or written a version whole."""
        sightings = self.seen.get(object_id)
        if sightings is None:
            self.seen[object_id] = [(monotonic_ns(), version)]
        elif sightings[-1][1] < version:
            sightings.append((monotonic_ns(), version))
            if len(sightings) > _MOST:
                del sightings[0]


def notes_of(branch: Branch, store: object) -> Notes | None:
    """What a store keeps of a branch, if anything."""
    return None if branch.notes is None else branch.notes.get(store)


def base_of(branch: Branch, store: object, object_id: str) -> int:
    """The newest version of an object that a branch knows through a store; 0 if it knows none.

    Example:
        >>> parent, store = Branch("m#1", "m", None, None, None), "a store"
        >>> parent.notes = {store: Notes()}
        >>> parent.notes[store].saw("doc/1", 3)
        >>> child = Branch("a#1", "a", None, parent, None)
        >>> parent.notes[store].saw("doc/1", 5)
        >>> base_of(child, store, "doc/1"), base_of(parent, store, "doc/1"), base_of(child, store, "doc/2")
        (3, 5, 0)
    """
    newest = 0
    until: int | None = None
    known: Branch | None = branch
    while known is not None:
        notes = notes_of(known, store)
        if notes is not None:
            for moment, version in reversed(notes.seen.get(object_id, ())):
                if until is None or moment < until:
                    newest = max(newest, version)
                    break
        until = known.born if until is None else min(until, known.born)
        known = known.parent
    return newest
