"""Findings out of the tables of an analysis, a page at a time: there may be a million of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import duckdb

from driftline_analyzer import wording
from driftline_analyzer.catalogue import rule
from driftline_analyzer.changes import VALUE_CHARACTERS, Change, changes
from driftline_analyzer.findings import Blast, Finding, Party
from driftline_analyzer.pipeline import STAKE_FIELDS

#: Findings that are in memory at once, at most.
PAGE: Final = 5_000
#: Fields of findings that are in memory at once, at most, unless one finding has more.
PAGE_FIELDS: Final = 20_000

_CHOSEN: Final = """
WITH next AS (
    SELECT n, least(len(fields), $fields) AS fields FROM finding
    WHERE list_contains($codes, code) AND ($like IS NULL OR fingerprint = $like) AND n > $after
    ORDER BY n LIMIT $page
)
SELECT n FROM next
QUALIFY sum(fields) OVER (ORDER BY n) <= $page_fields OR row_number() OVER (ORDER BY n) = 1
ORDER BY n
"""

# Names are joined per finding, not per row of the tables below: findings are few beside events.
_QUERY: Final = """
WITH page AS (
    SELECT * FROM finding SEMI JOIN (SELECT unnest($numbers::INTEGER[]) AS n) AS wanted USING (n)
),
event_id AS (
    SELECT e.e, p.process || ':' || e.seq AS id
    FROM event AS e JOIN process AS p ON p.p = e.p
    SEMI JOIN (SELECT e FROM page UNION SELECT unnest(against) FROM page) AS needed ON needed.e = e.e
),
party AS (
    SELECT f.n, list({'branch': b.name, 'branch_id': b.branch} ORDER BY b.b) AS others
    FROM (SELECT n, unnest(others) AS b FROM page) AS f JOIN branch AS b ON b.b = f.b GROUP BY f.n
),
pair AS (
    SELECT p.n, x.b, unnest(p.others) AS other FROM page AS p JOIN event AS x ON x.e = p.e
),
kin AS (
    SELECT f.n FROM pair AS f JOIN descent AS d ON d.b = f.b AND d.ancestor = f.other WHERE f.b <> f.other
    UNION
    SELECT f.n FROM pair AS f JOIN descent AS d ON d.b = f.other AND d.ancestor = f.b WHERE f.b <> f.other
),
against AS (
    SELECT f.n, list(i.id ORDER BY f.e) AS ids
    FROM (SELECT n, unnest(against) AS e FROM page) AS f JOIN event_id AS i ON i.e = f.e GROUP BY f.n
),
measured AS (
    SELECT * FROM blast SEMI JOIN page USING (n)
),
reached_version AS (
    SELECT m.n, list(o.object || '@' || coalesce(x.label, x.version::VARCHAR, '?') ORDER BY x.e) AS ids
    FROM (SELECT n, unnest(version_es) AS e FROM measured) AS m
    JOIN event AS x ON x.e = m.e JOIN object AS o ON o.o = x.o GROUP BY m.n
),
reached_branch AS (
    SELECT m.n, list(b.branch ORDER BY m.at) AS ids
    FROM (SELECT n, unnest(branch_bs) AS b, generate_subscripts(branch_bs, 1) AS at FROM measured) AS m
    JOIN branch AS b ON b.b = m.b GROUP BY m.n
)
SELECT f.n, f.code, o.object, o.type, f.fields, coalesce(e.label, e.version::VARCHAR), f.base, f.head, b.name, b.branch,
    coalesce(x.others, []), e.clock, f.basis, i.id, coalesce(a.ids, []), f.also, leader.code, f.fingerprint, t.name,
    e.op::VARCHAR, e.u IS NOT NULL, k.n IS NOT NULL,
    bl.versions, bl.branches, bl.objects, bl.outputs, bl.output_count, coalesce(rv.ids, []), coalesce(rb.ids, [])
