"""How nodes get their changes into shared state: the one place where the drifting and the other demos differ.

`Hasty` does what most orchestrations do: act on what was read a while ago. Each of its steps looks reasonable by
itself. `Careful` decides on what is there at the moment of writing, and changes no more than it means to.
The third way, on a store that keeps the discipline for its nodes, is in `governed.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import driftline as dl
from driftline.demo.store import Fields, How, Store, Versioned, View


class Board(Protocol):
    """A notice board.

    Attributes:
        object_id: Id of the object that it is.
    """

    @property
    def object_id(self) -> str:
        """As above."""

    def __getitem__(self, key: str, /) -> Any:
        """What is written there."""


Notices = dl.TrackedMapping[str, Any]

OPEN: Final = "open"
_TRIES: Final = 3


class ToolDiedError(Exception):
    """A tool that a node depends on went away in the middle of its work."""


@dataclass(frozen=True)
class Change:
    """What a node wants to do to one object, as a function of what it rests on.

    Attributes:
        target: Id of the object to change, or to create.
        derive: What to set in it, given a view of all that it rests on; an empty mapping for nothing.
        reads: Ids of the other objects that it rests on.
        seen: What the node has read before it thought, of these and of the target.
        how: Whether the node means to set fields, to put a whole object, or to merge into one.
        confidence: How sure the node is, from 0 to 1.
        source: The node's role.
    """

    target: str
    derive: Callable[[View], Fields]
    reads: Sequence[str] = ()
    seen: View = field(default_factory=dict)
    how: How = How.PATCH
    confidence: float = 0.5
    source: str | None = None


class Discipline(Protocol):
    """What a node may ask for when it has made up its mind."""

    patience: float
    """The share of a stage's nodes that must be done before the next stage begins."""

    def board(self, object_id: str, fields: Mapping[str, Any]) -> Board:
        """A new board."""

    def hand_on(self, board: Board, phase: str) -> None:
        """Declare a board, as it is now, to be what `phase` hands on."""

    def together(self, name: str) -> AbstractContextManager[Any]:
        """Changes that are meant to land together."""

    def save(self, change: Change) -> None:
        """Make a change."""

    def publish(self, name: str, first: Change, second: Change, check: Callable[[], None]) -> None:
        """Make two changes that belong together and need a check by a tool; the tool may die."""

    def remove(self, seen: View, choose: Callable[[View], str | None]) -> None:
        """Delete the object that `choose` picks out of some that nothing referred to."""

    def adjust(self, board: Board, key: str, seen: int, amount: int) -> None:
        """Add to a number that the node has seen on a board."""

    def claim(self, board: Board, task: str, who: str) -> bool:
        """Take a task; False if there is no need to work on it."""


class _Tracked:
    """What the two disciplines without a policy have in common: boards are tracked mappings."""

    def board(self, object_id: str, fields: Mapping[str, Any]) -> Board:
        """A mapping that records what is done with it."""
        board: Notices = dl.track(dict(fields), id=object_id, type=object_id.partition("/")[0])
        return board

    def hand_on(self, board: Board, phase: str) -> None:
        """Say so, and leave it at that."""
        dl.promote(board.object_id, phase=phase)

    def together(self, name: str) -> AbstractContextManager[Any]:
        """Say so, and leave it at that."""
        return dl.unit(name)


class Hasty(_Tracked):
    """Trusts what it has seen.

    Args:
        store: Where the objects are.
    """

    patience: float = 0.6  # the slow ones will catch up

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, change: Change) -> None:
        """Derive from what was seen before, and put the outcome over whatever is there now."""
        unseen = [i for i in (change.target, *change.reads) if i not in change.seen]
        view = {**self._store.look(*unseen), **change.seen}
        _land(self._store, change, view, change.how, change.confidence)

    def publish(self, name: str, first: Change, second: Change, check: Callable[[], None]) -> None:
        """Write, check, write: whoever looks in between sees the half, for good if the tool dies."""
        with dl.unit(name):
            self.save(first)
            check()
            self.save(second)

    def remove(self, seen: View, choose: Callable[[View], str | None]) -> None:
        """Nothing referred to it when the node looked, so away with it."""
        chosen = choose(seen)
        if chosen is not None:
            self._store.remove(seen[chosen])

    def adjust(self, board: Board, key: str, seen: int, amount: int) -> None:
        """Read a while ago, write now: what others added in between is lost."""
        _tracked(board)[key] = seen + amount

    def claim(self, board: Board, task: str, who: str) -> bool:  # noqa: ARG002 - trusts the queue instead
        """What the queue hands out needs doing."""
        return True


class Careful(_Tracked):
    """Looks again, under a lock, before it writes.

    Args:
        store: Where the objects are.
    """

    patience: float = 1.0  # a barrier between stages

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, change: Change) -> None:
        """Read all that the change rests on again, derive anew, and set only the fields that it means to change."""
        with self._store.exclusive():
            view = self._store.look(change.target, *change.reads)
            target = view.get(change.target)
            how = How.PATCH if target is not None and change.how is How.WHOLE else change.how
            standing = target.confidence if target is not None else 0.0
            _land(self._store, change, view, how, max(change.confidence, standing))

    def publish(self, name: str, first: Change, second: Change, check: Callable[[], None]) -> None:
        """Check first, again if need be; then write both while nobody looks."""
        _insist(check)
        with self._store.exclusive(), dl.unit(name):
            self.save(first)
            self.save(second)

    def remove(self, seen: View, choose: Callable[[View], str | None]) -> None:
        """Choose among those that nothing refers to at the moment of the deletion."""
        with self._store.exclusive():
            still = self._store.look(*self._store.unreferenced(seen))
            chosen = choose(still)
            if chosen is not None:
                self._store.remove(still[chosen])

    def adjust(self, board: Board, key: str, seen: int, amount: int) -> None:  # noqa: ARG002 - looks again instead
        """Read and write as one step."""
        with self._store.exclusive():
            notices = _tracked(board)
            notices[key] = notices.copy()[key] + amount

    def claim(self, board: Board, task: str, who: str) -> bool:
        """Consult the board, where everyone writes down what they have taken."""
        with self._store.exclusive():
            notices = _tracked(board)
            if notices.copy()[task] != OPEN:
                return False
            notices[task] = who
            return True


def _tracked(board: Board) -> Notices:
    """A board as the mapping that it is here."""
    assert isinstance(board, dl.TrackedMapping)  # noqa: S101 - `board` made it
    return board


def _land(store: Store, change: Change, view: View, how: How, confidence: float) -> Versioned | None:
    """Put what the change derives from `view` into the store."""
    fields = change.derive(view)
    if not fields:
        return None
    return store.put(
        change.target,
        fields,
        how=how,
        base=view.get(change.target),
        inputs=[kept for object_id, kept in view.items() if object_id != change.target],
        confidence=confidence,
        source=change.source,
    )


def _insist(check: Callable[[], None]) -> None:
    """Try a tool again when it dies; give up after a few times."""
    for _ in range(_TRIES - 1):
        try:
            return check()
        except ToolDiedError:
            continue
    return check()
