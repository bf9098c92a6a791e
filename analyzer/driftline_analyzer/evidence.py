"""The values behind a finding: what the branch started from, what was lost, and what won."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftline_analyzer.findings import Finding
from driftline_analyzer.moments import Moment, moments
from driftline_analyzer.times import iso

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis


@dataclass(frozen=True)
class FieldEvidence:
    """One field of a finding.

    Attributes:
        path: JSON Pointer.
        base_value: Canonical JSON that stood at the base, or None if absent or not kept.
        lost_value: Canonical JSON that the newest intervening write had set, or that stood there, or None.
        lost: That write; None for rules that lose nothing.
        won_value: Canonical JSON that the write at fault set, or None if it removed the field.
    """

    path: str
    base_value: str | None
    lost_value: str | None
    lost: Moment | None
    won_value: str | None

    def as_json(self) -> dict[str, Any]:
        """As part of a finding in JSON."""
        lost = None if self.lost is None else {**self.lost.as_json(), "time": iso(self.lost.time)}
        return {
            "path": self.path, "base_value": self.base_value, "lost_value": self.lost_value, "lost": lost,
            "won_value": self.won_value,
        }  # fmt: skip


def field_evidence(analysis: Analysis, finding: Finding) -> list[FieldEvidence]:
    """The values behind each field of a finding.

    Args:
        analysis: The trace that it was found in.
        finding: The finding.

    Returns:
        One entry a field, by path; empty for a finding without fields.
    """
    rows = analysis.rows_named(
        """
        WITH at_fault AS (
            SELECT fi.e, p.f, p.path, coalesce(l.u, i.s) AS u, l.base_pos, w.o
            FROM (SELECT n, e, unnest(fields) AS path FROM finding WHERE n = $n) AS fi
            JOIN path AS p ON p.path = fi.path AND NOT p.whole
            JOIN write AS w ON w.e = fi.e
            LEFT JOIN loss AS l ON l.e = fi.e AND l.f = p.f
            LEFT JOIN inversion AS i ON i.e = fi.e AND i.f = p.f
        ),
        base AS (
            SELECT a.f, max_by(s.e, {'pos': s.pos, 'e': s.e}) AS e
            FROM at_fault AS a JOIN setting AS s ON s.o = a.o AND s.f = a.f AND s.pos <= a.base_pos GROUP BY a.f
        )
        SELECT a.path, base_field.value, lost.value, a.u, won.value
        FROM at_fault AS a
        LEFT JOIN base ON base.f = a.f
        LEFT JOIN field AS base_field ON base_field.e = base.e AND base_field.f = a.f
        LEFT JOIN field AS lost ON lost.e = a.u AND lost.f = a.f
        LEFT JOIN field AS won ON won.e = a.e AND won.f = a.f
        ORDER BY a.path
        """,
        {"n": finding.number},
    )
    described = moments(analysis, [u for _, _, _, u, _ in rows if u is not None])
    return [FieldEvidence(path, base, lost, described.get(u), won) for path, base, lost, u, won in rows]
