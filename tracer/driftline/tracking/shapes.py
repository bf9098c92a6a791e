"""Where the objects of a class keep their state: which attributes are fields, and how to reach them as they are.

Everything here goes past the class's own `__getattribute__`, its properties and our descriptors: looking at state runs
none of the program's code. What made a class is told by the marks that it leaves on it, so that neither attrs nor
pydantic need be imported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import lru_cache
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final, cast

from driftline.canonical import items_of
from driftline.values import ABSENT

_HEAP: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement, rather than built in
#: What has a value that no attribute shows, or is nothing that one would share.
_VALUES: Final = (
    str, bytes, bytearray, int, float, complex, tuple, list, dict, set, frozenset, type, BaseException, Enum,
)  # fmt: skip


class Tracked:
    """Base of what `track` makes and gives out. In front of the class whose instance it is for all other purposes.

    Its methods are abstract without being declared so: `ABC` has a metaclass, which would clash with that of a
    program's class. Whatever is made of it has them, so nobody ever meets the error.
    """

    __slots__ = ()
    _driftline_shape: Shape | None = None  # of the class that it is an instance of for all other purposes

    def _driftline_self(self) -> tuple[str | None, Any]:
        """The object's own id, if it has one, and what stands in tracked objects in its place."""
        raise NotImplementedError

    def _driftline_content(self) -> Any:
        """The program's object that holds the content."""
        raise NotImplementedError


def origin_of(value: Any) -> Any:
    """The program's object that a view stands for; anything else as it is."""
    return type(value)._driftline_self(value)[1] if Tracked in type(value).__mro__ else value


class Shape:
    """How the state of one class's instances is read and written.

    Attributes:
        cls: The class.
        library: What declares its fields: `dataclass`, `attrs` or `pydantic`; None if whatever an instance has is one.
    """

    __slots__ = ("_declared", "_dict", "_extra", "_slots", "cls", "library")

    def __init__(self, cls: type, library: str | None, declared: tuple[str, ...] = ()) -> None:
        self.cls = cls
        self.library = library
        self._declared = declared
        self._slots: dict[str, Any] = {}
        self._extra = library == "pydantic" and (mark_on(cls, "model_config") or {}).get("extra") == "allow"
        self._dict: Any = None  # the descriptor of `__dict__`
        for base in reversed(cls.__mro__):
            if base.__flags__ & _HEAP and library != "pydantic":  # whose slots hold its own books
                self._slots.update((n, m) for n, m in vars(base).items() if type(m) is MemberDescriptorType)
            own = vars(base).get("__dict__")
            if type(own) is GetSetDescriptorType:
                self._dict = own

    @property
    def has_dict(self) -> bool:
        """Whether instances have a `__dict__`."""
        return self._dict is not None

    @property
    def has_state(self) -> bool:
        """Whether instances have anything to look at."""
        return self.has_dict or bool(self._slots)

    def dict_of(self, instance: object) -> dict[str, Any]:
        """An instance's `__dict__`, the real one; an empty one if it has none."""
        return {} if self._dict is None else self._dict.__get__(instance)

    def replace_dict(self, instance: object, state: dict[str, Any]) -> None:
        """Give an instance, which has one, another `__dict__`."""
        if self._dict is not None:
            self._dict.__set__(instance, state)

    def is_field(self, name: str) -> bool:
        """Whether an attribute of this name is state, rather than a property, a method or a cached result."""
        if name in self._slots:
            return not self.library or name in self._declared
        inherited = type(mark_on(self.cls, name))
        if name in self._declared:  # an instance's own comes before what is no data descriptor
            return not hasattr(inherited, "__set__")
        if self.library and (not self._extra or name.startswith("_")):
            return False
        return not hasattr(inherited, "__get__")

    def is_slot(self, name: str) -> bool:
        """Whether a field is kept in a slot."""
        return name in self._slots

    def names(self, instance: object) -> Iterable[str]:
        """The names of fields that an instance may have: those that its class has, and those that it has besides."""
        found = self._declared if self.library else (*self._slots, *self.dict_of(instance))
        return filter(self.is_field, (*found, *self._extras(instance)))

    def members(self, instance: object) -> dict[str, Any]:
        """All fields of an instance that are set, with their values as they are."""
        found = {name: self.get(instance, name) for name in self.names(instance)}
        return {name: value for name, value in found.items() if value is not ABSENT}

    def get(self, instance: object, name: str) -> Any:
        """A field's value as it is; `ABSENT` if the instance has none."""
        member = self._slots.get(name)
        if member is not None:
            try:
                return member.__get__(instance)
            except AttributeError:
                return ABSENT
        value = self.dict_of(instance).get(name, ABSENT)
        return self._extras(instance).get(name, ABSENT) if value is ABSENT else value

    def set(self, instance: object, name: str, value: object) -> None:
        """Set a field, as `object.__setattr__` does."""
        member = self._slots.get(name)
        if member is not None:
            member.__set__(instance, value)
        else:
            self.dict_of(instance)[name] = value

    def delete(self, instance: object, name: str) -> None:
        """Remove a field that is set."""
        member = self._slots.get(name)
        if member is not None:
            member.__delete__(instance)
        else:
            del self.dict_of(instance)[name]

    def _extras(self, instance: object) -> dict[str, Any]:
        return (getattr(instance, "__pydantic_extra__", None) or {}) if self._extra else {}


