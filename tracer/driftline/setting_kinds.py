"""The kinds of values that settings take, from code, from TOML and from the environment's texts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, Protocol, get_args

from driftline.errors import DriftlineError
from driftline.patterns import Pattern

Level = Literal["full", "digest", "none"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)  # each withholds more than the one before
#: `redact(path, value, object, type)` gives what to record in place of `value`, or `REDACTED`.
Redactor = Callable[[str, Any, str, str | None], object]

_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


class Kind(Protocol):
    """How a setting's value is read and written.

    Attributes:
        right: What would be right, for error messages and the documents.
    """

    right: str

    def of(self, value: Any) -> Any:
        """The value that code or TOML gives.

        Raises:
            ValueError: What is wrong with it.
        """

    def of_text(self, text: str) -> Any:
        """The value that a text in the environment or on the command line stands for.

        Raises:
            ValueError: What is wrong with it.
        """

    def as_text(self, value: Any) -> str:
        """The text that stands for a value."""


class Choice:
    """One of a few words."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = tuple(words)
        self.right = f"one of {', '.join(self._words)}"

    def of(self, value: Any) -> str:
        """One of the words."""
        if value not in self._words:
            raise ValueError(f"{value!r} is none of its words")
        return str(value)

    def of_text(self, text: str) -> str:
        """One of the words."""
        return self.of(text.strip().lower())

    def as_text(self, value: str) -> str:
        """The word."""
        return value


class Whole:
    """A whole number of at least so much."""

    def __init__(self, least: int) -> None:
        self._least = least
        self.right = f"a whole number, {least} or more"

    def of(self, value: Any) -> int:
        """The number."""
        if type(value) is not int:
            raise ValueError(f"{value!r} is no whole number")
        if value < self._least:
            raise ValueError(f"{value} is less than {self._least}")
        return value

    def of_text(self, text: str) -> int:
        """The number."""
        try:
            number = int(text.replace(",", ""))
        except ValueError:
            raise ValueError(f"{text!r} is no whole number") from None
        return self.of(number)

    def as_text(self, value: int) -> str:
        """The number in decimal."""
        return str(value)


class Switch:
    """Yes or no."""

    right = "true or false"

    def of(self, value: Any) -> bool:
        """Whether it is on."""
        if type(value) is not bool:
            raise ValueError(f"{value!r} is neither true nor false")
        return value

    def of_text(self, text: str) -> bool:
        """Whether it is on."""
        word = text.strip().lower()
        if word not in _YES | _NO:
            raise ValueError(f"{text!r} is neither true nor false")
        return word in _YES

    def as_text(self, value: bool) -> str:  # noqa: FBT001 - the value itself
        """`true` or `false`."""
        return "true" if value else "false"


class Rules:
    """Patterns of fields, each with a level."""

    right = "patterns such as 'context#/summary' or '*#/password', each with full, digest or none"

    def of(self, value: Any) -> dict[str, Level]:
        """The rules, in order."""
        if not isinstance(value, Mapping):
            raise ValueError(f"{value!r} is no table of patterns")  # noqa: TRY004 - the user's fault, as all of these
        for pattern, level in value.items():
            if level not in LEVELS:
                raise ValueError(f"{level!r} (of {pattern!r}) is no level")
            try:
                Pattern(pattern)
            except DriftlineError as fault:
                raise ValueError(fault.message) from fault
        return dict(value)

    def of_text(self, text: str) -> dict[str, Level]:
        """The rules: `PATTERN=LEVEL,PATTERN=LEVEL`, or a JSON object."""
        if text.lstrip().startswith("{"):
            return self.of(json.loads(text))
        rules = {}
        for item in filter(None, map(str.strip, text.split(","))):
            pattern, equals, level = item.rpartition("=")
            if not equals:
                raise ValueError(f"{item!r} has no level")
            rules[pattern.strip()] = level.strip()
        return self.of(rules)

    def as_text(self, value: Mapping[str, Level]) -> str:
        """A JSON object."""
        return json.dumps(value, ensure_ascii=False)


