"""What a cure comes to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

_SECOND = 1_000_000_000


@dataclass(slots=True)
class Outcome:
    """What a trace would have come to under one cure. docs/cures.md says what each number means and assumes.

    Attributes:
        cure: Its name.
        lost: Updates that were overwritten by somebody who had not seen them, and nobody was told.
        wrong: Fields that hold at the end what no order of all updates, each in knowledge of those before it, gives.
        unjudged: Fields with lost updates of which that cannot be said, since their values were not recorded.
        refused: Writes that were refused, each time.
        retried: Writes that were made anew after that.
        waited: Time that branches spend waiting, or working again, in nanoseconds.
        decisions: Decisions left to a person.
    """

    cure: str
    lost: int = 0
    wrong: int = 0
    unjudged: int = 0
    refused: int = 0
    retried: int = 0
    waited: int = 0
    decisions: int = 0

    def as_json(self) -> dict[str, Any]:
        """As `driftline replay --compare --format json` prints it; the time in seconds."""
        return {**asdict(self), "waited": self.waited / _SECOND}
