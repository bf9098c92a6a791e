"""`show` and `diff`: the state of an object at a version, at a moment, or as a branch saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from driftline.errors import DriftlineError
from driftline_analyzer.moments import Moment, moments, values
from driftline_analyzer.targets import Place, Target, branch_of, locate
from driftline_analyzer.times import iso

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis


@dataclass(frozen=True)
class FieldState:
    """One field as it stood.

    Attributes:
        path: JSON Pointer.
        value: Canonical JSON, or None where the trace keeps no values.
        written: The write that set it; None for a field that the branch saw absent.
        seen_value: With `seen_by`: the value that the branch saw last; None if it saw none.
        seen: With `seen_by`: the write whose value the branch saw; None if it saw the field absent, or never.
        stale: With `seen_by`: whether what it saw was no longer what stood.
    """

    path: str
    value: str | None
    written: Moment | None
    seen_value: str | None = None
    seen: Moment | None = None
    stale: bool = False


@dataclass(frozen=True)
class StateView:
    """An object as it stood.

    Attributes:
        object: Its id.
        type: Its type, or None.
        last: The newest write in it, or None before the first.
        removed: Whether that write removed the object.
        fields: Its fields, by path.
        seen_by: The branch asked about, or None.
        seen_version: The newest version of the object that this branch had seen, or None.
    """

    object: str
    type: str | None
    last: Moment | None
    removed: bool
    fields: tuple[FieldState, ...]
    seen_by: str | None = None
    seen_version: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As `driftline show --format json` prints it."""
        return {
            "object": self.object,
            "type": self.type,
            "version": None if self.last is None else self.last.version,
            "removed": self.removed,
            "time": None if self.last is None else iso(self.last.time),
            "seen_by": self.seen_by,
            "seen_version": self.seen_version,
            "fields": [self._field(field) for field in self.fields],
        }

    def _field(self, field: FieldState) -> dict[str, Any]:
        shown: dict[str, Any] = {"path": field.path, "value": field.value}
        shown |= {} if field.written is None else field.written.as_json()
        if self.seen_by is not None:
            shown |= {
                "seen_value": field.seen_value,
                "seen_version": None if field.seen is None else field.seen.version,
                "stale": field.stale,
            }
        return shown


@dataclass(frozen=True)
class FieldDiff:
    """One field that differs between two versions.

    Attributes:
        path: JSON Pointer.
        kind: `added`, `changed` or `removed`.
        before: Canonical JSON at the first version; None if absent.
        after: Canonical JSON at the second; None if absent.
        written: The write that set it as it is at the second version; None if nothing recorded did.
    """

    path: str
    kind: str
    before: str | None
    after: str | None
    written: Moment | None

    def as_json(self) -> dict[str, Any]:
        """As `driftline diff --format json` prints it."""
        shown: dict[str, Any] = {"path": self.path, "kind": self.kind, "before": self.before, "after": self.after}
        return shown | ({} if self.written is None else self.written.as_json())


# What stands in each field of an object, of the writes up to a position and a moment.
_STANDING = """
SELECT s.f, max_by({'e': s.e, 'digest': s.digest}, {'pos': s.pos, 'e': s.e}) AS last
FROM setting AS s
WHERE s.o = $o AND s.changed AND s.e <= $now AND (s.pos < $pos OR (s.pos = $pos AND s.e <= $upto))
GROUP BY s.f
"""

_LAST = 2**62  # later than every position and every event


def standing(analysis: Analysis, o: int, *, pos: int = _LAST, upto: int = _LAST, now: int = _LAST) -> dict[int, int]:
    """What stood in an object: `path.f` → `setting.e` of the write that changed each present field last.

    Args:
        analysis: The trace.
        o: The object.
        pos: The position looked at.
        upto: Of several writes at that position, the last that counts.
        now: The last event that had happened by then.
    """
    rows = analysis.rows_named(_STANDING, {"o": o, "pos": pos, "upto": upto, "now": now})
    return {f: last["e"] for f, last in rows if last["digest"] is not None}


