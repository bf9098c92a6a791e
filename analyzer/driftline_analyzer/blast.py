"""Step 8, blast radius: what each finding went on to contaminate (docs/model.md, "Inputs and lineage").

The fields that a finding got wrong are tainted until they are set again; a branch that reads one is tainted from then
on, and so is what it writes. In a system that shares much, a taint soon reaches everybody, so nothing is followed
finding by finding: one pass over the reads in clock order carries a set of findings for each branch, one bit a finding.
The pass ends early once every branch has every taint.
"""

from __future__ import annotations

import functools
import operator
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb
import pyarrow as pa

#: Findings beyond this many get no blast radius: it is null there, never a smaller number.
FOLLOWED: Final = 2_000

#: Versions, branches and final outputs named of each finding; all of them are counted.
NAMED: Final = 100

_FIRST_WINDOW: Final = 1 << 14  # events, at least; each window is twice as long as the one before
_WINDOWS: Final = 64  # that make up a whole trace: every window costs a look at all settings
_FETCHED: Final = 8_192  # rows

_ORIGIN: Final = """
CREATE TEMP TABLE origin AS
SELECT f.n, s.e, s.f, s.o, s.b, s.pos, s.until
FROM (SELECT n, e, unnest(fields) AS path FROM finding WHERE n <= $followed AND code <> 'DRF107') AS f
JOIN path AS p ON p.path = f.path AND NOT p.whole
JOIN setting AS s ON s.e = f.e AND s.f = p.f
"""

# Who first read what whom had set, among the reads of a window, in clock order. `n` says whose origin it is that was
# read; else only what tells more than the reads before it: a newer setting of the same branch. Settings from before
# `since` tell nothing, origins excepted.
_CONTACTS: Final = """
WITH placed AS (
    SELECT e, o, f, b, pos, until, changed FROM setting
    WHERE e >= $since AND e < $high AND (until IS NULL OR until > pos)
    UNION ALL
    SELECT DISTINCT e, o, f, b, pos, until, false FROM origin WHERE e < $since AND (until IS NULL OR until > pos)
),
cell AS (
    SELECT DISTINCT o, f FROM placed
),
looked AS (
    SELECT r.e, r.o, r.b, r.pos, f.f
    FROM read AS r JOIN field AS f ON f.e = r.e SEMI JOIN cell AS c ON c.o = r.o AND c.f = f.f
    WHERE NOT r.whole AND r.e >= $low AND r.e < $high AND f.e >= $low AND f.e < $high
    UNION ALL
    SELECT r.e, r.o, r.b, r.pos, c.f FROM read AS r JOIN cell AS c ON c.o = r.o
    WHERE r.whole AND r.e >= $low AND r.e < $high
),
contact AS (
    SELECT s.e AS set_e, s.f, s.changed, s.b AS setter, l.b AS reader, min(l.e) AS read_e
    FROM looked AS l ASOF JOIN placed AS s ON s.o = l.o AND s.f = l.f AND l.pos >= s.pos
    WHERE (s.until IS NULL OR l.pos < s.until) AND s.e < l.e AND s.b <> l.b
    GROUP BY ALL
),
telling AS (
    SELECT setter, reader, set_e, read_e, max(set_e) OVER (
        PARTITION BY setter, reader ORDER BY read_e, set_e ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS known
    FROM (SELECT setter, reader, set_e, min(read_e) AS read_e FROM contact WHERE changed GROUP BY ALL)
)
SELECT read_e, reader, setter, set_e, NULL AS n FROM telling WHERE known IS NULL OR set_e > known
UNION ALL
SELECT c.read_e, c.reader, c.setter, c.set_e, o.n
FROM contact AS c JOIN origin AS o ON o.e = c.set_e AND o.f = c.f
ORDER BY read_e, n
"""

# When somebody first reads, from some event on, where these findings began.
_NEXT: Final = """
SELECT s.n, min(r.e) AS e
FROM origin AS s
JOIN read AS r ON r.o = s.o AND r.b <> s.b AND r.pos >= s.pos AND (s.until IS NULL OR r.pos < s.until)
LEFT JOIN field AS f ON f.e = r.e AND f.f = s.f
WHERE list_contains($findings, s.n) AND r.e >= $low AND (r.whole OR f.e IS NOT NULL)
GROUP BY s.n
ORDER BY e
"""

