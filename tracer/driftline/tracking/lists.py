"""Views of lists and deques: a read is one of the field in which they stand, a mutation a write of it."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

from driftline.tracking.access import see
from driftline.tracking.adopt import View, adopt, on
from driftline.tracking.change import Change
from driftline.tracking.shapes import origin_of
from driftline.tracking.views import grafted
from driftline.values import SCALARS

V = TypeVar("V")

_READS: Final = (
    "__contains__", "__len__", "__add__", "__mul__", "__rmul__", "__lt__", "__le__", "__gt__", "__ge__", "count",
    "index", "copy",
)  # fmt: skip
_WRITES: Final = ("__delitem__", "__imul__", "append", "insert", "remove", "pop", "clear", "reverse")


class _Sequence:
    """What lists and deques have in common."""

    def _read(self: Any) -> Any:
        self._catch_up()
        see(self._origin, self._locations, has_members=False)
        return self._origin

    def __iter__(self: Any) -> Iterator[Any]:
        self._read()
        return _given_out(iter(self._origin), self)

    def __reversed__(self: Any) -> Iterator[Any]:
        self._read()
        return _given_out(reversed(self._origin), self)

    def __getitem__(self: Any, index: Any) -> Any:
        self._read()
        found = self._origin[index]
        if isinstance(index, slice):
            return list(_given_out(iter(found), self))
        return adopt(found, self._locations, inside=True)

    def __setitem__(self: Any, index: Any, value: Any) -> None:
        value = list(map(origin_of, value)) if isinstance(index, slice) else origin_of(value)
        self._catch_up()
        with Change(self._origin, self._locations):
            self._origin[index] = value
            self._refresh()

    def extend(self: Any, values: Iterable[Any]) -> None:
        items: list[Any] = []
        try:
            items.extend(map(origin_of, values))  # before the lock is taken: they may be the program's own code
        finally:
            self._catch_up()
            with Change(self._origin, self._locations):
                self._origin.extend(items)
                self._refresh()

    def __iadd__(self: Any, values: Iterable[Any]) -> Any:
        self.extend(values)
        return self


def _given_out(items: Iterator[Any], view: Any) -> Iterator[Any]:
    for item in items:
        yield item if type(item) in SCALARS else adopt(item, view._locations, inside=True)


@grafted(_Sequence, reads=_READS, writes=(*_WRITES, "sort"))
class ListView(View, list[V]):
    """A list that stands in a tracked object.

    C code for lists writes into their memory past their methods: `heapq` does. What it has written there is found by
    comparing with what was there before, and is then a mutation like any other.
    """

    __slots__ = ("__weakref__", "_before", "_holders", "_locations", "_origin")
    _before: list[V]

    def __new__(cls, *args: Any) -> Any:
        """Only this package makes views: `type(view)(…)` makes what it would make of the original."""
        return list(*args)

    def _refresh(self) -> None:
        list.__setitem__(self, slice(None), self._origin)
        self._before = self._origin.copy()

    def _catch_up(self) -> None:
        if not _same(self, self._before):
            written = list.copy(self)
            with Change(self._origin, self._locations):
                if _same(self._origin, self._before):
                    self._origin[:] = written
                self._refresh()  # if both were mutated, what others hold counts

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # it may be half made, or the interpreter half gone
            self._catch_up()


def _same(one: list[Any], other: list[Any]) -> bool:
    try:
        return list.__eq__(one, other) is True  # the same items, at a nanosecond each; only others are asked
    except Exception:  # noqa: BLE001 - items' `__eq__` is the program's code
        return False


@grafted(_Sequence, reads=_READS, writes=(*_WRITES, "appendleft", "popleft", "rotate"))
class DequeView(View, deque[V]):
    """A deque that stands in a tracked object."""

    __slots__ = ("_holders", "_locations", "_origin")

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """See `ListView`."""
        return deque(*args, **kwargs)

    def extendleft(self, values: Iterable[V]) -> None:
        """Extend at the left, one by one."""
        items = list(map(origin_of, values))
        with Change(self._origin, self._locations):
            self._origin.extendleft(items)
            self._refresh()

    def _refresh(self) -> None:
        deque.clear(self)
        deque.extend(self, self._origin)


def list_view(origin: list[V]) -> View:
    """The view of a list."""
    view: ListView[V] = on(list.__new__(ListView), origin)
    view._before = []
    return view


def deque_view(origin: deque[V]) -> View:
    """The view of a deque."""
    view: DequeView[V] = on(deque.__new__(DequeView), origin)
    deque.__init__(view, (), origin.maxlen)
    return view
