"""A trace that records no order of versions, put into one: what must come before what does, and else as it is listed.

What is known is the order within each branch, and which version a read saw and a write started from: the write that
made it came before. A deterministic topological order of these events (Kahn 1962, the first listed of those that may
come next) gives every write a place; the tables of versions and fields are made anew by these places, in the workspace
alone. Where what is recorded contradicts itself, the first listed of what is left comes next.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from driftline_analyzer.database import sql

if TYPE_CHECKING:
    from driftline_analyzer.workspace import Workspace

#: Every event that is told, or tells what a branch knew, with the object and version that it made or saw; by listing.
_EVENTS: Final = """
SELECT e.e, e.b, coalesce(w.o, r.o), coalesce(w.v, r.v), w.e IS NOT NULL
FROM event AS e LEFT JOIN write AS w ON w.e = e.e LEFT JOIN read AS r ON r.e = e.e
ORDER BY e.e
"""
#: The versions that each write started from: declared, or as recorded with its fields.
_BASES: Final = """
WITH named AS (
    SELECT e, o, p, base AS version, base_label AS label FROM event WHERE base IS NOT NULL OR base_label IS NOT NULL
    UNION SELECT e.e, e.o, e.p, f.base, f.base_label FROM field AS f JOIN event AS e ON e.e = f.e
        WHERE f.base IS NOT NULL OR f.base_label IS NOT NULL
    UNION SELECT e, o, p, base.version, base.label FROM (SELECT e, o, p, unnest(bases) AS base FROM event)
)
SELECT n.e, n.o, coalesce(m.pos, n.version, -1)
FROM named AS n SEMI JOIN write AS w ON w.e = n.e
LEFT JOIN mention AS m ON m.o = n.o AND m.p = (CASE WHEN n.label IS NULL THEN n.p ELSE -1 END)
    AND m.version = coalesce(n.version, 0) AND m.label = coalesce(n.label, '')
ORDER BY n.e, 3
"""


def put_in_order(workspace: Workspace) -> int:
    """Give every write of an unordered trace a place, and make the tables that depend on it anew.

    Args:
        workspace: The tables made here stand before those of the analysis.

    Returns:
        How many times what was recorded contradicted itself.
    """
    events = list(workspace.rows(_EVENTS))
    bases: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)
    for e, o, v in workspace.rows(_BASES):
        bases[e].add((o, v))
    order, broken = topological(dependencies(events, bases))
    places = pa.table({"e": pa.array(order, pa.int64()), "r": pa.array(range(1, len(order) + 1), pa.int64())})
    workspace.fill("place", places)
    workspace.run(sql("replay", "reordered"))
    workspace.run(sql("steps", "fields"))
    return broken


def dependencies(
    events: Iterable[tuple[int, int, int | None, Any, bool]], bases: dict[int, set[tuple[int, int]]]
) -> dict[int, set[int]]:
    """Which events each event must come after.

    Args:
        events: As listed: the event, its branch, the object and version that it made or saw, and whether it made it.
        bases: The (object, version) pairs that a write started from.
    """
    listed = list(events)
    makers: dict[tuple[int | None, Any], int] = {}
    for e, _, o, v, made in listed:
        if made:
            makers.setdefault((o, v), e)
    after: dict[int, set[int]] = {}
    last: dict[int, int] = {}
    for e, b, o, v, made in listed:
        needed = {last[b]} if b in last else set()
        last[b] = e
        wanted = bases.get(e, set()) if made else {(o, v)}
        needed |= {makers[one] for one in wanted if one in makers}
        after[e] = needed - {e}
    return after


def topological(after: dict[int, set[int]]) -> tuple[list[int], int]:
    """Events in an order in which each comes after those that it must; of several that may come next, the least.

    Returns:
        The order, and how often it had to break a circle.

    Example:
        >>> topological({1: {3}, 2: set(), 3: {2}})
        ([2, 3, 1], 0)
        >>> topological({1: {2}, 2: {1}})
        ([1, 2], 1)
    """
    left = {e: len(needed) for e, needed in after.items()}
    followers: defaultdict[int, list[int]] = defaultdict(list)
    for e, needed in after.items():
        for one in needed:
            followers[one].append(e)
    ready = [e for e, number in left.items() if not number]
    heapq.heapify(ready)
    order: list[int] = []
    broken = 0
    waiting = iter(sorted(after))
    done: set[int] = set()
    while len(order) < len(after):
        if ready:
            e = heapq.heappop(ready)
        else:
            e = next(one for one in waiting if one not in done)
            broken += 1
        if e in done:
            continue
        done.add(e)
        order.append(e)
        for one in followers[e]:
            left[one] -= 1
            if not left[one] and one not in done:
                heapq.heappush(ready, one)
    return order, broken