def show(analysis: Analysis, target: Target, *, at: int | None = None, seen_by: str | None = None) -> StateView:
    """The state of an object at a version, at a moment, or as a branch saw it.

    Args:
        analysis: The trace.
        target: The object; its version if not the newest, one field if not all.
        at: A moment, in nanoseconds since 1970: only what had happened by then.
        seen_by: A branch, by id or unambiguous name: show beside each field what that branch had seen of it last; with
            a version, what it had seen just before that version was made.

    Raises:
        DriftlineError: If the object, version, field or branch is unknown, or the trace records no order.
    """
    demand_order(analysis)
    place = locate(analysis, target)
    now = _event_at(analysis, at)
    if place.target.version is not None and place.pos is not None and place.e is not None:
        found = standing(analysis, place.o, pos=place.pos, upto=place.e, now=now)
    else:
        found = standing(analysis, place.o, now=now)
    before = now if place.target.version is None or place.e is None else min(now, place.e - 1)
    seen, seen_version = ({}, None) if seen_by is None else _seen(analysis, place, branch_of(analysis, seen_by), before)
    wanted = {f for f in {*found, *seen} if place.f is None or f == place.f}
    paths = _paths(analysis, wanted)
    at_events = {(e, f) for f, e in found.items()} | {(e, f) for f, e in seen.items() if e is not None}
    texts = values(analysis, at_events)
    described = moments(analysis, {e for e, _ in at_events})
    digests = _digests(analysis, at_events)
    fields = []
    for f in sorted(wanted, key=lambda f: paths[f]):
        e, looked = found.get(f), seen.get(f)
        fields.append(
            FieldState(
                path=paths[f],
                value=None if e is None else texts.get((e, f)),
                written=None if e is None else described[e],
                seen_value=None if looked is None else texts.get((looked, f)),
                seen=None if looked is None else described[looked],
                stale=seen_by is not None and _digest(digests, looked, f) != _digest(digests, e, f),
            ),
        )
    last = _last_write(analysis, place, now)
    ((name, type_),) = analysis.rows("SELECT object, type FROM object WHERE o = ?", [place.o])
    return StateView(
        name,
        type_,
        last,
        last is not None and last.op == "delete",
        tuple(fields),
        seen_by,
        seen_version,
    )


def diff(analysis: Analysis, before: Target, after: Target) -> list[FieldDiff]:
    """The fields that differ between two versions, of one object or of two.

    Raises:
        DriftlineError: If one of them is unknown, or the trace records no order.
    """
    demand_order(analysis)
    sides = []
    for target in (before, after):
        place = locate(analysis, target)
        found = (
            standing(analysis, place.o)
            if place.pos is None
            else standing(
                analysis,
                place.o,
                pos=place.pos,
                upto=place.e or _LAST,
            )
        )
        sides.append({f: e for f, e in found.items() if place.f is None or f == place.f})
    old, new = sides
    at_events = {(e, f) for side in sides for f, e in side.items()}
    texts, digests = values(analysis, at_events), _digests(analysis, at_events)
    described = moments(analysis, {e for e, _ in at_events})
    paths = _paths(analysis, {*old, *new})
    differences = []
    for f in sorted({*old, *new}, key=lambda f: paths[f]):
        was, is_ = old.get(f), new.get(f)
        if _digest(digests, was, f) == _digest(digests, is_, f):
            continue
        kind = "added" if was is None else "removed" if is_ is None else "changed"
        differences.append(
            FieldDiff(
                paths[f],
                kind,
                None if was is None else texts.get((was, f)),
                None if is_ is None else texts.get((is_, f)),
                None if is_ is None else described[is_],
            ),
        )
    return differences


def demand_order(analysis: Analysis) -> None:
    """Refuse a question that only an order of versions can answer.

    Raises:
        DriftlineError: If the trace records none.
    """
    if not analysis.header.ordered:
        raise DriftlineError(
            f"{analysis.path} records no order of versions, so no object has one state",
            "use log or lineage instead",
        )


def _event_at(analysis: Analysis, at: int | None) -> int:
    if at is None:
        return _LAST
    ((e,),) = analysis.rows("SELECT coalesce(max(e), 0) FROM event WHERE clock <= ?", [at])
    return int(e)


def _last_write(analysis: Analysis, place: Place, now: int) -> Moment | None:
    if place.target.version is not None:
        e = place.e
    else:
        ((e,),) = analysis.rows(
            "SELECT max_by(e, {'pos': pos, 'e': e}) FROM write WHERE o = ? AND NOT void AND e <= ?",
            [place.o, now],
        )
    return None if e is None else moments(analysis, [e])[e]


