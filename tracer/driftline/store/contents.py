"""What may be kept in a store: JSON, copied on the way in and on the way out, so that nobody holds a part of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from driftline.errors import DriftlineError
from driftline.values import ABSENT, pointer

#: How many levels of a nested mapping are fields of their own.
DEPTH: Final = 3
_SMALLEST, _LARGEST = -(1 << 63), (1 << 64) - 1  # what the store's encoder takes
_DEEPEST: Final = 64
_PLAIN: Final = frozenset({bool, type(None)})


def fields_of(object_id: str, value: object, depth: int = DEPTH) -> dict[str, Any]:
    """The fields of a whole object, each with its own copy.

    Args:
        object_id: Whose value it is, for messages.
        value: A mapping with text keys, of JSON values.
        depth: How many levels of mapping become fields.

    Raises:
        DriftlineError: If it is no such mapping.

    Example:
        >>> fields_of("doc/1", {"a": {"b": 1}, "c": [2], "d": {}})
        {'/a/b': 1, '/c': [2], '/d': {}}
    """
    if not isinstance(value, Mapping):
        raise DriftlineError(
            f"{object_id}: an object is a mapping of fields, and this is {_kind(value)}",
            'pass a mapping, such as {"value": …}',
        )
    return dict(_leaves(object_id, value, depth, ""))


def patch_of(object_id: str, fields: object, depth: int = DEPTH) -> dict[str, Any]:
    """The fields of a patch: keys are JSON Pointers or bare names, `ABSENT` removes.

    Raises:
        DriftlineError: If it is no mapping of JSON values.

    Example:
        >>> patch_of("doc/1", {"/a": {"b": 1}, "c": ABSENT})
        {'/a/b': 1, '/c': driftline.ABSENT}
    """
    if not isinstance(fields, Mapping):
        raise DriftlineError(
            f"{object_id}: a patch is a mapping of fields, and this is {_kind(fields)}",
            'pass a mapping, such as {"/summary": …}',
        )
    out: dict[str, Any] = {}
    for key, value in fields.items():
        if not isinstance(key, str):
            _refuse(object_id, "", f"the key {key!r} is no text")
        path = key if key[:1] == "/" else pointer(key)
        left = depth - path.count("/")
        if left > 0 and isinstance(value, Mapping):
            out.update(dict(_leaves(object_id, value, left, path)) or {path: {}})
        else:
            out[path] = value if value is ABSENT else _own(object_id, path, value, 0)
    return out


def _leaves(object_id: str, value: Mapping[Any, Any], depth: int, prefix: str) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if not isinstance(key, str):
            _refuse(object_id, prefix, f"the key {key!r} is no text")
        path = prefix + pointer(key)
        if isinstance(item, Mapping) and depth > 1 and item:
            yield from _leaves(object_id, item, depth - 1, path)
        else:
            yield path, item if item is ABSENT else _own(object_id, path, item, 0)


def _own(object_id: str, path: str, value: Any, level: int) -> Any:
    """A copy of a value, of JSON's own kinds."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, str):
        return _text(object_id, path, value)
    if isinstance(value, (int, float)):
        return _number(object_id, path, value)
    if level >= _DEEPEST:
        _refuse(object_id, path, f"it is nested more than {_DEEPEST} levels deep, or contains itself")
    if isinstance(value, (list, tuple)):
        return [_own(object_id, path, item, level + 1) for item in value]
    if isinstance(value, Mapping):
        out = {}
        for key, item in value.items():
            if not isinstance(key, str):
                _refuse(object_id, path, f"the key {key!r} in it is no text")
            out[_text(object_id, path, key)] = _own(object_id, path, item, level + 1)
        return out
    return _refuse(object_id, path, f"it is or holds {_kind(value)}")


def _text(object_id: str, path: str, value: str) -> str:
    text = value if type(value) is str else str.__str__(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            _refuse(object_id, path, "it holds half a character (a lone surrogate)")
    return text


def _number(object_id: str, path: str, value: float) -> float:
    if isinstance(value, int):
        if not _SMALLEST <= value <= _LARGEST:
            _refuse(object_id, path, "it is or holds a number of more than 64 bits")
        return value if type(value) is int else int(value)
    if not math.isfinite(value):
        _refuse(object_id, path, f"it is or holds {value!r}, for which JSON has no number")
    return value if type(value) is float else float(value)


def _kind(value: object) -> str:
    return f"a {type(value).__module__}.{type(value).__qualname__}".replace("a builtins.", "a ")


def _refuse(object_id: str, path: str, what: str) -> NoReturn:
    raise DriftlineError(
        f"{object_id}{'#' if path else ''}{path}: the value is not JSON: {what}",
        "pass text, finite numbers, true, false, None, and lists and mappings of these",
    )


def copy(value: Any) -> Any:
    """A copy of a JSON value that its taker may change.

    Example:
        >>> kept = {"a": [1]}
        >>> copy(kept)["a"].append(2), kept
        (None, {'a': [1]})
    """
    kind = type(value)
    if kind is list:
        return [copy(item) for item in value]
    if kind is dict:
        return {key: copy(item) for key, item in value.items()}
    return value


def shaped(fields: Mapping[str, Any], standing: Mapping[str, Any]) -> dict[str, Any]:
    """A patch with what it must remove so that its fields keep the shape of a document.

    A value put where a mapping stood removes the mapping's fields; a field put beneath a value removes the value.

    Args:
        fields: What the patch sets.
        standing: What stands, by JSON Pointer.

    Example:
        >>> shaped({"/a": 1}, {"/a/b": 2, "/c": 3}), shaped({"/a/b": 1}, {"/a": 2})
        ({'/a': 1, '/a/b': driftline.ABSENT}, {'/a/b': 1, '/a': driftline.ABSENT})
    """
    out = dict(fields)
    for path in fields:
        if path in standing:
            continue  # it is a field already, so it is in nobody's way
        below = f"{path}/"
        for other in standing:
            if other.startswith(below) or path.startswith(f"{other}/"):
                out.setdefault(other, ABSENT)
    return out
