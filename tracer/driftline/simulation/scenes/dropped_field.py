"""A branch saves its whole stale copy, which has no such field as another has added since."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF103"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "document", "entity")))
    scene.actor("planner").create(thing)
    seen = thing.current
    enricher, editor = scene.actor("enricher"), scene.actor("editor")
    enricher.read(thing)
    editor.read(thing)
    enricher.patch(thing, scene.values(["/notes"]))
    dropped = editor.rewrite(thing, seen, scene.values(scene.some(thing)))
    scene.find(CODE, dropped, ["/notes"])
