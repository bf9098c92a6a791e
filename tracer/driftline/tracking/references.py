"""References by declared paths: which of a tracked object's texts name other objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from driftline.errors import DriftlineError
from driftline.values import pointer

_ANY: Final = "*"


class Declared:
    """The paths at which an object names others.

    Args:
        patterns: JSON Pointers, in which `*` stands for any one segment: `/facts/*/entity`.

    Raises:
        DriftlineError: If one is no pointer.
    """

    __slots__ = ("_patterns",)

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [_parsed(pattern) for pattern in patterns]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def named(self, path: str, portrait: Any) -> Iterator[tuple[str, str]]:
        """(path, object id) of each reference in what is written at a path.

        Example:
            >>> list(Declared(["/facts/*/entity"]).named("/facts", [{"entity": "e/1"}, {"entity": ""}, {}]))
            [('/facts/0/entity', 'e/1')]
        """
        above = _segments(path)
        for parts in self._patterns:
            head, rest = parts[: len(above)], parts[len(above) :]
            if len(head) == len(above) and all(one in (_ANY, other) for one, other in zip(head, above, strict=True)):
                yield from _follow(rest, path, portrait)


def _parsed(pattern: str) -> tuple[str, ...]:
    from driftline.discipline.pointers import fault  # the discipline is loaded by those who declare something

    wrong = fault(pattern)
    if wrong is not None:
        raise DriftlineError(f"references={pattern!r}: {wrong}", "write it like '/owner' or '/facts/*/entity'")
    return _segments(pattern)


def _segments(path: str) -> tuple[str, ...]:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])


def _follow(parts: tuple[str, ...], path: str, portrait: Any) -> Iterator[tuple[str, str]]:
    if not parts:
        if isinstance(portrait, str) and portrait:
            yield path, portrait
        return
    part, rest = parts[0], parts[1:]
    if isinstance(portrait, (list, tuple)):
        members: Iterable[tuple[Any, Any]] = enumerate(portrait)
    elif isinstance(portrait, dict):
        members = portrait.items()
    else:
        return
    for key, item in members:
        if part == _ANY or part == str(key):
            yield from _follow(rest, path + pointer(key), item)
