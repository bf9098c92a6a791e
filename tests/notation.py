"""A small notation for traces: what case files and hand-made traces are written in, and `traces.py` runs.

One step a line, `BRANCH: STEP`, in the order in which they happen. Each branch begins at its first line, with no
parent, unless it says otherwise, and ends at the end. `#` begins a comment. What is not understood is an error.

    unordered                                    first line: the trace says that its order means nothing
    A: open phase enrichment                     begin now, in a phase
    C: fork A phase compression                  begin as a child of A, in whatever A is in
    A: end | fail | crash                        end, end by an exception, or never end
    A: write doc/1 {n: 0, "a b": [1, "x" * 80]}  VALUE: JSON with bare keys; `gone` where there is nothing
    A: patch doc/1 {n: 1, /deep/er: gone} @2 base 1
    A: merge doc/1 {n: 3} @3 bases 1 2
    A: delete doc/1 @4 base 3
    A: read doc/1 @1                             what was written as version 1; without a version, what was written last
    A: read doc/1 /n /m @1                       only these fields
    A: read doc/1 as {n: 1} @1                   something else than what was written
    A: snapshot doc/1 @1                         also promote; quarantine and reject, which may have a `reason WORD`
    A: begin u     A: commit u | abort u | abandon u    a unit; abandoned, it never ends and A goes on outside it
    A: start t {VALUE}     A: finish t | fail t         a task with these inputs
    A: track doc/1 {n: 0} references /owner      a tracked mapping; then: get doc/1 n, has doc/1 n, copy doc/1,
                                                 set doc/1 {n: 1}, remove doc/1 n, replace doc/1 {n: 1}

Versions are numbers or labels. `doc/1..20` stands for twenty objects, each in turn. A write also takes
`confidence 0.5`, `fidelity 0.5`, `source WHO`, `refs /owner=agent/1` and `inputs plan/1@3` or `inputs none`. The type
of an object is what comes before the slash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import driftline as dl


class NotationError(Exception):
    """A line that is not understood, or that the tracer failed at."""


_TOKEN: Final = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([{}\[\],:*])|([^\s{}\[\],:*"]+))')
_PLAIN: Final = {"true": True, "false": False, "null": None, "gone": dl.ABSENT}


class Line:
    """The tokens of one line, taken from the left."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None:
                raise NotationError(f"{text[at:]!r} is not understood")
            self.tokens.append(found[0].strip())
            at = found.end()

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, expected: str = "") -> str:
        if not self.tokens or (expected and self.tokens[0] != expected):
            where = " ".join(self.tokens) or "the end"
            raise NotationError(f"{expected or 'another word'} is missing before {where!r}")
        return self.tokens.pop(0)

    def word(self) -> str:
        """The next token, which must be no punctuation and no text."""
        if self.peek()[:1] in tuple('{}[],:*"'):
            raise NotationError(f"a word is missing before {' '.join(self.tokens)!r}")
        return self.take()

    def value(self) -> Any:
        """The next value, with what multiplies it."""
        first = self.take()
        if first == "{":
            value: Any = dict(self._items("}", self._pair))
        elif first == "[":
            value = list(self._items("]", self.value))
        elif first in _PLAIN:
            return _PLAIN[first]
        else:
            try:
                value = json.loads(first)
            except ValueError as fault:
                raise NotationError(f"{first!r} is not a value") from fault
        if self.peek() == "*" and isinstance(value, (str, list)):
            self.take()
            value = value * int(self.take())
        return value

    def _items(self, closing: str, item: Callable[[], Any]) -> Iterable[Any]:
        while self.peek() != closing:
            yield item()
            if self.peek() != closing:
                self.take(",")
        self.take()

    def _pair(self) -> tuple[str, Any]:
        key = self.take()
        self.take(":")
        return (json.loads(key) if key.startswith('"') else key), self.value()


def _version(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _split(text: str, by: str) -> tuple[str, str]:
    left, found, right = text.rpartition(by)
    if not (left and found and right):
        raise NotationError(f"{text!r} must have {by!r} in it")
    return left, right


_COMMON: Final = ("@", "confidence", "fidelity", "source", "refs", "inputs")
#: The clauses that each step on an object may have.
CLAUSES: Final[dict[str, tuple[str, ...]]] = {
    "read": ("@", "as"),
    "write": (*_COMMON, "base"),
    "patch": (*_COMMON, "base"),
    "merge": (*_COMMON, "bases"),
    "delete": ("@", "base"),
    **dict.fromkeys(("snapshot", "promote"), ("@",)),
    **dict.fromkeys(("quarantine", "reject"), ("@", "reason")),
    "track": ("references",),
}
_MANY: Final[dict[str, Callable[[list[str]], Any]]] = {
    "bases": lambda words: [_version(word) for word in words],
    "refs": lambda words: dict(_split(word, "=") for word in words),
    "inputs": lambda words: [
        (name, _version(version)) for name, version in (_split(word, "@") for word in words if words != ["none"])
    ],
    "references": list,
}
_ONE: Final[dict[str, Callable[[str], Any]]] = {
    "base": _version,
    "confidence": float,
    "fidelity": float,
    "source": str,
    "reason": str,
}


def clauses(line: Line, verb: str) -> dict[str, Any]:
    """What stands behind the object and value of a step, as keyword arguments."""
    given: dict[str, Any] = {}
    while line.tokens:
        word = line.word()
        name = "@" if word.startswith("@") else word
        if name not in CLAUSES[verb] or name in given:
            raise NotationError(f"{verb} takes no {word!r}{' twice' * (name in given)}")
        if name == "@":
            given[name] = _version(word[1:])
        elif name == "as":
            given[name] = line.value()
        elif name in _ONE:
            given[name] = _ONE[name](line.word())
        else:
            words = [line.word()]
            while line.tokens and line.peek() not in CLAUSES[verb] and not line.peek().startswith("@"):
                words.append(line.word())
            given[name] = _MANY[name](words)
    if verb == "merge" and "bases" not in given:
        raise NotationError("merge needs bases")
    return {"version" if name == "@" else name: value for name, value in given.items()}
