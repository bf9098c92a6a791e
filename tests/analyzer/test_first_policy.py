"""A first policy: what it makes of a trace, and that it is always sound and always usable."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from programs import Program, programs, record
from reference.event_lists import Row, crowds, field_row, traces, write_trace
from traces import record_trace

import driftline as dl
from driftline.discipline import Policy, check_text, loads
from driftline.values import ABSENT
from driftline_analyzer import Analysis, analyze
from driftline_analyzer.first_policy import first_policy
from driftline_analyzer.first_policy.behaviour import UNKNOWN, Change, suggest

EXAMPLES: Final = int(os.environ.get("TRIED_EXAMPLES", "5"))
Analyse = Callable[..., Analysis]

thoroughly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes a second: too long to be shrunk
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def policy_of(analysis: Analysis) -> Policy:
    return loads(first_policy(analysis))


def line_of(text: str, key: str) -> tuple[str, str]:
    """The comment before a key's line, and the line."""
    lines = text.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith(f'"{key}" ='))
    return lines[at - 1], lines[at]


# ---- whatever the trace -------------------------------------------------------------------------------------------


def check(make: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "run.drift"
        make(folder)
        with analyze(folder) as analysis:
            text = first_policy(analysis)
            assert first_policy(analysis) == text
        checked = check_text(text)
        assert checked.problems == (), text
        with analyze(folder, policy=checked.policy) as analysis:
            analysis.findings()
            assert policy_of(analysis).phases == checked.policy.phases


@thoroughly
@given(programs())
def test_of_any_recorded_program_it_is_sound_and_an_analysis_under_it_works(program: Program) -> None:
    check(lambda folder: record(program, folder))


@thoroughly
@given(traces())
def test_of_any_rows_it_is_sound(trace: tuple[list[Row], bool]) -> None:
    check(lambda folder: write_trace(folder, trace[0], ordered=trace[1]))


NAMES: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)


@thoroughly
@given(
    st.lists(NAMES, min_size=3, max_size=3),
    st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=3),
    st.lists(NAMES, min_size=1, max_size=3),
)
def test_names_of_any_kind_are_written_so_that_they_are_read_back(
    names: list[str], fields: list[tuple[str, str]], texts: list[str]
) -> None:
    type_, phase, source = names

    def make(folder: Path) -> None:
        with dl.record(folder):
            for number, text in enumerate(texts):
                value = {outer: {inner: text, "to": [f"{type_}/0"]} for outer, inner in fields}
                with dl.branch(phase, phase=phase):
                    dl.write(f"{type_}/{number}", value, type=type_, source=source, confidence=0.5)
                with dl.branch(phase, phase=phase):
                    dl.write(f"{type_}/{number}", {**value, "more": number}, type=type_, base=1)

    check(make)
    with tempfile.TemporaryDirectory() as parent:
        make(Path(parent) / "run.drift")
        with analyze(Path(parent) / "run.drift") as analysis:
            policy = policy_of(analysis)
            text = first_policy(analysis)
        assert set(policy.types) == {type_}
        assert policy.phases.order == (phase,)
        assert all(line.isprintable() for line in text.split("\n"))


@thoroughly
@given(crowds())
def test_it_requires_what_is_learned_of_a_type(crowd: tuple[list[Row], str | None]) -> None:
    with tempfile.TemporaryDirectory() as parent:
        write_trace(Path(parent) / "run.drift", crowd[0])
        with analyze(Path(parent) / "run.drift") as analysis:
            lacking = [finding for finding in analysis.findings(["DRF402"]) if finding.basis == "inferred"]
            policy = policy_of(analysis)
            for finding in lacking:
                required = policy.types[finding.type or ""].required
                for path in finding.fields:  # of a field and one below it, the one below is required
                    assert any(f"{one}/".startswith(f"{path}/") for one in required), (path, required)


# ---- what it says -------------------------------------------------------------------------------------------------


def test_phases_stand_in_the_order_in_which_they_began(analyse: Analyse) -> None:
    analysis = analyse("""
        A: open phase second
        A: write doc/1 {n: 0}
        B: open phase first
        B: write doc/2 {n: 0}
        C: fork A phase second
        C: write doc/3 {n: 0}
    """)
    assert policy_of(analysis).phases.order == ("second", "first")
    assert "Branches of each: second 2, first 1." in first_policy(analysis)


def test_without_phases_it_has_none(analyse: Analyse) -> None:
    assert not policy_of(analyse("A: write doc/1 {n: 0}")).phases.stated


def test_required_is_what_nearly_every_object_of_many_has(analyse: Analyse) -> None:
    analysis = analyse("""
        A: write doc/1..38 {n: 0, "m": {x: 1, y: 2}}
        A: write doc/39..40 {n: 0, "m": {x: 1}}
        A: write few/1..19 {n: 0}
    """)
    policy = policy_of(analysis)
    assert policy.types["doc"].required == ("/m/x", "/m/y", "/n")
    assert policy.types["few"].required == ()
    text = first_policy(analysis)
    assert '"/m/y",  # 38 of them' in text
    assert "Of 19 objects 19 stand whole at the end: too few" in text