def mark_on(cls: type, name: str) -> Any:
    """What a class or one of its bases has under a name, as it is; `ABSENT` if nothing.

    Example:
        >>> mark_on(bool, "real") is int.__dict__["real"], mark_on(bool, "nothing")
        (True, driftline.ABSENT)
    """
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return ABSENT


def shape_of(cls: type) -> Shape | None:
    """How a class's instances keep their state; None if they are no objects with fields.

    Example:
        >>> shape_of(int), shape_of(list)
        (None, None)
        >>> class Plan:
        ...     def __init__(self):
        ...         self.goal = "g"
        >>> shape_of(Plan).members(Plan())
        {'goal': 'g'}
    """
    if Tracked in cls.__mro__:
        known: Shape | None = mark_on(cls, "_driftline_shape")
        return known
    return _find_shape(cls)


@lru_cache(1024)  # not for ever: a shape holds its class
def _find_shape(cls: type) -> Shape | None:
    if not cls.__flags__ & _HEAP or issubclass(cls, _VALUES):
        return None
    if mark_on(cls, "__dataclass_fields__") is not ABSENT:
        return Shape(cls, "dataclass", tuple(field.name for field in dataclasses.fields(cast("Any", cls))))
    declared = mark_on(cls, "__attrs_attrs__")
    if declared is not ABSENT:
        return Shape(cls, "attrs", tuple(field.name for field in declared))
    declared = mark_on(cls, "__pydantic_fields__")
    if declared is not ABSENT:
        return Shape(cls, "pydantic", tuple(declared))
    shape = Shape(cls, None)
    return shape if shape.has_state else None


def members(value: Any) -> Iterable[tuple[Any, Any]]:
    """The members of a mapping, or of an object with fields, as they are."""
    if issubclass(type(value), Mapping):
        return list(items_of(value))
    shape = shape_of(type(value))
    return shape.members(value).items() if shape is not None else ()


def member(value: Any, key: Any) -> Any:
    """What a mapping or an object holds under a key or as a field, as it is; `ABSENT` if nothing."""
    value = origin_of(value)
    kind = type(value)
    if issubclass(kind, dict):
        return dict.get(value, key, ABSENT)  # a defaultdict makes no key of it
    if issubclass(kind, Mapping):
        try:
            return value[key]
        except Exception:  # noqa: BLE001 - the program's mapping
            return ABSENT
    shape = shape_of(kind)
    return ABSENT if shape is None else shape.get(value, key)
