"""`tracked`: a class whose every new instance is tracked."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, overload

from driftline.session import RECORDING
from driftline.tracking.objects import root_of
from driftline.tracking.shapes import mark_on, shape_of
from driftline.tracking.track import track
from driftline.values import ABSENT, text_of

C = TypeVar("C", bound=type[Any])

_DECORATION: Final = "_driftline_decoration"
_MAKERS: Final = ("model_validate", "model_validate_json", "model_validate_strings", "model_construct")


@overload
def tracked(cls: C) -> C: ...
@overload
def tracked(
    *,
    type: str | None = None,
    id: str | Callable[[Any], str] | None = None,
    references: Iterable[str] = (),
    depth: int | None = None,
) -> Callable[[C], C]: ...
def tracked(
    cls: Any = None,
    *,
    type: str | None = None,  # noqa: A002 - the model's word
    id: str | Callable[[Any], str] | None = None,  # noqa: A002 - the model's word
    references: Iterable[str] = (),
    depth: int | None = None,
) -> Any:
    """Decorate a class: each new instance is tracked, once its `__init__` is done.

    An instance of a class that inherits from a decorated one is tracked as the nearest decorator says, when the
    `__init__` of that class is done.

    Args:
        cls: The class.
        type: The type of its instances in the trace; None takes the class's name in lower case.
        id: Name of the attribute that tells instances from each other, `"number"`: the id is then `TYPE/VALUE`; or a
            function that gives the whole id of an instance; None numbers them.
        references: See `track`.
        depth: See `track`.

    Returns:
        The class.

    Example:
        >>> import dataclasses
        >>> @tracked(id="number")
        ... @dataclasses.dataclass
        ... class Order:
        ...     number: int
        ...     items: list[str] = dataclasses.field(default_factory=list)
        >>> order = Order(7)
        >>> order.items.append("pen")
        >>> order, track(order, id="order/7") is order
        (Order(number=7, items=['pen']), True)
    """
    if cls is None:
        return functools.partial(tracked, type=type, id=id, references=references, depth=depth)
    if not isinstance(cls, builtins.type) or shape_of(cls) is None:
        raise TypeError(f"tracked() decorates a class whose instances have attributes, not {cls!r}")
    _Decoration(type, id, references, depth).put_on(cls)
    return cls


class _Decoration:
    """How the instances of one decorated class are tracked."""

    def __init__(
        self,
        object_type: str | None,
        object_id: str | Callable[[Any], str] | None,
        references: Iterable[str],
        depth: int | None,
    ) -> None:
        self._type = object_type
        self._id = object_id
        self._references = tuple(references)
        self._depth = depth

    def put_on(self, cls: type[Any]) -> None:
        """Take the place of whatever makes instances of a class."""
        type.__setattr__(cls, _DECORATION, self)
        type.__setattr__(cls, "__init__", self._after_init(cls))
        for name in _MAKERS:
            if mark_on(cls, "__pydantic_fields__") is not ABSENT:
                type.__setattr__(cls, name, self._after(getattr(cls, name).__func__))

    def _after_init(self, cls: type[Any]) -> Callable[..., None]:
        initialize = cls.__init__
        takes_nothing = mark_on(cls, "__init__") is object.__dict__["__init__"]
        makes_itself = mark_on(cls, "__new__") is not object.__dict__["__new__"]

        @functools.wraps(initialize)
        def __init__(instance: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - becomes that method
            if not takes_nothing:
                initialize(instance, *args, **kwargs)
            elif not makes_itself and (args or kwargs):
                raise TypeError(f"{cls.__name__}() takes no arguments")
            self._track(instance)

        return __init__

    def _after(self, make: Callable[..., Any]) -> Any:
        @functools.wraps(make)
        def made(cls: type[Any], *args: Any, **kwargs: Any) -> Any:
            instance = make(cls, *args, **kwargs)
            self._track(instance)
            return instance

        return classmethod(made)

    def _track(self, instance: Any) -> None:
        """Track a new instance, unless its own class is decorated in another way. Never raises."""
        try:
            if mark_on(type(instance), _DECORATION) is self and root_of(instance) is None:
                track(
                    instance, id=self._id_of(instance), type=self._type, references=self._references, depth=self._depth
                )
        except Exception as fault:  # noqa: BLE001 - never into the program
            recorder = RECORDING.recorder
            if recorder is not None:
                recorder.fault("tracked", fault)

    def _id_of(self, instance: Any) -> str | None:
        if self._id is None:
            return None
        if callable(self._id):
            return text_of(self._id(instance))
        kind = self._type or type(instance).__name__.lower()
        value = str(text_of(getattr(instance, self._id)))
        return value if value.startswith(f"{kind}/") else f"{kind}/{value}"
