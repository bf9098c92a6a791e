"""The obvious ways to break an SQL file, one at a time.

A query is taken apart into tokens, so that comments, texts and names are left alone. What a mutation makes is often no
SQL at all, or means the same: the first is for DuckDB to say, the second for `equivalent_mutants.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"--[^\n]*|'(?:[^']|'')*'|\"[^\"]*\"|<=|>=|<>|=>|:=|::|[A-Za-z_][A-Za-z_0-9]*|\d+|\s+|.", re.DOTALL
)
_SWAPPED: Final = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "=": "<>",
    "<>": "=",
    "min": "max",
    "max": "min",
    "min_by": "max_by",
    "max_by": "min_by",
    "least": "greatest",
    "greatest": "least",
    "first_value": "last_value",
    "last_value": "first_value",
    "lag": "lead",
    "lead": "lag",
    "bool_or": "bool_and",
    "bool_and": "bool_or",
    "true": "false",
    "false": "true",
    "AND": "OR",
    "OR": "AND",
    "SEMI": "ANTI",
    "ANTI": "SEMI",
}
_DROPPED: Final = frozenset({"NOT", "DISTINCT", "LEFT", "DESC"})
#: What ends a condition at its own depth of brackets.
_ENDS: Final = frozenset(
    (
        *("AND", "OR", "WHERE", "GROUP", "ORDER", "HAVING", "QUALIFY", "WINDOW", "UNION", "JOIN", "LEFT", "ASOF"),
        *("SEMI", "ANTI", "CROSS", "THEN", "ELSE", "END", "WHEN", "ROWS", "LIMIT", "SELECT", "FROM", ",", ";"),
    ),
)
_OPENS: Final = frozenset({"(", "[", "CASE"})
_CLOSES: Final = frozenset({")", "]", "END"})
_BEGINS: Final = frozenset({"WHERE", "ON", "HAVING", "QUALIFY"})


@dataclass(frozen=True)
class Mutant:
    """One way to break a file.

    Attributes:
        name: What was done, and in which line: `line 41: drop AND NOT w.void`.
        text: The file as it is then.
    """

    name: str
    text: str


def mutants(text: str) -> list[Mutant]:
    """Every mutant of an SQL file, none of them twice.

    Example:
        >>> [mutant.name for mutant in mutants("SELECT e FROM w WHERE NOT void AND e < 3")]
        ... # doctest: +NORMALIZE_WHITESPACE
        ['line 1: drop condition NOT void', 'line 1: drop NOT', 'line 1: AND to OR', 'line 1: drop AND e < 3',
         'line 1: < to <=', 'line 1: 3 to 4']
    """
    tokens = _TOKEN.findall(text)
    found: dict[str, Mutant] = {}
    line, body = 1, _body(tokens)
    for at, token in enumerate(tokens):
        for what, new in _changes(tokens, at) if at >= body else ():
            broken = "".join(new)
            found.setdefault(broken, Mutant(f"line {line}: {what}", broken))
        line += token.count("\n")
    return list(found.values())


def _body(tokens: list[str]) -> int:
    """Where the header ends."""
    return next((at for at, token in enumerate(tokens) if not token.isspace() and not token.startswith("--")), 0)


def _changes(tokens: list[str], at: int) -> Iterator[tuple[str, list[str]]]:
    word = tokens[at]
    before, after = tokens[:at], tokens[at + 1 :]
    if word in _BEGINS:
        end = _end(tokens, at + 1)
        condition = _shown(tokens[at + 1 : end])
        if condition not in {"", "true"}:
            yield f"drop condition {condition}", [*tokens[: at + 1], " true ", *tokens[end:]]
    if word == "AND" and _joins_conditions(tokens, at):
        yield "AND to OR", [*before, "OR", *after]
        end = _end(tokens, at + 1)
        yield f"drop AND {_shown(tokens[at + 1 : end])}", [*before, " ", *tokens[end:]]
    elif word in _SWAPPED and word != "AND" and not (word == "=" and _is_setting(tokens, at)):
        yield f"{word} to {_SWAPPED[word]}", [*before, _SWAPPED[word], *after]
    if word in _DROPPED:
        yield f"drop {word}", [*before, *after]
    if word.isdigit() and not _is_cast(tokens, at):
        yield f"{word} to {int(word) + 1}", [*before, str(int(word) + 1), *after]


def _end(tokens: list[str], at: int) -> int:
    """Where the condition that begins here ends."""
    depth, between = 0, False
    for place, word in enumerate(tokens[at:], at):
        if depth == 0 and word == "AND" and between:  # that of a BETWEEN, which belongs to the condition
            between = False
        elif depth == 0 and word in _ENDS:
            return place
        else:
            depth += (word in _OPENS) - (word in _CLOSES)
            between = between or word == "BETWEEN"
        if depth < 0:
            return place
    return len(tokens)


def _joins_conditions(tokens: list[str], at: int) -> bool:
    """Whether this AND is none of a BETWEEN."""
    depth = 0
    for word in reversed(tokens[:at]):
        if word in {")", "]"}:
            depth += 1
        elif word in {"(", "["}:
            depth -= 1
            if depth < 0:
                return True
        elif depth == 0 and word == "BETWEEN":
            return False
        elif depth == 0 and word in {"AND", "OR", "WHERE", "ON", "SELECT", "WHEN", "HAVING"}:
            return True
    return True


def _is_setting(tokens: list[str], at: int) -> bool:
    """Whether this = belongs to a SET."""
    line = "".join(tokens[:at]).rpartition("\n")[2]
    return line.lstrip().startswith("SET ")


def _is_cast(tokens: list[str], at: int) -> bool:
    return at > 0 and tokens[at - 1] == "::"


def _shown(tokens: list[str]) -> str:
    words = " ".join("".join(token for token in tokens if not token.startswith("--")).split())
    return words if len(words) <= 60 else f"{words[:57]}..."
