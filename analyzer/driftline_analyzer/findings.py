"""Findings as Python objects, out of the tables of an analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
from xxhash import xxh3_64_hexdigest

from driftline_analyzer.catalogue import Rule, Severity, rule
from driftline_analyzer.times import iso


@dataclass(frozen=True)
class Party:
    """Another branch that a finding is about.

    Attributes:
        branch: Its name.
        branch_id: Its id, unique in the run.
    """

    branch: str
    branch_id: str


@dataclass(frozen=True)
class Blast:
    """What a finding went on to contaminate.

    Attributes:
        versions: Number of later versions that hold, or were derived from, a field that it got wrong.
        branches: Number of branches that read such a field.
        objects: Number of objects with such a version.
        outputs: The objects that still hold one at the end, by id; the first 20 of them.
        output_count: Number of such objects.
    """

    versions: int
    branches: int
    objects: int
    outputs: tuple[str, ...]
    output_count: int


@dataclass(frozen=True)
class Finding:
    """One drift that a rule found.

    Attributes:
        number: Its place among all findings of the trace, from 1, by time.
        rule: The rule.
        object: Id of the object, or None (duplicated work has none).
        type: The object's type, or None.
        fields: JSON Pointers of the fields at fault.
        version: The version that the write made, or None.
        base: The version that the writer had seen, or None.
        branch: Name of the branch at fault.
        branch_id: Its id.
        others: The other branches.
        time: Of the event at fault, in nanoseconds since 1970.
        message: The finding in one sentence.
        basis: `recorded` if every fact was recorded, `inferred` if the base was worked out.
        evidence: Event ids, `PROCESS:SEQ`; the event at fault first.
        also: The other rules that see the same event, by code; those that gave way to this one among them.
        blast: What it contaminated; None if it was not followed.
        fingerprint: The same from run to run for the same drift.
    """

    number: int
    rule: Rule
    object: str | None
    type: str | None
    fields: tuple[str, ...]
    version: str | None
    base: str | None
    branch: str
    branch_id: str
    others: tuple[Party, ...]
    time: int
    message: str
    basis: str
    evidence: tuple[str, ...]
    also: tuple[Rule, ...]
    blast: Blast | None
    fingerprint: str

    @property
    def code(self) -> str:
        """The rule's code, `DRF101`."""
        return self.rule.code

    @property
    def severity(self) -> Severity:
        """The rule's severity."""
        return self.rule.severity

    def as_json(self) -> dict[str, Any]:
        """The finding as `driftline analyze --format json` prints it."""
        return {
            "code": self.code,
            "rule": self.rule.name,
            "severity": self.severity,
            "object": self.object,
            "type": self.type,
            "fields": list(self.fields),
            "version": self.version,
            "base": self.base,
            "branch": self.branch,
            "branch_id": self.branch_id,
            "others": [other.branch for other in self.others],
            "other_ids": [other.branch_id for other in self.others],
            "time": iso(self.time),
            "message": self.message,
            "basis": self.basis,
            "evidence": list(self.evidence),
            "also": [known.name for known in self.also],
            "blast_radius": None
            if self.blast is None
            else {
                "versions": self.blast.versions,
                "branches": self.blast.branches,
                "objects": self.blast.objects,
                "outputs": list(self.blast.outputs),
                "output_count": self.blast.output_count,
            },
            "fingerprint": self.fingerprint,
        }


# Names are joined per finding, not per row of the tables below: findings are few beside events.
_QUERY = """
WITH event_id AS (
    SELECT e.e, p.process || ':' || e.seq AS id
    FROM event AS e JOIN process AS p ON p.p = e.p
    SEMI JOIN (SELECT e FROM finding UNION SELECT unnest(against) FROM finding) AS needed ON needed.e = e.e
),
others AS (
    SELECT n, list({'branch': b.name, 'branch_id': b.branch} ORDER BY b.b) AS others
    FROM (SELECT n, unnest(others) AS b FROM finding) AS f JOIN branch AS b ON b.b = f.b GROUP BY n
),
against AS (
    SELECT n, list(i.id ORDER BY f.e) AS ids
    FROM (SELECT n, unnest(against) AS e FROM finding) AS f JOIN event_id AS i ON i.e = f.e GROUP BY n
)
SELECT f.n, f.code, o.object, o.type, f.fields, coalesce(e.label, e.version::VARCHAR), f.base, b.name, b.branch,
    coalesce(x.others, []), e.clock, f.basis, i.id, coalesce(a.ids, []), f.also, t.name,
    bl.versions, bl.branches, bl.objects, bl.outputs, bl.output_count
FROM finding AS f
JOIN event AS e ON e.e = f.e
JOIN event_id AS i ON i.e = f.e
JOIN branch AS b ON b.b = e.b
LEFT JOIN object AS o ON o.o = e.o
LEFT JOIN task AS t ON t.t = e.t
LEFT JOIN others AS x ON x.n = f.n
LEFT JOIN against AS a ON a.n = f.n
LEFT JOIN blast AS bl ON bl.n = f.n
WHERE list_contains(?, f.code)
ORDER BY f.n
"""


def load_findings(connection: duckdb.DuckDBPyConnection, codes: frozenset[str]) -> list[Finding]:
    """The findings of these rules, by time."""
    return [_finding(row) for row in connection.execute(_QUERY, [sorted(codes)]).fetchall()]


def _finding(row: tuple[Any, ...]) -> Finding:
    (number, code, object_id, type_, fields, version, base, branch, branch_id, others, clock, basis, own, against, also,
     task, versions, branches, objects, outputs, output_count) = row  # fmt: skip
    known = rule(code)
    parties = tuple(Party(other["branch"], other["branch_id"]) for other in others)
    names = sorted({party.branch for party in parties})
    same_name = branch in names  # then only ids tell the branches apart
    message = known.message.format_map(
        {
            "branch": branch_id if same_name else branch,
            "object": object_id,
            "fields": listed(fields, "no field"),
            "base": base,
            "version": version,
            "others": listed(
                sorted(party.branch_id for party in parties) if same_name else names,
                "another branch",
            ),
            "task": task,
            "basis": Basis(basis),
        },
    )
    identity = (
        [known.name, type_ or "", *fields, branch, *names] if object_id else [known.name, task or "", branch, *names]
    )
    return Finding(
        number=number,
        rule=known,
        object=object_id,
        type=type_,
        fields=tuple(fields),
        version=version,
        base=base,
        branch=branch,
        branch_id=branch_id,
        others=parties,
        time=clock,
        message=message,
        basis=basis,
        evidence=(own, *against),
        also=tuple(rule(code) for code in also),
        blast=None if versions is None else Blast(versions, branches, objects, tuple(outputs), output_count),
        fingerprint=xxh3_64_hexdigest("\x1f".join(identity).encode()),
    )


class Basis(str):
    """The basis in a message's template: `{basis:A|B}` is A where it is recorded and B where it is inferred."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        recorded, _, inferred = spec.partition("|")
        return recorded if self == "recorded" else inferred


def listed(words: list[str], none: str) -> str:
    """A list in prose, cut after four.

    Example:
        >>> listed(["a", "b", "c"], "none"), listed([], "none"), listed(list("abcdef"), "none")
        ('a, b and c', 'none', 'a, b, c and 3 more')
    """
    if not words:
        return none
    shown = words if len(words) <= 4 else [*words[:3], f"{len(words) - 3} more"]  # noqa: PLR2004 - fits a line
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
