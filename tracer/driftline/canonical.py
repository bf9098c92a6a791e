"""The canonical form of a value: JSON in UTF-8, keys sorted, no spaces, the same for equal values.

What JSON has no form for becomes a tagged object, `{"$float":"nan"}` or `{"$type":"module.Class","repr":"…"}`, so that
two different values do not look the same. docs/values.md is the table of rules, row by row; a test holds it to this.

A value is the user's: its `repr`, its items and its properties may raise, recurse or never end. Nothing here calls
`__eq__`, consumes an iterator or follows a weak reference, and whatever raises is named in its place.
"""

from __future__ import annotations

import array
import dataclasses
import enum
import math
import re
import types
from collections import UserList, deque
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from pathlib import PurePath
from typing import Any, Final

import msgspec
from xxhash import xxh3_64_hexdigest

_NESTING_LIMIT: Final = 64
_COPY_LIMIT: Final = 100_000  # nodes; bounds what containers that share their parts, or never end, may cost
_MISSING: Final = object()
_ARRAY_LIMIT: Final = 4096  # elements of an array; a larger one is its shape and a digest
_REPR_LIMIT: Final = 65_536  # characters
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")  # another in each run, and no part of what a value is
_EMPTY: Final = frozenset({b"null", b'""'})
NO_LIMIT: Final = 1 << 62  # bytes
_CONTAINERS: Final = (b"[", b"{")


class _EndlessError(Exception):
    """A mapping or view has more items than are worth looking at; it may have no end."""


class _Screen:
    """What the recording in force keeps out of values. There is one recording a process, hence one of these.

    Attributes:
        container: Cleans the JSON of a list or object; None leaves it as it is.
        text: Cleans the repr of an object; None leaves it as it is.
        limit: A value whose JSON takes more bytes than this is recorded by its digest, size and beginning.
    """

    def __init__(self) -> None:
        self.container: Callable[[bytes], bytes] | None = None
        self.text: Callable[[str], str] | None = None
        self.limit = NO_LIMIT


SCREEN: Final = _Screen()


def encode(value: object) -> bytes:
    """The canonical JSON of any value, without what the recording in force withholds.

    Example:
        >>> encode({"b": (1, 2.5), "a": float("nan")})
        b'{"a":{"$float":"nan"},"b":[1,2.5]}'
    """
    text = encode_whole(value)
    screen = SCREEN.container
    return text if screen is None or text[:1] not in _CONTAINERS else screen(text)


def encode_whole(value: object) -> bytes:
    """The canonical JSON of any value, whatever the recording in force withholds: to compare with, never to show."""
    try:
        text = ENCODER.encode(value)
    except Exception:  # noqa: BLE001 - odd keys, surrogates, cycles, numbers out of range
        return ENCODER.encode(_Plain().copy(value))
    if b"null" in text:  # which the encoder also writes for numbers that are not finite
        plain = msgspec.to_builtins(value, enc_hook=_stand_in, str_keys=True)
        if _holds_nonfinite(plain):
            return ENCODER.encode(_Plain().copy(plain))
    return text


def _holds_nonfinite(value: object) -> bool:
    open_values = [value]
    while open_values:
        value = open_values.pop()
        if isinstance(value, float):
            if not math.isfinite(value):
                return True
        elif isinstance(value, dict):
            open_values.extend(value.values())
        elif isinstance(value, (list, tuple)):
            open_values.extend(value)
    return False


# ---- what the encoder does not know -------------------------------------------------------------------------------


def _stand_in(value: Any) -> object:
    """What the encoder is given in place of an object that it has no form for.

    Raises:
        RecursionError: If it is nested too deep, or never ends: then `_Plain` copies the value, which counts.
    """
    try:
        found = _as_builtin(value)
    except RecursionError:
        raise
    except _EndlessError:
        return {"$type": "driftline.too-large"}
    except BaseException as fault:  # noqa: BLE001 - reading a value may run the user's code
        return {"$type": name_of(type(value)), "repr": f"<reading raised {_named(fault)}>"}
    return _shown(value) if found is value else found


def _as_builtin(value: Any) -> object:
    """The value as text, number, list or mapping, if there is a rule for its kind; else the value itself."""
    kind = type(value)  # a proxy's `__class__` may lie, or raise
    for base, form in _BY_CLASS:
        if issubclass(kind, base):
            return form(value)
    for mark, form in _BY_MARK.items():
        if hasattr(kind, mark):
            return form(value)
    return dict(items_of(value)) if is_mapping(value) else value


def has_form(kind: type) -> bool:
    """Whether there is a rule for what the encoder does not know of a class's instances, besides that for mappings.

    Example:
        >>> has_form(deque), has_form(object)
        (True, False)
    """
    return any(issubclass(kind, base) for base, _ in _BY_CLASS) or any(hasattr(kind, mark) for mark in _BY_MARK)


