"""The third way: the nodes of the demo, as hasty as ever, on a `dl.Store` under a policy.

A node still derives its change from what it has read before it thought. But a change is only proposed: the store
reconciles it with what others have written since, and refuses what cannot be reconciled, or rests on what has changed.
Then the node looks again. Phases end before the next begins.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import driftline as dl
from driftline.demo.discipline import OPEN, Board, Change, ToolDiedError
from driftline.demo.store import How, Versioned, View, merged, references_in

POLICY: Final = Path(__file__).with_name("policy.toml")
_LANDED: Final = frozenset({"promoted", "merged", "deferred"})
_TRIES: Final = 50


class Shelf:
    """A `dl.Store` as the demo's nodes look at their store.

    Args:
        store: The store.
    """

    def __init__(self, store: dl.Store) -> None:
        self.store = store

    def __len__(self) -> int:
        return len(self.store.ids())

    def look(self, *object_ids: str) -> View:
        """Read several objects at one moment; those that do not exist are left out."""
        return {object_id: _versioned(seen) for object_id, seen in self.store.read_all(object_ids).items()}

    def ids(self, prefix: str) -> list[str]:
        """The ids that begin with `prefix`, sorted."""
        return self.store.ids(prefix)

    def unreferenced(self, object_ids: Iterable[str]) -> list[str]:
        """Which of these objects no object refers to."""
        return [object_id for object_id in object_ids if not self.store.referrers(object_id)]

    def promote(self, object_ids: Iterable[str], phase: str) -> None:
        """Nothing needs to be done: what is in the store has been promoted."""

    def seal(self, object_id: str) -> None:
        """Declare the newest version of an object final."""
        self.store.snapshot(object_id)


class _Notices:
    """A board that is an object of the store."""

    def __init__(self, store: dl.Store, object_id: str) -> None:
        self.object_id = object_id
        self._store = store

    def __getitem__(self, key: str) -> Any:
        return self._store.read(self.object_id)[key]


class Governed:
    """Proposes, and looks again when it is refused.

    Args:
        store: Where the objects are.
    """

    patience: float = 1.0  # a barrier between stages

    def __init__(self, store: dl.Store) -> None:
        self._store = store
        self._shelf = Shelf(store)

    def board(self, object_id: str, fields: Mapping[str, Any]) -> Board:
        """A board that is an object like all others."""
        self._store.write(object_id, fields)
        return _Notices(self._store, object_id)

    def hand_on(self, board: Board, phase: str) -> None:
        """Nothing needs to be done: what is in the store has been promoted."""

    def save(self, change: Change) -> None:
        """Propose what was derived from what was seen; when refused, look again and derive anew."""
        view = self._seen(change)
        for _ in range(_TRIES):
            if self._propose(change, view):
                return
            view = self._shelf.look(change.target, *change.reads)
        raise RuntimeError(f"{change.target} has been changed by others {_TRIES} times in a row")

    def publish(self, name: str, first: Change, second: Change, check: Callable[[], None]) -> None:
        """Write, check, write, as one: when the tool dies, or one of both is refused, nothing has happened."""
        views = [self._seen(change) for change in (first, second)]
        for _ in range(_TRIES):
            with contextlib.suppress(ToolDiedError, dl.RefusedError):
                with self._store.unit(name) as unit:
                    self._propose(first, views[0])
                    check()
                    self._propose(second, views[1])
                if all(decision.verdict in _LANDED for decision in unit.decisions):
                    return
            views = [self._shelf.look(change.target, *change.reads) for change in (first, second)]
        raise RuntimeError(f"{name!r} was refused {_TRIES} times in a row")

    def together(self, name: str) -> Any:
        """Several changes that land together."""
        return self._store.unit(name)

    def remove(self, seen: View, choose: Callable[[View], str | None]) -> None:
        """Propose to delete what was chosen. If it is referred to by now, it stays."""
        chosen = choose(seen)
        if chosen is not None:
            try:
                self._store.delete(chosen, base=seen[chosen].version)
            except dl.DriftlineError:
                return  # refused; or somebody else has removed it

    def adjust(self, board: Board, key: str, seen: int, amount: int) -> None:
        """Propose the sum as the node sees it: the policy counts, so what others added is not lost."""
        self._store.patch(board.object_id, {key: seen + amount})

    def claim(self, board: Board, task: str, who: str) -> bool:
        """Take a task, unless somebody else has."""
        if board[task] != OPEN:
            return False
        try:
            return self._store.patch(board.object_id, {f"/{task.replace('/', '~1')}": who}).verdict in _LANDED
        except dl.RefusedError:
            return False

    def _surest(self, object_id: str, version: int) -> list[float]:
        """How sure those were who made an object what it is: who builds on them is no less so."""
        made = self._store.history(object_id) if version else []
        return [entry.confidence or 0.0 for entry in made if entry.landed and entry.version <= version]

    def _seen(self, change: Change) -> View:
        unseen = [object_id for object_id in (change.target, *change.reads) if object_id not in change.seen]
        return {**self._shelf.look(*unseen), **change.seen}

    def _propose(self, change: Change, view: View) -> bool:
        """Propose what a change derives from a view; whether it stands, or there was nothing to propose."""
        fields = change.derive(view)
        if not fields:
            return True
        base = view.get(change.target)
        said_base = 0 if base is None else base.version
        said: dict[str, Any] = {
            "base": said_base,
            "confidence": max([change.confidence, *self._surest(change.target, said_base)]),
            "source": change.source,
            "inputs": [(seen.id, seen.version) for seen in view.values() if seen.id != change.target],
        }
        try:
            if base is not None and change.how is How.WHOLE:
                whole = merged(base.value, fields)
                decision = self._store.write(change.target, whole, refs=dict(references_in(whole)), **said)
            else:
                decision = self._store.patch(change.target, fields, refs=dict(references_in(fields)), **said)
        except dl.RefusedError:
            return False
        return decision.verdict in _LANDED


def _versioned(seen: Any) -> Versioned:
    return Versioned(seen.id, seen.version, dict(seen), seen.confidence or 0.0)


def opened() -> dl.Store:
    """A store for one run of the demo, under its policy."""
    return dl.Store(policy=POLICY)
