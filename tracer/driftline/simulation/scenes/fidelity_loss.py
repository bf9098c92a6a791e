"""The late summary: a branch puts what it made of an old version over something richer."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF105"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing("context")
    scene.actor("planner").create(thing)
    researcher, summariser = scene.actor("researcher"), scene.actor("summariser")
    researcher.read(thing)
    summariser.read(thing)
    if scene.rng.random() < 0.5:  # noqa: PLR2004 - as often as not
        field = thing.kind.rich
        researcher.patch(thing, {field: scene.rich()})
        poorer = summariser.patch(thing, {field: scene.scant()})
    else:
        (field,) = scene.some(thing)
        researcher.patch(thing, scene.values([field]), fidelity=0.9)
        poorer = summariser.patch(thing, scene.values([field]), fidelity=0.4)
    scene.find(CODE, poorer, [field])
