"""Where in a TOML text each key stands. The standard library's parser does not say, but it says what is whole.

A text is taken apart into statements: the fewest lines that parse by themselves. What a statement sets is then what
the parser makes of it alone, below the table whose heading came last.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec.structs import replace

from driftline.discipline.problems import Problem

#: Characters parsed in all: each further line of a long statement means parsing it once more.
_BUDGET: Final = 1 << 19
_AT_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")


def placed(problems: Iterable[Problem], text: str) -> tuple[Problem, ...]:
    r"""The same problems with the lines at which their keys stand, where that can be known, and in that order.

    Args:
        problems: Problems of a policy.
        text: The TOML that it was read from.

    Example:
        >>> [problem.line for problem in placed([Problem("a.b.c", "it is text", "write 1")], "# one\n[a]\nb = 3\n")]
        [3]
    """
    known: dict[tuple[str, ...], int] | None = None
    found = []
    for problem in problems:
        if not problem.key:
            stated = _AT_LINE.search(problem.what)
            found.append(replace(problem, line=int(stated[1])) if stated else problem)
            continue
        known = lines(text) if known is None else known
        found.append(replace(problem, line=_nearest(known, _names(problem.key))))
    return tuple(sorted(found, key=lambda problem: (problem.line is None, problem.line)))


def lines(text: str) -> dict[tuple[str, ...], int]:
    r"""The line, from 1, at which each key is first stated; of what an inline table holds, the line of its statement.

    Example:
        >>> lines('a = 1\n["b c"]\nd = [\n  2,\n]\n')
        {('a',): 1, ('b c',): 2, ('b c', 'd'): 3}
    """
    found: dict[tuple[str, ...], int] = {}
    above: tuple[str, ...] = ()
    for at, statement in _statements(text):
        table = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            above = ()
            for keys in _keys(table):
                above = keys
                found.setdefault(keys, at)
        else:
            for keys in _keys(table):
                found.setdefault((*above, *keys), at)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Every statement of a text that the parser takes, with the number of its first line, as far as the budget goes."""
    given = text.replace("\r\n", "\n").split("\n")
    begin, left = 0, _BUDGET
    for end in range(1, len(given) + 1):
        statement = "\n".join(given[begin:end])
        left -= len(statement)
        if left < 0:
            return
        if _is_whole(statement):
            yield begin + 1, statement
            begin = end


def _is_whole(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except (tomllib.TOMLDecodeError, RecursionError):
        return False
    return True


def _keys(table: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a table and of those in it, from the outside in."""
    if isinstance(table, list):  # an array of tables
        table = table[0] if table else None
    if isinstance(table, dict):
        for name, inner in table.items():
            yield (*above, name)
            yield from _keys(inner, (*above, name))


def _nearest(known: dict[tuple[str, ...], int], keys: tuple[str, ...]) -> int | None:
    """The line of a key, or of the nearest table around it that has one."""
    return next((known[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in known), None)


def _names(dotted: str) -> tuple[str, ...]:
    """The names in a dotted key."""
    return max(_keys(tomllib.loads(f"{dotted} = 0")), key=len)
