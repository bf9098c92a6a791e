"""An earlier phase goes on writing an object that a later phase has begun to work with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF501"


def possible(phases: Sequence[str]) -> bool:
    """Where there is an earlier phase and a later one, which is not compression: that has a rule of its own."""
    return bool(_later(phases))


def _later(phases: Sequence[str]) -> list[str]:
    return [phase for phase in phases[1:] if phase != "compression"]


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing("context")
    earlier = scene.actor("researcher", scene.phases[0])
    earlier.create(thing)
    earlier.mark("promote", thing, phase=scene.phases[0])
    later = scene.actor("enricher", _later(scene.phases)[0])
    used = later.read(thing)
    fields = scene.some(thing)
    earlier.patch(thing, scene.values(fields))
    scene.find(CODE, used, fields)
