"""DRF102 silent_revert: a full write carries a field's old value back."""

from __future__ import annotations

from reference.history import Found, History


def find(history: History) -> list[Found]:
    return history.lost_as("reverted", "DRF102")
