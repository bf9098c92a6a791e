"""Objects with fields, tracked in place: a subclass made for the purpose becomes the class of the object itself.

So the object stays the one that the program knows, with its identity, its attributes and its methods. Its new class has
no state of its own (`__slots__ = ()`), says that it is the original (`__class__`), and has a descriptor for each field,
which records what goes through it. Where an object stands is kept in a side table that does not keep the object alive.
An object that allows no weak reference gets a class of its own instead, which holds this and is collected with it.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable
from typing import Any, Final
from weakref import WeakSet

from driftline.tracking.adopt import Locations
from driftline.tracking.change import Change
from driftline.tracking.location import Location
from driftline.tracking.mixins import (
    Field,
    TrackedModel,
    TrackedObject,
    TrackedPlain,
    class_property,
    class_slot,
    dict_property,
    whole_read,
)
from driftline.tracking.records import Record, forget, record_of
from driftline.tracking.root import Root
from driftline.tracking.shapes import Shape, mark_on, shape_of
from driftline.values import ABSENT

_making: Final = threading.RLock()  # a collection in there may end in the program's code
os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)
_refused: Final[WeakSet[type]] = WeakSet()


def track_object(
    instance: Any, object_id: str, object_type: str | None, references: Iterable[str], depth: int | None,
) -> Root:  # fmt: skip
    """Track an object as one of its own, unless it is already.

    Returns:
        What is known of it.

    Raises:
        TypeError: If its class allows no other class in its place.
    """
    record = attach(instance, alone=False)
    is_strong = type(instance)._driftline_record is record
    holder = (lambda: instance) if is_strong else weakref.ref(instance)
    root = Root(holder, object_id, object_type, references, depth=depth, is_strong=is_strong)
    with Change(instance, list(record.locations)):  # what it was a part of refers to it from now on
        with _making:
            if record.root is not None:  # another thread was faster
                return record.root
            record.root = root
            record.locations[:] = [Location(root)]
        root.meet()
    return root


def root_of(instance: Any) -> Root | None:
    """What is known of an object that is tracked as one of its own; None of any other."""
    record = record_of(instance) if TrackedObject in type(instance).__mro__ else None
    return record.root if record is not None else None


def attach(instance: Any, *, alone: bool) -> Record:
    """Track an object in place, unless it is already.

    Args:
        instance: The object; its class has a shape.
        alone: Whether it needs a class of its own: a record in the table would keep it alive.

    Raises:
        TypeError: If its class allows no other class in its place.
    """
    with _making:
        record = record_of(instance) if TrackedObject in type(instance).__mro__ else None
        if record is not None and not (alone and type(instance)._driftline_record is None):
            return record
        shape = shape_of(type(instance))
        assert shape is not None  # noqa: S101 - the caller has looked
        kind = _class_of(shape)
        for name in shape.names(instance):
            kind._driftline_learn(name)  # type: ignore[attr-defined] # our own class
        record = record or Record()
        if not alone:
            try:
                record.keep(instance)
            except TypeError:  # it allows no weak reference
                alone = True
        if alone:
            forget(instance)
            kind = _subclass(kind, {"_driftline_record": record})
        try:
            class_slot.__set__(instance, kind)
        except TypeError:
            forget(instance)
            raise
        return record


def _class_of(shape: Shape) -> type:
    """The tracked class for a class: the one there is, as long as Python knows of one."""
    known: type
    for known in type.__subclasses__(shape.cls):
        if known.__dict__.get("_driftline_shape") is not None:
            return known
    return _make_class(shape)


def _make_class(shape: Shape) -> type:
    cls = shape.cls
    if shape.library == "pydantic":
        mixin: type = TrackedModel
    else:
        mixin = TrackedObject if shape.library else TrackedPlain
    learned: set[str] = set()

    def learn(name: str) -> None:
        """From here on an attribute of this name goes through a descriptor, if it is a field."""
        if name not in learned:
            learned.add(name)
            if shape.is_field(name):
                type.__setattr__(kind, name, Field(shape, name))

    namespace: dict[str, Any] = {"_driftline_shape": shape, "_driftline_learn": staticmethod(learn)}
    namespace["__class__"] = class_property
    if shape.has_dict and mixin is not TrackedModel:
        namespace["__dict__"] = dict_property
    if mixin is not TrackedModel:
        for name in ("__copy__", "__deepcopy__"):
            if mark_on(cls, name) is not ABSENT:
                namespace[name] = whole_read(mixin, name)
    kind = _subclass(cls, namespace, mixin)
    return kind


def _subclass(cls: type, namespace: dict[str, Any], mixin: type | None = None) -> type:
    """A subclass that its class hears nothing of: neither its metaclass nor its `__init_subclass__` is called."""
    before = () if mixin is None else mixin.__mro__[:-1]  # all but `object`
    original = cls if mixin is not None else cls._driftline_shape.cls  # type: ignore[attr-defined] # our own class
    meta = type(
        type(cls).__name__,
        (type(cls),),
        {
            "__slots__": (),
            "mro": lambda _self: [_self, *before, *cls.__mro__],
            "__call__": lambda _self, *args, **kwargs: original(*args, **kwargs),
        },
    )
    about = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__")}
    return type.__new__(meta, cls.__name__, (cls,), {"__slots__": (), **about, **namespace})


def take_in(value: Any, parents: Locations) -> Locations | None:
    """An object found in a tracked value tells of its changes from then on, if its class declares its fields."""
    kind = type(value)
    tracked = TrackedObject in kind.__mro__
    shape = shape_of(kind)
    if shape is None or kind in _refused or (not shape.library and not tracked):
        return None
    try:
        record = attach(value, alone=any(parent.root.is_strong for parent in parents))
    except TypeError:
        _refused.add(kind)
        return None
    return None if record.root is not None else record.locations
