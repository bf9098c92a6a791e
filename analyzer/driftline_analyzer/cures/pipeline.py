"""The full pipeline: the replay under the policy in force, told in the numbers of the other cures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from xxhash import xxh3_64_intdigest

from driftline.discipline.candidates import Unrecorded, key
from driftline.discipline.pipeline import Decision
from driftline.values import ABSENT
from driftline_analyzer.cures.last_write import is_wrong
from driftline_analyzer.cures.outcome import Outcome
from driftline_analyzer.cures.right import Right
from driftline_analyzer.cures.writes import Cell
from driftline_analyzer.replay import Replay, replay

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis
    from driftline_analyzer.replay.replay import Progress

NAME: Final = "pipeline"
_REFUSED: Final = frozenset({"rejected", "failed"})
_SET_ASIDE: Final = frozenset({"quarantined", "undecided"})
_CELLS: Final = """
SELECT n.object, n.path, o.o, p.f
FROM (SELECT unnest($objects::VARCHAR[]) AS object, unnest($paths::VARCHAR[]) AS path) AS n
JOIN object AS o ON o.object = n.object
JOIN path AS p ON p.path = n.path AND NOT p.whole
"""


def pipeline(analysis: Analysis, rights: Mapping[Cell, Right], progress: Progress) -> Outcome:
    """Replay a trace under the policy that it is analysed under.

    Args:
        analysis: The trace.
        rights: What every contested field ought to hold.
        progress: Told of how far it is, as by `replay`.
    """
    outcome = Outcome(NAME)
    lost: set[tuple[str, str, str]] = set()  # object, field, version
    with replay(analysis, progress=progress) as found:
        for decided in found.decisions():
            decision = decided.decision
            outcome.refused += decision.verdict in _REFUSED
            outcome.decisions += _is_for_a_person(decision)
            lost.update(
                (decision.object, one.path, loser) for one in decision.fields if one.lossy for loser in one.losers
            )
        outcome.lost = len(lost)
        fields = sorted({(object_id, path) for object_id, path, _ in lost})
        verdicts = _verdicts(analysis, found, fields, rights)
    outcome.wrong = sum(verdict is True for verdict in verdicts)
    outcome.unjudged = sum(verdict is None for verdict in verdicts)
    return outcome


def _is_for_a_person(decision: Decision) -> bool:
    """Whether a write, or a field of it, was set aside for somebody to decide."""
    return decision.verdict in _SET_ASIDE or (
        decision.verdict == "merged" and any(one.outcome in {"conflict", "undecided"} for one in decision.fields)
    )


def _verdicts(
    analysis: Analysis, found: Replay, fields: list[tuple[str, str]], rights: Mapping[Cell, Right]
) -> list[bool | None]:
    """For each field in which updates were lost, whether it is wrong now; None if nobody can say."""
    named = {"objects": [object_id for object_id, _ in fields], "paths": [path for _, path in fields]}
    cells = {(object_id, path): (o, f) for object_id, path, o, f in analysis.rows_named(_CELLS, named)}
    verdicts = []
    for object_id, path in fields:
        cell = cells.get((object_id, path))
        right: Right = "unknown" if cell is None else rights.get(cell, "unknown")
        verdicts.append(is_wrong(right, _digest(found.standing(object_id).get(path, ABSENT))))
    return verdicts


def _digest(value: object) -> int | None:
    if value is ABSENT:
        return None
    return value.digest if isinstance(value, Unrecorded) else xxh3_64_intdigest(key(value))
