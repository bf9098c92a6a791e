"""Three-way merge, field by field, without a gate: what only one branch changed from its base is taken.

What `draft` of the discipline decides under the default policy, on digests alone: three ways need no more than what is
equal to what, and a field may be written a million times. A test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

from driftline.discipline.drafts import CONCURRENT
from driftline_analyzer.cures.outcome import Outcome
from driftline_analyzer.cures.writes import Cell, Setting, Write


@dataclass(frozen=True, slots=True)
class _Field:
    """What stands in a field.

    Attributes:
        stands: Its digest; None if it is absent.
        since: What the concurrent writes before started from, alike.
        words: What they wrote, each once.
        count: How many they are.
        conflict: Whether the last of them was set aside.
        taken: Whether the last of them, or another word that it agreed with, was taken.
    """

    stands: int | None
    since: int | None
    words: frozenset[int | None]
    count: int
    conflict: bool
    taken: bool


class ThreeWay:
    """The default policy's strategy for every field; a conflict is for a person."""

    name = "three-way"

    def __init__(self) -> None:
        self._outcome = Outcome(self.name)
        self._fields: dict[Cell, _Field] = {}
        self._objects: set[int] = set()

    def take(self, write: Write) -> None:
        """A write is merged with what stands."""
        after = {setting.cell: _merged(self._fields.get(setting.cell), setting) for setting in write.settings}
        self._outcome.decisions += sum(field.conflict for field in after.values())
        if write.o in self._objects or any(field.taken for field in after.values()):
            self._objects.add(write.o)
            self._fields.update(after)

    def outcome(self) -> Outcome:
        """What it comes to."""
        return self._outcome


def _merged(field: _Field | None, setting: Setting) -> _Field:
    stands = None if field is None else field.stands
    if field is None or setting.saw == stands:
        since, words, count = stands, frozenset({setting.wrote}), 1
    elif setting.saw == field.since and field.count < CONCURRENT:
        since, words, count = field.since, field.words | {setting.wrote}, field.count + 1
    else:
        since, words, count = setting.saw, frozenset({stands, setting.wrote}), 2
    different = words - {since}
    if len(different) == 1:
        (stands,) = different
    return _Field(stands, since, words, count, conflict=len(different) > 1, taken=len(different) == 1)
