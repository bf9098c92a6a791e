"""Views of sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeVar

from driftline.tracking.access import see
from driftline.tracking.adopt import View, adopt, on
from driftline.tracking.views import grafted

V = TypeVar("V")

_READS: Final = (
    "__contains__", "__len__", "__and__", "__or__", "__sub__", "__xor__", "__rand__", "__ror__", "__rsub__", "__rxor__",
    "__lt__", "__le__", "__gt__", "__ge__", "issubset", "issuperset", "isdisjoint", "union", "intersection",
    "difference", "symmetric_difference", "copy",
)  # fmt: skip
_WRITES: Final = (
    "__iand__", "__ior__", "__isub__", "__ixor__", "add", "discard", "remove", "pop", "clear", "update",
    "intersection_update", "difference_update", "symmetric_difference_update",
)  # fmt: skip


class _Set:
    def _read(self: Any) -> Any:
        see(self._origin, self._locations, has_members=False)
        return self._origin

    def __iter__(self: Any) -> Iterator[Any]:
        self._read()
        for item in self._origin:
            yield adopt(item, self._locations, inside=True)


@grafted(_Set, reads=_READS, writes=_WRITES)
class SetView(View, set[V]):
    """A set that stands in a tracked object."""

    __slots__ = ("_holders", "_locations", "_origin")

    def __new__(cls, *args: Any) -> Any:
        """Only this package makes views: `type(view)(…)` makes what it would make of the original."""
        return set(*args)

    def _refresh(self) -> None:
        set.update(self, self._origin)  # never empty in between: others may be looking
        if set.__len__(self) != len(self._origin):
            set.intersection_update(self, self._origin)


def set_view(origin: set[V]) -> View:
    """The view of a set."""
    view: SetView[V] = on(set.__new__(SetView), origin)
    return view
