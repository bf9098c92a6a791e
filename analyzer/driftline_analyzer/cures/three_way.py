"""Three-way merge, field by field, as the discipline does it, without a gate: what only one branch changed is taken."""

from __future__ import annotations

from typing import Any

from driftline.discipline.candidates import Base, Unrecorded
from driftline.discipline.drafts import draft
from driftline.discipline.policy import Policy
from driftline.discipline.proposals import Proposal
from driftline.discipline.world import World
from driftline.values import ABSENT
from driftline_analyzer.cures.outcome import Outcome
from driftline_analyzer.cures.writes import Write

_PLAIN = Policy()


class ThreeWay:
    """The default policy's strategy for every field; a conflict is for a person."""

    name = "three-way"

    def __init__(self) -> None:
        self._outcome = Outcome(self.name)
        self._world = World()
        self._order = 0

    def take(self, write: Write) -> None:
        """A write is merged with what stands."""
        self._order += 1
        drafted = draft(_PLAIN, self._world, self._proposal(write))
        if drafted.settled or drafted.before is not None:
            self._world.put(str(write.o), drafted.after)
        self._outcome.decisions += sum(one.outcome == "conflict" for one in drafted.decisions)

    def outcome(self) -> Outcome:
        """What it comes to."""
        return self._outcome

    def _proposal(self, write: Write) -> Proposal:
        """The write with digests for values: three ways need no more than what is equal to what."""
        return Proposal(
            event=str(write.e), op="patch", object=str(write.o), type=None, version=str(write.pos), position=write.pos,
            order=self._order, branch=str(write.b), branch_id=str(write.b), time=write.time,
            fields={str(setting.cell[1]): _value(setting.wrote) for setting in write.settings},
            seen={str(setting.cell[1]): Base(_value(setting.saw), None) for setting in write.settings},
        )  # fmt: skip


def _value(digest: int | None) -> Any:
    return ABSENT if digest is None else Unrecorded(digest)
