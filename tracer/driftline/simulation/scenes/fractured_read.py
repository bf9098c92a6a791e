"""A branch reads one object from before a committed unit and another from after it."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF205"


def play(scene: Scene) -> None:
    """Write the scene."""
    plan, context = scene.thing("plan"), scene.thing("context")
    planner = scene.actor("planner")
    planner.create(plan)
    planner.create(context)
    writer, reader = scene.actor("enricher"), scene.actor("reader")
    writer.read(plan)
    writer.read(context)
    (field,) = scene.some(context)
    with reader.task("compare"):
        missed = reader.read(context)
        writer.begin("transfer")
        writer.patch(plan, scene.values(scene.some(plan)))
        writer.patch(context, scene.values([field]))
        writer.commit()
        reader.read(plan)
    scene.find(CODE, missed, [field])