def _of_fields(value: Any, names: Iterable[str]) -> dict[str, object]:
    """The fields of an instance of a class that declares them; one that was never set is left out."""
    found = {name: getattr(value, name, _MISSING) for name in names}
    return {name: item for name, item in found.items() if item is not _MISSING}


def _of_pydantic(value: Any) -> dict[str, object]:
    """The fields of a model as they are, without what it would compute or how it would write them."""
    own, extra = (object.__getattribute__(value, name) for name in ("__dict__", "__pydantic_extra__"))
    return {**own, **(extra or {})}


def _of_numpy(value: Any) -> object:
    """NumPy's scalars and arrays, and whatever follows its protocol, without a look at NumPy itself."""
    shape = tuple(value.shape)
    if math.prod(shape) <= _ARRAY_LIMIT or value.dtype.kind == "O":
        plain = value.tolist() if shape else value.item()
        return value if type(plain) is type(value) else plain
    whole = memoryview(value) if value.flags.c_contiguous and value.dtype.kind not in "Mm" else value.tobytes()
    return {
        "$type": name_of(type(value)), "digest": xxh3_64_hexdigest(whole), "dtype": str(value.dtype),
        "shape": list(shape),
    }  # fmt: skip


#: Instances of these classes and of those that inherit from them; the first that fits.
_BY_CLASS: Final[tuple[tuple[Any, Callable[[Any], object]], ...]] = (
    (str, str.__str__),  # whatever a subclass's own __str__ says
    (int, int.__index__),
    (float, lambda value: float.__float__(value) if math.isfinite(value) else {"$float": float.__repr__(value)}),
    ((bytes, bytearray), lambda value: memoryview(value).tobytes()),
    (enum.Enum, lambda value: value._value_),
    (PurePath, str),
    (array.array, array.array.tolist),
    (deque, lambda value: list(deque.__iter__(value))),
    (UserList, lambda value: list(value.data)),
    ((KeysView, ValuesView, ItemsView), lambda value: list(_bounded(value))),
    (types.SimpleNamespace, lambda value: dict(vars(value))),
    (msgspec.Struct, lambda value: _of_fields(value, type(value).__struct_fields__)),
)
#: Instances of classes that have this attribute, so that none of these libraries need be there.
_BY_MARK: Final[dict[str, Callable[[Any], object]]] = {
    "__array_interface__": _of_numpy,
    "__dataclass_fields__": lambda value: _of_fields(value, [field.name for field in dataclasses.fields(value)]),
    "__attrs_attrs__": lambda value: _of_fields(
        value, [name for field in value.__attrs_attrs__ if not (name := field.name).startswith("_")]
    ),
    "__pydantic_fields__": _of_pydantic,
}


