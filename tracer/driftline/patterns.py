"""Patterns that name fields: `TYPE#/pointer`, both sides with wildcards."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Final

from driftline.errors import DriftlineError

_DEEP: Final = "**"


class Pattern:
    """Names fields by the type of their object and their JSON Pointer.

    `*` stands for any text within a type or a segment of the pointer, `**` for any number of segments. A pattern names
    the fields that it matches and everything below them; `TYPE` alone is all fields of that type.

    Args:
        text: `TYPE#/pointer` or `TYPE`.

    Raises:
        DriftlineError: If it is neither.

    Example:
        >>> pattern = Pattern("con*#/facts/*/source")
        >>> pattern.names("context", "/facts/0/source/url"), pattern.names("context", "/facts/0")
        (True, False)
        >>> pattern.reaches_below("context", "/facts"), pattern.reaches_below("plan", "/facts")
        (True, False)
    """

    def __init__(self, text: str) -> None:
        self.type, _, pointer = text.partition("#")
        if not self.type or self.type.startswith("/") or (pointer and not pointer.startswith("/")):
            raise DriftlineError(
                f"{text!r} names no field", "write TYPE#/pointer, such as 'context#/summary' or '*#/password'"
            )
        self._type = re.compile(translate(self.type))
        words = pointer.split("/")[1:]
        self._words = [None if word == _DEEP else re.compile(translate(word)) for word in words]
        literal = words and not set("*?[") & set(words[-1]) and not words[-1].isdigit()
        #: The key that a field which it names must have, itself or around it; None if it may be any.
        self.key = words[-1].replace("~1", "/").replace("~0", "~") if literal else None

    def names(self, type_: str | None, path: str) -> bool:
        """Whether it names this field of an object of this type."""
        return self._is_of(type_) and len(self._words) in self._reached(path)

    def reaches_below(self, type_: str | None, path: str) -> bool:
        """Whether it may name something inside this field, but not the field itself."""
        if not self._is_of(type_):
            return False
        reached = self._reached(path)
        return bool(reached) and len(self._words) not in reached

    def _is_of(self, type_: str | None) -> bool:
        return self.type == "*" or (type_ is not None and self._type.match(type_) is not None)

    def _reached(self, path: str) -> set[int]:
        """How many of its words the segments of a path can have used up; all of them, once they have."""
        whole = len(self._words)
        reached = self._skipped({0})
        for segment in path.split("/")[1:]:
            if whole in reached:
                break
            reached = self._skipped(
                {
                    at if word is None else at + 1
                    for at in reached
                    if (word := self._words[at]) is None or word.match(segment)
                }
            )
        return reached

    def _skipped(self, reached: set[int]) -> set[int]:
        """With the words behind every `**`, which may stand for nothing."""
        whole = set(reached)
        for at in sorted(reached):
            while at < len(self._words) and self._words[at] is None:
                at += 1  # noqa: PLW2901 - walks on from here
                whole.add(at)
        return whole
