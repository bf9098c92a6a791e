"""Of many objects of one type, one lacks a field that all others have."""

from __future__ import annotations

from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF402"


def play(scene: Scene) -> None:
    """Write the scene."""
    importer = scene.actor("importer")
    lacking = scene.rng.randrange(25)  # 24 of 25 is enough for the field to count as required
    for number in range(25):
        thing = scene.thing("brief")
        content = scene.complete(thing)
        if number == lacking:
            content["/summary"] = b'""'
        written = importer.write(thing, content)
        if number == lacking:
            scene.find(CODE, written, ["/summary"])
