"""Someone changes an object in place: a read of a version shows what no write put there."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF506"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("researcher").create(thing)
    fields = scene.some(thing)
    odd = scene.actor("reader").read(thing, seen=scene.values(fields))
    scene.find(CODE, odd, fields)