# By object: who changed it, with the newest change of each, and the newest of those that still stand, if any does.
_CHANGED: Final = """
WITH newest AS (
    SELECT o, b, max(e) AS e, max(e) FILTER (until IS NULL) AS standing
    FROM setting WHERE changed AND e > $first GROUP BY o, b
    UNION ALL
    SELECT DISTINCT o, NULL, NULL, NULL FROM origin
),
of_object AS (
    SELECT o, list([b, e, standing]) FILTER (e IS NOT NULL) AS changes FROM newest GROUP BY o
)
SELECT n.object, x.* FROM of_object AS x JOIN object AS n ON n.o = x.o ORDER BY n.object
"""

# The changing writes of each branch, numbered.
_OWN_WRITES: Final = """
CREATE TEMP TABLE own_write AS
SELECT b, e, row_number() OVER (PARTITION BY b ORDER BY e) AS c, count(*) OVER (PARTITION BY b) AS total
FROM (SELECT DISTINCT b, e FROM setting SEMI JOIN tainted_at USING (b) WHERE changed)
"""

# How many of them each branch made after it was tainted.
_WRITTEN: Final = """
SELECT p.b, p.e, w.total - w.c + 1 FROM tainted_at AS p ASOF JOIN own_write AS w ON w.b = p.b AND p.e < w.e
"""

# The first of those that each branch made after it was tainted, as many as were asked for, by finding.
_FIRST_WRITTEN: Final = """
SELECT t.n, list(w.e ORDER BY w.e)
FROM (
    SELECT t.n, t.b, unnest(range(w.c, w.c + t.wanted)) AS c
    FROM taken AS t ASOF JOIN own_write AS w ON w.b = t.b AND t.e < w.e
) AS t
JOIN own_write AS w ON w.b = t.b AND w.c = t.c
GROUP BY t.n
"""


@dataclass
class _Taint:
    """The findings that have reached a branch, as bits, and since which event.

    Attributes:
        own: Findings that began in this branch: it is no victim of theirs.
        since: Events at which findings were added, rising.
        bits: All findings that had reached the branch by then.
    """

    own: int = 0
    since: list[int] = field(default_factory=list)
    bits: list[int] = field(default_factory=list)

    @property
    def known(self) -> int:
        """The findings that have reached the branch."""
        return self.bits[-1] if self.bits else 0

    @property
    def held(self) -> int:
        """The findings that have reached the branch or began in it."""
        return self.known | self.own

    def before(self, e: int) -> int:
        """The findings that had reached the branch before an event."""
        at = bisect_left(self.since, e)
        return self.bits[at - 1] if at else 0

    def add(self, found: int, e: int) -> None:
        """Findings reach the branch at an event."""
        new = found & ~self.held
        if new:
            self.bits.append(self.known | new)
            self.since.append(e)


class _Counters:
    """A counter for each bit, for sets of bits added one by one: kept are the counters' binary digits."""

    def __init__(self) -> None:
        self._digits: list[int] = []

    def add(self, bits: int, times: int = 1) -> None:
        for at in _ones(times):
            self._carry(bits, at)

    def _carry(self, bits: int, at: int) -> None:
        """Add 2 to the power of `at` to each counter."""
        while bits:
            self._digits += [0] * (at + 1 - len(self._digits))
            digit = self._digits[at]
            self._digits[at], bits = digit ^ bits, digit & bits
            at += 1

    def __getitem__(self, bit: int) -> int:
        return sum((digit >> bit & 1) << at for at, digit in enumerate(self._digits))


