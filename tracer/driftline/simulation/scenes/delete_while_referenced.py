"""A branch removes an object that live state still names."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF303"


def play(scene: Scene) -> None:
    """Write the scene."""
    agent, thing = scene.thing("agent"), scene.thing(scene.rng.choice(("context", "plan")))
    scene.actor("registrar").create(agent)
    planner, janitor = scene.actor("planner"), scene.actor("janitor")
    planner.read(agent)
    planner.create(thing, agent)
    janitor.read(agent)
    removed = janitor.delete(agent)
    scene.find(CODE, removed)
