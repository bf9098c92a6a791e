"""JSON Pointers (RFC 6901), and patterns of them in which a segment `*` stands for any one segment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

ANY: Final = "*"
_BAD_ESCAPE: Final = re.compile(r"~(?![01])")


def fault(pointer: str) -> str | None:
    """What is wrong with a pointer; None if it is one.

    Example:
        >>> fault("/a/b~1c"), fault("")
        (None, None)
        >>> fault("a/b")
        'it does not begin with a slash'
    """
    if pointer and not pointer.startswith("/"):
        return "it does not begin with a slash"
    if _BAD_ESCAPE.search(pointer):
        return "a ~ must be written ~0, and a slash within a name ~1"
    return None


def segments(pointer: str) -> tuple[str, ...]:
    """The names in a pointer, unescaped.

    Example:
        >>> segments("/a/b~1c"), segments("")
        (('a', 'b/c'), ())
    """
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def covers(pattern: str, path: str) -> bool:
    """Whether a pattern names a field, or one above it.

    Example:
        >>> covers("/a/*", "/a/b"), covers("/a", "/a/b/c"), covers("/a/*", "/a"), covers("/a", "/ab")
        (True, True, False, False)
    """
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) <= len(given) and all(one in (ANY, other) for one, other in zip(wanted, given, strict=False))


def weight(pattern: str) -> tuple[int, int]:
    """What a pattern weighs against another that covers the same field: the longer, then the more exact, weighs more.

    Example:
        >>> weight("/a/*") > weight("/a"), weight("/a/b") > weight("/a/*")
        (True, True)
    """
    parts = pattern.split("/")
    return len(parts), -parts.count(ANY)


def document(values: Mapping[str, Any]) -> Any:
    """The document whose fields are given by pointer; a value beneath another value is left out.

    Example:
        >>> document({"/a/b": 1, "/a/c": [2]}), document({"": 7})
        ({'a': {'b': 1, 'c': [2]}}, 7)
    """
    if "" in values:
        return values[""]
    root: dict[str, Any] = {}
    for path in sorted(values):
        *above, last = segments(path)
        place: Any = root
        for name in above:
            place = place.setdefault(name, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[last] = values[path]
    return root


def pointer_of(names: Iterable[object]) -> str:
    """The pointer of names, as `segments` takes them apart.

    Example:
        >>> pointer_of(["a", "b/c", 0])
        '/a/b~1c/0'
    """
    return "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)
