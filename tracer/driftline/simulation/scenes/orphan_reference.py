"""A branch names, or reads, an object that another has removed."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF302"


def play(scene: Scene) -> None:
    """Write the scene."""
    agent = scene.thing("agent")
    scene.actor("registrar").create(agent)
    last = agent.current
    planner, janitor = scene.actor("planner"), scene.actor("janitor")
    planner.read(agent)
    janitor.read(agent)
    janitor.delete(agent)
    if scene.rng.random() < 0.5:  # noqa: PLR2004 - as often as not
        thing = scene.thing(scene.rng.choice(("context", "plan")))
        orphan = planner.create(thing, agent, inputs=[])
        scene.find(CODE, orphan, ["/owner"])
    else:
        orphan = scene.actor("reader").read(agent, version=last)
        scene.find(CODE, orphan)
