"""The objects and the branches of a trace, one row each: where to look first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftline_analyzer.times import iso

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis


@dataclass(frozen=True)
class ObjectRow:
    """One object.

    Attributes:
        object: Its id.
        type: Its type, or None.
        writes: How many writes of it were recorded, those of aborted units not counted.
        writers: How many branches made them.
        reads: How many reads of it were recorded.
        findings: How many findings are about it.
    """

    object: str
    type: str | None
    writes: int
    writers: int
    reads: int
    findings: int

    def as_json(self) -> dict[str, Any]:
        """As `driftline info --list objects --format json` prints it."""
        return {
            "object": self.object,
            "type": self.type,
            "writes": self.writes,
            "writers": self.writers,
            "reads": self.reads,
            "findings": self.findings,
        }


@dataclass(frozen=True)
class BranchRow:
    """One branch.

    Attributes:
        branch: Its name.
        branch_id: Its id, unique in the run.
        parent: Id of the branch that it forked from, or None.
        phase: Its phase, or None.
        status: How it ended: `ok`, `failed`, or None if no end was recorded.
        started: When it began, in nanoseconds since 1970, or None.
        writes: How many writes it made.
        findings: How many findings it is at fault for.
    """

    branch: str
    branch_id: str
    parent: str | None
    phase: str | None
    status: str | None
    started: int | None
    writes: int
    findings: int

    def as_json(self) -> dict[str, Any]:
        """As `driftline info --list branches --format json` prints it."""
        return {
            "branch": self.branch,
            "branch_id": self.branch_id,
            "parent": self.parent,
            "phase": self.phase,
            "status": self.status,
            "started": None if self.started is None else iso(self.started),
            "writes": self.writes,
            "findings": self.findings,
        }


_OBJECTS = """
SELECT o.object, o.type, coalesce(w.writes, 0), coalesce(w.writers, 0), coalesce(r.reads, 0), coalesce(f.findings, 0)
FROM object AS o
LEFT JOIN (SELECT o, count(*) AS writes, count(DISTINCT b) AS writers FROM write WHERE NOT void GROUP BY o) AS w
    ON w.o = o.o
LEFT JOIN (SELECT o, count(*) AS reads FROM event WHERE op = 'read' GROUP BY o) AS r ON r.o = o.o
LEFT JOIN (SELECT e.o, count(*) AS findings FROM finding JOIN event AS e USING (e) GROUP BY e.o) AS f ON f.o = o.o
ORDER BY 6 DESC, 3 DESC, 1
LIMIT ?
"""

_BRANCHES = """
SELECT b.name, b.branch, up.branch, b.phase, b.status, e.clock, coalesce(w.writes, 0), coalesce(f.findings, 0)
FROM branch AS b
LEFT JOIN branch AS up ON up.b = b.parent
LEFT JOIN event AS e ON e.e = b.started
LEFT JOIN (SELECT b, count(*) AS writes FROM write GROUP BY b) AS w ON w.b = b.b
LEFT JOIN (SELECT e.b, count(*) AS findings FROM finding JOIN event AS e USING (e) GROUP BY e.b) AS f ON f.b = b.b
ORDER BY 8 DESC, b.b
LIMIT ?
"""

_ALL = 2**62


def objects(analysis: Analysis, limit: int | None) -> list[ObjectRow]:
    """The objects, those with the most findings first; at most so many, or all for None."""
    return [ObjectRow(*row) for row in analysis.rows(_OBJECTS, [_ALL if limit is None else limit])]


def branches(analysis: Analysis, limit: int | None) -> list[BranchRow]:
    """The branches, those at fault for the most findings first; at most so many, or all for None."""
    return [BranchRow(*row) for row in analysis.rows(_BRANCHES, [_ALL if limit is None else limit])]
