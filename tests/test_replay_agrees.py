"""The replay against its plain reference (`reference/replay.py`), on random programs under several policies.

A fifth of `TRIED_EXAMPLES` is tried of each; see `test_detectors_agree.py`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import hypothesis.strategies as st
from hypothesis import given, settings
from programs import Begin, Program, programs, record
from reference.event_lists import Row, traces, write_trace
from reference.history import History
from reference.replay import PlainReplay
from test_detectors_agree import EXAMPLES, event_line, section
from test_detectors_agree import thoroughly as as_detectors

from driftline.discipline import Policy, loads
from driftline.discipline.pipeline import Decision
from driftline.discipline.world import World
from driftline_analyzer import analyze
from driftline_analyzer.replay import records, replay
from driftline_cli.replay_records import pieces

thoroughly = settings(as_detectors, max_examples=max(EXAMPLES // 5, 1))  # each takes an analysis and two replays

POLICIES: Final = (
    "",
    """
    [reconcile]
    min_confidence = 0.4
    [types.doc]
    required = ["/a"]
    references = { "/b" = "doc" }
    [types.doc.fields]
    "/a" = "last-writer-wins"
    "/b" = "multi-value"
    "/n/x" = "most-complete"
    "/n/y" = { strategy = "follow-field", field = "/n/x" }
    [gate]
    read-set = "quarantine"
    fidelity = "reject"
    duplicate = "reject"
    completeness = "warn"
    """,
    """
    [phases]
    order = ["compression", "enrichment", "reasoning"]
    [reconcile]
    default = "first-writer-wins"
    [types.doc]
    immutable = ["/b"]
    [types.doc.fields]
    "/n/x" = "write-once"
    "/a" = { accepted = [0, 1, "", "s"], strategy = "highest-confidence" }
    [gate]
    values = "fail"
    phase-order = "warn"
    lineage-present = "reject"
    atomicity = "off"
    """,
)


@thoroughly
@given(programs(), st.sampled_from(POLICIES))
def test_the_replay_decides_what_the_reference_decides_in_recorded_programs(program: Program, policy: str) -> None:
    check(lambda folder: record(without_a_store(program), folder), loads(policy))


@thoroughly
@given(traces(), st.sampled_from(POLICIES))
def test_the_replay_decides_what_the_reference_decides_in_several_processes(
    trace: tuple[list[Row], bool], policy: str
) -> None:
    rows, _ = trace
    check(lambda folder: write_trace(folder, rows), loads(policy))


def without_a_store(program: Program) -> Program:
    """The program with units of its own only: what a store's units mean is held to `tests/retold.py`."""
    steps = [
        replace(step, signature=0) if isinstance(step, Begin) and step.what == "unit" else step
        for step in program.steps
    ]
    return replace(program, steps=tuple(steps))


def check(make: Callable[[Path], Sequence[str] | None], policy: Policy) -> None:
    """Make a trace, and demand that replay and reference decide alike, in the same order, and end in the same state."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "run.drift"
        listing = make(folder)
        history = History.load(folder)
        if not history.ordered:
            return
        reference = PlainReplay(history, policy)
        expected = [shown(decision) for decision in reference.decisions()]
        with analyze(folder, policy=policy) as analysis, replay(analysis) as replayed:
            actual = [shown(one.decision) for one in replayed.decisions()]
            states = list(replayed.states())
        wanted = states_of(reference.pipeline.world)
    if actual != expected or states != wanted:  # an assert would show the lists a second time
        differing = [(one, other) for one, other in zip(expected, actual, strict=False) if one != other]
        parts = [
            section("the first that differs", differing_lines(*differing[0]) if differing else [str(len(expected))]),
            section("states", map(str, [one for one in zip(wanted, states, strict=False) if one[0] != one[1]])),
            section(f"events in clock order, ordered={history.ordered}", map(event_line, history.events)),
            section("calls", listing or ()),
        ]
        raise AssertionError("\n" + "\n".join(part for part in parts if part))


def differing_lines(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What two decisions do not have in common, field by field."""
    lines = [f"{one['event']}"]
    for name, (left, right) in {name: (one[name], other[name]) for name in one}.items():
        if name == "fields":
            lines += differing_fields(
                {field["path"]: field for field in left}, {field["path"]: field for field in right}
            )
        elif left != right:
            lines.append(f"{name}: {left} <> {right}")
    return lines


def differing_fields(left: dict[str, Any], right: dict[str, Any]) -> list[str]:
    lines = []
    for path in sorted({*left, *right}):
        a, b = left.get(path), right.get(path)
        if a is None or b is None:
            lines.append(f"{path}: {a} <> {b}")
        else:
            lines += [f"{path} {name}: {a[name]} <> {b[name]}" for name in a if a[name] != b[name]]
    return lines


def shown(decision: Decision) -> dict[str, Any]:
    return {
        "event": decision.event, "version": decision.version, "verdict": decision.verdict, "reason": decision.reason,
        "fields": [records.field(one) for one in decision.fields],
        "failures": [shown_failure(records.failure(one)) for one in decision.failures],
    }  # fmt: skip


def shown_failure(failure: dict[str, Any]) -> dict[str, Any]:
    """A failure without positions of labels: where they lie is the same, how they are counted is each side's own."""
    return {**failure, "observed": "", "expected": ""} if failure["check"] == "read-set" else failure


def states_of(world: World) -> list[dict[str, Any]]:
    found = ((object_id, world.get(object_id)) for object_id in world.ids())
    return [records.state(object_id, state) for object_id, state in found if state is not None]


# ---- what SQL promotes --------------------------------------------------------------------------------------------


@thoroughly
@given(programs(), st.sampled_from(POLICIES))
def test_what_is_certain_is_no_answer_of_its_own_in_recorded_programs(program: Program, policy: str) -> None:
    compare(lambda folder: record(program, folder), loads(policy))


@thoroughly
@given(traces(), st.sampled_from(POLICIES))
def test_what_is_certain_is_no_answer_of_its_own_in_several_processes(
    trace: tuple[list[Row], bool], policy: str
) -> None:
    rows, ordered = trace
    compare(lambda folder: write_trace(folder, rows, ordered=ordered), loads(policy))


def compare(make: Callable[[Path], Sequence[str] | None], policy: Policy) -> None:
    """Demand the same bytes whether SQL promotes what is certain or Python decides every write."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "run.drift"
        make(folder)
        answers = []
        with analyze(folder, policy=policy) as analysis:
            for whole in (False, True):
                with replay(analysis, whole=whole) as found:
                    answers.append("".join(pieces(found, "run.drift", whole=False)).splitlines())
    for quick, slow in zip(*answers, strict=True):
        assert quick == slow
