"""A branch writes a version again that another had declared immutable."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF505"


def play(scene: Scene) -> None:
    """Write the scene."""
    thing = scene.thing(scene.rng.choice(("context", "plan", "entity")))
    scene.actor("researcher").create(thing)
    scene.actor("archivist").mark("snapshot", thing)
    fields = scene.some(thing)
    editor = scene.actor("editor")
    editor.read(thing)
    mutated = editor.patch(thing, scene.values(fields), version=thing.current)
    scene.find(CODE, mutated, fields)
