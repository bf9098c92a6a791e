"""Views of dicts: a read is one of the key, a mutation a write of it, as far as keys are recorded field by field."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Final, TypeVar

from driftline.tracking.access import see, see_member
from driftline.tracking.adopt import View, adopt, on
from driftline.tracking.change import Change, Held
from driftline.tracking.shapes import origin_of
from driftline.tracking.views import grafted
from driftline.values import ABSENT

K = TypeVar("K")
V = TypeVar("V")

_READS: Final = ("__len__", "__or__", "__ror__", "copy")
_NOT_GIVEN: Final = object()


class _Dict:
    def _read(self: Any) -> Any:
        with Held(self._locations):
            see(self._origin, self._locations, has_members=True)
            return self._origin.copy()

    def _find(self: Any, key: Any) -> Any:
        """The value of a key, to give out; `ABSENT` if there is none."""
        origin = self._origin
        return see_member(origin, self._locations, key, lambda: origin.get(key, ABSENT))

    def _set(self: Any, changes: Mapping[Any, Any]) -> None:
        """Set or (`ABSENT`) remove keys, as one mutation."""
        origin = self._origin
        changes = {key: origin_of(value) for key, value in changes.items()}
        with Change(origin, self._locations, changes):
            for key, value in changes.items():
                if value is ABSENT:
                    del origin[key]
                    dict.pop(self, key, None)
                else:
                    origin[key] = value
                    dict.__setitem__(self, key, value)

    # ---- reads ----------------------------------------------------------------------------------------------------

    def __getitem__(self: Any, key: Any) -> Any:
        value = self._find(key)
        return self._make_missing(key) if value is ABSENT else value

    def _make_missing(self: Any, key: Any) -> Any:
        """What a defaultdict makes of a key that it does not have."""
        factory = getattr(self._origin, "default_factory", None)
        if factory is None:
            raise KeyError(key)
        self[key] = factory()
        return self._find(key)

    def get(self: Any, key: Any, default: Any = None) -> Any:
        value = self._find(key)
        return default if value is ABSENT else value

    def __contains__(self: Any, key: object) -> bool:
        return self._find(key) is not ABSENT

    def __iter__(self: Any) -> Iterator[Any]:
        return iter(list(self._read()))

    def __reversed__(self: Any) -> Iterator[Any]:
        return iter(list(self._read())[::-1])

    def keys(self: Any) -> KeysView[Any]:
        return _Keys(self)

    def values(self: Any) -> ValuesView[Any]:
        return _Values(self)

    def items(self: Any) -> ItemsView[Any, Any]:
        return _Items(self)

    # ---- writes ---------------------------------------------------------------------------------------------------

    def __setitem__(self: Any, key: Any, value: Any) -> None:
        self._set({key: value})

    def __delitem__(self: Any, key: Any) -> None:
        with Held(self._locations):
            if key not in self._origin:
                raise KeyError(key)
            self._set({key: ABSENT})

    def update(self: Any, *args: Any, **kwargs: Any) -> None:
        changes = dict(*args, **kwargs)
        if changes:
            self._set(changes)

    def __ior__(self: Any, other: Any) -> Any:
        self.update(other)
        return self

    def clear(self: Any) -> None:
        with Held(self._locations):
            self.update(dict.fromkeys(self._origin, ABSENT))

    def pop(self: Any, key: Any, default: Any = _NOT_GIVEN) -> Any:
        with Held(self._locations):
            if self._find(key) is not ABSENT:
                value = self._origin[key]
                del self[key]
                return value
        if default is _NOT_GIVEN:
            raise KeyError(key)
        return default

    def popitem(self: Any) -> tuple[Any, Any]:
        with Held(self._locations):
            for key in reversed(self):
                return key, self.pop(key)
        raise KeyError("popitem(): dictionary is empty")

    def setdefault(self: Any, key: Any, default: Any = None) -> Any:
        with Held(self._locations):
            if self._find(key) is ABSENT:
                self[key] = default
            return self._find(key)


class _Keys(KeysView[K]):
    """The keys of a view. Like those of a dict they are live, but an iteration goes over those of one moment."""

    _mapping: Any

    def __reversed__(self) -> Iterator[K]:
        return iter(list(self)[::-1])


class _Items(ItemsView[K, V]):
    _mapping: Any

    def __iter__(self) -> Iterator[tuple[K, V]]:
        view = self._mapping
        return iter([(key, adopt(value, view._locations, key)) for key, value in view._read().items()])

    def __reversed__(self) -> Iterator[tuple[K, V]]:
        return iter(list(self)[::-1])


class _Values(ValuesView[V]):
    _mapping: Any

    def __iter__(self) -> Iterator[V]:
        return iter([value for _, value in _Items(self._mapping)])

    def __reversed__(self) -> Iterator[V]:
        return iter(list(self)[::-1])


@grafted(_Dict, reads=_READS)
class DictView(View, dict[K, V]):
    """A dict that stands in a tracked object."""

    __slots__ = ("__weakref__", "_holders", "_locations", "_origin")

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Only this package makes views: `type(view)(…)` makes what it would make of the original."""
        return dict(*args, **kwargs)

    def _refresh(self) -> None:
        refresh(self, self._origin)

    @classmethod
    def fromkeys(cls, *args: Any) -> dict[Any, Any]:
        """A dict of its own."""
        return dict.fromkeys(*args)


@grafted(_Dict, reads=_READS)
class DefaultDictView(View, defaultdict[K, V]):
    """A defaultdict that stands in a tracked object."""

    __slots__ = ("__weakref__", "_holders", "_locations", "_origin")

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """See `DictView`."""
        return defaultdict(*args, **kwargs)

    def _refresh(self) -> None:
        refresh(self, self._origin)


def refresh(view: dict[Any, Any], origin: dict[Any, Any]) -> None:
    """Make one dict hold what another holds. It is never empty in between: others may be looking."""
    dict.update(view, origin)
    if dict.__len__(view) != len(origin):
        for key in [key for key in dict.keys(view) if key not in origin]:
            dict.pop(view, key, None)


def dict_view(origin: dict[K, V]) -> View:
    """The view of a dict."""
    view: DictView[K, V] = on(dict.__new__(DictView), origin)
    return view


def default_dict_view(origin: defaultdict[K, V]) -> View:
    """The view of a defaultdict."""
    view: DefaultDictView[K, V] = on(defaultdict.__new__(DefaultDictView), origin)
    defaultdict.__init__(view, origin.default_factory)
    return view
