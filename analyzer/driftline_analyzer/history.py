"""`blame` and `log`: who changed each field last, and everything that ever happened to an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftline_analyzer.moments import Moment, codes, findings_at, moments, values
from driftline_analyzer.state import demand_order, standing
from driftline_analyzer.targets import Target, locate

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis


@dataclass(frozen=True)
class BlameLine:
    """The last change of one field.

    Attributes:
        path: JSON Pointer.
        value: Canonical JSON, or None where the trace keeps no values.
        written: The write that changed it last.
        base: The version of this field that its writer had read, or None if it never had.
        head: The version of the object that stood when it wrote, or None if there was none.
        findings: Codes of the findings that this write is at fault for in this field.
    """

    path: str
    value: str | None
    written: Moment
    base: str | None
    head: str | None
    findings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As `driftline blame --format json` prints it."""
        return {
            "path": self.path,
            "value": self.value,
            **self.written.as_json(),
            "base": self.base,
            "head": self.head,
            "findings": list(self.findings),
        }


@dataclass(frozen=True)
class FieldChange:
    """What one write did to one field.

    Attributes:
        path: JSON Pointer.
        kind: `added`, `changed`, `removed` or `unchanged`.
        before: Canonical JSON that stood before (the retraction), or None.
        after: Canonical JSON set (the assertion), or None.
    """

    path: str
    kind: str
    before: str | None
    after: str | None

    def as_json(self) -> dict[str, Any]:
        """As part of a log entry."""
        return {"path": self.path, "kind": self.kind, "before": self.before, "after": self.after}


