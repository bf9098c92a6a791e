"""A summary is made of a version that enrichment then changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from driftline.simulation.script import Scene

CODE: Final = "DRF502"


def possible(phases: Sequence[str]) -> bool:
    """Where a phase comes before compression."""
    return "compression" in phases[1:]


def play(scene: Scene) -> None:
    """Write the scene."""
    thing, summary = scene.thing("context"), scene.thing("document")
    before = scene.phases[scene.phases.index("compression") - 1]
    enricher = scene.actor("enricher", before)
    enricher.create(thing)
    enricher.mark("promote", thing, phase=before)
    summariser = scene.actor("summariser", "compression")
    summariser.read(thing)
    late = scene.rng.random() < 0.5  # noqa: PLR2004 - as often as not
    if late:
        enricher.patch(thing, scene.values(scene.some(thing)))
    written = summariser.create(summary)
    if not late:
        enricher.patch(thing, scene.values(scene.some(thing)))
    scene.find(CODE, written, summary.kind.paths)
    if late:
        scene.find("DRF201", written, summary.kind.paths)
