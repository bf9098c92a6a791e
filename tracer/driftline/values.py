"""Values, captured at the call: scalars as they are (they cannot change), everything else as JSON at once.

A tracer that keeps a live reference records a value that changes later, so nothing mutable ever enters the queue. The
cheap half (`freeze`, `flatten`) runs in the calling thread, the rest (`encode_payloads`) in the writer thread. What is
queued for a field is its **payload**: a scalar, the bytes of canonical JSON, `ABSENT`, or a `Sealed` value.
"""

from __future__ import annotations

import binascii
import contextlib
import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from xxhash import xxh3_64, xxh3_64_intdigest

from driftline.canonical import (
    ENCODER,
    SCREEN,
    encode,
    filled_leaves,
    is_mapping,
    items_of,
    named_items,
    text_of_key,
    well_formed,
)

SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_BYTES: Final = (bytes, bytearray, memoryview)
_CHUNK: Final = 3 << 18  # characters or bytes at a time; a multiple of 3, so that Base64 can be cut there
_HEAD: Final = 1024  # bytes of a value's JSON that stay when it is too large
_COUNTED: Final = 1 << 20  # bytes; the leaves of a larger container are not counted


class _Absent:
    """The type of `ABSENT`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "driftline.ABSENT"


#: In a patch: this field is removed.
ABSENT: Final = _Absent()


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """What is recorded of a value that is not recorded whole.

    Attributes:
        digest: Of the whole value; a keyed one where the value is withheld.
        size: Bytes of its canonical JSON; None where the value is withheld.
        leaves: Its filled leaves, or None.
        value: JSON to show in its place, or None.
    """

    digest: int
    size: int | None
    leaves: int | None
    value: bytes | None


# ---- at the call --------------------------------------------------------------------------------------------------


def freeze(value: object) -> object:
    """Capture a value now: a scalar is returned as it is, anything else as the bytes of its JSON.

    Args:
        value: Any Python object; it is read, never kept.

    Returns:
        `str`, `int`, `float`, `bool` or `None` as given; else `bytes`, the canonical JSON. A value larger than the
        recording in force takes whole is `Sealed`.

    Example:
        >>> freeze({"b": [1], "a": 2}), freeze("x")
        (b'{"a":2,"b":[1]}', 'x')
    """
    kind = type(value)
    try:
        if kind in SCALARS:
            return value if kind is not str or len(value) <= SCREEN.limit else _seal_text(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - even the hash of a class may be the user's code
        return encode(value)
    return _capture(value)


def _capture(value: Any) -> bytes | Sealed:
    """The JSON of what is no scalar, or, if that is too large, what is recorded of it."""
    limit = SCREEN.limit
    if type(value) in _BYTES and len(value) > limit:
        return _seal_bytes(value)
    text = encode(value)
    return text if len(text) <= limit else seal(text, limit)


def seal(text: bytes, limit: int) -> Sealed:
    """What is recorded of a value whose canonical JSON is too large: digest, size and leaves of the whole, and a head.

    Example:
        >>> seal(b'[1,2]', limit=4096).value
        b'{"$type":"driftline.truncated","head":"[1,2]","size":5}'
    """
    leaves = filled_leaves(text) if len(text) <= _COUNTED or text[:1] not in b"[{" else None
    return Sealed(xxh3_64_intdigest(text), len(text), leaves, _head(text, len(text), limit))


def _seal_text(value: str) -> Sealed:
    """The same of a long text, piece by piece: it is never copied whole."""
    pieces = (encode(value[at : at + _CHUNK])[1:-1] for at in range(0, len(value), _CHUNK))
    return _seal_pieces(pieces)


def _seal_bytes(value: bytes | bytearray | memoryview) -> Sealed:
    """The same of long binary data."""
    flat = memoryview(value).cast("B")
    pieces = (binascii.b2a_base64(flat[at : at + _CHUNK], newline=False) for at in range(0, len(flat), _CHUNK))
    return _seal_pieces(pieces)


def _seal_pieces(pieces: Iterable[bytes]) -> Sealed:
    digest, size, head = xxh3_64(b'"'), 2, b'"'
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        if len(head) < _HEAD:
            head += piece[:_HEAD]
    digest.update(b'"')
    return Sealed(digest.intdigest(), size, 1, _head(head, size, SCREEN.limit))


def _head(text: bytes, size: int, limit: int) -> bytes:
    head = text[: min(_HEAD, limit)].decode("utf-8", "ignore")  # without half a character at its end
    return ENCODER.encode({"$type": "driftline.truncated", "head": head, "size": size})


# ---- in the writer thread -----------------------------------------------------------------------------------------


def encode_payload(payload: object) -> bytes:
    """The canonical JSON of what `freeze` returned; of what is sealed, what is shown instead; of `ABSENT`, nothing.

    Example:
        >>> encode_payload(freeze(float("nan"))), encode_payload(freeze("x"))
        (b'{"$float":"nan"}', b'"x"')
    """
    if type(payload) is bytes:
        return payload
    if payload is ABSENT:
        return b""
    if type(payload) is Sealed:
        return payload.value or b""
    if type(payload) is float and not math.isfinite(payload):
        return encode({"$float": str(payload)})
    return encode(payload)


def encode_payloads(payloads: Sequence[object], *, scalars: bool = False) -> tuple[list[bytes], bytes | None]:
    r"""The canonical JSON of each of what `freeze` returned; of `ABSENT`, nothing.

    Args:
        payloads: What to encode.
        scalars: Whether all of them are known to be scalars.

    Returns:
        The texts; and, where all of them are scalars, all of them as lines, which is how they were made.

    Example:
        >>> encode_payloads(["x", 1.5])
        ([b'"x"', b'1.5'], b'"x"\n1.5\n')
        >>> encode_payloads([b"[1]", ABSENT])
        ([b'[1]', b''], None)
    """
    if scalars or SCALARS.issuperset(map(type, payloads)):
        text = _lines_of(payloads)
        if text is not None:
            return text.split(b"\n")[:-1], text
    else:
        text = _lines_of([p for p in payloads if type(p) in SCALARS])
        if text is not None:
            lines = iter(text.split(b"\n"))
            return [next(lines) if type(p) in SCALARS else encode_payload(p) for p in payloads], None
    return [encode_payload(p) for p in payloads], None


def _lines_of(payloads: Sequence[object]) -> bytes | None:
    """The canonical JSON of scalars, a line each; None if one of them takes more than the encoder."""
    try:
        text = ENCODER.encode_lines(payloads)
    except Exception:  # noqa: BLE001 - a surrogate, a number out of range
        return None
    if b"null" in text and any(type(p) is float and not math.isfinite(p) for p in payloads):
        return None  # the encoder writes that for them, too
    return text


# ---- fields -------------------------------------------------------------------------------------------------------

_pointers: dict[str, str] = {}
_POINTER_CACHE: Final = 65_536


def pointer(key: object) -> str:
    """One key as a JSON Pointer token with its slash (RFC 6901).

    Example:
        >>> pointer("a/b"), pointer(3)
        ('/a~1b', '/3')
    """
    if type(key) is not str:
        return pointer(text_of_key(key))
    found = _pointers.get(key)
    if found is None:
        found = "/" + well_formed(key).replace("~", "~0").replace("/", "~1")
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
    if type(value) is not dict and not is_mapping(value):
        return [(prefix, freeze(value))]
    if type(value) is dict:
        with contextlib.suppress(Exception):  # an odd key, or a class that even its kind cannot be asked of
            return list(_leaves(value.items(), depth, prefix))
    items = _named(value)
    return [(prefix, _capture(value))] if items is None else list(_odd_leaves(items, depth, prefix))


class _OddKeyError(Exception):
    """A key is no text: the fields of this mapping need names of their own."""


def _leaves(items: Iterable[tuple[Any, Any]], depth: int, prefix: str) -> Iterator[tuple[str, object]]:
    limit = SCREEN.limit
    for key, item in items:
        token = _pointers.get(key)
        if token is None:
            if type(key) is not str:
                raise _OddKeyError
            token = pointer(key)
        kind = type(item)
        if kind in SCALARS:
            yield prefix + token, item if kind is not str or len(item) <= limit else _seal_text(item)
        elif kind is dict and depth > 1 and item:
            yield from _leaves(item.items(), depth - 1, prefix + token)
        elif item is ABSENT:
            yield prefix + token, item
        elif kind is not dict and depth > 1 and is_mapping(item):
            yield from _odd(item, depth - 1, prefix + token)
        else:
            yield prefix + token, _capture(item)


def _odd(value: Any, depth: int, path: str) -> Iterator[tuple[str, object]]:
    """The fields of one item of a mapping, of whatever kind."""
    items = _named(value) if depth > 0 and is_mapping(value) else None
    if items:
        yield from _odd_leaves(items, depth, path)
    else:
        yield path, value if value is ABSENT else freeze(value)


def _odd_leaves(items: Iterable[tuple[str, Any]], depth: int, prefix: str) -> Iterator[tuple[str, object]]:
    """The same as `_leaves` of a mapping that is no plain dict, or has keys that are no texts."""
    for key, item in items:
        yield from _odd(item, depth - 1, prefix + pointer(key))


def _named(value: Any) -> list[tuple[str, Any]] | None:
    """The items of a mapping, each with a key of its own; None if it cannot be read."""
    try:
        return named_items(items_of(value))
    except Exception:  # noqa: BLE001 - its items may be the user's code
        return None


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
        left = depth - path.count("/")
        if left > 0 and (type(value) is dict or is_mapping(value)):
            out.extend(flatten(value, left, path) or [(path, b"{}")])
        else:
            out.append((path, value if value is ABSENT else freeze(value)))
    return out


def leaf_items(path: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    """The fields under which the value of the field at `path` is recorded, each with its own value, not captured yet.

    Example:
        >>> list(leaf_items("/a", {"b": 1, "c": {"d": [2]}}, depth=2))
        [('/a/b', 1), ('/a/c', {'d': [2]})]
        >>> list(leaf_items("/a", {}, depth=2))
        [('/a', {})]
    """
    items = _named(value) if depth > path.count("/") and is_mapping(value) else None
    if not items:
        yield path, value
    for key, item in items or ():
        yield from leaf_items(path + pointer(key), item, depth)


# ---- names and numbers --------------------------------------------------------------------------------------------


def digest_inputs(name: str, inputs: object) -> int:
    """The signature of a task: its name and the canonical form of its inputs, as an unsigned 64-bit number.

    Example:
        >>> digest_inputs("summarise", {"doc": 1}) == digest_inputs("summarise", {"doc": 1})
        True
    """
    return xxh3_64_intdigest(encode(name) + b"\n" + encode(inputs))


def text_of(value: object) -> str | None:
    """The text of whatever was passed as a name; None of None.

    Example:
        >>> text_of(4), text_of(None)
        ('4', None)
    """
    if value is None:
        return None
    try:
        return well_formed(str(value))
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
