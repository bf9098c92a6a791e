"""Findings by likeness: of each drift one finding, and how often it recurred. A million findings are a few drifts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis

_NAMED: Final = 4  # findings of one drift


@dataclass(frozen=True)
class Drift:
    """The findings that have one fingerprint.

    Attributes:
        code: Code of their rule.
        fingerprint: The fingerprint.
        number: `Finding.number` of the one that spread the widest.
        more: Numbers of the first few others.
        findings: How many there are.
        objects: In how many objects.
    """

    code: str
    fingerprint: str
    number: int
    more: tuple[int, ...]
    findings: int
    objects: int


@dataclass(frozen=True)
class Drifts:
    """The drifts of a trace, the worst severity first, then rule by rule, what spread the widest in front.

    Attributes:
        shown: As many as were asked for, each rule having its first before any has its second.
        total: How many there are.
        findings: How many findings they are.
        beside: How many findings more are of the same faults, but another rule's finding speaks for them.
    """

    shown: tuple[Drift, ...]
    total: int
    findings: int
    beside: int


# A finding that another one speaks for speaks for itself where that one's rule was not asked for.
_CHOSEN: Final = """
chosen AS (
    SELECT f.n, f.code, r.rank, f.fingerprint, e.o,
        $like IS NULL AND coalesce(list_contains($codes, l.code), false) AS beside,
        {'branches': -coalesce(b.branches, 0), 'versions': -coalesce(b.versions, 0), 'n': f.n} AS spread
    FROM finding AS f
    JOIN rule AS r ON r.code = f.code
    JOIN event AS e ON e.e = f.e
    LEFT JOIN blast AS b ON b.n = f.n
    LEFT JOIN finding AS l ON l.n = f.part_of
    WHERE list_contains($codes, f.code) AND ($like IS NULL OR f.fingerprint = $like)
)
"""

_DRIFTS: Final = f"""
WITH {_CHOSEN},
drift AS (
    SELECT rank, code, fingerprint, min(spread) AS spread, min(n, {_NAMED}) AS numbers, count(*) AS findings,
        count(DISTINCT o) AS objects
    FROM chosen WHERE NOT beside GROUP BY rank, code, fingerprint
),
placed AS (
    SELECT *, row_number() OVER (PARTITION BY code ORDER BY spread) AS place FROM drift
)
SELECT rank, place, code, fingerprint, spread.n, numbers, findings, objects
FROM placed ORDER BY place, rank, code LIMIT $limit
"""  # noqa: S608 - ours

_TOTALS: Final = f"""
WITH {_CHOSEN}
SELECT count(DISTINCT fingerprint) FILTER (NOT beside), count_if(NOT beside), count_if(beside) FROM chosen
"""  # noqa: S608 - ours

_EVERY: Final = f"""
WITH {_CHOSEN}
SELECT n FROM chosen
ORDER BY rank, code, min(spread) OVER (PARTITION BY fingerprint), spread
"""  # noqa: S608 - ours


def drifts(analysis: Analysis, codes: Iterable[str], *, limit: int, like: str | None = None) -> Drifts:
    """The drifts of a trace.

    Args:
        analysis: The trace.
        codes: Codes of the rules wanted.
        limit: Show at most this many.
        like: Only the one with this fingerprint.
    """
    wanted = {"codes": sorted(codes), "like": like}
    rows = sorted(analysis.rows_named(_DRIFTS, {**wanted, "limit": limit}), key=lambda row: (row[0], row[2], row[1]))
    ((total, findings, beside),) = analysis.rows_named(_TOTALS, wanted)
    shown = tuple(
        Drift(code, fingerprint, number, tuple(n for n in numbers if n != number)[: _NAMED - 1], count, objects)
        for _, _, code, fingerprint, number, numbers, count, objects in rows
    )
    return Drifts(shown, total, findings, beside)


def every_number(analysis: Analysis, codes: Iterable[str], *, like: str | None = None) -> Iterator[int]:
    """The numbers of all findings, in the order of `Drifts`, those of one drift together.

    Args:
        analysis: The trace.
        codes: Codes of the rules wanted.
        like: Only those with this fingerprint.
    """
    for (number,) in analysis.each_row(_EVERY, {"codes": sorted(codes), "like": like}):
        yield number
