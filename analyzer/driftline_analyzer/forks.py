"""Which versions forked off one parent and were never reconciled (docs/model.md, DRF602).

Two versions are reconciled if one version descends from both. Whether that is so is a question of reachability, which
SQL answers with as many rounds as a history is long; here each object's history is walked once, newest versions first,
and each version gets the set of the ends of history that it led to, one bit an end. Two versions have a descendant in
common if and only if they led to a common end. Only objects that have a fork at all are looked at.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import duckdb
import pyarrow as pa

# Versions by name: numbers are told apart by process where mentions are. What two links name alike is one version.
_LINKS: Final = """
CREATE TEMP TABLE link AS
WITH loose AS (  -- objects that no store orders
    SELECT DISTINCT o FROM event WHERE o IS NOT NULL AND (label IS NOT NULL OR NOT getvariable('ordered'))
),
said AS (
    SELECT e, o, p, base AS version, base_label AS label, base_inferred IS NOT TRUE AS declared
    FROM event SEMI JOIN loose USING (o)
    WHERE op IN ('write', 'patch', 'delete') AND (base_inferred IS NOT TRUE OR op <> 'patch')
    UNION ALL
    SELECT e, o, p, base.version, base.label, true
    FROM (SELECT e, o, p, unnest(bases) AS base FROM event SEMI JOIN loose USING (o) WHERE op = 'merge')
),
told_apart AS (
    SELECT DISTINCT o FROM mention
),
named AS (
    SELECT s.e, s.o, s.declared, coalesce(s.label, s.version::VARCHAR) AS text,
        {
            'p': CASE WHEN s.label IS NULL AND t.o IS NOT NULL THEN s.p ELSE -1 END,
            'version': s.version, 'label': s.label
        } AS parent
    FROM said AS s LEFT JOIN told_apart AS t ON t.o = s.o
    WHERE s.version IS NOT NULL OR s.label IS NOT NULL
),
made AS (
    SELECT w.e, w.b, w.void, x.label IS NOT NULL OR NOT getvariable('ordered') AS unordered,
        {
            'p': CASE WHEN x.label IS NULL AND (t.o IS NOT NULL OR x.version IS NULL) THEN x.p ELSE -1 END,
            'version': CASE WHEN x.label IS NULL AND x.version IS NULL THEN -x.e ELSE x.version END,
            'label': x.label
        } AS child
    FROM write AS w JOIN event AS x ON x.e = w.e LEFT JOIN told_apart AS t ON t.o = w.o
)
SELECT DISTINCT n.o, n.e, m.b, m.void, m.unordered, n.declared, n.text, n.parent, m.child
FROM named AS n JOIN made AS m ON m.e = n.e
WHERE n.parent <> m.child
"""

# Parents from which versions of several branches forked.
_FORKS: Final = """
CREATE TEMP TABLE forked AS
SELECT o, parent FROM link WHERE unordered AND NOT void
GROUP BY o, parent
HAVING count(DISTINCT b) > 1 AND count(DISTINCT child) > 1
"""

_NUMBERED: Final = """
CREATE TEMP TABLE numbered AS
SELECT o, name, row_number() OVER (PARTITION BY o) - 1 AS number
FROM (
    SELECT DISTINCT o, unnest([parent, child]) AS name FROM link SEMI JOIN forked USING (o)
)
"""

_EDGES: Final = """
SELECT l.o, p.number, c.number, NOT l.void, CASE WHEN f.o IS NOT NULL AND l.unordered AND NOT l.void THEN l.e END, l.b
FROM link AS l
JOIN numbered AS p ON p.o = l.o AND p.name = l.parent
JOIN numbered AS c ON c.o = l.o AND c.name = l.child
LEFT JOIN forked AS f ON f.o = l.o AND f.parent = l.parent
ORDER BY l.o, l.e
"""

_FORK: Final = """
CREATE TABLE fork AS
SELECT f.*, l.text, l.declared AND k.declared AS declared
FROM found AS f
JOIN numbered AS n ON n.o = f.o AND n.number = f.parent
JOIN link AS l ON l.e = f.e AND l.parent = n.name
JOIN link AS k ON k.e = f.first AND k.parent = n.name
"""

_FETCHED: Final = 8_192  # rows

#: A version that forked: its number, the write that made it, and the branch of that.
_Sibling = tuple[int, int, int]


def find_forks(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `fork`: o, parent, first, e, text, declared.

    One row for each version that forked off a parent and was never reconciled with the first that did: `first` and `e`
    are the writes of the two, `parent` tells the object's parents apart, `text` is the parent's name, and `declared`
    says whether both declared it.
    """
    connection.execute(_LINKS)
    connection.execute(_FORKS)
    connection.execute(_NUMBERED)
    found = [
        (o, *pair)
        for o, rows in itertools.groupby(_rows(connection), key=lambda row: row[0])
        for pair in _unreconciled(rows)
    ]
    columns = zip(*found, strict=True) if found else ([], [], [], [])
    names = ("o", "parent", "first", "e")
    connection.register("found", pa.table([pa.array(column, pa.int64()) for column in columns], names=names))
    connection.execute(_FORK)
    connection.unregister("found")
    for table in ("link", "forked", "numbered"):
        connection.execute(f"DROP TABLE {table}")


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    connection.execute(_EDGES)
    while rows := connection.fetchmany(_FETCHED):
        yield from rows


