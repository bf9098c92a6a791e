"""The whole analysis, from a trace to findings, as named steps in one DuckDB database.

load → policy → `STEPS` → detect → `AFTER` → blast radius. Each of `STEPS` and `AFTER` is a SQL file in `steps/`, whose
header says which tables it makes; every detector is one SQL file in `detectors/`. A detector selects

    e        BIGINT     the event that is at fault
    fields   VARCHAR[]  JSON Pointers of the fields that it got wrong
    others   INTEGER[]  the other branches (`branch.b`)
    against  BIGINT[]   the events that show it
    base     VARCHAR    the version that the writer had seen, or null
    basis    VARCHAR    'recorded' or 'inferred'

and, where its definition gives way to another rule, gives_way BOOLEAN: such a row is no finding, but the findings at
the same event name the rule.

A detector whose header says `reads: findings` runs after all that do not, and reads what they found in table
`detected`: these columns, behind `code`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import duckdb

from driftline.discipline import Policy
from driftline.reader import Trace
from driftline_analyzer.blast import measure_blast
from driftline_analyzer.catalogue import SEVERITIES, Rule, rules
from driftline_analyzer.database import sql
from driftline_analyzer.forks import find_forks
from driftline_analyzer.load import load
from driftline_analyzer.policies import make_policy_tables

STEPS: Final = (
    "order",
    "above",
    "descent",
    "versions",
    "fields",
    "reads",
    "remade",
    "marks",
    "references",
    "losses",
    "inversions",
    "rivals",
    "phases",
)

#: Called before each step with its name and the share of the work done so far, 0 to 1.
Progress = Callable[[str, float], None]


#: Fields of one finding whose values are told, the first by path; a finding may have a million.
STAKE_FIELDS: Final = 200

#: After the detectors: what they found, as findings.
AFTER: Final = ("findings", "stakes")


def run(trace: Trace, policy: Policy, connection: duckdb.DuckDBPyConnection, progress: Progress) -> None:
    """Analyse a trace into an empty database.

    Args:
        trace: The trace.
        policy: The policy to analyse it under.
        connection: An empty database; afterwards it holds the tables of every step.
        progress: Told of each step.
    """
    names = ["load", *STEPS, "detect", "blast radius"]
    done = iter(range(len(names)))

    def begin(name: str) -> None:
        progress(name, next(done) / len(names))

    begin("load")
    load_all(trace, policy, connection)
    take_steps(connection, begin=begin)
    begin("detect")
    find_forks(connection)
    _detect(connection)
    begin("blast radius")
    measure_blast(connection)
    progress("done", 1.0)


def load_all(trace: Trace, policy: Policy, connection: duckdb.DuckDBPyConnection) -> None:
    """Load a trace in clock order, and what else the steps begin with: variables and policy tables."""
    in_order = load(trace, connection)
    if not in_order:
        connection.execute(sql("steps", "renumber"))
    connection.execute("SET VARIABLE ordered = ?", [trace.header.ordered])
    connection.execute("SET VARIABLE sampled = ?", [trace.header.sample.get("objects", 1.0) < 1])
    make_policy_tables(connection, policy)


def take_steps(
    connection: duckdb.DuckDBPyConnection,
    texts: Mapping[str, str] | None = None,
    *,
    begin: Callable[[str], None] = lambda _step: None,
) -> None:
    """Take all of `STEPS`.

    Args:
        connection: A loaded trace.
        texts: Other texts for some of them, by name.
        begin: Told of each.
    """
    for step in STEPS:
        begin(step)
        connection.execute((texts or {}).get(step) or sql("steps", step))


def make_detected(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the empty table `detected`."""
    connection.execute(
        "CREATE TEMP TABLE detected (code VARCHAR, e BIGINT, fields VARCHAR[], others INTEGER[], against BIGINT[],"
        " base VARCHAR, basis VARCHAR, gives_way BOOLEAN DEFAULT false)",
    )


def rules_in_turn() -> list[Rule]:
    """The rules in the order in which they run: those that read the findings of others last."""
    return sorted(rules(), key=lambda rule: rule.reads_findings)  # stable: else by code


def _detect(connection: duckdb.DuckDBPyConnection) -> None:
    make_detected(connection)
    for rule in rules_in_turn():
        connection.execute(f"INSERT INTO detected BY NAME SELECT '{rule.code}' AS code, * FROM ({rule.query})")  # noqa: S608 - ours
    connection.execute("CREATE TABLE rule (code VARCHAR, name VARCHAR, severity VARCHAR, rank TINYINT)")
    rows = [(rule.code, rule.name, rule.severity, SEVERITIES.index(rule.severity)) for rule in rules()]
    connection.executemany("INSERT INTO rule VALUES (?, ?, ?, ?)", rows)
    connection.execute("SET VARIABLE stake_fields = ?", [STAKE_FIELDS])
    for step in AFTER:
        connection.execute(sql("steps", step))
    connection.execute("DROP TABLE detected")
