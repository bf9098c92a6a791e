"""A branch reads a version that another has put into quarantine."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF504"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("researcher").create(thing)
    scene.actor("gate").mark("quarantine", thing, reason="unverified")
    fields = scene.some(thing)
    if scene.rng.random() < 0.5:  # noqa: PLR2004 - as often as not
        read = scene.actor("writer").read(thing, *fields)
    else:
        read = scene.actor("writer").read(thing)
        fields = list(thing.kind.paths)
    scene.find(CODE, read, fields)
