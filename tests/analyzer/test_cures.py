"""The cures compared: each against its plain reference on random traces, and worked cases counted by hand."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from programs import Program, programs, record
from reference.cures import ALL, Write, contested, three_way, writes
from reference.event_lists import Row, field_row, traces, write_trace
from reference.events import Field
from reference.history import History

from driftline import DriftlineError
from driftline.discipline import Base, Policy
from driftline.discipline.candidates import Unrecorded
from driftline.discipline.drafts import draft
from driftline.discipline.proposals import Proposal
from driftline.discipline.world import World
from driftline.values import ABSENT
from driftline_analyzer import Analysis, analyze
from driftline_analyzer.cures import Outcome, compare

EXAMPLES: Final = int(os.environ.get("TRIED_EXAMPLES", "6"))
Analyse = Callable[..., Analysis]

thoroughly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def check(make: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "run.drift"
        make(folder)
        history = History.load(folder)
        if not history.ordered:
            return
        with analyze(folder) as analysis:
            found = compare(analysis)
            assert compare(analysis) == found
        assert found.fields == len(contested(history))
        for outcome in found.outcomes:
            if outcome.cure == "pipeline":
                continue  # the replay has a reference of its own
            expected = {"cure": outcome.cure, **asdict(ALL[outcome.cure](history))}
            assert asdict(outcome) == expected


@thoroughly
@given(programs())
def test_every_cure_comes_to_what_its_reference_does_in_recorded_programs(program: Program) -> None:
    check(lambda folder: record(program, folder))


@thoroughly
@given(traces())
def test_every_cure_comes_to_what_its_reference_does_in_several_processes(trace: tuple[list[Row], bool]) -> None:
    check(lambda folder: write_trace(folder, trace[0], ordered=trace[1]))


@thoroughly
@given(programs())
def test_three_ways_are_those_of_the_discipline(program: Program) -> None:
    with tempfile.TemporaryDirectory() as parent:
        record(program, Path(parent) / "run.drift")
        history = History.load(Path(parent) / "run.drift")
    if history.ordered:
        made = writes(history)
        world, conflicts = World(), 0
        for order, write in enumerate(made):
            drafted = draft(Policy(), world, proposal(write, order))
            if drafted.settled or drafted.before is not None:
                world.put(str(write.event.object), drafted.after)
            conflicts += sum(one.outcome == "conflict" for one in drafted.decisions)
        assert three_way(history).decisions == conflicts


def proposal(write: Write, order: int) -> Proposal:
    """A write of contested fields with digests for values."""

    def value(known: Field) -> object:
        return ABSENT if known.digest is None else Unrecorded(known.digest)

    return Proposal(
        event=write.event.id, op="patch", object=str(write.event.object), type=None, version=str(order),
        position=order, order=order, branch=write.branch, branch_id=write.branch,
        fields={update.path: value(update.wrote) for update in write.updates},
        seen={update.path: Base(value(update.saw), None) for update in write.updates},
    )  # fmt: skip


# ---- worked cases -------------------------------------------------------------------------------------------------


def outcomes(analysis: Analysis) -> dict[str, Outcome]:
    return {outcome.cure: outcome for outcome in compare(analysis).outcomes}


COUNTER: Final = """
    M: write doc/1 {n: 0} @1
    A: patch doc/1 {n: 2} @2 base 1
    B: patch doc/1 {n: 3} @3 base 1
    C: patch doc/1 {n: 4} @4 base 1
