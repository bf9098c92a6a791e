"""`analyze`: a trace, analysed and open for questions: the one core behind command line, browser and reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from driftline.discipline import Policy
from driftline.header import Header
from driftline.reader import Trace
from driftline_analyzer.cache import analysed
from driftline_analyzer.catalogue import rules
from driftline_analyzer.changes import VALUE_CHARACTERS
from driftline_analyzer.database import open_database
from driftline_analyzer.finding_pages import each_finding, numbered_findings
from driftline_analyzer.findings import Finding
from driftline_analyzer.pipeline import Progress
from driftline_analyzer.policies import InForce, in_force
from driftline_analyzer.workspace import Workspace, workspace

_FETCHED: Final = 8_192  # rows


@dataclass(frozen=True)
class Summary:
    """What a trace holds.

    Attributes:
        events: Number of events read.
        objects: Number of objects.
        branches: Number of branches.
        processes: Number of processes.
        complete: Whether everything that was recorded is there.
        missing: What is not, one sentence each.
        started: Clock of the first event, in nanoseconds since 1970; 0 if there is none.
        ended: Clock of the last event.
    """

    events: int
    objects: int
    branches: int
    processes: int
    complete: bool
    missing: tuple[str, ...]
    started: int
    ended: int


class Analysis:
    """An analysed trace.

    Attributes:
        path: The trace folder.
        header: Its header.
        summary: What it holds.
        policy: The policy that it is analysed under.
    """

    def __init__(self, trace: Trace, policy: InForce, connection: duckdb.DuckDBPyConnection) -> None:
        self.path = trace.path
        self.header: Header = trace.header
        self.policy = policy
        self._connection = connection
        ((events, started, ended),) = self.rows(
            "SELECT count(*), coalesce(min(clock), 0), coalesce(max(clock), 0) FROM event"
        )
        ((objects, branches, processes),) = self.rows(
            "SELECT (SELECT count(*) FROM object), (SELECT count(*) FROM branch), (SELECT count(*) FROM process)",
        )
        missing = [
            f"{process}: {what}"
            for process, whats in self.rows("SELECT process, missing FROM process ORDER BY p")
            for what in whats
        ]
        self.summary = Summary(events, objects, branches, processes, not missing, tuple(missing), started, ended)

    def rows(self, query: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """Every row that a query over the tables of `steps/` gives. Safe to call from several threads."""
        with self._cursor() as cursor:
            return cursor.execute(query, list(parameters)).fetchall()

    def rows_named(self, query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """The same, with the query's `$name` parameters by name."""
        with self._cursor() as cursor:
            return cursor.execute(query, parameters).fetchall()

    def each_row(self, query: str, parameters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        """The same, one row after another: an answer that may not fit into memory."""
        with self._cursor() as cursor:
            cursor.execute(query, parameters)
            while rows := cursor.fetchmany(_FETCHED):
                yield from rows

    @contextmanager
    def workspace(self, **variables: Any) -> Iterator[Workspace]:
        """A place for tables beside those of the analysis, for as long as the block runs.

        Args:
            variables: What queries may ask for by `getvariable`.

        Raises:
            DriftlineError: If there is no room for it.
        """
        with workspace(self._connection, variables) as made:
            yield made

    def findings(self, codes: Iterable[str] | None = None, *, like: str | None = None) -> list[Finding]:
        """The findings, by time, all at once.

        Args:
            codes: Codes of the rules wanted; None for all.
            like: Only those with this fingerprint.
        """
        return list(self.each_finding(codes, like=like))

    def each_finding(self, codes: Iterable[str] | None = None, *, like: str | None = None) -> Iterator[Finding]:
        """The findings, by time, one after another: never more than a page of them is in memory.

        Args:
            codes: Codes of the rules wanted; None for all.
            like: Only those with this fingerprint.
        """
        with self._cursor() as cursor:
            yield from each_finding(cursor, _codes(codes), like=like)

    def numbered(self, numbers: Sequence[int], *, characters: int = VALUE_CHARACTERS) -> dict[int, Finding]:
        """The findings of these numbers (`Finding.number`), by number.

        Args:
            numbers: Their numbers.
            characters: Of each value at most so many.
        """
        with self._cursor() as cursor:
            found = numbered_findings(cursor, numbers, characters=characters)
        return {finding.number: finding for finding in found}

    def counts(self, codes: Iterable[str] | None = None, *, like: str | None = None) -> dict[str, int]:
        """How many findings each rule has, by code, in the order of codes; only rules that found something.

        Args:
            codes: Codes of the rules wanted; None for all.
            like: Only those with this fingerprint.
        """
        rows = self.rows_named(
            "SELECT code, count(*) FROM finding WHERE list_contains($codes, code)"
            " AND ($like IS NULL OR fingerprint = $like) GROUP BY code ORDER BY code",
            {"codes": _codes(codes), "like": like},
        )
        return dict(rows)

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()


def _codes(codes: Iterable[str] | None) -> list[str]:
    return sorted(known.code for known in rules()) if codes is None else sorted(codes)


@contextmanager
def analyze(
    path: str | Path,
    *,
    policy: Policy | str | Path | None = None,
    progress: Progress = lambda _step, _share: None,
) -> Iterator[Analysis]:
    """Analyse a trace, or open the analysis made before of the same content.

    Args:
        path: The trace folder, `NAME.drift`.
        policy: A policy, or the file that holds one; None for the trace's own, or the default if it has none.
        progress: Called with the name of each step and the share of the work done, 0 to 1; not called if there is none.

    Yields:
        The analysis; it ends with the block.

    Raises:
        DriftlineError: If there is no readable trace at `path`, or no sound policy in the file.

    Example:
        >>> import tempfile, driftline as dl
        >>> with dl.record(tempfile.mkdtemp() + "/run.drift") as recording:
        ...     _ = dl.write("o/1", {"n": 1}, type="o")
        >>> with analyze(recording.path) as analysis:
        ...     analysis.summary.objects, analysis.findings()
        (1, [])
    """
    trace = Trace(path)
    chosen = in_force(trace.header, policy)
    database = analysed(trace, chosen, progress)
    with open_database(database, read_only=True) as connection:
        yield Analysis(trace, chosen, connection)
