"""How the methods of a container become those of its view: done to the program's container, and recorded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from driftline.tracking.adopt import View
from driftline.tracking.change import Change
from driftline.tracking.shapes import origin_of

C = TypeVar("C", bound=type)


def grafted(methods: type, *, reads: Iterable[str] = (), writes: Iterable[str] = ()) -> Callable[[C], C]:
    """Give a view its methods.

    They are put into the finished class, so that type checkers see the signatures of the container that it shows.

    Args:
        methods: Those that are written out.
        reads: Names of methods of the container that read all of it, and nothing else.
        writes: Names of methods of the container that mutate it.
    """

    def graft(view: C) -> C:
        container = next(base for base in view.__mro__ if base.__module__ in {"builtins", "collections"})
        for name in (*reads, "__eq__", "__ne__"):
            setattr(view, name, _reading(getattr(container, name)))
        for name in writes:
            setattr(view, name, _mutating(getattr(container, name)))
        for name, method in vars(methods).items():
            if callable(method):
                setattr(view, name, method)
        return view

    return graft


def _reading(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        content = self._read()
        return method(content, *(one._read() if View in type(one).__mro__ else one for one in args), **kwargs)

    return read


def _mutating(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def mutate(self: Any, *args: Any, **kwargs: Any) -> Any:
        origin = self._origin
        args = tuple(map(origin_of, args))
        self._catch_up()
        with Change(origin, self._locations):
            try:
                result = method(origin, *args, **kwargs)
            finally:
                self._refresh()
        return self if result is origin else result

    return mutate