"""


def test_three_additions_from_one_base(analyse: Analyse) -> None:
    comparison = compare(analyse(COUNTER))
    assert (comparison.fields, comparison.objects, comparison.writes) == (1, 1, 4)
    found = {outcome.cure: outcome for outcome in comparison.outcomes}
    assert list(found) == ["last-write-wins", "barrier", "sequencing", "optimistic", "three-way", "pipeline"]
    last = found["last-write-wins"]
    assert (last.lost, last.wrong) == (2, 1)  # 2 and 3 are gone: it ends at 4, and ought to be 9
    assert (found["barrier"].lost, found["barrier"].decisions) == (0, 1)  # 2, 3 and 4 lie side by side
    assert (found["three-way"].lost, found["three-way"].decisions) == (0, 2)  # 3 and 4 are set aside, each by itself
    assert (found["pipeline"].lost, found["pipeline"].decisions) == (0, 2)
    optimistic = found["optimistic"]
    assert (optimistic.lost, optimistic.refused) == (0, optimistic.retried)
    assert optimistic.retried in {1, 2}  # C may begin after B's second attempt, and then sees that


def test_the_policy_decides_what_it_has_a_strategy_for(analyse: Analyse) -> None:
    summed = analyse(COUNTER, policy="[types.doc.fields]\n'/n' = 'counter'")
    assert outcomes(summed)["pipeline"] == Outcome("pipeline")
    lossy = analyse(COUNTER, policy="[types.doc.fields]\n'/n' = 'last-writer-wins'")
    assert outcomes(lossy)["pipeline"] == Outcome("pipeline", lost=2, wrong=1)
    floored = analyse(COUNTER, policy="[types.doc.fields]\n'/n' = { minimum = 5 }\n[gate]\nvalues = 'reject'")
    assert outcomes(floored)["pipeline"].refused == 4


@pytest.mark.parametrize(
    ("start", "first", "second", "wrong"),
    [
        ("[]", '["x"]', '["x", "y"]', 0),  # what was lost is in what won
        ("[]", '["x"]', '["y"]', 1),
        ('["x", "y"]', '["y"]', '["x", "y", "z"]', 1),  # x was taken out, and is back
        ("5", "6", "6.5", 1),
        ('"a"', '"b"', '"c"', 1),  # nobody can say without a person: whoever wins was not chosen
        ("true", '"b"', "gone", 1),
        ('[{"k": 1}]', '[{"k": 2}]', '[{"k": 2}, 3]', 0),
    ],
)
def test_a_lost_update_makes_a_field_wrong_unless_it_is_there_all_the_same(
    analyse: Analyse, start: str, first: str, second: str, wrong: int
) -> None:
    last = outcomes(
        analyse(f"""
        M: write doc/1 {{v: {start}}} @1
        A: patch doc/1 {{v: {first}}} @2 base 1
        B: patch doc/1 {{v: {second}}} @3 base 1
    """)
    )["last-write-wins"]
    assert (last.lost, last.wrong, last.unjudged) == (1, wrong, 0)


def test_a_merge_by_somebody_who_had_seen_both_makes_it_right(analyse: Analyse) -> None:
    last = outcomes(
        analyse("""
        M: write doc/1 {v: "a"} @1
        A: patch doc/1 {v: "b"} @2 base 1
        B: patch doc/1 {v: "c"} @3 base 1
        C: merge doc/1 {v: "b and c"} @4 bases 2 3
    """)
    )["last-write-wins"]
    assert (last.lost, last.wrong) == (1, 0)


def test_without_values_nobody_can_judge(analyse: Analyse) -> None:
    last = outcomes(analyse(COUNTER, values="digest"))["last-write-wins"]
    assert (last.lost, last.wrong, last.unjudged) == (2, 0, 1)


def test_an_update_that_its_own_branch_replaced_is_not_lost_twice(analyse: Analyse) -> None:
    last = outcomes(
        analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        A: patch doc/1 {n: 2} @3 base 2
        B: patch doc/1 {n: 9} @4 base 1
    """)
    )["last-write-wins"]
    assert last.lost == 1


