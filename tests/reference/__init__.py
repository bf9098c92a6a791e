"""Every rule of docs/model.md again, by the slowest obvious means: what the analyzer is compared with.

One module a rule, each with `find(history) -> list[Found]`; the words that the rules share are in `history`. Nothing
here is fast, and nothing here is shared with the analyzer: the two agree only if both do what the page says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from reference import (
    dropped_field,
    duplicated_work,
    fidelity_loss,
    orphan_reference,
    partial_write,
    silent_revert,
    stale_base,
    stale_overwrite,
)
from reference.history import Found, History

#: Code → the rule of that code.
RULES: Final[dict[str, Callable[[History], list[Found]]]] = {
    "DRF101": stale_overwrite.find,
    "DRF102": silent_revert.find,
    "DRF103": dropped_field.find,
    "DRF105": fidelity_loss.find,
    "DRF107": stale_base.find,
    "DRF302": orphan_reference.find,
    "DRF401": partial_write.find,
    "DRF601": duplicated_work.find,
}


def find_all(history: History) -> list[Found]:
    """What every rule finds, each finding with the other rules that see the same event."""
    seen = [found for find in RULES.values() for found in find(history)]
    return [
        replace(found, also=frozenset(other.code for other in seen if other.event == found.event) - {found.code})
        for found in seen
        if not found.gives_way
    ]
