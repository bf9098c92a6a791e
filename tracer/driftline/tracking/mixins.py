"""What tracked objects do in another way than their class: these come before it in the order of method resolution."""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, SupportsIndex

from driftline.tracking.access import see, see_found, see_member
from driftline.tracking.adopt import adopt
from driftline.tracking.change import Change
from driftline.tracking.records import Record, forget, record_of
from driftline.tracking.root import Root
from driftline.tracking.shapes import Shape, Tracked, mark_on, origin_of
from driftline.values import ABSENT, SCALARS, pointer

_CACHED_PROPERTY: Final = cached_property.__get__.__code__
class_slot: Final[Any] = object.__dict__["__class__"]


class Field:
    """One field of a tracked class: what goes through it is recorded.

    Args:
        shape: How the class's instances keep their state.
        name: The field's.
    """

    __slots__ = ("_name", "_shape")

    def __init__(self, shape: Shape, name: str) -> None:
        self._shape = shape
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        shape, name = self._shape, self._name
        if instance is None:
            return getattr(shape.cls, name)
        record = record_of(instance)
        if record is None:
            value = shape.get(instance, name)
        elif record.root is not None:  # the common case, by the short way
            value = self._of_root(instance, record, record.root)
        else:
            value = see_member(instance, record.locations, name, lambda: shape.get(instance, name))
        return value if value is not ABSENT else self._of_class(instance)

    def _of_root(self, instance: Any, record: Record, root: Root) -> Any:
        """The field of an object that is tracked as one of its own."""
        recorder = root.meet()
        with root.lock:
            value = self._shape.get(instance, self._name)
            if recorder is not None:
                try:
                    see_found(recorder, record.locations[0], self._name, value)
                except Exception as fault:  # noqa: BLE001 - never into the program
                    recorder.fault("track", fault)
        return value if value is ABSENT else adopt(value, record.locations, self._name)

    def _of_class(self, instance: Any) -> Any:
        """What the class has for an instance that has nothing."""
        cls, name = self._shape.cls, self._name
        value = mark_on(cls, name)
        if value is ABSENT or self._shape.is_slot(name):
            raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}", name=name, obj=instance)
        return value.__get__(instance, cls) if hasattr(type(value), "__get__") else value

    def __set__(self, instance: Any, value: Any) -> None:
        shape, name = self._shape, self._name
        record = record_of(instance)
        if record is None:
            shape.set(instance, name, origin_of(value))
            return
        root = record.root
        if root is not None and type(value) in SCALARS:  # the common case, by the short way
            recorder = root.meet()
            with root.lock:
                old = shape.get(instance, name)
                if type(old) in SCALARS or old is ABSENT:
                    shape.set(instance, name, value)
                    root.set_scalar(recorder, pointer(name), value)
                    return
        value = origin_of(value)
        with Change(instance, record.locations, {name: value}):
            shape.set(instance, name, value)

    def __delete__(self, instance: Any) -> None:
        shape, name = self._shape, self._name
        if shape.get(instance, name) is ABSENT:
            raise AttributeError(name, name=name, obj=instance)
        record = record_of(instance)
        if record is None:
            shape.delete(instance, name)
        else:
            with Change(instance, record.locations, {name: ABSENT}):
                shape.delete(instance, name)


class TrackedObject(Tracked):
    """What all tracked objects do in another way.

    Attributes:
        _driftline_record: Where the one instance of the class stands, if the class is made for it alone.
    """

    __slots__ = ()
    _driftline_shape: Shape
    _driftline_record = None
    _driftline_learn: Callable[[str], None]  # from here on an attribute of that name is a field, if it is state

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """The original class hears nothing of the class that takes its place."""

    def _driftline_self(self) -> tuple[str | None, Any]:
        record = record_of(self)
        return record.root.object_id if record is not None and record.root is not None else None, self

    def _driftline_content(self) -> Any:
        return self

    def _read(self) -> Any:
        """All of it is read."""
        record = record_of(self)
        if record is not None:
            see(self, record.locations, has_members=True)
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """A copy or a pickle is no longer the shared object, so it is one of the original class."""
        kind, cls = type(self), type(self)._driftline_shape.cls
        type(self)._read(self)
        reducer = copyreg.dispatch_table.get(cls)
        reduced = reducer(self) if reducer is not None else super().__reduce_ex__(protocol)
        if isinstance(reduced, str):
            return reduced
        function, arguments, *rest = reduced
        if rest:
            rest[0] = _plain_state(rest[0])
        return (
            cls if function is kind else function,
            tuple(cls if argument is kind else argument for argument in arguments),
            *rest,
        )