def test_objects_that_are_made_in_steps_are_not_held_back_for_it(analyse: Analyse) -> None:
    whole = "\n".join(f"A: write doc/{n} {{n: 0, m: 0}}" for n in range(1, 20))
    analysis = analyse(f"{whole}\nA: write doc/20 {{n: 0}}\nA: patch doc/20 {{m: 0}}")
    assert policy_of(analysis).gate["completeness"].action == "quarantine"
    analysis = analyse(f"{whole}\nA: write doc/20..21 {{n: 0}}\nA: patch doc/20..21 {{m: 0}}")
    assert policy_of(analysis).types["doc"].required == ("/m", "/n")
    assert policy_of(analysis).gate["completeness"].action == "warn"
    assert re.search(
        r'^completeness = "warn"  # .*2 of doc got required fields only after', first_policy(analysis), re.MULTILINE
    )


def test_references_are_what_is_declared_and_what_names_an_object(analyse: Analyse) -> None:
    analysis = analyse("""
        A: write agent/1..4 {n: 0}
        A: write doc/1 {by: "agent/1", of: ["agent/1", "agent/2"], in: [{at: "agent/3", is: "so"}], free: "agent/1 too"}
        A: write doc/2 {by: "agent/9", of: [], in: [{at: "agent/4", is: "x"}], free: "", other: 1} refs /other=agent/1
        A: write doc/3 {by: "agent/2", of: ["agent/7"], free: "", lead: "undecided"} refs /lead=agent/1
        A: write doc/4 {short: "3"} refs /short=agent/3
    """)
    policy = policy_of(analysis)
    assert policy.types["doc"].references == {
        "/by": "agent",
        "/of/*": "agent",
        "/in/*/at": "agent",
        "/other": "agent",
        "/short": "agent",
    }  # and not /lead, where a text names no object
    assert policy.types["agent"].references == {}
    assert '"/by" = "agent"  # 2 of the 3 ids there are objects of the trace' in first_policy(analysis)


def test_keys_of_a_mapping_are_one_field(analyse: Analyse) -> None:
    lines = [f"A: write doc/{n} {{links: {{k{n}: 0}}, n: 0}} @1" for n in range(1, 21)]
    lines += [
        f"{who}: patch doc/{n} {{/links/k{n}: {by}}} base 1" for n in range(1, 21) for who, by in (("B", 1), ("C", 2))
    ]
    analysis = analyse("\n".join(lines))
    policy = policy_of(analysis)
    assert [(field.pattern, field.strategy and field.strategy.name) for field in policy.types["doc"].fields] == [
        ("/links/*", "counter")
    ]
    comment, _ = line_of(first_policy(analysis), "/links/*")
    assert comment == (
        "# Changed 60 times by 3 branches; 20 of these lost what another branch had put there:"
        " whole numbers that grow, by 1 to 2 at a time."
    )


def test_a_field_that_nobody_had_to_choose_in_keeps_the_default(analyse: Analyse) -> None:
    analysis = analyse("""
        A: write doc/1 {s: "a"} confidence 0.2
        B: read doc/1
        B: patch doc/1 {s: "b"} confidence 0.9
    """)
    assert policy_of(analysis).types["doc"].fields == ()


def test_the_gate_says_what_was_found_and_holds_back_what_is_grave(analyse: Analyse) -> None:
    analysis = analyse("""
        A: write doc/1 {n: 0} refs /n=gone/1
        A: write x/1 {n: 0} @1
        A: write y/1 {n: 0} @1
        B: begin u
        C: begin u
        B: read x/1 @1
        B: read y/1 @1
        C: read x/1 @1
        C: read y/1 @1
        B: patch x/1 {n: 1} @2 base 1
        C: patch y/1 {n: 1} @2 base 1
        B: commit u
        C: commit u
    """)
    text = first_policy(analysis)
    assert re.search(r'^reference = "quarantine"  # dangling-reference 1; 1 write would fail it$', text, re.MULTILINE)
    assert re.search(r'^read-set = "quarantine"  # (stale-derivation \d; )?write-skew 1(;|$)', text, re.MULTILINE)
    assert re.search(r'^duplicate = "warn"$', text, re.MULTILINE)


def test_a_check_that_nearly_every_object_of_a_type_would_fail_only_warns(analyse: Analyse) -> None:
    in_two_steps = """
        M: write plan/1..20 {goal: "g"} @1
        M: patch plan/1..20 {answer: "a"} @2 base 1
    """
    text = first_policy(analyse(in_two_steps))
    assert 'completeness = "warn"  # 20 writes would fail it; nearly every plan among them, so it only warns' in text
    at_once = """
        M: write plan/1..19 {goal: "g", answer: "a"} @1
        M: write plan/20 {goal: "g"} @1
    """
    assert 'completeness = "quarantine"  # incomplete-object 1; 1 write would fail it\n' in first_policy(
        analyse(at_once)
    )