def measure_blast(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `blast`, a row for each finding that was followed.

    Its columns: n (`finding.n`); versions, branches, objects and output_count, how many there are; the first `NAMED` of
    them: version_es (the writes that made the versions, `event.e`), branch_bs (`branch.b`) and outputs (object ids).
    """
    connection.execute(_ORIGIN, {"followed": FOLLOWED})
    origins = connection.execute("SELECT n, e, o, b, until IS NULL FROM origin").fetchall()
    ((count,),) = connection.execute("SELECT count(*) FROM finding WHERE n <= ?", [FOLLOWED]).fetchall()
    taints: defaultdict[int, _Taint] = defaultdict(_Taint)
    for n, _, _, b, _ in origins:
        taints[b].own |= 1 << n
    if origins:
        _spread(connection, taints)
    victims = _victims(connection, taints, count)
    objects, outputs, named = _objects(connection, taints, origins, count)
    numbers = range(1, count + 1)
    table = pa.table(
        {
            "n": pa.array(numbers, pa.int32()),
            "versions": pa.array([victims.versions[n] for n in numbers], pa.int64()),
            "version_es": pa.array([victims.first_versions.get(n, []) for n in numbers], pa.list_(pa.int64())),
            "branches": pa.array([victims.branches[n] for n in numbers], pa.int64()),
            "branch_bs": pa.array([victims.first_branches[n] for n in numbers], pa.list_(pa.int32())),
            "objects": pa.array([objects[n] for n in numbers], pa.int64()),
            "outputs": pa.array([named[n] for n in numbers], pa.list_(pa.utf8())),
            "output_count": pa.array([outputs[n] for n in numbers], pa.int64()),
        },
    )
    connection.register("measured", table)
    connection.execute("CREATE TABLE blast AS FROM measured")
    connection.unregister("measured")
    connection.execute("DROP TABLE origin")


def _spread(connection: duckdb.DuckDBPyConnection, taints: defaultdict[int, _Taint]) -> None:
    """Carry every taint along the reads, until there are no more or they can carry nothing new.

    Once all who still read have all that anybody has, only a finding can tell something that nobody has read yet, and
    what was set since then: so on to the first read of one.
    """
    ((first, last, events),) = connection.execute(
        "SELECT min(e), max(e), (SELECT max(e) FROM event) FROM origin",
    ).fetchall()
    readers = dict(connection.execute("SELECT b, max(e) FROM read GROUP BY b").fetchall())
    unread: list[tuple[int, int]] | None = None
    shortest = max(_FIRST_WINDOW, events // _WINDOWS)
    low, since, length = first + 1, first, shortest
    while low <= events:
        window = {"since": since, "low": low, "high": low + length}
        for read_e, reader, setter, set_e, n in _rows(connection, _CONTACTS, window):
            if n is not None:
                taints[reader].add(1 << n, read_e)
            elif taints[setter].known & ~taints[reader].held:  # mostly it has nothing to tell
                taints[reader].add(taints[setter].before(set_e), read_e)
        low, length = low + length, 2 * length
        if low > last and _settled(taints, (b for b, e in readers.items() if e >= low)):
            if unread is None:
                unread = _first_reads(connection, taints, low)
            known = _known(taints)
            low = since = next((e for n, e in unread if e >= low and not known >> n & 1), events + 1)
            length = shortest


def _settled(taints: dict[int, _Taint], readers: Iterable[int]) -> bool:
    """Whether each of these branches has every taint that anybody has."""
    known = _known(taints)
    return not any(known & ~(taints[b].held if b in taints else 0) for b in readers)


def _first_reads(connection: duckdb.DuckDBPyConnection, taints: dict[int, _Taint], low: int) -> list[tuple[int, int]]:
    """Of the findings that nobody has read yet, the first read from some event on, in the order of these."""
    unread = _union(taint.own for taint in taints.values()) & ~_known(taints)
    return connection.execute(_NEXT, {"findings": list(_ones(unread)), "low": low}).fetchall()


def _known(taints: dict[int, _Taint]) -> int:
    return _union(taint.known for taint in taints.values())


def _union(sets: Iterable[int]) -> int:
    return functools.reduce(operator.or_, sets, 0)


def _rows(connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, int]) -> Iterator[tuple[Any, ...]]:
    """The rows of a query, without holding all of them."""
    connection.execute(query, parameters)
    while rows := connection.fetchmany(_FETCHED):
        yield from rows


@dataclass
class _Victims:
    """What the findings reached, by finding.

    Attributes:
        versions: How many versions were written by branches that it had reached.
        first_versions: The writes that made the first `NAMED` of them.
        branches: How many branches it reached.
        first_branches: The first `NAMED` of them, in the order in which it reached them.
    """

    versions: list[int]
    first_versions: dict[int, list[int]]
    branches: list[int]
    first_branches: list[list[int]]


def _victims(connection: duckdb.DuckDBPyConnection, taints: dict[int, _Taint], count: int) -> _Victims:
    """Whom each finding reached, and what they wrote afterwards."""
    points = sorted((e, b, at) for b, taint in taints.items() for at, e in enumerate(taint.since))
    columns = {"b": pa.array([b for _, b, _ in points], pa.int32()), "e": pa.array([e for e, *_ in points], pa.int64())}
    connection.register("tainted_at", pa.table(columns))
    connection.execute(_OWN_WRITES)
    written = {(b, e): left for b, e, left in connection.execute(_WRITTEN).fetchall()}
    connection.unregister("tainted_at")
    versions, branches = [0] * (count + 1), [0] * (count + 1)
    first_branches: list[list[int]] = [[] for _ in range(count + 1)]
    taken: list[tuple[int, int, int, int]] = []  # of a finding, by a branch, after an event, so many writes
    for e, b, at in points:
        bits, left = taints[b].bits, written.get((b, e), 0)
        for n in _ones(bits[at] & ~(bits[at - 1] if at else 0)):
            branches[n] += 1
            if branches[n] <= NAMED:
                first_branches[n].append(b)
            if left and versions[n] < NAMED:
                taken.append((n, b, e, min(left, NAMED - versions[n])))
            versions[n] += left
    first_versions = _first_versions(connection, taken)
    connection.execute("DROP TABLE own_write")
    return _Victims(versions, first_versions, branches, first_branches)


def _first_versions(
    connection: duckdb.DuckDBPyConnection, taken: list[tuple[int, int, int, int]]
) -> dict[int, list[int]]:
    columns = list(zip(*taken, strict=True)) or [()] * 4
    names = {"n": pa.int32(), "b": pa.int32(), "e": pa.int64(), "wanted": pa.int64()}
    table = pa.table({name: pa.array(column, names[name]) for name, column in zip(names, columns, strict=True)})
    connection.register("taken", table)
    found = dict(connection.execute(_FIRST_WRITTEN).fetchall())
    connection.unregister("taken")
    return found


def _objects(
    connection: duckdb.DuckDBPyConnection,
    taints: dict[int, _Taint],
    origins: list[tuple[int, int, int, int, bool]],
    count: int,
) -> tuple[_Counters, _Counters, list[list[str]]]:
    """By finding: how many objects it reached, in how many it still stands, and the names of some of those."""
    objects, outputs = _Counters(), _Counters()
    named: list[list[str]] = [[] for _ in range(count + 1)]
    if not origins:
        return objects, outputs, named
    began: defaultdict[int, int] = defaultdict(int)
    stands: defaultdict[int, int] = defaultdict(int)
    for n, _, o, _, still in origins:
        began[o] |= 1 << n
        stands[o] |= 1 << n if still else 0
    wanting = (1 << (count + 1)) - 1
    alike: Counter[tuple[int, int]] = Counter()  # most objects have been reached by the same findings
    for name, o, changes in _rows(connection, _CHANGED, {"first": min(e for _, e, *_ in origins)}):
        reached, standing = began.get(o, 0), stands.get(o, 0)
        for b, e, newest_standing in changes or ():
            if b in taints:
                carried = taints[b].before(e)
                reached |= carried
                if newest_standing is not None:
                    standing |= carried if newest_standing == e else taints[b].before(newest_standing)
        alike[reached, standing] += 1
        if len(alike) == _FETCHED:
            _count(alike, objects, outputs)
        for n in _ones(standing & wanting):
            named[n].append(name)
            if len(named[n]) == NAMED:
                wanting &= ~(1 << n)
    _count(alike, objects, outputs)
    return objects, outputs, named


def _count(alike: Counter[tuple[int, int]], objects: _Counters, outputs: _Counters) -> None:
    """Count objects by the findings that reached them, and by those that still stand there; then forget them."""
    for (reached, standing), times in alike.items():
        objects.add(reached, times)
        outputs.add(standing, times)
    alike.clear()


def _ones(bits: int) -> Iterator[int]:
    """The numbers of the bits that are set, from the lowest.

    Example:
        >>> list(_ones(0b1010))
        [1, 3]
    """
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
