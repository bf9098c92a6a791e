"""What is wrong with a policy, and the reader of TOML tables that finds it out.

A reader takes a table apart key by key, notes each problem with the key's full name, and goes on with the default, so
that one run names every problem.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Any, Final

import msgspec

from driftline.discipline import pointers
from driftline.discipline.schemas import kind_of

_SHORT: Final = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_BMP: Final = 0xFFFF
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong with a policy.

    Attributes:
        key: Where, as a dotted TOML key; empty for the text as a whole.
        what: What is wrong there.
        remedy: What would be right.
        line: The line at which the key stands, from 1; None if it cannot be known.
    """

    key: str
    what: str
    remedy: str
    line: int | None = None


def dotted(parts: Iterable[str]) -> str:
    """A key as TOML writes it.

    Example:
        >>> dotted(["types", "context", "fields", "/facts"])
        'types.context.fields."/facts"'
    """
    return ".".join(part if _BARE.fullmatch(part) else quoted(part) for part in parts)


def quoted(text: str) -> str:
    r"""Text as TOML writes it, with everything that does not print as itself escaped.

    Example:
        >>> print(quoted('a "b"\n'))
        "a \"b\"\n"
    """
    return f'"{"".join(c if c.isprintable() and c not in _SHORT else _escaped(c) for c in text)}"'


def _escaped(character: str) -> str:
    code = ord(character)
    return _SHORT.get(character) or (f"\\u{code:04x}" if code <= _BMP else f"\\U{code:08x}")


def suggestion(wanted: str, known: Collection[str], otherwise: str = "") -> str:
    """What somebody may have meant; `_` and `-` count as the same.

    Example:
        >>> suggestion("highest_confidence", ["highest-confidence", "union"])
        'did you mean highest-confidence?'
        >>> suggestion("x", ["a", "b"])
        'use one of a, b'
    """
    alike = {name.replace("_", "-").lower(): name for name in known}
    near = difflib.get_close_matches(wanted.replace("_", "-").lower(), list(alike), n=1)
    return f"did you mean {alike[near[0]]}?" if near else otherwise or f"use one of {', '.join(known)}"


class Reader:
    """A table being read.

    Args:
        table: What TOML holds there.
        key: The names that lead to it.
        problems: Where problems are noted.
    """

    def __init__(self, table: dict[str, Any], key: tuple[str, ...], problems: list[Problem]) -> None:
        self.table = table
        self.key = key
        self.problems = problems

    def note(self, name: str, what: str, remedy: str) -> None:
        """Note a problem with one key of the table, or with the table itself for an empty name."""
        self.problems.append(Problem(dotted([*self.key, *([name] if name else [])]), what, remedy))

    def only(self, known: Collection[str], thing: str = "key") -> None:
        """Note every key that is none of these."""
        for name in self.table:
            if name not in known:
                self.note(name, f"there is no such {thing}", suggestion(name, known))

    def inner(self, name: str) -> Reader:
        """The table at a key; an empty one if there is none."""
        found = self.table.get(name, {})
        if not isinstance(found, dict):
            self.note(name, f"it is {kind_of(found)}, not a table", f"write [{dotted([*self.key, name])}]")
            found = {}
        return Reader(found, (*self.key, name), self.problems)

    def of_kind(self, name: str, kinds: type | tuple[type, ...], wanted: str) -> Any:
        """The value at a key if it is of these Python types, else None."""
        found = self.table.get(name)
        if found is None or (isinstance(found, kinds) and not (isinstance(found, bool) and kinds is not bool)):
            return found
        self.note(name, f"it is {kind_of(found)}", f"write {wanted}")
        return None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of text without repeats, or None."""
        found = self.of_kind(name, list, 'a list of text, as in ["a", "b"]')
        if found is None:
            return None
        for item in found:
            if not isinstance(item, str):
                self.note(name, f"one of it is {kind_of(item)}", 'write a list of text, as in ["a", "b"]')
                return None
        for item in dict.fromkeys(found):
            if found.count(item) > 1:
                self.note(name, f"{item!r} stands there {found.count(item)} times", "name each once")
        return tuple(dict.fromkeys(found))

    def number(self, name: str) -> float | None:
        """A finite number, or None."""
        found = self.of_kind(name, (int, float), "a number")
        if found is not None and not abs(found) < float("inf"):
            self.note(name, f"{found} is no finite number", "write a finite number, or leave the key out")
            return None
        return found  # type: ignore[no-any-return] # checked just above

    def share(self, name: str) -> float | None:
        """A number from 0 to 1, or None."""
        found = self.number(name)
        if found is not None and not 0 <= found <= 1:
            self.note(name, f"{found} is not between 0 and 1", "write a number from 0 to 1")
            return None
        return None if found is None else float(found)

    def count(self, name: str) -> int | None:
        """A whole number, 0 or more, or None."""
        found: int | None = self.of_kind(name, int, "a whole number, 0 or more")
        if found is not None and found < 0:
            self.note(name, f"{found} is below 0", "write a whole number, 0 or more")
            return None
        return found

    def duration(self, name: str) -> float | None:
        """Seconds, or None."""
        found = self.of_kind(name, (int, float, str), 'seconds, or text such as "90s", "15m", "2h", "7d"')
        if isinstance(found, str):
            parts = _DURATION.fullmatch(found)
            found = None if parts is None else float(parts[1]) * _SECONDS[parts[2]]
            if found is None:
                self.note(name, f"{self.table[name]!r} is no duration", 'write "90s", "15m", "2h" or "7d"')
        if found is not None and not 0 < found < float("inf"):
            self.note(name, f"{found} seconds is no duration", "write one above 0")
            return None
        return found  # type: ignore[no-any-return] # checked above

    def pointer(self, name: str, text: str, *, patterns: bool) -> bool:
        """Whether a text that stands at a key is a JSON Pointer; notes it if not."""
        wrong = pointers.fault(text)
        if wrong is not None:
            self.note(name, f"{text!r} is no JSON Pointer: {wrong}", f"write {'/' + text.lstrip('/')!r}")
            return False
        if not patterns and pointers.ANY in pointers.segments(text):
            self.note(name, f"{text!r} has a segment *, which here stands for no other", "name the field itself")
            return False
        return True
