"""Two versions have one parent, in a store that orders neither, and nothing reconciles them."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF602"


def play(scene: Scene) -> None:
    """Write the scene."""
    scene.declared = True  # a patch whose base is only inferred means single fields, and names no parent
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")), labelled=True)
    scene.actor("planner").create(thing)
    scene.declared = True  # a patch whose base is only worked out names no parent
    first, second = scene.actor("researcher"), scene.actor("editor")
    first.read(thing)
    second.read(thing)
    moved, own = scene.some(thing, 2)
    first.patch(thing, scene.values([moved]))
    forked = second.patch(thing, scene.values([own]))
    scene.find(CODE, forked, [moved, own])
    scene.find("DRF107", forked, [moved])  # of one object, though of different fields