def items_of(value: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """The items of a mapping: of a dict its own, whatever a subclass says; of another as it gives them.

    Raises:
        Exception: Whatever the mapping raises, or that it does not end.
    """
    return dict.items(value) if issubclass(type(value), dict) else _bounded(value.items())  # type: ignore[arg-type]


def _bounded(items: Iterable[Any]) -> Iterator[Any]:
    for number, item in enumerate(items):
        if number == _COPY_LIMIT:
            raise _EndlessError
        yield item


def _shown(value: object) -> dict[str, str]:
    """Any other object: its type, and the text that shows it."""
    try:
        text = _ADDRESS.sub("", repr(value))
    except BaseException as fault:  # noqa: BLE001 - the repr is the user's code
        text = f"<repr raised {_named(fault)}>"
    if len(text) > _REPR_LIMIT:
        text = f"{text[:_REPR_LIMIT]}…"
    screen = SCREEN.text
    return {"$type": name_of(type(value)), "repr": text if screen is None else screen(text)}


def _named(fault: BaseException) -> str:
    if isinstance(fault, KeyboardInterrupt):
        raise fault  # the user's, and meant for the program
    return type(fault).__name__


def name_of(kind: type) -> str:
    """A type as tags name it.

    Example:
        >>> name_of(int)
        'builtins.int'
    """
    try:
        return f"{kind.__module__}.{kind.__qualname__}"
    except Exception:  # noqa: BLE001 - its metaclass may be the user's code
        return "?"


def is_mapping(value: object) -> bool:
    """Whether a value is to be read as a mapping; a proxy that cannot say so is none.

    Example:
        >>> is_mapping({}), is_mapping([])
        (True, False)
    """
    try:
        return isinstance(value, Mapping)
    except Exception:  # noqa: BLE001 - `__class__` may be the user's code
        return False


ENCODER: Final = msgspec.json.Encoder(enc_hook=_stand_in, order="sorted")
_decoder: Final = msgspec.json.Decoder()


# ---- what the encoder refuses -------------------------------------------------------------------------------------


class _Plain:
    """Copies one value out of what JSON has, for what the encoder refuses: odd keys, surrogates, cycles, NaN."""

    def __init__(self) -> None:
        self._open: set[int] = set()  # ids of the containers being copied: meeting one again is a cycle
        self._left = _COPY_LIMIT

    def copy(self, value: Any) -> object:
        self._left -= 1
        kind = type(value)
        if issubclass(kind, str):
            return well_formed(str.__str__(value))
        if issubclass(kind, float) and not math.isfinite(value):
            return {"$float": float.__repr__(value)}
        if issubclass(kind, (list, tuple, set, frozenset)) or is_mapping(value):
            return self._container(value)
        try:
            ENCODER.encode(value)
        except Exception:  # noqa: BLE001 - whatever the encoder refuses, the stand-in takes
            if issubclass(kind, int):  # of more digits than Python writes in decimal
                return {"$type": "builtins.int", "repr": hex(value)}
            return self._container(value)
        return value

    def _container(self, value: Any) -> object:
        if id(value) in self._open:
            return {"$type": "driftline.cycle"}
        if len(self._open) >= _NESTING_LIMIT:
            return {"$type": "driftline.too-deep"}
        if self._left < 0:
            return {"$type": "driftline.too-large"}
        self._open.add(id(value))
        try:
            return self._parts(value)
        except _EndlessError:
            return {"$type": "driftline.too-large"}
        except BaseException as fault:  # noqa: BLE001 - a mapping's items and a key's text may be the user's code
            return {"$type": name_of(type(value)), "repr": f"<reading raised {_named(fault)}>"}
        finally:
            self._open.discard(id(value))

    def _parts(self, value: Any) -> object:
        kind = type(value)
        for base in (list, tuple, set, frozenset):
            if issubclass(kind, base):  # its own items, whatever a subclass says of them
                items = [self.copy(item) for item in base.__iter__(value)]
                return sorted(items, key=ENCODER.encode) if base in {set, frozenset} else items
        if is_mapping(value):
            return {key: self.copy(item) for key, item in named_items(items_of(value))}
        return self.copy(_stand_in(value))


def well_formed(text: str) -> str:
    r"""A text that UTF-8 has: unpaired surrogates become the six characters `\udXXX`.

    Example:
        >>> well_formed("a\ud800")
        'a\\ud800'
    """
    return text.encode("utf-8", "backslashreplace").decode()


def text_of_key(key: object) -> str:
    """A key of a mapping as text."""
    kind = type(key)
    if issubclass(kind, str):
        return well_formed(str.__str__(key))
    return well_formed(_ADDRESS.sub("", repr(key) if issubclass(kind, (bytes, bytearray)) else str(key)))


def named_items(items: Iterable[tuple[object, Any]]) -> list[tuple[str, Any]]:
    """The items of a mapping, with a text of its own for each key.

    Keys that are texts keep theirs; another key whose text is taken has its type behind it, then a number.

    Example:
        >>> named_items([(1, "a"), ("1", "b"), (True, "c")])
        [('1 (int)', 'a'), ('1', 'b'), ('True', 'c')]
    """
    pairs = [(key, text_of_key(key), item) for key, item in items]
    if len({text for _, text, _ in pairs}) == len(pairs):
        return [(text, item) for _, text, item in pairs]
    taken = {text for key, text, _ in pairs if type(key) is str}
    own: set[str] = set()
    named = []
    for key, text, item in pairs:
        name, number = text, 1
        while name in own or (name in taken and type(key) is not str):
            name = f"{text} ({type(key).__name__})" + (f" {number}" if number > 1 else "")
            number += 1
        own.add(name)
        named.append((name, item))
    return named


# ---- reading it back ----------------------------------------------------------------------------------------------


def decode(text: str | bytes) -> Any:
    """The Python value of a canonical JSON text.

    Raises:
        msgspec.DecodeError: If the text is not JSON.

    Example:
        >>> decode('[1,null]')
        [1, None]
    """
    return _decoder.decode(text)


def filled_leaves(encoded: bytes) -> int:
    """How many scalars in a canonical JSON text hold something: not null, not empty text, list or object.

    Example:
        >>> filled_leaves(b'""'), filled_leaves(b'0'), filled_leaves(b'{"a":["one","two",""],"b":null,"c":"x"}')
        (0, 1, 3)
    """
    if encoded[:1] not in _CONTAINERS:
        return 0 if encoded in _EMPTY else 1
    count = 0
    open_values = [_decoder.decode(encoded)]
    while open_values:
        value = open_values.pop()
        if isinstance(value, dict):
            open_values.extend(value.values())
        elif isinstance(value, list):
            open_values.extend(value)
        elif value is not None and value != "":
            count += 1
    return count