class Names:
    """On, off, or names in addition to the usual ones."""

    right = "true, false, or a list of further names ('!name' takes one off)"

    def of(self, value: Any) -> bool | tuple[str, ...]:
        """Whether names are looked at, or the further ones."""
        if type(value) is bool:
            return value
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ValueError(f"{value!r} is neither true, false nor a list of names")  # noqa: TRY004 - as above
        names = tuple(value)
        for name in names:
            if not isinstance(name, str) or not name.strip("! "):
                raise ValueError(f"{name!r} is no name")
        return names

    def of_text(self, text: str) -> bool | tuple[str, ...]:
        """`on`, `off`, or names with commas between."""
        word = text.strip().lower()
        if word in _YES | _NO:
            return word in _YES
        return self.of([name for name in map(str.strip, text.split(",")) if name])

    def as_text(self, value: bool | tuple[str, ...]) -> str:  # noqa: FBT001 - the value itself
        """`on`, `off`, or the names."""
        return ("on" if value else "off") if isinstance(value, bool) else ",".join(value) or "on"


class Function:
    """A function of the program."""

    right = "a function, or its name: 'package.module:function'"

    def of(self, value: Any) -> Redactor | str:
        """The function, or its name."""
        if isinstance(value, str):
            return self.of_text(value)
        if not callable(value):
            raise ValueError(f"{value!r} cannot be called")  # noqa: TRY004 - as above
        return value  # type: ignore[no-any-return] # what it takes shows when it is called

    def of_text(self, text: str) -> str:
        """Its name."""
        module, colon, name = text.strip().partition(":")
        if not colon or not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
            raise ValueError(f"{text!r} names no function")
        return text.strip()

    def as_text(self, value: Redactor | str) -> str:
        """Its name, by which another process may find it."""
        if isinstance(value, partial):
            value = value.func
        if isinstance(value, str):
            return value
        return f"{getattr(value, '__module__', '?')}:{getattr(value, '__qualname__', type(value).__qualname__)}"


def function_named(name: str) -> Any:
    """The function of a name that `Function` takes.

    Raises:
        Exception: Whatever its import raises, or that it is not there.
    """
    module, _, path = name.partition(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


class Shares:
    """Shares from 0 to 1, by what they are of."""

    def __init__(self, of: Iterable[str]) -> None:
        self._of = tuple(of)
        self.right = f"a share from 0 to 1 for each of {', '.join(self._of)}, such as {{{self._of[0]} = 0.1}}"

    def of(self, value: Any) -> dict[str, float]:
        """The shares; what is left out is whole."""
        if not isinstance(value, Mapping):
            raise ValueError(f"{value!r} is no table of shares")  # noqa: TRY004 - as above
        for name, share in value.items():
            if name not in self._of:
                raise ValueError(f"{name!r} cannot be sampled")
            if type(share) not in {int, float} or not 0 <= share <= 1:
                raise ValueError(f"{share!r} is no share of {name}")
        return {name: float(value.get(name, 1.0)) for name in self._of}

    def of_text(self, text: str) -> dict[str, float]:
        """The shares: `objects=0.1,branches=0.5`."""
        shares: dict[str, float] = {}
        for item in filter(None, map(str.strip, text.split(","))):
            name, _, share = item.partition("=")
            try:
                shares[name.strip()] = float(share)
            except ValueError:
                raise ValueError(f"{item!r} has no share") from None
        return self.of(shares)

    def as_text(self, value: Mapping[str, float]) -> str:
        """The shares, as `of_text` reads them."""
        return ",".join(f"{name}={share!r}" for name, share in value.items())


class File:
    """The path of a file or folder; from code, of a file also its text."""

    def __init__(self, right: str) -> None:
        self.right = right

    def of(self, value: Any) -> str | Path:
        """The path; a text stays what it is."""
        if not isinstance(value, (str, os.PathLike)):
            raise ValueError(f"{value!r} is no path")  # noqa: TRY004 - as above
        return value if isinstance(value, str) else Path(os.fsdecode(value))

    def of_text(self, text: str) -> Path:
        """The path."""
        return Path(text)

    def as_text(self, value: str | Path) -> str:
        """The path, wherever the other process works."""
        return str(Path(value).absolute())