@dataclass(frozen=True)
class LogEntry:
    """One write of an object, or one decision about it.

    Attributes:
        event: The event.
        head: The version of the object that stood just before, or None.
        outcome: `committed`, `aborted` or `unknown`.
        changes: What it did to each field; empty for a decision.
        findings: Codes of the findings that this write is at fault for.
    """

    event: Moment
    head: str | None
    outcome: str
    changes: tuple[FieldChange, ...]
    findings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As `driftline log --format json` prints it."""
        return {
            **self.event.as_json(),
            "base": self.event.base,
            "head": self.head,
            "outcome": self.outcome,
            "reason": self.event.reason,
            "changes": [change.as_json() for change in self.changes],
            "findings": list(self.findings),
        }


# Each write's predecessor in the order of its object, and the version that it made. Void writes are nobody's.
_HEADS = """
SELECT w.e, coalesce(h.label, h.version::VARCHAR) AS head
FROM (
    SELECT e, last_value(CASE WHEN NOT void THEN e END IGNORE NULLS) OVER (
        ORDER BY pos, e ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS previous
    FROM write WHERE o = $o
) AS w
LEFT JOIN event AS h ON h.e = w.previous
WHERE list_contains($events::BIGINT[], w.e)
"""

_FIELD_BASES = """
SELECT f.e, f.f, CASE WHEN w.declared THEN w.base ELSE coalesce(f.base_label, f.base::VARCHAR) END
FROM field AS f JOIN write AS w ON w.e = f.e
WHERE list_contains($events::BIGINT[], f.e)
"""


def blame(analysis: Analysis, target: Target) -> list[BlameLine]:
    """For each field of an object: which write changed it last, and what its writer knew.

    Args:
        analysis: The trace.
        target: The object; its state at a version if not the newest; one field if not all.

    Returns:
        One line a present field, by path.

    Raises:
        DriftlineError: If the object, version or field is unknown, or the trace records no order.
    """
    demand_order(analysis)
    place = locate(analysis, target)
    if place.target.version is None or place.pos is None or place.e is None:
        found = standing(analysis, place.o)
    else:
        found = standing(analysis, place.o, pos=place.pos, upto=place.e)
    found = {f: e for f, e in found.items() if place.f is None or f == place.f}
    events = sorted(set(found.values()))
    described, drifted = moments(analysis, events), findings_at(analysis, events)
    texts = values(analysis, {(e, f) for f, e in found.items()})
    heads = dict(analysis.rows_named(_HEADS, {"o": place.o, "events": events}))
    bases = {(e, f): base for e, f, base in analysis.rows_named(_FIELD_BASES, {"events": events})}
    paths = dict(analysis.rows("SELECT f, path FROM path WHERE list_contains(?::INTEGER[], f)", [sorted(found)]))
    return [
        BlameLine(
            path=paths[f],
            value=texts.get((e, f)),
            written=described[e],
            base=bases.get((e, f)),
            head=heads.get(e),
            findings=codes(drifted.get(e, []), paths[f]),
        )
        for f, e in sorted(found.items(), key=lambda item: paths[item[0]])
    ]


def log(analysis: Analysis, target: Target, *, limit: int | None = None) -> list[LogEntry]:
    """Everything that happened to an object or to one field, retractions included, oldest first.

    Args:
        analysis: The trace.
        target: The object; up to a version if one is named; one field if not all.
        limit: At most this many of the newest entries; None for all.

    Returns:
        One entry a write or decision, in the order of the object's versions.

    Raises:
        DriftlineError: If the object, version or field is unknown.
    """
    place = locate(analysis, target)
    upto = 2**62 if place.target.version is None or place.pos is None else place.pos
    rows = analysis.rows_named(
        """
        SELECT x.e, CASE u.effective WHEN 2 THEN 'aborted' WHEN 1 THEN 'unknown' ELSE 'committed' END
        FROM (
            SELECT e, pos, u FROM write AS w
            WHERE o = $o AND coalesce(pos, 0) <= $upto AND ($f IS NULL
                OR EXISTS (SELECT 1 FROM field WHERE field.e = w.e AND field.f = $f)
                OR EXISTS (SELECT 1 FROM setting WHERE setting.e = w.e AND setting.f = $f))
            UNION ALL
            SELECT d.e, coalesce(m.pos, d.version), d.u FROM event AS d
            LEFT JOIN mention AS m
                ON m.o = d.o AND m.p = (CASE WHEN d.label IS NULL THEN d.p ELSE -1 END)
                AND m.version = coalesce(d.version, 0) AND m.label = coalesce(d.label, '')
            WHERE d.o = $o AND d.op IN ('snapshot', 'promote', 'quarantine', 'reject') AND $f IS NULL
                AND coalesce(m.pos, d.version, 0) <= $upto
        ) AS x
        LEFT JOIN unit AS u ON u.u = x.u
        ORDER BY coalesce(x.pos, 0) DESC, x.e DESC
        LIMIT $limit
        """,
        {"o": place.o, "f": place.f, "upto": upto, "limit": limit if limit is not None else 2**62},
    )
    events = [e for e, _ in rows]
    described, drifted = moments(analysis, events), findings_at(analysis, events)
    heads = dict(analysis.rows_named(_HEADS, {"o": place.o, "events": events}))
    changes = _changes(analysis, events, place.f)
    return [
        LogEntry(
            event=described[e],
            head=heads.get(e),
            outcome=outcome,
            changes=tuple(changes.get(e, ())),
            findings=codes(drifted.get(e, []), target.field),
        )
        for e, outcome in reversed(rows)
    ]


def _changes(analysis: Analysis, events: list[int], f: int | None) -> dict[int, list[FieldChange]]:
    rows = analysis.rows_named(
        """
        SELECT x.e, p.path, old.value, new.value, x.digest IS NOT NULL, x.standing IS NOT NULL, x.changed
        FROM (
            SELECT e, f, digest, standing, standing_e, changed FROM setting
            WHERE list_contains($events::BIGINT[], e) AND ($f IS NULL OR f = $f)
            UNION ALL  -- what a void write would have set
            SELECT v.e, v.f, v.digest, v.stood.digest, v.stood.e, v.digest IS DISTINCT FROM v.stood.digest
            FROM (
                SELECT v.e, v.f, v.digest, (
                    SELECT max_by({'e': s.e, 'digest': s.digest}, {'pos': s.pos, 'e': s.e})
                    FROM setting AS s
                    WHERE s.o = w.o AND s.f = v.f AND (s.pos < w.pos OR (s.pos = w.pos AND s.e < w.e))
                ) AS stood
                FROM field AS v JOIN write AS w ON w.e = v.e
                WHERE (w.void OR w.pos IS NULL) AND list_contains($events::BIGINT[], v.e) AND ($f IS NULL OR v.f = $f)
            ) AS v
        ) AS x
        JOIN path AS p ON p.f = x.f
        LEFT JOIN field AS old ON old.e = x.standing_e AND old.f = x.f
        LEFT JOIN field AS new ON new.e = x.e AND new.f = x.f
        ORDER BY x.e, p.path
        """,
        {"events": events, "f": f},
    )
    found: dict[int, list[FieldChange]] = {}
    for e, path, before, after, present, stood, changed in rows:
        kind = "unchanged" if not changed else "changed" if present and stood else "added" if present else "removed"
        found.setdefault(e, []).append(FieldChange(path, kind, before, after))
    return found
