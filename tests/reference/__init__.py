"""Every rule of docs/model.md again, by the slowest obvious means: what the analyzer is compared with.

One module a rule, each with `find(history) -> list[Found]`, its code the first word of its text; the words that the
rules share are in `history`. Nothing here is fast, and nothing here is shared with the analyzer: the two agree only if
both do what the page says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from reference.history import Found, History


def _rules() -> Iterator[tuple[str, Callable[[History], list[Found]]]]:
    for found in iter_modules(__path__):
        module = import_module(f"{__name__}.{found.name}")
        if code := re.match(r"DRF\d{3} (?=[a-z_]+: )", module.__doc__ or ""):
            yield code[0].strip(), module.find


#: Code → the rule of that code.
RULES: Final[dict[str, Callable[[History], list[Found]]]] = dict(sorted(_rules()))


def find_all(history: History) -> list[Found]:
    """What every rule finds, each finding with the other rules that see the same event."""
    seen = [found for find in RULES.values() for found in find(history)]
    return [
        replace(found, also=frozenset(other.code for other in seen if other.event == found.event) - {found.code})
        for found in seen
        if not found.gives_way
    ]
