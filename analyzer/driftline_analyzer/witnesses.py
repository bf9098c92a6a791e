"""The events that show a finding: what its branch had seen, what it did, and what the others did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftline_analyzer.moments import Moment, moments

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis
    from driftline_analyzer.findings import Finding

# A branch may have its base from its parent: then no event of its own shows it.
_EVENTS = """
SELECT f.n, f.e, f.against, max(seen.e)
FROM finding AS f
JOIN event AS own ON own.e = f.e
LEFT JOIN event AS seen
    ON seen.b = own.b AND seen.o = own.o AND seen.e < f.e AND coalesce(seen.label, seen.version::VARCHAR) = f.base
    AND seen.op IN ('read', 'write', 'patch', 'merge')
WHERE list_contains(?::INTEGER[], f.n)
GROUP BY f.n, f.e, f.against
"""


@dataclass(frozen=True)
class Witnesses:
    """The events that show a finding.

    Attributes:
        own: The event at fault.
        seen: The event in which its branch last saw its base, or None if it had it from elsewhere.
        against: What the others did.
    """

    own: Moment
    seen: Moment | None
    against: tuple[Moment, ...]


def witnesses(analysis: Analysis, findings: Sequence[Finding]) -> dict[int, Witnesses]:
    """The events that show these findings, by `Finding.number`."""
    rows = analysis.rows(_EVENTS, [[finding.number for finding in findings]])
    wanted = [e for _, own, against, seen in rows for e in (own, seen, *against) if e is not None]
    described = moments(analysis, wanted)
    return {
        n: Witnesses(described[own], described.get(seen), tuple(described[e] for e in sorted(set(against))))
        for n, own, against, seen in rows
    }
