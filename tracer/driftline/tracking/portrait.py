"""What a value looks like in the trace: objects by their fields, tracked objects by their id, the rest as it is.

`canonical.py` turns the result into JSON, and need know nothing of tracking.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from driftline.canonical import has_form, name_of
from driftline.tracking.shapes import Shape, Tracked, mark_on, members, shape_of
from driftline.values import ABSENT, SCALARS, encode_payload, freeze, pointer

_NESTING_LIMIT: Final = 64
_SIZE_LIMIT: Final = 1_000_000  # containers; bounds what values that share their parts may cost
_AS_THEY_ARE: Final = (
    str, int, float, bytes, bytearray, memoryview, date, time, timedelta, UUID, Decimal, Enum, Struct,
)  # fmt: skip
_PLAIN_REPR: Final = object.__dict__["__repr__"]
_NAMED: Final = (type, FunctionType, BuiltinFunctionType, ModuleType)

#: (JSON Pointer, object id) of each tracked object in a portrait.
References = list[tuple[str, str]]
#: The keys from the value portrayed to a part of it, innermost first: most are never looked at.
_Trail = tuple[Any, Any] | None
_Maker = Callable[[Iterator[tuple[Any, Any]]], Any]


class _Reference(Struct, rename={"id": "$ref"}):
    """Stands for a tracked object. A structure, since the fields of a mapping would become fields of the object."""

    id: str


class _Opaque(Struct, rename={"type": "$type"}, omit_defaults=True):
    """Stands for what JSON has no form for."""

    type: str
    attributes: dict[str, Any] | None = None


class Portrayer:
    """Takes one portrait.

    Args:
        path: JSON Pointer of what is portrayed.
        found: Takes the tracked objects met, with the place of each.
    """

    def __init__(self, path: str, found: References) -> None:
        self._path = path
        self._found = found
        self._open: set[int] = set()  # ids of the containers being portrayed: meeting one again is a cycle
        self._left = _SIZE_LIMIT
        self._in_opaque = False

    def portray(self, value: Any, trail: _Trail = None) -> Any:
        """The portrait of a value, which may be a tracked object."""
        kind = type(value)
        if kind in SCALARS or value is ABSENT:
            return value
        if kind is dict or kind is list:
            return self.inside(value, trail)
        if Tracked in kind.__mro__:  # not isinstance, which asks the object for its class
            own_id, value = type(value)._driftline_self(value)
            if own_id is not None:
                self._found.append((self._path + _pointer(trail), own_id))
                return _Reference(own_id)
        return self.inside(value, trail)

    def inside(self, value: Any, trail: _Trail = None) -> Any:
        """The portrait of a value by its content, even if it is tracked."""
        try:
            parts, make = self._parts(value)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - items and text may be the program's code: the canonical form says so
            return value
        if make is None:
            return parts
        if id(value) in self._open:
            return _Opaque("driftline.cycle")
        if len(self._open) >= _NESTING_LIMIT:
            return _Opaque("driftline.too-deep")
        self._left -= 1
        if self._left < 0:
            return _Opaque("driftline.too-large")
        self._open.add(id(value))
        try:
            portray = self.portray
            return make((key, portray(item, (trail, key))) for key, item in parts)
        finally:
            self._open.discard(id(value))

    def _parts(self, value: Any) -> tuple[Any, _Maker | None]:
        """What a value is made of, and how to put it together again; without a way to, it is its own portrait."""
        kind = type(value)
        is_sequence = issubclass(kind, (list, tuple))
        if is_sequence or issubclass(kind, (set, frozenset, deque)):
            if kind is not deque and SCALARS.issuperset(map(type, value)):
                return value, None
            return list(enumerate(value)), _sequence if is_sequence or kind is deque else _sorted
        if issubclass(kind, _AS_THEY_ARE) or (kind is dict and SCALARS.issuperset(map(type, value.values()))):
            return value, None
        shape = shape_of(kind)
        if issubclass(kind, Mapping) or (shape is not None and shape.library):
            return list(members(value)), dict
        return self._opaque(value, shape)

    def _opaque(self, value: Any, shape: Shape | None) -> tuple[Any, _Maker | None]:
        """An object that the canonical form knows nothing of but its type and its text.

        A text in angle brackets is by convention no value: it says which object this is, and what it does just now.
        Such an object is told by its type, and by its attributes if it has no text of its own.
        """
        kind = type(value)
        if has_form(kind):
            return value, None
        if shape is not None and mark_on(kind, "__repr__") is _PLAIN_REPR and not self._in_opaque:
            return list(members(value)), self._attributes(name_of(kind))
        if issubclass(kind, _NAMED) or not repr(value).startswith("<"):
            return value, None
        return _Opaque(name_of(kind)), None

    def _attributes(self, name: str) -> _Maker:
        """Put an object together from its attributes; another inside it is told by its type alone."""

        def make(attributes: Iterable[tuple[Any, Any]]) -> _Opaque:
            self._in_opaque = True
            try:
                return _Opaque(name, attributes=dict(attributes))
            finally:
                self._in_opaque = False

        return make


def _pointer(trail: _Trail) -> str:
    path = ""
    while trail is not None:
        trail, key = trail
        path = pointer(key) + path
    return path


def _sequence(parts: Iterable[tuple[Any, Any]]) -> list[Any]:
    return [item for _, item in parts]


def _sorted(parts: Iterable[tuple[Any, Any]]) -> list[Any]:
    return sorted((item for _, item in parts), key=lambda item: encode_payload(freeze(item)))
