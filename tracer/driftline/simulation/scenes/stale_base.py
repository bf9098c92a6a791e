"""Two branches read one version and set different fields: nothing is lost, this time."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF107"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("planner").create(thing)
    first, second = scene.actor("researcher"), scene.actor("editor")
    first.read(thing)
    second.read(thing)
    moved, own = scene.some(thing, 2)
    first.patch(thing, scene.values([moved]))
    stale = second.patch(thing, scene.values([own]))
    scene.find(CODE, stale, [moved])