def _plain_state(state: Any) -> Any:
    """The state of a copy holds the program's own containers, and no views of them."""
    if type(state) is tuple:
        return tuple(map(_plain_state, state))
    if type(state) is list:  # of a frozen dataclass with slots
        return list(map(origin_of, state))
    return {name: origin_of(value) for name, value in state.items()} if type(state) is dict else state


def _get_class(self: Any) -> type:
    cls: type = type(self)._driftline_shape.cls
    return cls


def _set_class(self: Any, cls: type) -> None:
    forget(self)
    class_slot.__set__(self, cls)


#: Whoever asks an object for its class is told the original, as generated `__eq__` do.
class_property: Final = property(_get_class, _set_class)


def _get_dict(self: Any) -> dict[str, Any]:
    if sys._getframe(1).f_code is not _CACHED_PROPERTY:  # which looks for its own result, and at nothing else
        type(self)._read(self)
    return type(self)._driftline_shape.dict_of(self)  # type: ignore[no-any-return]


def _set_dict(self: Any, state: dict[str, Any]) -> None:
    shape, record = type(self)._driftline_shape, record_of(self)
    if record is None:
        shape.replace_dict(self, state)
        return
    with Change(self, record.locations, {}) as change:
        change.old = shape.members(self)
        shape.replace_dict(self, state)
        fields = {name: value for name, value in state.items() if shape.is_field(name)}
        change.members = {**dict.fromkeys(change.old, ABSENT), **fields}


#: `__dict__` of objects that have one: whoever looks at it reads all of it. What is written into it is not seen.
dict_property: Final = property(_get_dict, _set_dict)


class TrackedPlain(TrackedObject):
    """An object whose fields are whatever attributes it has."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        type(self)._driftline_learn(name)
        super().__setattr__(name, value)


class TrackedModel(TrackedObject):
    """A pydantic model: it validates what is set, and keeps it past its descriptors."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        type(self)._driftline_learn(name)
        value = origin_of(value)
        _change_model(self, name, value, lambda: super(TrackedModel, self).__setattr__(name, value))

    def __delattr__(self, name: str) -> None:
        _change_model(self, name, ABSENT, lambda: super(TrackedModel, self).__delattr__(name))


def _change_model(model: Any, name: str, given: Any, act: Callable[[], None]) -> None:
    """Let a model change itself, and record what has become of its fields."""
    record = record_of(model)
    if record is None:
        act()
        return
    shape = type(model)._driftline_shape
    with Change(model, record.locations, {}) as change:
        before = shape.members(model)
        act()
        after = shape.members(model)
        change.members = {
            field: after.get(field, ABSENT)
            for field in {**before, **after}
            if field == name or after.get(field, ABSENT) is not before.get(field, ABSENT)
        }
        if given is before.get(name):  # put back, after a mutation in place; validation may have made another of it
            before[name] = after.get(name)
        change.old = before


def plain(value: Any) -> Any:
    """What a class's own copying made, as an instance of the original class."""
    if TrackedObject in type(value).__mro__ and record_of(value) is None:
        class_slot.__set__(value, type(value)._driftline_shape.cls)
    return value


def whole_read(mixin: type, name: str) -> Any:
    """A method of the original class that reads all of the object, past its descriptors."""

    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        for one in (self, *args):
            if Tracked in type(one).__mro__:
                type(one)._read(one)
        return plain(getattr(super(mixin, self), name)(*args, **kwargs))

    return read


for _name in (
    "model_dump",
    "model_dump_json",
    "dict",
    "json",
    "copy",
    "__iter__",
    "__eq__",
    "__copy__",
    "__deepcopy__",
):
    setattr(TrackedModel, _name, whole_read(TrackedModel, _name))
