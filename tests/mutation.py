"""Whether the tests would notice if an SQL file were broken: every mutant of it against what the tests look at.

What they look at: every case file, a simulated run, and a fixed set of random traces. That the unbroken files are
right there is what the other tests prove; a mutant is killed if it finds something else, or no longer runs in time.
"""

from __future__ import annotations

import contextlib
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
from casefile import parse_case_file
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from mutants import Mutant, mutants
from programs import programs, record
from reference.event_lists import traces, write_trace
from traces import is_ordered, record_traces

from driftline.reader import Trace
from driftline.simulation import Settings, parse_faults, simulate
from driftline_analyzer.catalogue import Rule, rules
from driftline_analyzer.database import sql
from driftline_analyzer.forks import find_forks
from driftline_analyzer.pipeline import load_all, make_detected, rules_in_turn, take_steps
from driftline_analyzer.policies import in_force

DETECTORS: Final = Path(__file__).parent / "detectors"
EQUIVALENT: Final = Path(__file__).with_name("equivalent_mutants.toml")
_PATIENCE: Final = 20.0  # seconds for one mutant on one trace; the unbroken files take far less than one
#: What the tests compare of a finding; evidence is only looked at where a test names it.
_COMPARED: Final = "e, list_sort(fields) AS fields, list_sort(others) AS others, base, basis, gives_way"

Findings = list[tuple[Any, ...]]


@dataclass
class Outcome:
    """What became of the mutants of one file.

    Attributes:
        killed: How many were noticed.
        invalid: How many are no SQL.
        survived: Names of those that nothing noticed and nobody declared to be equivalent.
        equivalent: Names of those that were declared, and indeed not noticed.
        stale: Names that were declared, though there is no such mutant or it was noticed.
    """

    killed: int
    invalid: int
    survived: list[str]
    equivalent: list[str]
    stale: list[str]


