"""The scenes: one file a rule, named after it; there is no other list of them.

Each has `CODE`, the rule that it plants a fault of, and `play(scene)`, its script. A scene states at which events which
rules find something: its own, and any other that the same events necessarily break.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
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
    """

    code: str
    name: str
    play: Callable[[Scene], None]


def _load(name: str) -> Fault:
    module = import_module(f"{__name__}.{name}")
    return Fault(module.CODE, name.replace("_", "-"), module.play)


#: Every kind of fault, by code.
SCENES: Final = tuple(
    sorted((_load(module.name) for module in pkgutil.iter_modules(__path__)), key=lambda fault: fault.code)
)
