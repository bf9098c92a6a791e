"""`track`: from here on a value tells of what is done to it."""

from __future__ import annotations

import builtins
import itertools
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar, overload

from driftline.errors import DriftlineError
from driftline.tracking.adopt import give_out
from driftline.tracking.dicts import default_dict_view, dict_view
from driftline.tracking.lists import deque_view, list_view
from driftline.tracking.mapping import TrackedList, TrackedMapping
from driftline.tracking.objects import root_of, take_in, track_object
from driftline.tracking.root import Root
from driftline.tracking.sets import set_view
from driftline.tracking.shapes import shape_of

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

_numbers: Final = itertools.count(1)

give_out({list: list_view, deque: deque_view, set: set_view, dict: dict_view, defaultdict: default_dict_view}, take_in)


@overload
def track(
    value: Mapping[K, V],
    *,
    id: str | None = None,
    type: str | None = None,
    references: Iterable[str] = (),
    depth: int | None = None,
) -> TrackedMapping[K, V]: ...
@overload
def track(
    value: list[V],
    *,
    id: str | None = None,
    type: str | None = None,
    references: Iterable[str] = (),
    depth: int | None = None,
) -> TrackedList[V]: ...
@overload
def track(
    value: T,
    *,
    id: str | None = None,
    type: str | None = None,
    references: Iterable[str] = (),
    depth: int | None = None,
) -> T: ...
def track(
    value: Any,
    *,
    id: str | None = None,  # noqa: A002 - the model's word
    type: str | None = None,  # noqa: A002 - the model's word
    references: Iterable[str] = (),
    depth: int | None = None,
) -> Any:
    """Make a shared object record its own reads and writes.

    docs/tracking.md says what is seen, what is detected later, and what neither. It works the same while nothing
    records.

    Args:
        value: A mapping or a list: its content is copied, one level deep. Or an object with fields (a dataclass, an
            attrs class, a pydantic model, any object with attributes): it is tracked in place.
        id: Id of the object in the trace, such as `context/42`; None makes one from the type.
        type: Its type; None takes the part of the id before the slash, or an object's class.
        references: JSON Pointers of the fields whose text names another object; `*` stands for any one segment.
        depth: How many levels of nested mappings and objects become fields; None: as many as in the recording.

    Returns:
        For a mapping a `TrackedMapping`, for a list a `TrackedList`, to be used in its place; an object itself.

    Raises:
        TypeError: If `value` is nothing that can be tracked.
        DriftlineError: If it is tracked already under another id, or an argument is no good.

    Example:
        >>> ctx = track({"facts": [], "summary": ""}, id="context/42")
        >>> ctx["facts"].append("f1")
        >>> ctx
        track({'facts': ['f1'], 'summary': ''}, id='context/42')
    """
    if depth is not None and depth < 1:
        raise DriftlineError(f"depth={depth}: an object has at least one level", "pass depth=1 or more")
    cls = builtins.type(value)  # asking the value for its class may run its own code
    known = value._root if issubclass(cls, (TrackedMapping, TrackedList)) else root_of(value)
    if known is not None:
        return _as_known(value, known, id)
    kind = type if type is not None else id.partition("/")[0] if id is not None and "/" in id else None
    if issubclass(cls, Mapping):
        return TrackedMapping(
            value, object_id=_id(id, kind, "mapping"), object_type=kind, references=references, depth=depth
        )
    if issubclass(cls, list):
        return TrackedList(value, object_id=_id(id, kind, "list"), object_type=kind, references=references, depth=depth)
    shape = shape_of(cls)
    if shape is None:
        raise TypeError(
            f"track() takes a mapping, a list or an object with attributes (a dataclass, an attrs class, a pydantic"
            f" model, a plain object), not {cls.__name__}"
        )
    kind = kind or shape.cls.__name__.lower()
    try:
        known = track_object(value, _id(id, kind, kind), kind, references, depth)
    except TypeError as fault:
        raise TypeError(
            f"track() cannot stand in for {shape.cls.__qualname__} ({fault}): track a mapping of its state, or record"
            " its reads and writes with driftline.read and driftline.write"
        ) from fault
    return _as_known(value, known, id)


def _as_known(value: Any, known: Root, object_id: str | None) -> Any:
    if object_id is not None and object_id != known.object_id:
        raise DriftlineError(
            f"this object is tracked already, as {known.object_id}, and cannot be {object_id} too",
            "track it once, and pass on what track() gave you",
        )
    return value


def _id(given: str | None, kind: str | None, otherwise: str) -> str:
    return given if given is not None else f"{kind or otherwise}/{next(_numbers)}"
