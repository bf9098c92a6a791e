"""A branch reads what another wrote and then took back, or wrote before it failed."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF203"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("planner").create(thing)
    writer, reader = scene.actor("enricher"), scene.actor("reader")
    writer.read(thing)
    fields = scene.some(thing, scene.rng.choice((1, 2)))
    if scene.rng.random() < 0.5:  # noqa: PLR2004 - as often as not
        writer.begin("update")
        written = writer.patch(thing, scene.values(fields))
        dirty = reader.read(thing)
        writer.abort()
        scene.find("DRF401", written, fields)  # what the unit wrote was seen, though it never completed
    else:
        writer.patch(thing, scene.values(fields))
        writer.fail()
        dirty = reader.read(thing)
    scene.find(CODE, dirty, fields)
