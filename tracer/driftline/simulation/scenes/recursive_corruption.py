"""A drifted value is read, built upon, and written back to the object that it came from."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF603"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("planner").create(thing)
    first, second, third = scene.actor("researcher"), scene.actor("researcher"), scene.actor("editor")
    first.read(thing)
    second.read(thing)
    fields = scene.some(thing)
    first.patch(thing, scene.values(fields))
    drifted = second.patch(thing, scene.values(fields))
    scene.find("DRF101", drifted, fields)
    third.read(thing)
    built = third.patch(thing, scene.values(fields))
    scene.find(CODE, built, fields)