class Corpus:
    """One trace, loaded and analysed, open for as long as the stack is.

    Args:
        folder: The trace.
        stack: Closes the database.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._trace = Trace(folder)
        spill = folder.with_name(f"{folder.name}.spill")
        self._config = {"temp_directory": str(spill), "threads": 1}
        self.connection = self._open(stack)
        prepare(self.connection, {})
        self.findings = {
            rule.code: detect(self.connection, rule.query, rule.code, keep=True) for rule in rules_in_turn()
        }

    def _open(self, stack: ExitStack) -> duckdb.DuckDBPyConnection:
        """A database into which the trace has been loaded."""
        connection = duckdb.connect(":memory:", config=self._config)
        stack.callback(connection.close)
        load_all(self._trace, in_force(self._trace.header, None).policy, connection)
        return connection

    def notices_detector(self, rule: Rule, text: str) -> bool:
        """Whether a rule finds something else with this query."""
        return detect(self.connection, text, rule.code) != self.findings[rule.code]

    def notices_step(self, step: str, text: str) -> bool:
        """Whether any rule finds something else with this step."""
        with ExitStack() as stack:
            connection = self._open(stack)
            with impatient(connection):
                prepare(connection, {step: text})
                return any(
                    detect(connection, rule.query, rule.code, keep=True) != self.findings[rule.code]
                    for rule in rules_in_turn()
                )


def prepare(connection: duckdb.DuckDBPyConnection, texts: Mapping[str, str]) -> None:
    """Do all that the pipeline does between loading and the first rule."""
    take_steps(connection, texts)
    find_forks(connection)
    make_detected(connection)


def detect(connection: duckdb.DuckDBPyConnection, query: str, code: str, *, keep: bool = False) -> Findings:
    """What a query finds, in an order of its own; kept in `detected` for the rules that read it, if wanted."""
    if keep:
        connection.execute(f"INSERT INTO detected BY NAME SELECT '{code}' AS code, * FROM ({query})")  # noqa: S608 - ours
        found = connection.execute(f"SELECT {_COMPARED} FROM detected WHERE code = '{code}'").fetchall()  # noqa: S608 - ours
    else:
        named = f"SELECT *, false AS gives_way FROM ({query})"  # noqa: S608 - ours
        with contextlib.suppress(duckdb.BinderException):
            names = connection.execute(f"DESCRIBE ({query})").fetchall()
            named = query if any(name == "gives_way" for name, *_ in names) else named
        with impatient(connection):
            found = connection.execute(f"SELECT {_COMPARED} FROM ({named})").fetchall()  # noqa: S608 - ours
    return sorted(found, key=repr)


@contextlib.contextmanager
def impatient(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupt what runs on a connection once it has taken too long."""
    timer = threading.Timer(_PATIENCE, connection.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


# ---- what the tests look at ---------------------------------------------------------------------------------------


def record_corpus(folder: Path, *, random: int) -> list[Path]:
    """Record the traces: those of the case files first, which notice the most.

    Args:
        folder: An empty folder.
        random: How many random traces of either kind.
    """
    return [*_cases(folder), _simulated(folder), *_random(folder, random)]


def _cases(folder: Path) -> Iterator[Path]:
    cases = [case for path in sorted(DETECTORS.iterdir()) for case in parse_case_file(path)]
    plain = {f"case{number}.": case.trace for number, case in enumerate(cases) if case.policy is None}
    for ordered in (True, False):
        texts = {space: text for space, text in plain.items() if is_ordered(text) is ordered}
        if texts:
            yield _recorded(folder / f"cases-{ordered}.drift", texts)
    for number, case in enumerate(case for case in cases if case.policy is not None):
        yield _recorded(folder / f"policy-{number}.drift", {"": case.trace}, policy=case.policy)


def _recorded(path: Path, texts: Mapping[str, str], **options: Any) -> Path:
    record_traces(texts, path, **options)
    return path


def _simulated(folder: Path) -> Path:
    path = folder / "simulated.drift"
    simulate(path, Settings(events=2_500, seed=21, faults=parse_faults("all=0.001"), processes=2))
    return path


def _random(folder: Path, count: int) -> Iterator[Path]:
    def recorded(number: int, name: str, make: Callable[[Path], object]) -> Path:
        path = folder / f"{name}-{number}.drift"
        make(path)
        return path

    for number, program in enumerate(_examples(programs(), count)):
        yield recorded(number, "program", lambda path, program=program: record(program, path))  # type: ignore[misc]
    for number, (rows, ordered) in enumerate(_examples(traces(), count)):
        yield recorded(
            number, "rows", lambda path, rows=rows, ordered=ordered: write_trace(path, rows, ordered=ordered)
        )  # type: ignore[misc]


def _examples(strategy: SearchStrategy[Any], count: int) -> list[Any]:
    """The same examples every time."""
    found: list[Any] = []

    @settings(
        max_examples=max(count, 1),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    if count:
        collect()
    return found[:count]


# ---- the verdict --------------------------------------------------------------------------------------------------


def declared() -> dict[str, dict[str, str]]:
    """File → name of a mutant that means the same → why."""
    return tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")) if EQUIVALENT.exists() else {}


def judge(corpora: list[Corpus], file: str, *, every: int = 1) -> Outcome:
    """Break a file in every way, and see what is noticed.

    Args:
        corpora: What the tests look at.
        file: `detectors/NAME.sql` or `steps/NAME.sql`.
        every: Try only each so-many-th mutant, from the first.
    """
    folder, _, name = file.removesuffix(".sql").partition("/")
    expected = declared().get(file, {})
    outcome = Outcome(0, 0, [], [], [])
    tried = mutants(sql(folder, name))[::every]
    for mutant in tried:
        verdict = _verdict(corpora, folder, name, mutant)
        if verdict is None:
            outcome.invalid += 1
        elif verdict:
            outcome.killed += 1
            outcome.stale += [mutant.name] if mutant.name in expected else []
        else:
            (outcome.equivalent if mutant.name in expected else outcome.survived).append(mutant.name)
    if every == 1:
        outcome.stale += sorted(set(expected) - {mutant.name for mutant in tried})
    return outcome


def _verdict(corpora: list[Corpus], folder: str, name: str, mutant: Mutant) -> bool | None:
    """Whether a mutant was noticed; None if it is no SQL."""
    known = {rule.name.replace("-", "_"): rule for rule in rules()}
    for corpus in corpora:
        try:
            if folder == "steps":
                if corpus.notices_step(name, mutant.text):
                    return True
            elif corpus.notices_detector(known[name], mutant.text):
                return True
        except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException):
            return None
        except duckdb.Error:  # it took too long, or a number ran over: both would be seen
            return True
    return False
