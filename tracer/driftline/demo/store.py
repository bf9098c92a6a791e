"""A shared store of versioned objects in one process, which tells Driftline what is read and written.

It is the kind of store that a team writes in an afternoon: a dict behind a lock. Each call is atomic and every write
makes the next version, so nothing here is broken. Drift comes from what its users do *between* two calls.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Protocol

import driftline as dl

#: The content of an object, or a part of it: nested mappings of fields.
Fields = Mapping[str, Any]

_OBJECT_ID: Final = re.compile(r"(?:answer|context|entity|plan|report|section|task)/[\w-]+")


class How(Enum):
    """How a change lands: as the fields that it names, as the whole object, or as a merge of versions."""

    PATCH = auto()
    WHOLE = auto()
    MERGE = auto()


@dataclass(frozen=True)
class Versioned:
    """One version of one object. Nobody changes `value`: a change makes a new version.

    Attributes:
        id: Id of the object, `context/t03`.
        version: The store's own number, 1 for the first.
        value: The content at this version.
        confidence: How sure its writer was, from 0 to 1.
    """

    id: str
    version: int
    value: Fields
    confidence: float


#: What a node has read, by object id. An object that did not exist is not in it.
View = Mapping[str, Versioned]


class Shared(Protocol):
    """Where nodes look at what they share."""

    def __len__(self) -> int:
        """How many objects there are."""

    def look(self, *object_ids: str) -> View:
        """Read several objects at one moment; those that do not exist are left out."""

    def ids(self, prefix: str) -> list[str]:
        """The ids that begin with `prefix`, sorted."""

    def unreferenced(self, object_ids: Iterable[str]) -> list[str]:
        """Which of these objects no object refers to."""

    def promote(self, object_ids: Iterable[str], phase: str) -> None:
        """Declare these objects, as they are now, to be what `phase` hands on."""

    def seal(self, object_id: str) -> None:
        """Declare the newest version of an object final."""


class Store:
    """Versioned objects by id. Safe to share between threads.

    Example:
        >>> store = Store()
        >>> draft = store.put("context/t1", {"brief": "short"}, source="planner")
        >>> store.put("context/t1", {"lead": "entity/e1"}, base=draft).value
        {'brief': 'short', 'lead': 'entity/e1'}
        >>> store.look("context/t1", "context/t2")["context/t1"].version
        2
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._objects: dict[str, Versioned] = {}
        self._newest: dict[str, int] = {}  # also of removed objects: a number is never used twice
        self._promoted: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def exclusive(self) -> AbstractContextManager[bool]:
        """Keep everyone else out for a few calls in a row: `with store.exclusive(): …`. Never wait inside."""
        return self._lock

    # ---- reading --------------------------------------------------------------------------------------------------

    def look(self, *object_ids: str) -> View:
        """Read several objects at one moment; those that do not exist are left out."""
        with self._lock:
            found = {i: self._objects[i] for i in object_ids if i in self._objects}
            for seen in found.values():
                dl.read(seen.id, seen.value, version=seen.version, type=_type_of(seen.id))
        return found

    def ids(self, prefix: str) -> list[str]:
        """The ids that begin with `prefix`, sorted."""
        with self._lock:
            return sorted(i for i in self._objects if i.startswith(prefix))

    def unreferenced(self, object_ids: Iterable[str]) -> list[str]:
        """Which of these objects no object refers to."""
        with self._lock:
            named = {target for kept in self._objects.values() for _, target in references_in(kept.value)}
        return [i for i in object_ids if i not in named]

    # ---- writing --------------------------------------------------------------------------------------------------

    def put(
        self,
        object_id: str,
        fields: Fields,
        *,
        how: How = How.PATCH,
        base: Versioned | None = None,
        inputs: Iterable[Versioned] = (),
        confidence: float = 0.5,
        source: str | None = None,
    ) -> Versioned:
        """Change an object, or create it.

        Like most stores this one does what it is told: it takes a whole object that was derived from an old version,
        and everything that came in between is gone.

        Args:
            object_id: Id of the object.
            fields: What to set. A nested mapping sets its own leaves and leaves the others.
            how: PATCH sets the fields in the object as it is now. WHOLE and MERGE set them in `base`, and put the
                result in the place of whatever is there now.
            base: The version that the change was derived from; None for a new object.
            inputs: Versions of other objects that it was derived from.
            confidence: How sure the writer is, from 0 to 1.
            source: Who vouches for it: the writer's role.

        Returns:
            The version made.
        """
        said: dict[str, Any] = {
            "type": _type_of(object_id),
            "confidence": confidence,
            "source": source,
            "inputs": [(i.id, i.version) for i in inputs],
        }
        with self._lock:
            now = self._objects.get(object_id)
            start = now if how is How.PATCH else base
            value = merged(start.value, fields) if start is not None else fields
            made = self._next(object_id, value, confidence)
            if how is How.PATCH and now is not None:
                refs = dict(references_in(fields))
                seen = base.version if base is not None else None
                dl.patch(object_id, fields, version=made.version, base=seen, refs=refs, **said)
            elif how is How.MERGE and base is not None:
                refs = dict(references_in(value))
                dl.merge(object_id, value, version=made.version, bases=[base.version], refs=refs, **said)
            else:
                refs = dict(references_in(value))
                seen = base.version if base is not None else None
                dl.write(object_id, value, version=made.version, base=seen, refs=refs, **said)
        return made

    def remove(self, seen: Versioned) -> None:
        """Delete an object, as decided on the version seen."""
        with self._lock:
            if self._objects.pop(seen.id, None) is not None:
                self._newest[seen.id] += 1
                dl.delete(seen.id, version=self._newest[seen.id], base=seen.version)

    def _next(self, object_id: str, value: Fields, confidence: float) -> Versioned:
        version = self._newest[object_id] = self._newest.get(object_id, 0) + 1
        made = self._objects[object_id] = Versioned(object_id, version, value, confidence)
        return made

    # ---- handing on -----------------------------------------------------------------------------------------------

    def promote(self, object_ids: Iterable[str], phase: str) -> None:
        """Declare these objects, as they are now, to be what `phase` hands on."""
        with self._lock:
            for object_id in object_ids:
                version = self._newest[object_id]
                if object_id in self._objects and self._promoted.get(object_id) != version:
                    self._promoted[object_id] = version
                    dl.promote(object_id, version=version, phase=phase)

    def seal(self, object_id: str) -> None:
        """Declare the newest version of an object final."""
        with self._lock:
            dl.snapshot(object_id, version=self._newest[object_id])


def merged(old: Fields, change: Fields) -> Fields:
    """`old` with the leaves of `change` set in it; neither is touched.

    Example:
        >>> merged({"a": {"x": 1}, "b": 2}, {"a": {"y": 3}})
        {'a': {'x': 1, 'y': 3}, 'b': 2}
    """
    out = dict(old)
    for key, value in change.items():
        before = out.get(key)
        out[key] = merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return out


def references_in(fields: Fields, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(JSON Pointer, object id) of every field whose text is the id of an object."""
    for key, value in fields.items():
        path = f"{prefix}/{key}"
        if isinstance(value, Mapping):
            yield from references_in(value, path)
        elif isinstance(value, str) and _OBJECT_ID.fullmatch(value):
            yield path, value


def _type_of(object_id: str) -> str:
    return object_id.partition("/")[0]