def _unreconciled(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[int, int, int]]:
    """Of one object, each parent with the writes (the first of the fork, another) that nothing reconciled."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    live: set[int] = set()
    forks: defaultdict[int, list[_Sibling]] = defaultdict(list)
    for _, parent, child, is_live, e, b in rows:
        children[parent].append(child)
        if is_live:
            live.add(child)
        if e is not None:
            forks[parent].append((child, e, b))
    for parent, ends in _ends(children, live, frozenset(forks)):
        first, *others = forks[parent]
        yield from (
            (parent, first[1], e) for child, e, b in others if b != first[2] and not ends[child] & ends[first[0]]
        )


def _ends(
    children: Mapping[int, Sequence[int]], live: set[int], wanted: frozenset[int]
) -> Iterator[tuple[int, Mapping[int, int]]]:
    """The ends of history that the children of each wanted version led to.

    Args:
        children: Version to the versions made from it.
        live: The versions that some write made which is not void.
        wanted: Versions.

    Yields:
        A version, and for each of its children the bits of the ends; to be looked at before the next is asked for.
    """
    component, members = _components(children)
    waiting = [0] * len(members)  # links from elsewhere that have not looked yet
    for parent, made in children.items():
        for child in made:
            waiting[component[child]] += component[child] != component[parent]
    bits: dict[int, int] = {}
    ends = 0
    for number, versions in enumerate(members):  # a component comes after all that it leads to
        reached = 0
        below = [component[child] for version in versions for child in children.get(version, ())]
        for other in below:
            reached |= bits.get(other, 0)
        if not reached and any(version in live for version in versions):
            reached, ends = 1 << ends, ends + 1
        bits[number] = reached
        for version in wanted.intersection(versions):
            yield version, {child: bits[component[child]] for child in children[version]}
        for other in below:
            waiting[other] -= other != number
            if not waiting[other] and other != number:
                bits.pop(other, None)


def _components(children: Mapping[int, Sequence[int]]) -> tuple[dict[int, int], list[list[int]]]:
    """The strongly connected components, each after those that it leads to (Tarjan 1972, without recursion).

    A sound history has no cycle, so that each version is one of its own; a damaged one may have any.
    """
    component: dict[int, int] = {}
    members: list[list[int]] = []
    index: dict[int, int] = {}
    lowest: dict[int, int] = {}
    open_: list[int] = []
    for root in children:
        if root in index:
            continue
        index[root] = lowest[root] = len(index)
        open_.append(root)
        work = [(root, iter(children[root]))]
        while work:
            version, rest = work[-1]
            for child in rest:
                if child not in index:
                    index[child] = lowest[child] = len(index)
                    open_.append(child)
                    work.append((child, iter(children.get(child, ()))))
                    break
                if child not in component:
                    lowest[version] = min(lowest[version], index[child])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[version])
                if lowest[version] == index[version]:
                    members.append([])
                    while not members[-1] or members[-1][-1] != version:
                        members[-1].append(open_.pop())
                        component[members[-1][-1]] = len(members) - 1
    return component, members
