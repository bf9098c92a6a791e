"""Values, captured at the call: scalars as they are (they cannot change), everything else as JSON at once.

A tracer that keeps a live reference records a value that changes later, so nothing mutable ever enters the queue. The
cheap half (`freeze`, `flatten`) runs in the calling thread, the rest (`encode_payload`) in the writer thread.

The canonical form of a value is JSON in UTF-8: object keys sorted, no spaces. What JSON has no form for becomes a
tagged object, `{"$float":"nan"}` or `{"$type":"module.Class","repr":"…"}`, so that two different values do not look
the same.
"""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from xxhash import xxh3_64_intdigest

SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_BULK: Final = SCALARS | {bytes}  # payloads whose encoding needs no second look
_NESTING_LIMIT: Final = 64
_COPY_LIMIT: Final = 100_000  # nodes; bounds what containers that share their parts may cost
_EMPTY: Final = frozenset({b"null", b'""'})
_CONTAINERS: Final = (b"[", b"{")


class _Absent:
    """The type of `ABSENT`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "driftline.ABSENT"


#: In a patch: this field is removed.
ABSENT: Final = _Absent()


def _unknown(value: object) -> object:
    """JSON's stand-in for an object that it has no form for; a repr that raises is named, never raised."""
    if isinstance(value, str):
        return str.__str__(value)  # of a subclass, whatever its own __str__ says
    if isinstance(value, int):
        return int.__index__(value)
    if isinstance(value, float):
        return float.__float__(value) if math.isfinite(value) else {"$float": float.__repr__(value)}
    if isinstance(value, Mapping):
        return dict(value)
    try:
        text = repr(value)
    except Exception as fault:  # noqa: BLE001 - the repr is the user's code
        text = f"<repr raised {type(fault).__name__}>"
    return {"$type": _name(type(value)), "repr": text}


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


_encoder: Final = msgspec.json.Encoder(enc_hook=_unknown, order="sorted")
_decoder: Final = msgspec.json.Decoder()


class _Plain:
    """Copies one value out of what JSON has, for what the encoder refuses: odd keys, surrogates, cycles, NaN."""

    def __init__(self) -> None:
        self._open: set[int] = set()  # ids of the containers being copied: meeting one again is a cycle
        self._left = _COPY_LIMIT

    def copy(self, value: object) -> object:
        self._left -= 1
        if isinstance(value, str):
            return value.encode("utf-8", "backslashreplace").decode()
        if isinstance(value, float) and not math.isfinite(value):
            return {"$float": float.__repr__(value)}
        if isinstance(value, (Mapping, list, tuple, set, frozenset)):
            return self._container(value)
        try:
            _encoder.encode(value)
        except Exception:  # noqa: BLE001 - whatever the encoder refuses, the stand-in takes
            if isinstance(value, int):  # of more digits than Python writes in decimal
                return {"$type": "builtins.int", "repr": hex(value)}
            return self.copy(_unknown(value))
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
            if isinstance(value, Mapping):
                return {self._key(k): self.copy(v) for k, v in value.items()}
            items = [self.copy(v) for v in value]
            return sorted(items, key=_encoder.encode) if isinstance(value, (set, frozenset)) else items
        except Exception as fault:  # noqa: BLE001 - a mapping's items and a key's text may be the user's code
            return {"$type": _name(type(value)), "repr": f"<reading raised {type(fault).__name__}>"}
        finally:
            self._open.discard(id(value))

    @staticmethod
    def _key(key: object) -> str:
        return str.__str__(str(key)).encode("utf-8", "backslashreplace").decode()


def _encode(value: object) -> bytes:
    try:
        text = _encoder.encode(value)
    except Exception:  # noqa: BLE001 - odd keys, surrogates, cycles, numbers out of range
        return _encoder.encode(_Plain().copy(value))
    if b"null" in text:  # which the encoder also writes for numbers that are not finite
        plain = msgspec.to_builtins(value, enc_hook=_unknown, str_keys=True)
        if _holds_nonfinite(plain):
            return _encoder.encode(_Plain().copy(plain))
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


def freeze(value: object) -> object:
    """Capture a value now: a scalar is returned as it is, anything else as the bytes of its JSON.

    Args:
        value: Any Python object; it is read, never kept.

    Returns:
        `str`, `int`, `float`, `bool` or `None` as given; else `bytes`, the canonical JSON.

    Example:
        >>> freeze({"b": [1], "a": 2}), freeze("x")
        (b'{"a":2,"b":[1]}', 'x')
    """
    return value if type(value) in SCALARS else _encode(value)


def encode_payload(payload: object) -> bytes:
    """The canonical JSON of what `freeze` returned.

    Example:
        >>> encode_payload(freeze(float("nan"))), encode_payload(freeze("x"))
        (b'{"$float":"nan"}', b'"x"')
    """
    if type(payload) is bytes:
        return payload
    if type(payload) is float and not math.isfinite(payload):
        return _encode({"$float": str(payload)})
    return _encode(payload)


