"""Every cure on one trace, side by side, in one pass over its contested fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from driftline.errors import DriftlineError
from driftline_analyzer.cures.barrier import Barrier
from driftline_analyzer.cures.last_write import LastWrite
from driftline_analyzer.cures.optimistic import Optimistic
from driftline_analyzer.cures.outcome import Outcome
from driftline_analyzer.cures.pipeline import pipeline
from driftline_analyzer.cures.sequencing import Sequencing
from driftline_analyzer.cures.three_way import ThreeWay
from driftline_analyzer.cures.writes import Cell, Round, Write, writes
from driftline_analyzer.database import sql

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis
    from driftline_analyzer.replay.replay import Progress


class Cure(Protocol):
    """One cure under way."""

    name: str

    def take(self, write: Write) -> None:
        """A write, the next in order."""

    def outcome(self) -> Outcome:
        """What it comes to, after the last write."""


@dataclass(frozen=True)
class Comparison:
    """What a trace would have come to under each cure.

    Attributes:
        fields: How many fields are contested: somebody changed them who had not seen what stood there.
        objects: How many objects have such fields.
        writes: How many writes set such fields.
        outcomes: What each cure comes to.
    """

    fields: int
    objects: int
    writes: int
    outcomes: tuple[Outcome, ...]

    def as_json(self) -> dict[str, Any]:
        """As `driftline replay --compare --format json` prints it."""
        return {
            "contested": {"fields": self.fields, "objects": self.objects, "writes": self.writes},
            "cures": [outcome.as_json() for outcome in self.outcomes],
        }


def compare(analysis: Analysis, progress: Progress = lambda _share: None) -> Comparison:
    """Try every cure on a trace.

    Args:
        analysis: The analysed trace; the full pipeline is tried under the policy that it is analysed under.
        progress: Told of how far the longest of them is, the full pipeline.

    Raises:
        DriftlineError: If the trace has no order of versions: then nobody knows what came after what.

    Example:
        >>> import tempfile, driftline as dl
        >>> from driftline_analyzer import analyze
        >>> with dl.record(tempfile.mkdtemp() + "/run.drift") as recording:
        ...     _ = dl.write("o/1", {"n": 1}, version=1)
        ...     for agent in ("a", "b"):
        ...         with dl.branch(agent):
        ...             _ = dl.patch("o/1", {"n": agent}, base=1)
        >>> with analyze(recording.path) as analysis:
        ...     [(one.cure, one.lost, one.refused, one.decisions) for one in compare(analysis).outcomes[:4:3]]
        [('last-write-wins', 1, 0, 0), ('optimistic', 0, 1, 0)]
    """
    if not analysis.header.ordered:
        raise DriftlineError(
            f"{analysis.path} has no order of versions, so nobody knows what came after what",
            "compare cures on a recording with the store's version numbers, or with ordered=True",
        )
    rounds, waited = _rounds(analysis)
    last = LastWrite()
    cures: tuple[Cure, ...] = (last, Barrier(rounds, waited), Sequencing(), Optimistic(), ThreeWay())
    cells: set[Cell] = set()
    count = 0
    for write in _contested(analysis):
        count += 1
        cells.update(setting.cell for setting in write.settings)
        for cure in cures:
            cure.take(write)
    outcomes = (*(cure.outcome() for cure in cures), pipeline(analysis, last.rights(), progress))
    return Comparison(len(cells), len({o for o, _ in cells}), count, outcomes)


def _rounds(analysis: Analysis) -> tuple[dict[int, Round], int]:
    """The rounds by number, and what their branches wait in all."""
    found: dict[int, Round] = {}
    waited = 0
    for _, number, _, ended, released in analysis.each_row(sql("cures", "rounds"), {}):
        found[number] = Round(number, released)
        waited += released - ended
    return found, waited


def _contested(analysis: Analysis) -> Iterator[Write]:
    query = sql("cures", "contested").replace("{rounds}", sql("cures", "rounds"))
    return writes(analysis.each_row(query, {}))
