"""Step 8, blast radius: what each finding went on to contaminate (docs/model.md, "Inputs and lineage").

The fields that a finding got wrong are tainted until they are set again; a branch that reads one is tainted from then
on, and so is what it writes. Followed round by round for all findings at once: each round takes the branches tainted in
the round before, so a cycle ends where nothing new is tainted.
"""

from __future__ import annotations

from typing import Final

import duckdb

#: Findings beyond this many get no blast radius: it is null there, never a smaller number.
FOLLOWED: Final = 2_000
_ROUNDS: Final = 64

# A setting stands until the next one of its field: the row whose `standing_e` it is.
_SPANS: Final = """
CREATE TEMP TABLE {table} AS
SELECT DISTINCT t.n, s.e, s.o, s.f, s.pos, next.pos AS until
FROM {source}
LEFT JOIN setting AS next ON next.o = s.o AND next.f = s.f AND next.standing_e = s.e
"""

_READERS: Final = """
CREATE TEMP TABLE reached AS
SELECT t.n, r.b, min(r.e) AS e
FROM tainted AS t
JOIN read AS r ON r.o = t.o AND r.e > t.e AND r.pos >= t.pos AND (t.until IS NULL OR r.pos < t.until)
WHERE r.whole OR EXISTS (SELECT 1 FROM field AS f WHERE f.e = r.e AND f.f = t.f)
GROUP BY t.n, r.b
"""


def measure_blast(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `blast`: n (`finding.n`), versions, branches, objects, outputs (objects tainted at the end)."""
    connection.execute(f"""
        CREATE TEMP TABLE origin AS
        SELECT f.n, f.e, w.b, p.f
        FROM (SELECT n, e, unnest(fields) AS path FROM finding WHERE n <= {FOLLOWED} AND code <> 'DRF107') AS f
        JOIN path AS p ON p.path = f.path AND NOT p.whole
        JOIN write AS w ON w.e = f.e
    """)  # noqa: S608 - a number of ours
    connection.execute("CREATE TEMP TABLE branch_taint (n INTEGER, b INTEGER, e BIGINT)")
    connection.execute(
        _SPANS.format(
            table="tainted",
            source="origin AS t JOIN setting AS s ON s.e = t.e AND s.f = t.f",
        )
    )
    connection.execute("CREATE TEMP TABLE all_tainted AS FROM tainted")
    for round_ in range(_ROUNDS):
        connection.execute(_READERS)
        if round_ == 0:  # who saw a piece of an aborted unit, which set nothing, stands in the evidence
            connection.execute("""
                INSERT INTO reached
                SELECT f.n, x.b, min(x.e)
                FROM (SELECT n, e AS own, unnest(against) AS e FROM finding WHERE code = 'DRF401') AS f
                JOIN event AS x ON x.e = f.e SEMI JOIN origin AS o ON o.n = f.n
                GROUP BY f.n, x.b
            """)
        # New, or tainted earlier than was known; the finding's own branch is where it began, not a victim.
        connection.execute("""
            CREATE TEMP TABLE fresh AS
            SELECT r.* FROM reached AS r
            LEFT JOIN branch_taint AS k ON k.n = r.n AND k.b = r.b
            LEFT JOIN (SELECT DISTINCT n, b FROM origin) AS o ON o.n = r.n AND o.b = r.b
            WHERE o.n IS NULL AND (k.e IS NULL OR r.e < k.e)
        """)
        connection.execute("DROP TABLE reached")
        connection.execute("DELETE FROM branch_taint AS k USING fresh WHERE fresh.n = k.n AND fresh.b = k.b")
        connection.execute("INSERT INTO branch_taint FROM fresh")
        connection.execute("DROP TABLE tainted")
        connection.execute(
            _SPANS.format(
                table="tainted",
                source="fresh AS t JOIN setting AS s ON s.b = t.b AND s.e > t.e AND s.changed",
            )
        )
        connection.execute("DROP TABLE fresh")
        inserted = connection.execute(
            "INSERT INTO all_tainted FROM tainted ANTI JOIN all_tainted USING (n, e, f)"
        ).fetchall()
        if not inserted[0][0]:
            break
    connection.execute(f"""
        CREATE TABLE blast AS
        SELECT f.n, coalesce(v.versions, 0) AS versions, coalesce(b.branches, 0) AS branches,
            coalesce(v.objects, 0) AS objects, coalesce(v.outputs, []) AS outputs
        FROM finding AS f
        LEFT JOIN (
            SELECT t.n, count(DISTINCT t.e) FILTER (t.e <> f.e) AS versions, count(DISTINCT t.o) AS objects,
                list(DISTINCT o.object ORDER BY o.object) FILTER (t.until IS NULL) AS outputs
            FROM all_tainted AS t JOIN object AS o ON o.o = t.o JOIN finding AS f ON f.n = t.n GROUP BY t.n
        ) AS v ON v.n = f.n
        LEFT JOIN (SELECT n, count(*) AS branches FROM branch_taint GROUP BY n) AS b ON b.n = f.n
        WHERE f.n <= {FOLLOWED}
    """)  # noqa: S608 - a number of ours
    for table in ("origin", "branch_taint", "tainted", "all_tainted"):
        connection.execute(f"DROP TABLE {table}")
