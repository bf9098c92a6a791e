"""Where an analysis spends its time, one line for each SQL statement, the dearest first.

    python benchmarks/statements.py TRACE [--top N]

It analyses into a temporary database with the pipeline itself, over a connection that takes the time of each statement.
Processor time is what to judge by: it suffers less than the clock from other programs on the same machine. Peaks of
resident memory are each statement's own (Linux). What a statement pulls in while it runs (Arrow, decoded by Python) is
part of it; what happens between two statements is a line `(python)`.
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import duckdb

from driftline.reader import Trace
from driftline_analyzer.database import open_database
from driftline_analyzer.pipeline import run
from driftline_analyzer.policies import in_force

_NAME: Final = re.compile(r"(?:CREATE (?:TEMP )?(?:TABLE|MACRO)|DROP TABLE|ALTER TABLE|SELECT '|WITH) ?(\w+)")
_MADE: Final = re.compile(r"^\s*(?:--[^\n]*\n|\s)*CREATE (?:TEMP )?TABLE (\w+) AS", re.MULTILINE)


@dataclass
class Cost:
    """What one statement took.

    Attributes:
        step: The pipeline's step.
        name: The table that it makes, or the rule that it finds.
        cpu: Processor seconds, of all threads.
        wall: Seconds by the clock.
        peak: Most resident memory while it ran, in MB.
        rows: Rows of the table that it makes, if it makes one.
    """

    step: str
    name: str
    cpu: float
    wall: float
    peak: float
    rows: int | None = None


class Measured:
    """A connection that remembers what its statements cost."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.costs: list[Cost] = []
        self.step = ""
        self._mark = _now()

    def __getattr__(self, name: str) -> Any:
        """Everything but `execute` is the connection's own."""
        return getattr(self._connection, name)

    def execute(self, query: str, parameters: object = None) -> duckdb.DuckDBPyConnection:
        """Execute each statement of a query and note its cost."""
        statements = [query] if parameters is not None else [each.query for each in duckdb.extract_statements(query)]
        for statement in statements:
            self.note("(python)")
            _forget_peak()
            done = self._connection.execute(statement, parameters)
            found = _NAME.search(statement)
            self.note(found.group(1) if found else " ".join(statement.split())[:24])
            if made := _MADE.match(statement):
                ((self.costs[-1].rows,),) = self._connection.execute(f"SELECT count(*) FROM {made[1]}").fetchall()  # noqa: S608 - ours
                self._mark = _now()
        return done

    def note(self, name: str) -> None:
        """Note what was used since the last note."""
        cpu, wall = _now()
        self.costs.append(Cost(self.step, name, cpu - self._mark[0], wall - self._mark[1], _peak()))
        self._mark = cpu, wall


def _now() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, time.perf_counter()


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> float:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found.group(1)) / 1024 if found else 0.0


def measure(folder: Path) -> tuple[list[Cost], int]:
    """What each statement of an analysis costs, and how many bytes its database takes."""
    trace = Trace(folder)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        path = Path(place) / "analysis.duckdb"
        with open_database(path, read_only=False) as connection:
            measured = Measured(connection)

            def begin(step: str, _share: float) -> None:
                measured.note("(python)")
                measured.step = step

            run(trace, in_force(trace.header, None).policy, cast("duckdb.DuckDBPyConnection", measured), begin)
        measured.step = "close"
        measured.note("checkpoint")
        return measured.costs, path.stat().st_size


def main() -> None:
    """Parse the command line; print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("trace", type=Path)
    parser.add_argument("--top", type=int, default=40, help="how many statements to list")
    given = parser.parse_args()
    costs, size = measure(given.trace)
    cpu, wall = sum(cost.cpu for cost in costs), sum(cost.wall for cost in costs)
    peak = max(cost.peak for cost in costs)
    print(f"{cpu:.2f} processor seconds, {wall:.2f} s, peak {peak:.0f} MB, database {size / 1e6:.0f} MB\n")
    steps = {cost.step: 0.0 for cost in costs}
    for cost in costs:
        steps[cost.step] += cost.cpu
    for step, seconds in steps.items():
        print(f"{step:14}{seconds:8.2f} s{seconds / cpu:6.0%}")
    print(f"\n{'step':14}{'statement':20}{'cpu s':>8}{'wall s':>8}{'peak MB':>9}{'rows':>13}")
    for cost in sorted(costs, key=lambda cost: -cost.cpu)[: given.top]:
        rows = "" if cost.rows is None else f"{cost.rows:,}"
        print(f"{cost.step:14}{cost.name:20}{cost.cpu:8.2f}{cost.wall:8.2f}{cost.peak:9.0f}{rows:>13}")


if __name__ == "__main__":
    main()
