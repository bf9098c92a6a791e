"""A branch reads a version that the unit which made it replaces before it commits."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF204"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("planner").create(thing)
    writer, reader = scene.actor("enricher"), scene.actor("reader")
    writer.read(thing)
    fields = scene.some(thing)
    writer.begin("update")
    writer.patch(thing, scene.values(fields))
    early = reader.read(thing)
    writer.patch(thing, scene.values(fields))
    writer.commit()
    scene.find(CODE, early, fields)
