"""A branch derives one object from another that has moved on since it was read."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF201"


def play(scene: Scene) -> None:
    """Write the scene."""
    source, derived = scene.thing("context"), scene.thing("document")
    planner = scene.actor("planner")
    planner.create(source)
    planner.create(derived, source)
    writer, editor = scene.actor("writer"), scene.actor("editor")
    writer.read(derived)
    writer.read(source)
    inputs = [(source.id, source.current)] if scene.declared else None
    editor.read(source)
    editor.patch(source, scene.values(scene.some(source)))
    fields = scene.some(derived)
    stale = writer.patch(derived, scene.values(fields), inputs=inputs)
    scene.find(CODE, stale, fields)
