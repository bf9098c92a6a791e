"""DRF105 fidelity_loss: a write from a stale base puts a poorer value where a richer one stood."""

from __future__ import annotations

from reference.history import Found, History


def find(history: History) -> list[Found]:
    return history.lost_as("poorer", "DRF105")
