"""A merge accepts versions of which the newest is no longer the current one."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF202"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("planner").create(thing)
    first, second, merger = scene.actor("researcher"), scene.actor("researcher"), scene.actor("merger")
    bases = [thing.current]
    first.read(thing)
    missed, *others = scene.some(thing, 2)
    first.patch(thing, scene.values(others))
    bases.append(thing.current)
    merger.read(thing)
    second.read(thing)
    second.patch(thing, scene.values([missed]))
    merged = thing.at(bases[-1])
    if scene.rng.random() < 0.5:  # noqa: PLR2004 - as often as not
        merged = thing.at(thing.current)  # it happens upon the very value that it missed: nothing is lost
    late = merger.merge(thing, bases, merged, strategy="three-way")
    scene.find(CODE, late, [missed])
    if thing.at(bases[-1]) == merged:
        scene.find("DRF102", late, [missed])
