"""What became of each field of a finding: the value at the base, the value that was lost, the value that won."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

import duckdb

from driftline_analyzer.times import iso

#: Characters of a value in a finding's JSON; a longer one is cut.
VALUE_CHARACTERS: Final = 1_000


@dataclass(frozen=True)
class Setting:
    """A value that a field was set to, or that it was removed, and by whom.

    Attributes:
        event: Id of the event that set it, `PROCESS:SEQ`.
        e: The same event's number in clock order.
        op: What the event did.
        version: The version that it made (at a read: that was read), or None.
        branch: Name of the branch.
        branch_id: Id of the branch.
        time: Clock, in nanoseconds since 1970.
        value: Canonical JSON; None where the trace keeps none of it, or the field was removed.
        cut: Whether `value` is only the beginning.
        length: How many characters of canonical JSON the whole value has, or None where it was not kept.
        size: Its size in bytes; None where the field was removed.
        digest: Its digest, 16 hexadecimal digits; None where the field was removed.
    """

    event: str
    e: int
    op: str
    version: str | None
    branch: str
    branch_id: str
    time: int
    value: str | None
    cut: bool
    length: int | None
    size: int | None
    digest: str | None

    @property
    def removed(self) -> bool:
        """Whether the field was removed."""
        return self.digest is None

    def as_json(self) -> dict[str, Any]:
        """As part of a change in JSON."""
        return {
            "version": self.version,
            "branch": self.branch,
            "branch_id": self.branch_id,
            "event": self.event,
            "time": iso(self.time),
            "value": self.value,
            "cut": self.cut,
            "size": self.size,
            "digest": self.digest,
        }


@dataclass(frozen=True)
class Change:
    """What became of one field.

    Attributes:
        path: JSON Pointer.
        base: What the branch at fault had seen: what stood at its base or, where it read, what it saw.
        lost: The newest value by another branch that the write at fault took away.
        won: What the write at fault set instead; at a read, what it found where something else had been written.
        other: Where nothing was lost, what another branch has set, by the newest of the events that show the finding,
            unless that is the base.

    Each may be None: nothing was ever set there, or it plays no part in such a finding.
    """

    path: str
    base: Setting | None = None
    lost: Setting | None = None
    won: Setting | None = None
    other: Setting | None = None

    def as_json(self) -> dict[str, Any]:
        """As part of a finding in JSON."""
        roles = {role: getattr(self, role) for role in _ROLES}
        return {"path": self.path, **{role: known and known.as_json() for role, known in roles.items()}}


#: What a value is to a reader: what the `base` had, what was `lost` and what `won`; at a read what was `read`, or what
#: somebody `wrote` and it `found` instead; what was `set`, and what others set (`other`), perhaps `later`.
Part = Literal["base", "lost", "won", "read", "wrote", "found", "set", "other", "later"]


def told(change: Change, op: str, e: int) -> dict[Part, Setting]:
    """The values of a change that tell what happened, by what they are to a reader, in the order to tell them.

    Args:
        change: The change.
        op: What the event at fault did.
        e: Its number in clock order.
    """
    base, lost, won, other = change.base, change.lost, change.won, change.other
    if lost is not None and won is not None:
        before: dict[Part, Setting] = {} if base is None or base.e == lost.e else {"base": base}
        return {**before, "lost": lost, "won": won}
    if op == "read" and won is not None and base is not None:
        return {"wrote": base, "found": won}
    parts: dict[Part, Setting] = {}
    if base is not None:
        parts["read" if op == "read" else "base"] = base
    if won is not None:
        parts["set"] = won
    if other is not None:
        parts["later" if other.e > e else "other"] = other
    return parts


_ROLES: Final = tuple(field.name for field in fields(Change))[1:]

# One row for each event that plays a part in a field.
_QUERY: Final = """
WITH page AS (
    SELECT s.*, p.path
    FROM stake AS s
    SEMI JOIN (SELECT unnest($numbers::INTEGER[]) AS n) AS wanted ON wanted.n = s.n
    JOIN path AS p ON p.f = s.f
),
part AS (
    SELECT n, f, path, unnest(['base', 'lost', 'won', 'other', 'none']) AS role,
        unnest([base_e, lost_e, won_e, other_e, NULL]) AS e
    FROM page
)
SELECT a.n, a.path, a.role, p.process || ':' || x.seq, a.e, x.op::VARCHAR, coalesce(x.label, x.version::VARCHAR),
    b.name, b.branch, x.clock, left(v.value, $characters), coalesce(length(v.value) > $characters, false),
    length(v.value), v.size, format('{:016x}', v.digest)
FROM (FROM part WHERE e IS NOT NULL OR role = 'none') AS a
LEFT JOIN event AS x ON x.e = a.e
LEFT JOIN process AS p ON p.p = x.p
LEFT JOIN branch AS b ON b.b = x.b
LEFT JOIN field AS v ON v.e = a.e AND v.f = a.f
ORDER BY a.n, a.path
"""


def changes(
    connection: duckdb.DuckDBPyConnection, numbers: Sequence[int], *, characters: int = VALUE_CHARACTERS
) -> dict[int, list[Change]]:
    """What became of each field of these findings.

    Args:
        connection: The analysed database.
        numbers: `Finding.number` of each.
        characters: Of each value at most so many.

    Returns:
        By `Finding.number`: one entry a field, by path, at most `pipeline.STAKE_FIELDS`.
    """
    rows = connection.execute(_QUERY, {"numbers": list(numbers), "characters": characters}).fetchall()
    parts: dict[tuple[int, str], dict[str, Setting]] = {}
    for n, path, role, *setting in rows:
        known = parts.setdefault((n, path), {})
        if role != "none":
            known[role] = Setting(*setting)
    made: dict[int, list[Change]] = {}
    for (n, path), known in parts.items():
        made.setdefault(n, []).append(Change(path, **known))
    return made