def test_a_trace_without_values_or_order_has_a_policy_too(tmp_path: Path) -> None:
    record_trace(
        'A: write doc/1 {s: "a"} @1\nB: patch doc/1 {s: "b"} base 1\nC: patch doc/1 {s: "c"} base 1',
        tmp_path / "digests.drift", values="digest",
    )  # fmt: skip
    with analyze(tmp_path / "digests.drift") as analysis:
        comment, line = line_of(first_policy(analysis), "/s")
        assert comment.endswith(": its values are not in the trace.")
        assert line == '"/s" = "three-way"'
    record_trace('unordered\nA: write doc/1 {s: "a"} @a\nB: patch doc/1 {s: "b"} @b base a', tmp_path / "loose.drift")
    with analyze(tmp_path / "loose.drift") as analysis:
        assert list(policy_of(analysis).types) == ["doc"]


def test_objects_without_a_type_are_counted(analyse_rows: Analyse) -> None:
    row: Row = {
        "process": "p", "seq": 0, "clock": 1, "op": "write", "branch": "a", "object": "x", "version": 1,
        "fields": [field_row("/n", "1")],
    }  # fmt: skip
    assert "1 objects have no type" in first_policy(analyse_rows([row]))


# ---- which strategy fits ------------------------------------------------------------------------------------------

LONG: Final = "a summary that says a great deal about what was found " * 4


@pytest.mark.parametrize(
    ("changes", "strategy", "because"),
    [
        ([(0, 1), (1, 3)], "counter", "by 1 to 2 at a time"),
        ([(ABSENT, 1), (1, 2), (2, 3)], "counter", "by 1 at a time"),
        ([(0, 1), (1, 0)], "three-way", "nothing tells"),
        ([(ABSENT, 1)], "three-way", "nothing tells"),
        ([(0.5, 1.5)], "three-way", "nothing tells"),
        ([(1_700_000_000, 1_700_000_009)], "max", "as large as times are"),
        ([(False, True), (False, True), (None, False)], "any", "turned true"),
        ([(True, False)], "all", "turned false"),
        ([(True, False), (False, True)], "three-way", "nothing tells"),
        ([(True, 1)], "three-way", "nothing tells"),
        ([([], [1]), ([1], [1, 1])], "append", "to whose end"),
        ([(["a"], ["b", "a"]), (["a", "b"], ["b"])], "union", "no entry stands twice"),
        ([(["a", "b", "c"], ["c", "d"])], "three-way", "nothing tells"),
        ([(["a"], ["a", "b", "b"]), (["b"], ["a"])], "three-way", "nothing tells"),
        ([(ABSENT, ["a"])], "three-way", "nothing tells"),
        ([([{"id": 1, "n": 1}], [{"id": 1, "n": 2}, {"id": 2, "n": 2}])], "union", "told apart by id"),
        ([([{"z": 1, "who": "a"}], [{"who": "b", "z": 1}, {"who": "a", "z": 1}])], "union", "told apart by who"),
        ([([{"id": 1}], [{"id": 2}, {"id": 2}])], "three-way", "nothing tells"),
        ([({"a": 1}, {"a": 2})], "map-merge", "key by key"),
        ([({"a": 1}, "text")], "three-way", "nothing tells"),
        ([(LONG, "short")], "most-complete", "1 of 1 changes left under half"),
        ([("short", LONG)], "three-way", "nothing tells"),
        ([(UNKNOWN, 1)], "three-way", "not in the trace"),
        ([], "three-way", "not in the trace"),
    ],
)
def test_the_strategy_follows_how_a_field_was_changed(
    changes: list[tuple[Any, Any]], strategy: str, because: str
) -> None:
    made = [Change(seen, wrote, None, _size(seen), _size(wrote)) for seen, wrote in changes]
    found = suggest(made)
    assert (found.strategy, because in found.because) == (strategy, True), found


def _size(value: object) -> int | None:
    return len(value) if isinstance(value, str) else None


def test_confidence_decides_where_it_is_declared_and_differs() -> None:
    found = suggest([Change("a", "b", 0.2), Change("a", "c", 0.9), Change("a", "d")])
    assert (found.strategy, found.because) == ("highest-confidence", "declared confidences go from 0.2 to 0.9")
    assert suggest([Change("a", "b", 0.5), Change("a", "c", 0.5)]).strategy == "three-way"
    assert suggest([Change("a", "b", 0.1), Change("a", "c"), Change("a", "d")]).strategy == "three-way"
    assert suggest([Change(0, 1, 0.1), Change(1, 2, 0.9)]).strategy == "counter"
