"""Each detector against its plain reference (`reference/`), on random programs and on random rows.

`TRIED_EXAMPLES` says how many of each to try, and of twenty times as many small traces, two hundred at a time: these
find more, those are shown shrunk. The default takes a minute or two in all; where `CI` is set, Hypothesis tries the
same ones every time. A failure shows the trace and what only one of the two found; docs/model.md says who is right.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, given, settings
from programs import Program, programs, record
from reference import RULES, find_all
from reference.event_lists import Row, crowds, traces, write_trace
from reference.events import Event
from reference.history import Found, History
from reference.side_by_side import alike, histories, side_by_side
from reference.transactions import transactions

from driftline_analyzer import Finding, analyze

ENOUGH: Final = 15
EXAMPLES: Final = int(os.environ.get("TRIED_EXAMPLES", str(ENOUGH)))

T = TypeVar("T")

thoroughly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],  # the listing explains enough
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@thoroughly
@given(programs())
def test_detectors_find_what_the_reference_finds_in_recorded_programs(program: Program) -> None:
    check(lambda folder: record(program, folder))


@thoroughly
@given(traces())
def test_detectors_find_what_the_reference_finds_in_several_processes(trace: tuple[list[Row], bool]) -> None:
    rows, ordered = trace
    check(lambda folder: write_trace(folder, rows, ordered=ordered))


@thoroughly
@given(transactions())
def test_detectors_find_what_the_reference_finds_in_transactions(trace: tuple[list[Row], bool]) -> None:
    rows, ordered = trace
    check(lambda folder: write_trace(folder, rows, ordered=ordered))


@thoroughly
@given(crowds())
def test_detectors_find_what_the_reference_finds_in_a_crowd(crowd: tuple[list[Row], str | None]) -> None:
    rows, policy = crowd
    check(lambda folder: write_trace(folder, rows, policy=policy))


def test_detectors_find_what_the_reference_finds_in_hundreds_at_once(tmp_path: Path) -> None:
    fired: Counter[str] = Counter()
    tried = drawn(traces(), EXAMPLES * 20) + drawn(transactions(), EXAMPLES * 20)
    for number, (parts, ordered) in enumerate(alike(tried, most=200)):
        folder = tmp_path / f"{number}.drift"
        write_trace(folder, side_by_side(parts), ordered=ordered)
        with analyze(folder) as analysis:
            actual = {found(finding) for finding in analysis.findings()}
        for history in histories(folder):  # the first that differs is shown alone
            own = {finding for finding in actual if finding.event in history.ids}
            compare(history, own, None)
            fired.update({finding.code for finding in own})
    # What never fires is never compared. DRF402 needs the crowd of its own.
    seldom = {code for code in RULES if fired[code] * 400 < len(tried)} - {"DRF402"}
    assert not seldom or EXAMPLES < ENOUGH


def drawn(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """Examples of a strategy, the same ones every time."""
    examples: list[T] = []

    @settings(thoroughly, max_examples=count, phases=[Phase.generate], database=None, derandomize=True)
    @given(strategy)
    def draw(example: T) -> None:
        examples.append(example)

    draw()
    return examples


def check(make: Callable[[Path], Sequence[str] | None]) -> None:
    """Make a trace and demand that analyzer and reference find the same in it.

    Args:
        make: Makes a trace folder; may return a listing of how.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "run.drift"
        listing = make(folder)
        with analyze(folder) as analysis:
            actual = {found(finding) for finding in analysis.findings()}
        compare(History.load(folder), actual, listing)


def compare(history: History, actual: set[Found], listing: Sequence[str] | None) -> None:
    """Demand that the analyzer's findings are the reference's."""
    expected = set(find_all(history))
    if expected != actual:  # an assert would show the sets a second time
        raise AssertionError(explain(history, expected, actual, listing))


def found(finding: Finding) -> Found:
    """The analyzer's finding, in the reference's words."""
    return Found(
        code=finding.code,
        event=finding.evidence[0],
        object=finding.object,
        fields=frozenset(finding.fields),
        others=frozenset(party.branch_id for party in finding.others),
        base=finding.base,
        basis=finding.basis,
        also=frozenset(rule.code for rule in finding.also),
    )


# ---- what a failure shows -----------------------------------------------------------------------------------------


def explain(history: History, expected: set[Found], actual: set[Found], listing: Sequence[str] | None) -> str:
    parts = [
        section("the reference alone finds", map(finding_line, expected - actual)),
        section("the analyzer alone finds", map(finding_line, actual - expected)),
        section(f"events in clock order, ordered={history.ordered}", map(event_line, history.events)),
        section("calls", listing or ()),
    ]
    return "\n" + "\n".join(part for part in parts if part)


def section(title: str, lines: Iterable[str]) -> str:
    shown = [f"    {line}" for line in lines]
    return "\n".join([f"{title}:", *shown]) if shown else ""


def finding_line(finding: Found) -> str:
    where = f"{finding.object} {sorted(finding.fields)}"
    who = f"others={sorted(finding.others)} also={sorted(finding.also)}"
    return f"{finding.code} {finding.event} {where} {who} base={finding.base} {finding.basis}"


def event_line(event: Event) -> str:
    """One event, without what is empty.

    Example:
        >>> event_line(Event("read", "a#1", "doc/0", 3, unit="u#2"))
        '0 p:0 a#1 read doc/0@3 unit=u#2'
    """
    parts = [str(event.clock), event.id, event.branch, event.op]
    if event.object is not None:
        parts.append(f"{event.object}@{event.version!r}{'(inferred)' * event.version_inferred}")
    parts += [
        f"{path}={'gone' if value.digest is None else f'{value.digest:x}'[-4:]}:{value.size}:{value.leaves}"
        + (f"(base {value.base!r})" if value.base is not None else "")
        for path, value in event.fields.items()
    ]
    if event.base is not None:
        parts.append(f"base={event.base!r}{'(inferred)' * event.base_inferred}")
    names = ("bases", "confidence", "fidelity", "references", "unit", "parent", "task", "status", "signature")
    parts += [f"{name}={value}" for name in names if (value := getattr(event, name)) not in {None, ()}]
    return " ".join(parts)
