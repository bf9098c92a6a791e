"""The reconciled state, as far as it has been promoted: every object, field by field, and who refers to whom.

States are values: a change makes a new one, so an overlay can try a whole unit and be thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from driftline.discipline.candidates import Base, Candidate
from driftline.values import ABSENT

_NOBODY: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldState:
    """What stands in one field.

    Attributes:
        value: A JSON value, or `ABSENT`.
        version: The version that set it, as text.
        candidate: The write that set it, as a candidate against later ones.
        since: What the first of the concurrent writes started from.
        concurrent: The writes that have shared that base so far, the first of them first.
    """

    value: Any
    version: str
    candidate: Candidate
    since: Base
    concurrent: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectState:
    """One object, as it was promoted last.

    Attributes:
        type: Its type, or None.
        version: The version promoted last, as text.
        position: Its place in the order of the object's versions.
        time: When it was promoted, nanoseconds since 1970.
        live: Whether it exists; False once it was removed.
        branch: Name of the branch that changed it last.
        rank: The latest phase that has written it, from 1; 0 if none.
        fields: What stands, by JSON Pointer; an absent field stays, so that a late writer can be told from a first one.
        references: JSON Pointer → id of the object that the field names.
    """

    type: str | None
    version: str
    position: int
    time: int
    live: bool
    branch: str
    rank: int = 0
    fields: Mapping[str, FieldState] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """What stands, by JSON Pointer, without what is absent."""
        return {path: state.value for path, state in self.fields.items() if state.value is not ABSENT}


@dataclass(frozen=True, slots=True)
class KeptOut:
    """Who made a version that was not promoted.

    Attributes:
        branch: Name of the branch.
        phase: Its phase, or None.
    """

    branch: str
    phase: str | None


class World:
    """All objects; an overlay sees its parent's until it has its own.

    Args:
        parent: The world beneath, or None.
    """

    def __init__(self, parent: World | None = None) -> None:
        self._parent = parent
        self._objects: dict[str, ObjectState] = {}
        self._referrers: dict[str, frozenset[tuple[str, str]]] = {}
        self._tasks: dict[int, str] = {}
        self._kept_out: dict[tuple[str, int], KeptOut | None] = {}  # None: promoted, whatever the parent says

    def get(self, object_id: str) -> ObjectState | None:
        """The state of an object; None if it never existed."""
        found = self._objects.get(object_id)
        return self._parent.get(object_id) if found is None and self._parent is not None else found

    def is_live(self, object_id: str) -> bool:
        """Whether an object exists now."""
        found = self.get(object_id)
        return found is not None and found.live

    def referrers(self, object_id: str) -> frozenset[tuple[str, str]]:
        """The live (object, field) pairs that refer to an object."""
        found = self._referrers.get(object_id)
        if found is None:
            return _NOBODY if self._parent is None else self._parent.referrers(object_id)
        return found

    def put(self, object_id: str, state: ObjectState) -> None:
        """An object has a new state."""
        before = self.get(object_id)
        held = {} if before is None or not before.live else before.references
        holds = state.references if state.live else {}
        for path, target in held.items():
            if holds.get(path) != target:
                self._referrers[target] = self.referrers(target) - {(object_id, path)}
        for path, target in holds.items():
            self._referrers[target] = self.referrers(target) | {(object_id, path)}
        self._objects[object_id] = state

    def task_done(self, signature: int, branch_id: str) -> None:
        """A branch has finished a task; the first to do so is remembered."""
        if self.who_did(signature) is None:
            self._tasks[signature] = branch_id

    def who_did(self, signature: int) -> str | None:
        """Id of the branch that finished a task first, or None."""
        found = self._tasks.get(signature)
        return self._parent.who_did(signature) if found is None and self._parent is not None else found

    def keep_out(self, object_id: str, position: int, maker: KeptOut | None) -> None:
        """A version was refused, or waits for its unit; None: it is promoted after all."""
        if maker is not None or self.kept_out(object_id, position) is not None:
            self._kept_out[object_id, position] = maker

    def kept_out(self, object_id: str, position: int) -> KeptOut | None:
        """Who made a version that was not promoted; None if it was, or nothing is known of it."""
        if (object_id, position) in self._kept_out:
            return self._kept_out[object_id, position]
        return None if self._parent is None else self._parent.kept_out(object_id, position)

    def of_type(self, type_: str | None) -> Iterator[tuple[str, ObjectState]]:
        """The live objects of a type."""
        for object_id, state in self._objects.items():
            if state.live and state.type == type_:
                yield object_id, state
        if self._parent is not None:
            for object_id, state in self._parent.of_type(type_):
                if object_id not in self._objects:
                    yield object_id, state

    def ids(self) -> list[str]:
        """Every object that ever existed, sorted."""
        known = set(self._objects)
        return sorted(known if self._parent is None else known.union(self._parent.ids()))

    def overlay(self) -> World:
        """A world above this one, to try something in."""
        return World(self)

    def settle(self) -> None:
        """What was tried in this overlay holds for its parent."""
        if self._parent is not None:
            for object_id, state in self._objects.items():
                self._parent.put(object_id, state)
            for signature, branch_id in self._tasks.items():
                self._parent.task_done(signature, branch_id)
