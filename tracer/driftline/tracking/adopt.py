"""What a tracked object gives out: a view of a container, an object with fields itself, the rest as it is."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final, SupportsIndex

from driftline.tracking.location import Location, settle
from driftline.tracking.shapes import Tracked
from driftline.values import SCALARS

#: Where one value stands.
Locations = list[Location]


class View(Tracked):
    """Base of the views: containers that show one of the program's, and keep it in step.

    A view is a list, dict, set or deque itself, with a memory of its own, since much of Python looks into that memory
    without asking. The program's container stays where it is, so whoever else holds it sees what happens to it.

    Attributes:
        _origin: The program's container.
        _locations: Where it stands.
        _holders: What it was found in: as long as somebody has the view, these are not gone.
    """

    __slots__ = ()
    _origin: Any
    _locations: Locations
    _holders: list[Any]

    def _driftline_self(self) -> tuple[str | None, Any]:
        return None, self._origin

    def _driftline_content(self) -> Any:
        return self._origin

    def _refresh(self) -> None:
        """Hold what the program's container holds. Abstract, as in `Tracked`: each kind of container has its own."""
        raise NotImplementedError

    def _catch_up(self) -> None:
        """Make what was done to the view's own memory, past its methods, a mutation of the program's container."""

    def _read(self) -> Any:
        """Its content, which is thereby read, as the program's container or a copy of it. Abstract, as in `Tracked`."""
        raise NotImplementedError

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._origin)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """A copy or a pickle is no longer the shared container, so it is a plain one."""
        return self._read().__reduce_ex__(max(protocol.__index__(), 2))  # older ones know containers by themselves

    def __repr__(self) -> str:
        return repr(self._origin)


def on(view: Any, origin: Any) -> Any:
    """A new view, on a container that stands nowhere yet."""
    view._origin = origin
    view._locations = []
    view._holders = []
    return view


_makers: Final[dict[type, Callable[[Any], View]]] = {}
_takers: Final[list[Callable[[Any, Locations], Locations | None]]] = []
_views: Final[dict[int, weakref.ref[View]]] = {}  # by the id of the origin, which the view holds
_making: Final = threading.RLock()  # a collection in there may end in the program's code
os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)


def give_out(
    views: Mapping[type, Callable[[Any], View]], take_in: Callable[[Any, Locations], Locations | None],
) -> None:  # fmt: skip
    """Say how `adopt` gives things out. Once: these parts of the package need each other.

    Args:
        views: What makes the views of containers of exactly these types.
        take_in: Tracks an object in place as a part of what stands at some locations; gives where it stands, None if it
            cannot tell of its changes.
    """
    _makers.update(views)
    _takers.append(take_in)


def adopt(value: Any, parents: Locations, key: Any = None, *, inside: bool = False) -> Any:
    """Give out what was found in a tracked value.

    Args:
        value: What was found, as it is.
        parents: Where the value stands in which it was found.
        key: The key or attribute name under which it was found.
        inside: Whether it was found in a list, a set or the like.
    """
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind in _makers:
        value = _view_of(value)
    elif View not in kind.__mro__ or value._driftline_self()[0] is not None:
        locations = _takers[0](value, parents)
        if locations is not None:
            _settle(value, locations, parents, key, inside=inside)
        return value
    value._catch_up()
    value._refresh()
    _settle(value._origin, value._locations, parents, key, inside=inside)
    holders = value._holders
    for parent in parents:
        holder = parent.root.holder()
        for known in holders:
            if known is holder:
                break
        else:
            holders.append(holder)
    return value


def _settle(value: Any, locations: Locations, parents: Locations, key: Any, *, inside: bool) -> None:
    try:
        for parent in parents:
            settle(value, locations, parent, key, inside=inside)
    except Exception:  # noqa: BLE001, S110 - the text of a key is the program's code: what is there is not recorded
        pass


def tells_by_members(value: Any) -> bool:
    """Whether what is given out for a value records its members one by one."""
    kind = type(value)
    if View in kind.__mro__:
        return issubclass(kind, dict) and value._driftline_self()[0] is None
    return issubclass(kind, dict) if kind in _makers else _takers[0](value, []) is not None


def _view_of(origin: Any) -> View:
    key = id(origin)
    known = _views.get(key)
    view = None if known is None else known()
    if view is None:
        with _making:
            known = _views.get(key)
            view = None if known is None else known()
            if view is None:
                view = _makers[type(origin)](origin)
                _views[key] = weakref.ref(view, lambda gone: _forget(key, gone))
    return view


def _forget(key: int, gone: weakref.ref[View]) -> None:
    if _views.get(key) is gone:  # and not the next view of the same container, or of the next one at its address
        _views.pop(key, None)
