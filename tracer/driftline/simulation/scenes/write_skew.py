"""Two units each read what the other writes, and write what the other read."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF206"


def play(scene: Scene) -> None:
    """Write the scene."""
    plan, context = scene.thing("plan"), scene.thing("context")
    planner = scene.actor("planner")
    planner.create(plan)
    planner.create(context)
    first, second = scene.actor("scheduler"), scene.actor("scheduler")
    for actor in (first, second):
        actor.begin("check-then-act")
        actor.read(plan)
        actor.read(context)
    fields = scene.some(context)
    none: list[tuple[str, int]] | None = [] if scene.declared else None
    first.patch(plan, scene.values(scene.some(plan)), inputs=none)
    skewed = second.patch(context, scene.values(fields), inputs=none)
    first.commit()
    second.commit()
    scene.find(CODE, skewed, fields)
    if none is None:  # the second then wrote from a plan that had moved on
        scene.find("DRF201", skewed, fields)
