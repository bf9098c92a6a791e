"""Last write wins: what a plain store does, and what a trace without any discipline shows."""

from __future__ import annotations

from dataclasses import dataclass

from driftline_analyzer.cures.outcome import Outcome
from driftline_analyzer.cures.right import NOTHING, Right, held, rebase
from driftline_analyzer.cures.writes import Cell, Write


@dataclass(slots=True)
class _Field:
    """A contested field.

    Attributes:
        stands: Digest of what stands; None if it is absent.
        pos: Position of its last change.
        by: The branch that made it.
        right: What it ought to hold.
        lost: How many updates were lost in it.
    """

    stands: int | None = None
    pos: int = -1
    by: int | None = None
    right: Right = NOTHING
    lost: int = 0


class LastWrite:
    """Every write lands as it is."""

    name = "last-write-wins"

    def __init__(self) -> None:
        self._fields: dict[Cell, _Field] = {}

    def take(self, write: Write) -> None:
        """A write lands."""
        for setting in write.settings:
            field = self._fields.setdefault(setting.cell, _Field())
            wrote = held(setting.wrote, setting.wrote_value)
            saw = held(setting.saw, setting.saw_value)
            field.right = wrote if write.merges else rebase(field.right, saw, wrote)
            if setting.wrote == field.stands:
                continue
            unseen = setting.base_pos is None or setting.base_pos < field.pos
            if field.by not in (None, write.b) and unseen:
                field.lost += 1
            field.stands, field.pos, field.by = setting.wrote, write.pos, write.b

    def outcome(self) -> Outcome:
        """What it comes to."""
        losing = [field for field in self._fields.values() if field.lost]
        verdicts = [is_wrong(field.right, field.stands) for field in losing]
        return Outcome(
            self.name,
            lost=sum(field.lost for field in losing),
            wrong=sum(verdict is True for verdict in verdicts),
            unjudged=sum(verdict is None for verdict in verdicts),
        )

    def rights(self) -> dict[Cell, Right]:
        """What every contested field ought to hold."""
        return {cell: field.right for cell, field in self._fields.items()}


def is_wrong(right: Right, stands: int | None) -> bool | None:
    """Whether a field with lost updates holds what it ought not to; None if nobody can say.

    Example:
        >>> is_wrong("open", 7), is_wrong("unknown", 7), is_wrong(held(7, "1"), 7)
        (True, None, False)
    """
    if isinstance(right, str):
        return True if right == "open" else None
    return right.digest != stands
