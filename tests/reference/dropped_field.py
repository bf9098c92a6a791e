"""DRF103 dropped_field: a full write leaves out a field that appeared after its base."""

from __future__ import annotations

from reference.history import Found, History


def find(history: History) -> list[Found]:
    return history.lost_as("dropped", "DRF103")
