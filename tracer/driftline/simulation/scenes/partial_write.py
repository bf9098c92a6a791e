"""A branch dies inside a unit, and the half that it wrote stays where all can see it."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF401"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("planner").create(thing)
    writer = scene.actor("enricher")
    writer.read(thing)
    fields = scene.some(thing)
    writer.begin("update")
    torn = writer.patch(thing, scene.values(fields))
    writer.crash()
    if scene.rng.random() < 0.5:  # noqa: PLR2004 - as often as not
        scene.actor("reader").read(thing)
    scene.find(CODE, torn, fields)
