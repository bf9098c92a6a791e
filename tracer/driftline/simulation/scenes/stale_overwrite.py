"""Lost update: two branches read one version, and both set one field."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF101"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("planner").create(thing)
    seen = thing.current
    first, second = scene.actor("researcher"), scene.actor("researcher")
    first.read(thing)
    second.read(thing)
    fields = scene.some(thing, scene.rng.choice((1, 2)))
    first.patch(thing, scene.values(fields))
    if scene.rng.random() < 0.5:  # noqa: PLR2004 - as often as not
        lost = second.patch(thing, scene.values(fields))
    else:
        lost = second.rewrite(thing, seen, scene.values(fields))
    scene.find(CODE, lost, fields)