def encode_payloads(payloads: Sequence[object]) -> list[bytes]:
    """The canonical JSON of each of what `freeze` returned; of `ABSENT`, nothing.

    Example:
        >>> encode_payloads(["x", b"[1]", ABSENT])
        [b'"x"', b'[1]', b'']
    """
    kinds = set(map(type, payloads))
    if kinds <= _BULK and (float not in kinds or all(math.isfinite(p) for p in payloads if type(p) is float)):
        try:
            encode = _encoder.encode
            return [p if type(p) is bytes else encode(p) for p in payloads]
        except Exception:  # noqa: BLE001, S110 - a surrogate, a number out of range: one by one then
            pass
    return [b"" if p is ABSENT else encode_payload(p) for p in payloads]


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


_pointers: dict[str, str] = {}
_POINTER_CACHE: Final = 65_536


def pointer(key: object) -> str:
    """One key as a JSON Pointer token with its slash (RFC 6901).

    Example:
        >>> pointer("a/b"), pointer(3)
        ('/a~1b', '/3')
    """
    if type(key) is not str:
        return pointer(str.__str__(str(key)))  # a subclass's own __str__ may give the subclass again
    found = _pointers.get(key)
    if found is None:
        found = "/" + key.encode("utf-8", "backslashreplace").decode().replace("~", "~0").replace("/", "~1")
        if len(_pointers) < _POINTER_CACHE:
            _pointers[key] = found
    return found


def flatten(value: object, depth: int, prefix: str = "") -> list[tuple[str, object]]:
    """The fields of a value: nested mappings followed to `depth` levels, everything else one captured value.

    Args:
        value: A mapping, or any single value (then its one field is `prefix`).
        depth: How many levels of mapping become fields, 1 or more.
        prefix: The JSON Pointer of `value` itself.

    Returns:
        (JSON Pointer, payload as `freeze` gives it), in the mapping's order.

    Example:
        >>> flatten({"a": {"b": 1, "c": {}}, "d": [2]}, depth=3)
        [('/a/b', 1), ('/a/c', b'{}'), ('/d', b'[2]')]
    """
    if not isinstance(value, Mapping):
        return [(prefix, freeze(value))]
    try:
        return list(_leaves(value, depth, prefix))
    except Exception:  # noqa: BLE001 - a mapping's items and a key's text may be the user's code
        return [(prefix, _encode(value))]


def _leaves(value: Mapping[Any, object], depth: int, prefix: str) -> Iterator[tuple[str, object]]:
    for key, item in value.items():
        path = prefix + pointer(key)
        if type(item) in SCALARS or item is ABSENT:
            yield path, item
        elif depth > 1 and isinstance(item, Mapping) and item:
            yield from _leaves(item, depth - 1, path)
        else:
            yield path, _encode(item)


def flatten_patch(fields: Mapping[str, object], depth: int) -> list[tuple[str, object]]:
    """The fields of a patch: its keys are JSON Pointers, or bare names of top-level fields.

    A mapping sets its leaves; fields that are not named stay (RFC 7386). `ABSENT` removes a field.

    Example:
        >>> flatten_patch({"/a": {"b": 1}, "c": ABSENT}, depth=3)
        [('/a/b', 1), ('/c', driftline.ABSENT)]
    """
    out: list[tuple[str, object]] = []
    for key, value in fields.items():
        path = key if type(key) is str and (key[:1] == "/" or not key) else pointer(key)
        if value is ABSENT or type(value) in SCALARS:
            out.append((path, value))
        elif isinstance(value, Mapping) and depth > path.count("/"):
            out.extend(flatten(value, depth - path.count("/"), path) or [(path, b"{}")])
        else:
            out.append((path, _encode(value)))
    return out


def leaf_items(path: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    """The fields under which the value of the field at `path` is recorded, each with its own value, not captured yet.

    Example:
        >>> list(leaf_items("/a", {"b": 1, "c": {"d": [2]}}, depth=2))
        [('/a/b', 1), ('/a/c', {'d': [2]})]
        >>> list(leaf_items("/a", {}, depth=2))
        [('/a', {})]
    """
    items: list[tuple[Any, object]] = []
    if isinstance(value, Mapping) and depth > path.count("/"):
        with contextlib.suppress(Exception):  # its items may be the user's code: then it is one value
            items = list(value.items())
    if not items:
        yield path, value
    for key, item in items:
        yield from leaf_items(path + pointer(key), item, depth)


def digest_inputs(name: str, inputs: object) -> int:
    """The signature of a task: its name and the canonical form of its inputs, as an unsigned 64-bit number.

    Example:
        >>> digest_inputs("summarise", {"doc": 1}) == digest_inputs("summarise", {"doc": 1})
        True
    """
    return xxh3_64_intdigest(_encode(name) + b"\n" + _encode(inputs))


def text_of(value: object) -> str | None:
    """The text of whatever was passed as a name; None of None.

    Example:
        >>> text_of(4), text_of(None)
        ('4', None)
    """
    if value is None:
        return None
    try:
        return str(value).encode("utf-8", "backslashreplace").decode()
    except Exception as fault:  # noqa: BLE001 - its text is the user's code
        return f"<str raised {type(fault).__name__}>"


def version_of(value: Any) -> int | str | None:
    """A version as the trace takes it: a number that fits 64 bits, or the text of anything else; None of None.

    Example:
        >>> version_of(True), version_of("v1"), version_of(2**70)
        (1, 'v1', '1180591620717411303424')
    """
    try:
        number = operator.index(value)
    except Exception:  # noqa: BLE001 - the conversion is the user's code
        return text_of(value)
    return number if -(2**63) <= number < 2**63 else str(number)
