"""A branch names an object that never existed."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF301"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing, ghost = scene.thing(scene.rng.choice(("context", "plan"))), scene.thing("agent")
    dangling = scene.actor("planner").create(thing, ghost)
    scene.find(CODE, dangling, ["/owner"])
