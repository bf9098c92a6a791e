"""An earlier phase goes on writing an object that a later phase has begun to work with."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF501"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing("context")
    earlier = scene.actor("researcher", scene.phases[0])
    earlier.create(thing)
    earlier.mark("promote", thing, phase=scene.phases[0])
    later = scene.actor("enricher", scene.phases[1])
    used = later.read(thing)
    fields = scene.some(thing)
    earlier.patch(thing, scene.values(fields))
    scene.find(CODE, used, fields)
