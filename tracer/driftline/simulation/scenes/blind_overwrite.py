"""A branch sets a field of an object that it has never looked at."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF104"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("researcher").create(thing)
    fields = scene.some(thing, scene.rng.choice((1, 2)))
    blind = scene.actor("importer").patch(thing, scene.values(fields))
    scene.find(CODE, blind, fields)
