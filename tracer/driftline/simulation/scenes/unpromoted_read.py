"""A later phase decides on a version that nobody has promoted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF503"


def possible(phases: Sequence[str]) -> bool:
    """Where there is an earlier phase and a later one."""
    return len(phases) > 1


def play(scene: Scene) -> None:
    """Write the scene."""
    thing, decided, other = scene.thing("context"), scene.thing("document"), scene.thing("plan")
    earlier = scene.actor("researcher", scene.phases[0])
    earlier.create(thing)
    earlier.create(other)
    earlier.mark("promote", other, phase=scene.phases[0])
    later = scene.actor("writer", scene.phases[-1])
    early = later.read(thing)
    later.create(decided)
    scene.find(CODE, early)
