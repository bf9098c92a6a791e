"""Where each object that is tracked in place stands."""

from __future__ import annotations

import weakref
from typing import Any, Final

from driftline.tracking.adopt import Locations
from driftline.tracking.root import Root


class Record:
    """Where one object stands.

    Attributes:
        root: The object as a tracked one of its own; None if it is tracked as a part of others only.
        locations: Where it stands.
    """

    __slots__ = ("_reference", "locations", "root")

    def __init__(self) -> None:
        self.root: Root | None = None
        self.locations: Locations = []
        self._reference: weakref.ref[Any] | None = None

    def keep(self, instance: object) -> None:
        """Keep this record until the instance is collected.

        Raises:
            TypeError: If it allows no weak reference.
        """
        key = id(instance)
        self._reference = weakref.ref(instance, lambda _gone: _records.pop(key, None))
        _records[key] = self


_records: Final[dict[int, Record]] = {}


def record_of(instance: Any) -> Record | None:
    """Where an object of a tracked class stands; None if it is no tracked one."""
    own: Record | None = type(instance)._driftline_record
    return own if own is not None else _records.get(id(instance))


def forget(instance: object) -> None:
    """The object is tracked no more, or by a record of its class."""
    _records.pop(id(instance), None)
