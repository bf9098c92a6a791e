"""DRF101 stale_overwrite: a write loses a field that it neither drops, impoverishes nor reverts."""

from __future__ import annotations

from reference.history import Found, History


def find(history: History) -> list[Found]:
    return history.lost_as("overwritten", "DRF101")