FROM page AS f
JOIN event AS e ON e.e = f.e
JOIN event_id AS i ON i.e = f.e
JOIN branch AS b ON b.b = e.b
LEFT JOIN finding AS leader ON leader.n = f.part_of
LEFT JOIN object AS o ON o.o = e.o
LEFT JOIN task AS t ON t.t = e.t
LEFT JOIN party AS x ON x.n = f.n
LEFT JOIN kin AS k ON k.n = f.n
LEFT JOIN against AS a ON a.n = f.n
LEFT JOIN measured AS bl ON bl.n = f.n
LEFT JOIN reached_version AS rv ON rv.n = f.n
LEFT JOIN reached_branch AS rb ON rb.n = f.n
ORDER BY f.n
"""


def each_finding(
    connection: duckdb.DuckDBPyConnection, codes: Iterable[str], *, like: str | None = None
) -> Iterator[Finding]:
    """The findings of these rules, by time, never more than `PAGE` of them in memory.

    Args:
        connection: The analysed database; nothing else may run on it until the iteration ends.
        codes: Codes of the rules.
        like: Only those with this fingerprint.
    """
    wanted = {"codes": sorted(codes), "like": like, "page": PAGE, "page_fields": PAGE_FIELDS, "fields": STAKE_FIELDS}
    after = 0
    while numbers := [n for (n,) in connection.execute(_CHOSEN, {**wanted, "after": after}).fetchall()]:
        yield from numbered_findings(connection, numbers)
        after = numbers[-1]


def numbered_findings(
    connection: duckdb.DuckDBPyConnection, numbers: Sequence[int], *, characters: int = VALUE_CHARACTERS
) -> list[Finding]:
    """The findings of these numbers, by time.

    Args:
        connection: The analysed database.
        numbers: `Finding.number` of each.
        characters: Of each value at most so many.
    """
    rows = connection.execute(_QUERY, {"numbers": list(numbers)}).fetchall()
    changed = changes(connection, numbers, characters=characters)
    return [_finding(row, tuple(changed.get(row[0], ()))) for row in rows]


def _finding(row: tuple[Any, ...], changed: tuple[Change, ...]) -> Finding:
    (number, code, object_id, type_, fields, version, base, head, branch, branch_id, others, clock, basis, own, against,
     also, leader, fingerprint, task, op, in_unit, kin, *blast) = row  # fmt: skip
    known = rule(code)
    parties = tuple(Party(other["branch"], other["branch_id"]) for other in others)
    names = wording.names(
        branch=branch,
        branch_id=branch_id,
        others=[(party.branch, party.branch_id) for party in parties],
        object=object_id,
        fields=fields,
        version=version,
        base=base,
        task=task,
        basis=basis,
    )
    fitting = wording.cases(basis=basis, op=op, in_unit=in_unit, kin=kin, others=len(parties))
    return Finding(
        number=number,
        rule=known,
        object=object_id,
        type=type_,
        fields=tuple(fields),
        version=version,
        base=base,
        head=head,
        branch=branch,
        branch_id=branch_id,
        others=parties,
        time=clock,
        message=wording.message(known, names),
        fix=wording.fix(
            known, fitting, names, head=head, lost=[change.lost.version for change in changed if change.lost]
        ),
        changes=changed,
        basis=basis,
        evidence=(own, *against),
        also=tuple(rule(code) for code in also),
        part_of=None if leader is None else rule(leader),
        blast=_blast(*blast),
        fingerprint=fingerprint,
    )


def _blast(  # noqa: PLR0917 - the columns of a row
    versions: int | None,
    branches: int,
    objects: int,
    outputs: list[str],
    output_count: int,
    version_ids: list[str],
    branch_ids: list[str],
) -> Blast | None:
    if versions is None:
        return None
    return Blast(versions, branches, objects, tuple(outputs), output_count, tuple(version_ids), tuple(branch_ids))
