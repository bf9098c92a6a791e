"""The scenes: one file a rule, named after it; there is no other list of them.

Each has `CODE`, the rule that it plants a fault of, and `play(scene)`, its script; one that cannot be played in all
phases says by `possible(phases)` in which it can. A scene states at which events which rules find something: its own,
and any other that the same events necessarily break.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from driftline.simulation.script import Scene


@dataclass(frozen=True)
class Fault:
    """A kind of fault that can be planted.

    Attributes:
        code: Of its rule.
        name: Of its rule.
        play: Writes one scene with one such fault.
        possible: Whether it can be played in a run of these phases.
    """

    code: str
    name: str
    play: Callable[[Scene], None]
    possible: Callable[[Sequence[str]], bool]


def _anywhere(_phases: Sequence[str]) -> bool:
    return True


def _load(name: str) -> Fault:
    module = import_module(f"{__name__}.{name}")
    return Fault(module.CODE, name.replace("_", "-"), module.play, getattr(module, "possible", _anywhere))


#: Every kind of fault, by code.
SCENES: Final = tuple(
    sorted((_load(module.name) for module in pkgutil.iter_modules(__path__)), key=lambda fault: fault.code)
)
