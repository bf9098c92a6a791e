"""Writes and reads, described: who, when, in which phase, at which version. What every question's answer is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftline_analyzer.times import iso

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis


@dataclass(frozen=True)
class Moment:
    """One event on an object.

    Attributes:
        e: Its number in clock order.
        id: Its event id, `PROCESS:SEQ`.
        op: What it did.
        object: Id of the object, or None.
        version: The version that it made, read or marked, or None.
        base: The version of the object that the writer had seen, or None.
        branch: Name of the branch.
        branch_id: Id of the branch.
        phase: Phase of the branch, or None.
        time: Clock, in nanoseconds since 1970.
        confidence: Declared confidence, or None.
        reason: Declared reason, or None.
    """

    e: int
    id: str
    op: str
    object: str | None
    version: str | None
    base: str | None
    branch: str
    branch_id: str
    phase: str | None
    time: int
    confidence: float | None
    reason: str | None

    def as_json(self) -> dict[str, Any]:
        """The moment's own keys, for the answers that it is part of."""
        return {
            "event": self.id,
            "op": self.op,
            "version": self.version,
            "branch": self.branch,
            "branch_id": self.branch_id,
            "phase": self.phase,
            "time": iso(self.time),
            "confidence": self.confidence,
        }


def moments(analysis: Analysis, events: Iterable[int]) -> dict[int, Moment]:
    """Describe these events (`event.e`)."""
    wanted = sorted(set(events))
    if not wanted:
        return {}
    rows = analysis.rows(
        """
        SELECT e.e, p.process || ':' || e.seq, e.op::VARCHAR, o.object, coalesce(e.label, e.version::VARCHAR),
            coalesce(w.base, e.base_label, e.base::VARCHAR), b.name, b.branch, b.phase, e.clock, e.confidence, e.reason
        FROM event AS e
        SEMI JOIN (SELECT unnest(?::BIGINT[]) AS e) AS wanted ON wanted.e = e.e
        JOIN process AS p ON p.p = e.p
        JOIN branch AS b ON b.b = e.b
        LEFT JOIN object AS o ON o.o = e.o
        LEFT JOIN write AS w ON w.e = e.e
        """,
        [wanted],
    )
    return {row[0]: Moment(*row) for row in rows}


def values(analysis: Analysis, places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str | None]:
    """The recorded values of fields, as canonical JSON, by (`event.e`, `path.f`); None where the trace keeps none."""
    wanted = sorted(set(places))
    if not wanted:
        return {}
    rows = analysis.rows(
        """
        SELECT f.e, f.f, f.value
        FROM field AS f
        SEMI JOIN (SELECT unnest(?::BIGINT[]) AS e, unnest(?::INTEGER[]) AS f) AS wanted
            ON wanted.e = f.e AND wanted.f = f.f
        """,
        [[e for e, _ in wanted], [f for _, f in wanted]],
    )
    return {(e, f): value for e, f, value in rows}


def findings_at(analysis: Analysis, events: Iterable[int]) -> dict[int, list[tuple[str, tuple[str, ...]]]]:
    """The findings whose event at fault is one of these: (code, fields), by event."""
    wanted = sorted(set(events))
    found: dict[int, list[tuple[str, tuple[str, ...]]]] = {}
    if wanted:
        rows = analysis.rows(
            "SELECT e, code, fields FROM finding WHERE list_contains(?::BIGINT[], e) ORDER BY n",
            [wanted],
        )
        for e, code, fields in rows:
            found.setdefault(e, []).append((code, tuple(fields)))
    return found


def codes(found: list[tuple[str, tuple[str, ...]]], path: str | None = None) -> tuple[str, ...]:
    """The codes among `findings_at`'s answer for one event that concern a field; all of them for None.

    Example:
        >>> codes([("DRF101", ("/a",)), ("DRF302", ())], "/b"), codes([("DRF101", ("/a",))], "/a")
        ((), ('DRF101',))
    """
    return tuple(code for code, fields in found if path is None or path in fields)
