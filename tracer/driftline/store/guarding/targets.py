"""What can be guarded: a mapping of objects, one tracked object, or whatever reads, writes and deletes by id."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Protocol, runtime_checkable

import msgspec

from driftline.canonical import encode_whole
from driftline.errors import DriftlineError
from driftline.store.contents import DEPTH
from driftline.values import pointer


@runtime_checkable
class Guardable(Protocol):
    """A store of anybody's: three methods are all that a guard asks for.

    Example:
        >>> class Table:
        ...     def __init__(self): self.rows = {}
        ...     def read(self, object): return self.rows.get(object)
        ...     def write(self, object, value): self.rows[object] = value
        ...     def delete(self, object): del self.rows[object]
        >>> isinstance(Table(), Guardable)
        True
    """

    def read(self, object: str) -> Any:  # noqa: A002 - the model's word
        """What stands in an object: a mapping of fields, or any single value; None if there is no such object."""

    def write(self, object: str, value: Any) -> None:  # noqa: A002 - as above
        """Put a whole value in the place of an object's, or make it."""

    def delete(self, object: str) -> None:  # noqa: A002 - as above
        """Remove an object."""


class MappingTarget:
    """A mapping from ids to values."""

    def __init__(self, objects: MutableMapping[str, Any]) -> None:
        self._objects = objects

    def read(self, object: str) -> Any:  # noqa: A002 - as above
        """See `Guardable`, as for the others."""
        return self._objects.get(object)

    def write(self, object: str, value: Any) -> None:  # noqa: A002 - as above
        """See `Guardable`."""
        self._objects[object] = value

    def delete(self, object: str) -> None:  # noqa: A002 - as above
        """See `Guardable`."""
        del self._objects[object]


class TrackedTarget:
    """One tracked mapping: a write sets only the fields that change, so that it records no more than that."""

    def __init__(self, tracked: Any) -> None:
        self._tracked = tracked

    def read(self, object: str) -> Any:  # noqa: A002 - as above
        """See `Guardable`, as for the others. Nothing of it is recorded: that is for whoever reads on purpose."""
        if object != self._tracked.object_id:
            return None
        with self._tracked._root.lock:  # noqa: SLF001 - there is no way to look without being seen
            return dict(self._tracked._origin)  # noqa: SLF001 - as above

    def give(self, key: str | None) -> Any:
        """What a reader gets, of a field or of all of them: this is recorded."""
        return self._tracked.copy() if key is None else self._tracked[key]

    def write(self, object: str, value: Any) -> None:  # noqa: A002 - as above
        """See `Guardable`."""
        before = self.read(object)
        if before is None:
            raise DriftlineError(f"{object} is not the object that is guarded", f"write {self._tracked.object_id}")
        for key in before:
            if key not in value:
                del self._tracked[key]
        for key, item in value.items():
            if key not in before or encode_whole(before[key]) != encode_whole(item):
                self._tracked[key] = item

    def delete(self, object: str) -> None:  # noqa: A002 - as above
        """See `Guardable`."""
        raise DriftlineError(f"{object} is a tracked object, which is not deleted", "remove its fields")


def fields_in(value: Any) -> dict[str, Any]:
    """What stands in an object, by JSON Pointer: whatever is no JSON in the form in which a trace has it.

    Example:
        >>> fields_in({"a": {"b": (1, 2)}, "c": {3}}), fields_in(5)
        ({'/a/b': [1, 2], '/c': [3]}, {'': 5})
    """
    whole = msgspec.json.decode(encode_whole(value))
    return dict(_leaves(whole, "", DEPTH)) if isinstance(whole, dict) else {"": whole}


def _leaves(value: Mapping[str, Any], prefix: str, depth: int) -> Any:
    for key, item in value.items():
        path = prefix + pointer(key)
        if isinstance(item, dict) and item and depth > 1:
            yield from _leaves(item, path, depth - 1)
        else:
            yield path, item
