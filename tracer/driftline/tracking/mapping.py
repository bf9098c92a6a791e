"""`TrackedMapping` and `TrackedList`: containers that are shared objects themselves, and hold their content alone."""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from driftline.tracking.access import see_found
from driftline.tracking.adopt import adopt, on
from driftline.tracking.dicts import DictView, refresh
from driftline.tracking.lists import ListView
from driftline.tracking.location import Location
from driftline.tracking.root import Root
from driftline.values import ABSENT, SCALARS, pointer

K = TypeVar("K")
V = TypeVar("V")


class TrackedMapping(DictView[K, V]):
    """A shared dict whose every read and write is recorded, with the version that it saw or made.

    It is the store itself, so its versions are true ones: each write makes the next. A value that is a nested mapping
    is recorded leaf by leaf; every other value is one field. Safe to share between threads.

    Attributes:
        object_id: Id of the object in the trace.
        object_type: Its type.
    """

    __slots__ = ("_root", "object_id", "object_type")
    _make_missing: Callable[[Any], Any]  # of all views of dicts

    def __new__(cls, *args: Any, object_id: str | None = None, **kwargs: Any) -> Any:
        """Without an id, the dict that `dict` would make: so does whoever copies a mapping by its type."""
        return dict(*args, **kwargs) if object_id is None else dict.__new__(cls)

    def __init__(
        self,
        data: Mapping[K, V],
        *,
        object_id: str,
        object_type: str | None,
        references: Iterable[str] = (),
        depth: int | None = None,
    ) -> None:
        on(self, data.copy() if type(data) is defaultdict else dict(data))
        self._refresh()
        self.object_id = object_id
        self.object_type = object_type
        self._root = Root(weakref.ref(self), object_id, object_type, references, depth=depth)
        self._locations.append(Location(self._root))
        self._root.meet()

    def __getitem__(self, key: K) -> V:
        root = self._root
        recorder = root.meet()
        with root.lock:
            value: Any = self._origin.get(key, ABSENT)
            is_scalar = type(value) in SCALARS
            if recorder is not None:
                try:
                    if is_scalar:
                        root.saw(recorder, pointer(key), value)
                    else:
                        see_found(recorder, self._locations[0], key, value)
                except Exception as fault:  # noqa: BLE001 - never into the program
                    recorder.fault("track", fault)
        if value is ABSENT:
            return cast("V", self._make_missing(key))
        return cast("V", value if is_scalar else adopt(value, self._locations, key))

    def __setitem__(self, key: K, value: V) -> None:
        root = self._root
        if type(value) in SCALARS and type(key) is str:
            recorder = root.meet()
            with root.lock:
                if type(self._origin.get(key)) in SCALARS:
                    self._origin[key] = value
                    dict.__setitem__(self, key, value)
                    root.set_scalar(recorder, pointer(key), value)
                    return
        super().__setitem__(key, value)

    def replace(self, data: Mapping[K, V]) -> None:
        """Set the whole mapping in one version, as a full write: keys that `data` omits are gone."""
        root = self._root
        data = dict(data)
        recorder = root.meet()
        with root.lock:
            self._origin.clear()
            self._origin.update(data)
            refresh(self, self._origin)
            root.next_version(recorder)
            if recorder is not None:
                root.write_whole(recorder)

    def clear(self) -> None:
        """Remove every field in one version."""
        self.replace({})

    def copy(self) -> dict[K, V]:
        """The whole mapping as a plain dict; recorded as a read of the whole object."""
        return super().copy()

    def _driftline_self(self) -> tuple[str | None, Any]:
        return self.object_id, self

    def __repr__(self) -> str:
        return f"track({self._origin!r}, id={self.object_id!r})"


class TrackedList(ListView[V]):
    """A shared list whose every read and write is recorded: it is one value, and each mutation makes a version of it.

    Attributes:
        object_id: Id of the object in the trace.
        object_type: Its type.
    """

    __slots__ = ("_root", "object_id", "object_type")

    def __new__(cls, *args: Any, object_id: str | None = None, **_kwargs: Any) -> Any:
        """Without an id, the list that `list` would make: so does whoever copies a list by its type."""
        return list(*args) if object_id is None else list.__new__(cls)

    def __init__(
        self,
        data: Iterable[V],
        *,
        object_id: str,
        object_type: str | None,
        references: Iterable[str] = (),
        depth: int | None = None,
    ) -> None:
        on(self, list(data))
        self._refresh()
        self.object_id = object_id
        self.object_type = object_type
        self._root = Root(weakref.ref(self), object_id, object_type, references, depth=depth, is_one_value=True)
        self._locations.append(Location(self._root))
        self._root.meet()

    def _driftline_self(self) -> tuple[str | None, Any]:
        return self.object_id, self

    def __repr__(self) -> str:
        return f"track({self._origin!r}, id={self.object_id!r})"
