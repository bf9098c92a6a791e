"""The events that show a finding: what its branch had seen, what it did, and what the others did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from driftline_analyzer.moments import Moment, moments

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis
    from driftline_analyzer.findings import Finding

# A branch may have its base from its parent: then no event of its own shows it.
_EVENTS: Final = """
SELECT f.n, f.e, f.against, max(seen.e)
FROM finding AS f
JOIN event AS own ON own.e = f.e
LEFT JOIN event AS seen
    ON seen.b = own.b AND seen.o = own.o AND seen.e < f.e AND coalesce(seen.label, seen.version::VARCHAR) = f.base
    AND seen.op IN ('read', 'write', 'patch', 'merge')
WHERE list_contains(?::INTEGER[], f.n)
GROUP BY f.n, f.e, f.against
"""

# Of findings at a read: what its branch wrote from then on.
_WENT_ON: Final = """
SELECT f.n, count(*), min(w.e)
FROM finding AS f
JOIN event AS own ON own.e = f.e AND own.op = 'read'
JOIN write AS w ON w.b = own.b AND w.e > f.e AND NOT w.void
WHERE list_contains(?::INTEGER[], f.n)
GROUP BY f.n
"""


@dataclass(frozen=True)
class Witnesses:
    """The events that show a finding.

    Attributes:
        own: The event at fault.
        seen: The event in which its branch last saw its base, or None if it had it from elsewhere.
        against: What the others did.
        went_on: Of a finding at a read, how many writes its branch made afterwards.
        first: The first of those, or None.
    """

    own: Moment
    seen: Moment | None
    against: tuple[Moment, ...]
    went_on: int = 0
    first: Moment | None = None


def witnesses(analysis: Analysis, findings: Sequence[Finding]) -> dict[int, Witnesses]:
    """The events that show these findings, by `Finding.number`."""
    numbers = [finding.number for finding in findings]
    rows = analysis.rows(_EVENTS, [numbers])
    later = {n: (count, first) for n, count, first in analysis.rows(_WENT_ON, [numbers])}
    wanted = [e for _, own, against, seen in rows for e in (own, seen, *against) if e is not None]
    described = moments(analysis, [*wanted, *(first for _, first in later.values())])
    made = {}
    for n, own, against, seen in rows:
        count, first = later.get(n, (0, None))
        others = tuple(described[e] for e in sorted(set(against)))
        made[n] = Witnesses(described[own], described.get(seen), others, count, described.get(first))
    return made
