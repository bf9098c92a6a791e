"""A branch replaces what another was surer of, having read it."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF106"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "entity")))
    scene.actor("researcher").create(thing, confidence=0.9)
    guesser = scene.actor("guesser")
    guesser.read(thing)
    fields = scene.some(thing, scene.rng.choice((1, 2)))
    worse = guesser.patch(thing, scene.values(fields), confidence=0.4)
    scene.find(CODE, worse, fields)
