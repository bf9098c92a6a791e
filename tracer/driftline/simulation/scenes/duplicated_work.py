"""A branch does what another has finished doing."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF601"


def play(scene: Scene) -> None:
    """Write the scene."""
    first, second = scene.actor("researcher"), scene.actor("researcher")
    question = {"question": scene.names.number()}
    with first.task("research", question):
        first.create(scene.thing("document"))
    with second.task("research", question) as again:
        second.create(scene.thing("document"))
    scene.find(CODE, again)