#: What a branch knows of an object: its own reads, writes and bases; what its parent knew at the fork; what children
#: that ended well knew. `upto` is the last event that counts in each of them.
_SIGHTINGS: Final = """
WITH RECURSIVE line AS (
    SELECT b, parent, started, $now AS upto FROM branch WHERE b = $b
    UNION
    SELECT up.b, up.parent, up.started, least(line.upto, line.started) FROM line JOIN branch AS up ON up.b = line.parent
),
own AS (
    SELECT b, upto FROM line
    UNION
    SELECT c.b, c.ended FROM own JOIN branch AS c ON c.parent = own.b AND c.status = 'ok' AND c.ended <= own.upto
),
sight AS (
    SELECT NULL::INTEGER AS f, r.pos FROM read AS r JOIN own USING (b) WHERE r.o = $o AND r.whole AND r.e <= own.upto
    UNION ALL
    SELECT NULL, w.pos FROM write AS w JOIN own USING (b) WHERE w.o = $o AND w.is_full AND w.e <= own.upto
    UNION ALL  -- a base was seen before the write that rests on it
    SELECT NULL, w.base_pos FROM write AS w JOIN own USING (b)
    WHERE w.o = $o AND w.base_pos IS NOT NULL AND w.e <= own.upto + 1
    UNION ALL
    SELECT f.f, r.pos FROM read AS r JOIN own USING (b) JOIN field AS f ON f.e = r.e
    WHERE r.o = $o AND NOT r.whole AND r.e <= own.upto
    UNION ALL
    SELECT s.f, s.pos FROM setting AS s JOIN own USING (b) WHERE s.o = $o AND s.e <= own.upto
    UNION ALL
    SELECT s.f, s.base_pos FROM setting AS s JOIN own USING (b)
    WHERE s.o = $o AND s.base_pos IS NOT NULL AND s.e <= own.upto + 1
)
"""


#: The newest setting of each field that a branch saw.
_SEEN_FIELDS: Final = f"""
{_SIGHTINGS},
seen AS (
    SELECT p.f, max(s.pos) AS pos
    FROM (SELECT DISTINCT f FROM setting WHERE o = $o) AS p JOIN sight AS s ON s.f IS NULL OR s.f = p.f
    GROUP BY p.f
)
SELECT seen.f, max_by({{'e': s.e, 'digest': s.digest}}, {{'pos': s.pos, 'e': s.e}}) AS last
FROM seen LEFT JOIN setting AS s ON s.o = $o AND s.f = seen.f AND s.pos <= seen.pos
GROUP BY seen.f
"""  # noqa: S608 - of our own parts

#: The newest version that a branch saw.
_SEEN_VERSION: Final = f"""
{_SIGHTINGS}
SELECT coalesce(e.label, e.version::VARCHAR)
FROM (SELECT e, pos FROM read WHERE o = $o UNION ALL SELECT e, pos FROM write WHERE o = $o) AS x
JOIN event AS e ON e.e = x.e
WHERE x.pos = (SELECT max(pos) FROM sight)
LIMIT 1
"""  # noqa: S608 - of our own parts


def _seen(analysis: Analysis, place: Place, b: int, now: int) -> tuple[dict[int, int | None], str | None]:
    """The setting that a branch saw last of each field (None: absent), and the newest version that it saw."""
    given = {"o": place.o, "b": b, "now": now}
    rows = analysis.rows_named(_SEEN_FIELDS, given)
    version = analysis.rows_named(_SEEN_VERSION, given)
    found = {f: None if last is None or last["digest"] is None else last["e"] for f, last in rows}
    return found, version[0][0] if version else None


def _paths(analysis: Analysis, wanted: set[int]) -> dict[int, str]:
    return dict(analysis.rows("SELECT f, path FROM path WHERE list_contains(?::INTEGER[], f)", [sorted(wanted)]))


def _digests(analysis: Analysis, places: set[tuple[int, int]]) -> dict[tuple[int, int], int]:
    wanted = sorted(places)
    rows = analysis.rows(
        "SELECT f.e, f.f, f.digest FROM field AS f SEMI JOIN"
        " (SELECT unnest(?::BIGINT[]) AS e, unnest(?::INTEGER[]) AS f) AS wanted ON wanted.e = f.e AND wanted.f = f.f",
        [[e for e, _ in wanted], [f for _, f in wanted]],
    )
    return {(e, f): digest for e, f, digest in rows}


def _digest(digests: dict[tuple[int, int], int], e: int | None, f: int) -> int | None:
    return None if e is None else digests.get((e, f))
