"""A branch saves its whole stale copy for one field of it, and undoes what another did to the rest."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF102"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("planner").create(thing)
    seen = thing.current
    enricher, summariser = scene.actor("enricher"), scene.actor("summariser")
    enricher.read(thing)
    summariser.read(thing)
    meant, carried = scene.some(thing, 2)
    enricher.patch(thing, scene.values([carried]))
    reverted = summariser.rewrite(thing, seen, scene.values([meant]))
    scene.find(CODE, reverted, [carried])