def test_a_branch_that_read_again_is_judged_by_that_and_not_by_its_own_older_write(analyse: Analyse) -> None:
    found = outcomes(
        analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {n: 2} @3 base 2
        A: patch doc/1 {n: 3} @4 base 3
        C: patch doc/1 {n: 9} @5 base 1
    """)
    )
    assert found["three-way"].decisions == 1  # C's alone
    assert found["optimistic"].refused == 1


def test_a_write_that_was_recorded_late_has_its_place_in_the_order_of_versions(analyse: Analyse) -> None:
    last = outcomes(
        analyse("""
        M: write doc/1 {v: []} @1
        A: patch doc/1 {v: ["x", "y"]} @3 base 1
        B: patch doc/1 {v: ["x"]} @2 base 1
    """)
    )["last-write-wins"]
    assert (last.lost, last.wrong) == (1, 0)  # it ends at A's, which holds what B had put in


def test_a_clean_run_has_nothing_to_cure(analyse: Analyse) -> None:
    comparison = compare(analyse("A: write doc/1 {n: 0} @1\nB: read doc/1 @1\nB: patch doc/1 {n: 1} @2 base 1"))
    assert (comparison.fields, comparison.objects, comparison.writes) == (0, 0, 0)
    assert [outcome for outcome in comparison.outcomes if outcome.cure != "barrier"] == [
        Outcome(name) for name in ("last-write-wins", "sequencing", "optimistic", "three-way", "pipeline")
    ]


def test_a_trace_without_an_order_is_refused(analyse: Analyse) -> None:
    analysis = analyse("unordered\nA: write doc/1 {n: 0} @a")
    with pytest.raises(DriftlineError, match="has no order of versions"):
        compare(analysis)


# ---- worked times: every clock by hand ----------------------------------------------------------------------------


def timed(*events: tuple[int, str, str, dict[str, Any]]) -> list[Row]:
    """Rows of one process: clock, branch, operation, and what else an event says."""
    return [{"process": "p", "clock": clock, "branch": who, "op": op, **more} for clock, who, op, more in events]


def start(name: str, parent: str | None = None) -> dict[str, Any]:
    return {"name": name, "parent": parent}


def wrote(version: int, base: int | None, text: str) -> dict[str, Any]:
    return {
        "object": "doc/1", "type": "doc", "version": version, "base": base, "fields": [field_row("/n", text)],
    }  # fmt: skip


SEEN: Final = {"object": "doc/1", "version": 1, "whole": True, "fields": [field_row("/n", "0")]}
LONG: Final = json.dumps("rich text " * 10)


def test_times_are_counted_as_the_page_says(analyse_rows: Analyse) -> None:
    found = outcomes(analyse_rows(timed(
        (0, "m", "branch-start", start("m")),
        (10, "m", "write", wrote(1, None, "0")),
        (11, "a", "branch-start", start("a", "m")),
        (12, "b", "branch-start", start("b", "m")),
        (20, "a", "read", SEEN),
        (30, "b", "read", SEEN),
        (50, "a", "patch", wrote(2, 1, "1")),
        (60, "b", "patch", wrote(3, 1, LONG)),
        (70, "a", "branch-end", {"status": "ok"}),
        (100, "b", "branch-end", {"status": "ok"}),
        (110, "m", "branch-end", {"status": "ok"}),
    )))  # fmt: skip
    assert found["last-write-wins"] == Outcome("last-write-wins", lost=1, wrong=1)
    # a waits from its end at 70 until b's at 100; then one conflict lies before a person.
    assert found["barrier"] == Outcome("barrier", waited=30, decisions=1)
    # b would have begun at 30, but a has the object from 20 to 50.
    assert found["sequencing"] == Outcome("sequencing", waited=20)
    # b is refused at 60 and works for another 30, as it did from 30 to 60.
    assert found["optimistic"] == Outcome("optimistic", refused=1, retried=1, waited=30)
    assert found["three-way"] == Outcome("three-way", decisions=1)


def test_a_branch_that_waited_is_late_from_then_on(analyse_rows: Analyse) -> None:
    found = outcomes(analyse_rows(timed(
        (10, "m", "write", wrote(1, None, "0")),
        (20, "a", "read", SEEN),
        (30, "b", "read", SEEN),
        (50, "a", "patch", wrote(2, 1, "1")),
        (60, "b", "patch", wrote(3, 1, LONG)),
        (70, "a", "patch", wrote(4, 2, "0")),
        (75, "b", "patch", wrote(5, 3, "1")),
    )))  # fmt: skip
    # b waits 20 (from 30 to 50) and lands at 80; a's second, from 50, waits until then: 30. It takes 20 and lands at
    # 100; b's second, wanted at 60 + 20 = 80, waits for that: 20 more.
    assert found["sequencing"].waited == 20 + 30 + 20


def test_who_is_refused_too_often_gives_up(analyse_rows: Analyse) -> None:
    first = (50, "a", "patch", wrote(2, 1, "1"))
    late = (55, "b", "patch", wrote(3, 1, LONG))
    busy = [(50 + 10 * n, "a", "patch", wrote(3 + n, 2 if n == 1 else 2 + n, "01"[n % 2])) for n in range(1, 40)]
    rows = [(10, "m", "write", wrote(1, None, "0")), (25, "b", "read", SEEN), first, late, *busy]
    found = outcomes(analyse_rows(timed(*rows)))
    # Each attempt takes 30, and a writes every 10: eight attempts from 55 on, seven of them after a wait of 30.
    assert (found["optimistic"].refused, found["optimistic"].retried) == (8, 0)
    assert (found["optimistic"].decisions, found["optimistic"].waited) == (1, 7 * 30)


def test_a_barrier_parts_those_who_had_built_upon_each_other(analyse_rows: Analyse) -> None:
    found = outcomes(analyse_rows(timed(
        (0, "m", "branch-start", start("m")),
        (10, "m", "write", wrote(1, None, "0")),
        (11, "a", "branch-start", start("a", "m")),
        (12, "b", "branch-start", start("b", "m")),
        (20, "a", "patch", wrote(2, 1, "1")),
        (30, "b", "patch", wrote(3, 2, "null")),
        (40, "a", "patch", wrote(4, 2, LONG)),
        (70, "a", "branch-end", {"status": "ok"}),
        (70 + 1, "b", "branch-end", {"status": "ok"}),
    )))  # fmt: skip
    assert found["last-write-wins"].lost == 1  # b's, by a, which had seen its own alone
    assert found["optimistic"].refused == 1
    assert found["barrier"] == Outcome("barrier", waited=1, decisions=1)  # b's null beside a's text: both from 0
