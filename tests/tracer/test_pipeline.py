"""The discipline over time: what is promoted, merged, set aside or refused, in the order in which things happen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

import driftline as dl
from driftline import ABSENT
from driftline.discipline import CHECKS, Base, Policy, loads
from driftline.discipline.candidates import Unrecorded
from driftline.discipline.gate import _CHECKS
from driftline.discipline.pipeline import Decision, Pipeline, Verdict
from driftline.discipline.proposals import Input, Proposal, WriteOp


class Run:
    """A pipeline, told of writes in a few words. A writer has seen what it read last."""

    def __init__(self, policy: str = "") -> None:
        self.pipeline = Pipeline(loads(policy))
        self.orders = 0
        self.heads: dict[str, int] = {}
        self.states: dict[str, list[tuple[int, dict[str, Any]]]] = {}

    def write(
        self, branch: str, object_id: str, fields: Mapping[str, Any], base: int | None = None, *, op: WriteOp = "patch",
        **said: Any,
    ) -> Decision:  # fmt: skip
        """Propose the next version; `base` is the version that the branch had seen, None for never."""
        self.orders += 1
        version = self.heads[object_id] = self.heads.get(object_id, 0) + 1
        type_ = object_id.partition("/")[0]
        past = self.states.setdefault(object_id, [(0, {})])
        at_base = next((values for number, values in reversed(past) if base is not None and number <= base), {})
        seen = {} if base is None else {
            path: Base(at_base.get(path, ABSENT), str(base))
            for path in {*fields, *at_base}
        }  # fmt: skip
        decision = self.pipeline.write(
            Proposal(
                event=f"p:{self.orders}", op=op, object=object_id, type=type_, version=str(version),
                position=version, order=self.orders, branch=branch, branch_id=f"{branch}#1", time=self.orders * 10**9,
                fields=fields, **{"seen": seen, **said},
            )
        )  # fmt: skip
        past.append((version, self.values(object_id) or {}))
        return decision

    def values(self, object_id: str) -> dict[str, Any] | None:
        state = self.pipeline.world.get(object_id)
        return state.values() if state is not None and state.live else None


# ---- reconcile ----------------------------------------------------------------------------------------------------


def test_a_write_from_what_stands_is_promoted_as_it_is() -> None:
    run = Run()
    assert run.write("a", "doc/1", {"/n": 1, "/m": 1}, op="write").verdict == "promoted"
    assert run.write("b", "doc/1", {"/n": 2}, base=1).verdict == "promoted"
    assert run.values("doc/1") == {"/n": 2, "/m": 1}


def test_disjoint_writes_from_one_base_both_survive() -> None:
    run = Run()
    run.write("m", "doc/1", {"/n": 0, "/m": 0}, op="write")
    assert run.write("a", "doc/1", {"/n": 1}, base=1).verdict == "promoted"
    assert run.write("b", "doc/1", {"/m": 2}, base=1).verdict == "promoted"
    assert run.values("doc/1") == {"/n": 1, "/m": 2}


def test_an_echo_of_an_old_value_does_not_revert_what_another_changed() -> None:
    run = Run()
    run.write("m", "doc/1", {"/n": 0, "/m": 0}, op="write")
    run.write("a", "doc/1", {"/n": 1}, base=1)
    decision = run.write("b", "doc/1", {"/n": 0, "/m": 2}, base=1, op="write")
    assert (decision.verdict, run.values("doc/1")) == ("merged", {"/n": 1, "/m": 2})


def test_a_field_that_appeared_after_the_base_is_not_dropped() -> None:
    run = Run()
    run.write("m", "doc/1", {"/n": 0}, op="write")
    run.write("a", "doc/1", {"/new": 1}, base=1)
    assert run.write("b", "doc/1", {"/n": 2}, base=1, op="write").verdict == "merged"
    assert run.values("doc/1") == {"/n": 2, "/new": 1}


def test_a_true_conflict_is_set_aside_and_what_stood_stays() -> None:
    run = Run()
    run.write("m", "doc/1", {"/n": 0}, op="write")
    run.write("a", "doc/1", {"/n": 1}, base=1)
    decision = run.write("b", "doc/1", {"/n": 2}, base=1)
    assert decision.verdict == "quarantined"
    assert decision.reason == "a and b changed it differently from one base"
    assert run.values("doc/1") == {"/n": 1}
    assert [failure.check for failure in decision.failures] == ["base-version"]


def test_the_part_without_a_conflict_is_promoted() -> None:
    run = Run()
    run.write("m", "doc/1", {"/n": 0, "/m": 0}, op="write")
    run.write("a", "doc/1", {"/n": 1}, base=1)
    decision = run.write("b", "doc/1", {"/n": 2, "/m": 2}, base=1)
    assert (decision.verdict, run.values("doc/1")) == ("merged", {"/n": 1, "/m": 2})


def test_all_who_share_a_base_are_decided_together() -> None:
    run = Run('[types.doc.fields]\n"/n" = "counter"\n"/vote" = "majority-vote"\n')
    run.write("m", "doc/1", {"/n": 10, "/vote": "?"}, op="write")
    for branch, vote in zip("abc", ("no", "yes", "yes"), strict=True):
        run.write(branch, "doc/1", {"/n": 11, "/vote": vote}, base=1)
    assert run.values("doc/1") == {"/n": 13, "/vote": "yes"}


def test_after_a_writer_has_seen_the_merge_it_starts_anew() -> None:
    run = Run('[types.doc.fields]\n"/n" = "counter"\n')
    run.write("m", "doc/1", {"/n": 0}, op="write")
    run.write("a", "doc/1", {"/n": 1}, base=1)
    run.write("b", "doc/1", {"/n": 1}, base=1)
    run.write("a", "doc/1", {"/n": 0}, base=3)
    assert run.values("doc/1") == {"/n": 0}  # it saw 2 and set 0: nobody else has a say any more


def test_a_deletion_from_a_stale_base_conflicts_with_what_it_never_saw() -> None:
    run = Run()
    run.write("m", "doc/1", {"/n": 0}, op="write")
    run.write("a", "doc/1", {"/n": 1}, base=1)
    assert run.write("b", "doc/1", {}, base=1, op="delete").verdict == "quarantined"
    assert run.values("doc/1") == {"/n": 1}
    assert run.write("b", "doc/1", {}, base=2, op="delete").verdict == "promoted"
    assert run.values("doc/1") is None


def test_a_write_below_the_floor_is_discarded_where_the_gate_lets_it() -> None:
    run = Run('[reconcile]\nmin_confidence = 0.5\n[gate]\nconfidence = "off"\n')
    assert run.write("a", "doc/1", {"/n": 1}, confidence=0.4).verdict == "discarded"
    assert run.pipeline.world.get("doc/1") is None


# ---- gate ---------------------------------------------------------------------------------------------------------

POLICY = """
[types.doc]
required = ["/head", "/body"]
immutable = ["/id"]
references = { "/owner" = "agent" }
schema = '{"properties": {"n": {"type": "integer"}}}'
[types.doc.fields]
"/n" = { minimum = 0, maximum = 9 }
"/status" = { accepted = ["open", "done"], strategy = "last-writer-wins" }
"/slug" = { unique = true }
"/text" = "last-writer-wins"
[reconcile]
min_confidence = 0.3
[gate]
lineage-present = { action = "quarantine", max_depth = 3 }
freshness = { action = "quarantine", max_age = 5 }
read-set = "quarantine"
base-version = "quarantine"
duplicate = "quarantine"
confidence = "quarantine"
"""
WHOLE = {"/head": "h", "/body": "b"}


def gated(before: list[dict[str, Any]], last: dict[str, Any]) -> Decision:
    """What becomes of the last of some writes under a policy that checks everything."""
    run = Run(POLICY)
    for step in before:
        run.write(**{"branch": "m", "op": "write", **step})
    return run.write(**{"branch": "a", **last})


def doc(**fields: Any) -> dict[str, Any]:
    return {**WHOLE, **{f"/{name}": value for name, value in fields.items()}}


MADE = {"object_id": "doc/1", "fields": WHOLE}
LONG = "a text that is long enough to lose something, since it has more than 64 bytes in all"
FAILING: list[tuple[str, str, list[dict[str, Any]], dict[str, Any]]] = [
    ("schema", "'x' is not of type 'integer'", [], {"object_id": "doc/1", "fields": doc(n="x")}),
    ("completeness", "/body is required and missing", [], {"object_id": "doc/1", "fields": {"/head": "h"}}),
    ("completeness", "/body is required and empty", [MADE], {"object_id": "doc/1", "fields": {"/body": ""}, "base": 1}),
    ("reference", "/owner refers to agent/7, which never", [], {"object_id": "doc/1", "fields": doc(owner="7")}),
    (
        "orphan", "/owner refers to agent/7, which m removed",
        [{"object_id": "agent/7", "fields": {"/x": 1}},
         {"object_id": "agent/7", "fields": {}, "op": "delete", "base": 1}],
        {"object_id": "doc/1", "fields": doc(owner="agent/7")},
    ),
    (
        "orphan", "doc/1 still refers to it at /owner",
        [{"object_id": "agent/7", "fields": {"/x": 1}}, {"object_id": "doc/1", "fields": doc(owner="7")}],
        {"object_id": "agent/7", "fields": {}, "op": "delete", "base": 1},
    ),
    (
        "base-version", "/head was changed since its base",
        [MADE, {"object_id": "doc/1", "fields": {"/head": "x"}, "op": "patch", "base": 1}],
        {"object_id": "doc/1", "fields": {"/head": "y"}, "base": 1},
    ),
    (
        "read-set", "it was derived from doc/1, which m has changed since",
        [MADE, {"object_id": "doc/1", "fields": {"/head": "x"}, "op": "patch", "base": 1}],
        {"object_id": "doc/2", "fields": WHOLE, "inputs": (Input(object="doc/1", position=1),)},
    ),
    ("lineage-present", "it does not say which version", [MADE], {"object_id": "doc/1", "fields": {"/head": "y"}}),
    ("lineage-present", "it is too many mutations deep", [], {"object_id": "doc/1", "fields": WHOLE, "depth": 4}),
    (
        "fidelity", "/text would become poorer from a stale base",
        [{"object_id": "doc/1", "fields": doc(text="")},
         {"object_id": "doc/1", "fields": {"/text": LONG}, "op": "patch", "base": 1}],
        {"object_id": "doc/1", "fields": {"/text": "short"}, "base": 1},
    ),
    (
        "fidelity", "/text would lose fidelity",
        [{"object_id": "doc/1", "fields": doc(text="")},
         {"object_id": "doc/1", "fields": {"/text": "x"}, "op": "patch", "base": 1, "fidelity": 0.9}],
        {"object_id": "doc/1", "fields": {"/text": "y"}, "base": 1, "fidelity": 0.5},
    ),
    ("confidence", "its confidence is below the floor", [], {"object_id": "doc/1", "fields": WHOLE, "confidence": 0.2}),
    (
        "freshness", "it was derived from a version of doc/1 that is too old",
        [MADE], {"object_id": "doc/2", "fields": WHOLE, "inputs": (Input(object="doc/1", position=1, time=-(10**10)),)},
    ),
    ("values", "/n is above its maximum", [], {"object_id": "doc/1", "fields": doc(n=10)}),
    ("values", "/n is below its minimum", [], {"object_id": "doc/1", "fields": doc(n=-1)}),
    ("values", "/status has none of its accepted values", [], {"object_id": "doc/1", "fields": doc(status="new")}),
    (
        "values", "/slug must be unique, and doc/1 has the same",
        [{"object_id": "doc/1", "fields": doc(slug="s")}], {"object_id": "doc/2", "fields": doc(slug="s")},
    ),
    (
        "values", "/id is immutable and was set before",
        [{"object_id": "doc/1", "fields": doc(id=1)}], {"object_id": "doc/1", "fields": {"/id": 2}, "base": 1},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("check", "reason", "before", "last"), FAILING)
def test_a_check_holds_a_write_back(
    check: str, reason: str, before: list[dict[str, Any]], last: dict[str, Any]
) -> None:
    decision = gated(before, last)
    assert decision.verdict == "quarantined"
    assert [failure.check for failure in decision.failures if reason in failure.reason] == [check]


PASSING: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
    ("a whole object", [], {"object_id": "doc/1", "fields": doc(n=3, status="open", id=1)}),
    ("an untyped object", [], {"object_id": "x", "fields": {}}),
    ("a reference to what is there", [{"object_id": "agent/7", "fields": {"/x": 1}}],
     {"object_id": "doc/1", "fields": doc(owner="7")}),
    ("a reference to itself", [], {"object_id": "doc/1", "fields": WHOLE, "references": {"/head": "doc/1"}}),
    ("a reference that was let go", [{"object_id": "agent/7", "fields": {"/x": 1}},
     {"object_id": "doc/1", "fields": doc(owner="7")},
     {"object_id": "doc/1", "fields": {"/owner": ABSENT}, "op": "patch", "base": 1}],
     {"object_id": "agent/7", "fields": {}, "op": "delete", "base": 1}),
    ("an input that still stands", [MADE],
     {"object_id": "doc/2", "fields": WHOLE, "inputs": (Input(object="doc/1", position=1, time=10**9),)}),
    ("a shorter text by one who saw the longer", [{"object_id": "doc/1", "fields": doc(text=LONG)}],
     {"object_id": "doc/1", "fields": {"/text": "x"}, "base": 1}),
    ("the same value of an immutable field", [{"object_id": "doc/1", "fields": doc(id=1)}],
     {"object_id": "doc/1", "fields": {"/id": 1}, "base": 1}),
    ("a removal of an incomplete object", [MADE], {"object_id": "doc/1", "fields": {}, "op": "delete", "base": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("before", "last"), [case[1:] for case in PASSING], ids=[case[0] for case in PASSING])
def test_what_is_sound_passes(before: list[dict[str, Any]], last: dict[str, Any]) -> None:
    decision = gated(before, last)
    assert (decision.verdict, decision.failures) == ("promoted", ())


def test_every_check_is_made_and_held_to_a_case() -> None:
    assert set(_CHECKS) == set(CHECKS) - {"atomicity"}
    assert set(CHECKS) - {check for check, *_ in FAILING} == {"atomicity", "phase-order", "duplicate"}  # below


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        ("warn", "promoted"),
        ("quarantine", "quarantined"),
        ("reject", "rejected"),
        ("fail", "failed"),
        ("off", "promoted"),
    ],
)
def test_the_policy_says_what_a_failed_check_means(action: str, verdict: Verdict) -> None:
    run = Run(f'[types.doc]\nrequired = ["/body"]\n[gate]\ncompleteness = "{action}"\n')
    decision = run.write("a", "doc/1", {"/head": "h"})
    assert decision.verdict == verdict
    assert [failure.check for failure in decision.failures] == (["completeness"] if action != "off" else [])
    assert (run.values("doc/1") is not None) == (verdict == "promoted")


def test_the_worst_action_decides() -> None:
    run = Run('[types.doc]\nrequired = ["/body"]\n[reconcile]\nmin_confidence = 0.5\n[gate]\nconfidence = "fail"\n')
    assert run.write("a", "doc/1", {"/head": "h"}, confidence=0.1).verdict == "failed"


def test_the_same_task_done_twice_is_a_duplicate() -> None:
    run = Run('[gate]\nduplicate = "reject"\n')
    run.pipeline.finish_task(7, "a#1")
    assert run.write("a", "doc/1", {"/n": 1}, signature=7).verdict == "promoted"
    assert run.write("b", "doc/2", {"/n": 1}, signature=7).reason == "a#1 had finished the same task before"


# ---- units --------------------------------------------------------------------------------------------------------


def test_a_unit_lands_whole_and_may_refer_to_its_own_later_writes() -> None:
    run = Run()
    assert run.write("a", "doc/1", {"/owner": "x"}, unit="u#1", references={"/owner": "agent/1"}).verdict == "deferred"
    assert run.write("a", "agent/1", {"/name": "x"}, unit="u#1").verdict == "deferred"
    assert run.values("doc/1") is None
    assert [decision.verdict for decision in run.pipeline.commit_unit("u#1")] == ["promoted", "promoted"]
    assert run.values("doc/1") == {"/owner": "x"}


def test_a_unit_with_one_bad_write_does_not_land_at_all() -> None:
    run = Run()
    run.write("a", "doc/1", {"/n": 1}, unit="u#1")
    run.write("a", "doc/2", {"/owner": "x"}, unit="u#1", references={"/owner": "agent/1"})
    good, bad = run.pipeline.commit_unit("u#1")
    assert (good.verdict, bad.verdict) == ("quarantined", "quarantined")
    assert good.reason == "another write of its unit did not pass: /owner refers to agent/1, which never existed"
    assert run.values("doc/1") is None


def test_an_aborted_unit_never_was() -> None:
    run = Run()
    run.write("a", "doc/1", {"/n": 1}, unit="u#1")
    assert [decision.verdict for decision in run.pipeline.abort_unit("u#1")] == ["discarded"]
    assert run.values("doc/1") is None
    assert run.pipeline.finish() == []


@pytest.mark.parametrize(
    ("action", "verdict"), [("quarantine", "quarantined"), ("warn", "promoted"), ("off", "promoted")]
)
def test_a_unit_that_never_ends_is_torn(action: str, verdict: Verdict) -> None:
    run = Run(f'[gate]\natomicity = "{action}"\n')
    run.write("a", "doc/1", {"/n": 1}, unit="u#1")
    (decision,) = run.pipeline.finish()
    assert decision.verdict == verdict
    assert [failure.check for failure in decision.failures] == (["atomicity"] if action != "off" else [])


def test_within_a_unit_later_writes_build_on_earlier_ones() -> None:
    run = Run()
    run.write("a", "doc/1", {"/n": 1}, op="write", unit="u#1")
    run.write("a", "doc/1", {"/n": 2}, seen={"/n": Base(1, "1")}, unit="u#1")
    run.pipeline.commit_unit("u#1")
    assert run.values("doc/1") == {"/n": 2}


# ---- phases -------------------------------------------------------------------------------------------------------


def phased() -> Run:
    run = Run()
    for branch, phase in (("e", "enrichment"), ("c", "compression"), ("r", "reasoning")):
        run.pipeline.begin_branch(f"{branch}#1", branch, phase, None)
    return run


def test_compression_waits_for_enrichment_to_end() -> None:
    run = phased()
    run.write("e", "doc/1", {"/facts": ["f"]}, phase="enrichment")
    early = run.write("c", "doc/1", {"/summary": "s"}, base=1, phase="compression")
    assert (early.verdict, early.reason) == ("quarantined", "e is still in enrichment on doc/1")
    run.pipeline.end_branch("e#1", failed=False)
    assert run.write("c", "doc/1", {"/summary": "s"}, base=1, phase="compression").verdict == "promoted"


def test_it_waits_for_what_it_was_derived_from_too() -> None:
    run = phased()
    run.write("e", "doc/1", {"/facts": ["f"]}, phase="enrichment")
    derived = {"inputs": (Input(object="doc/1", position=1),), "phase": "compression"}
    assert run.write("c", "summary/1", {"/text": "s"}, **derived).verdict == "quarantined"


def test_what_arrives_after_its_phase_has_closed_is_held_back() -> None:
    run = phased()
    run.write("c", "doc/1", {"/summary": "s"}, phase="compression")
    late = run.write("r", "doc/1", {"/facts": []}, base=1, phase="reasoning")
    assert (late.verdict, late.reason) == ("quarantined", "reasoning of doc/1 closed when compression wrote it")


def test_a_branch_and_its_children_are_no_party_to_each_other() -> None:
    run = phased()
    run.pipeline.begin_branch("child#1", "child", "compression", "e#1")
    run.write("e", "doc/1", {"/facts": ["f"]}, phase="enrichment")
    assert run.write("child", "doc/1", {"/summary": "s"}, base=1, phase="compression").verdict == "promoted"


def test_branches_without_a_phase_are_no_party() -> None:
    run = phased()
    run.write("e", "doc/1", {"/facts": ["f"]}, phase="enrichment")
    assert run.write("x", "doc/1", {"/n": 1}, base=1).verdict == "promoted"


# ---- properties ---------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from(["doc/1", "doc/2"]),
        st.dictionaries(st.sampled_from(["/n", "/m"]), st.integers(0, 3), min_size=1),
        st.integers(0, 3), st.sampled_from(["patch", "write"]),
    ),
    max_size=12,
)  # fmt: skip


def replayed(
    steps: list[tuple[str, str, dict[str, Any], int, WriteOp]], policy: str, *, serial: bool
) -> tuple[Run, list[Decision]]:
    run, decisions = Run(policy), []
    for branch, object_id, fields, back, op in steps:
        head = run.heads.get(object_id, 0)
        base = head if serial else max(head - back, 0)
        decisions.append(run.write(branch, object_id, fields, base=base or None, op=op))
    return run, decisions


@given(STEPS)
def test_a_serial_run_is_promoted_as_it_happened(steps: list[Any]) -> None:
    run, decisions = replayed(steps, "", serial=True)
    assert {decision.verdict for decision in decisions} <= {"promoted"}
    last: dict[str, dict[str, Any]] = {}
    for _, object_id, fields, _, op in steps:
        last[object_id] = {**(last.get(object_id, {}) if op == "patch" else {}), **fields}
    assert {object_id: run.values(object_id) for object_id in last} == last


@given(
    STEPS, st.sampled_from(["", '[reconcile]\ndefault = "last-writer-wins"\n', '[reconcile]\nfallback = "keep-base"\n'])
)
def test_the_same_events_and_policy_give_the_same_decisions(steps: list[Any], policy: str) -> None:
    assert replayed(steps, policy, serial=False)[1] == replayed(steps, policy, serial=False)[1]


@given(STEPS)
def test_nothing_but_a_conflict_ever_loses_a_change(steps: list[Any]) -> None:
    """Under the default policy, each change of a field stands until a later writer who saw it, or is set aside."""
    _, decisions = replayed(steps, "", serial=False)
    for decision in decisions:
        for one in decision.fields:
            assert not one.lossy
            assert one.outcome in {"kept", "taken", "conflict"}


def test_the_default_policy_needs_no_file() -> None:
    assert Pipeline(Policy()).finish() == []


# ---- release --------------------------------------------------------------------------------------------------------


def test_what_is_released_stands_whatever_the_gate_says_of_it() -> None:
    run = Run('[gate]\nconfidence = "quarantine"\n[reconcile]\nmin_confidence = 0.5\n')
    run.write("m", "doc/1", {"/n": 0, "/m": 0}, op="write")
    run.write("a", "doc/1", {"/n": 1}, base=1)
    assert run.write("b", "doc/1", {"/n": 2}, base=1, confidence=0.1).verdict == "quarantined"
    released = run.pipeline.release(
        Proposal(
            event="r", op="patch", object="doc/1", type="doc", version="4", position=4, order=4, branch="editor",
            branch_id="editor#1", time=4, fields={"/n": 2}, confidence=0.1,
        )
    )  # fmt: skip
    assert released.verdict == "promoted"
    assert run.values("doc/1") == {"/n": 2, "/m": 0}


def test_a_value_that_a_recording_withholds_is_a_difference_all_the_same(tmp_path: Path) -> None:
    with dl.record(tmp_path / "run.drift"):
        run = Run()
        run.write("m", "doc/1", {"/user": [{"password": "a"}]}, op="write")
        run.write("m", "doc/1", {"/user": [{"password": "b"}]}, base=1)
    assert run.values("doc/1") == {"/user": [{"password": "b"}]}


# ---- what never was -----------------------------------------------------------------------------------------------


def test_a_failed_branch_makes_no_more_state() -> None:
    run = Run('[types.doc]\nrequired = ["/body"]\n[gate]\ncompleteness = "fail"\n')
    assert run.write("a", "doc/1", {"/head": "h"}).verdict == "failed"
    later = run.write("a", "doc/2", {"/body": "b"})
    assert (later.verdict, later.reason) == ("failed", "its branch has failed before")
    assert run.write("b", "doc/2", {"/body": "b"}).verdict == "promoted"
    assert run.values("doc/1") is None


def test_the_phases_rest_on_promoted_output_alone() -> None:
    run = phased()
    run.write("m", "doc/1", {"/n": 0}, op="write")
    run.write("m", "doc/1", {"/n": 1}, base=1)
    held = run.write("e", "doc/1", {"/n": 2}, base=1, phase="enrichment")
    assert held.verdict == "quarantined"
    run.pipeline.end_branch("e#1", failed=False)
    rests = {"inputs": (Input(object="doc/1", position=3),)}
    derived = run.write("c", "summary/1", {"/text": "s"}, **rests, phase="compression")
    assert derived.verdict == "quarantined"
    assert derived.reason == "it was derived from what e made of doc/1, which was not promoted"
    other = run.write("x", "summary/2", {"/text": "s"}, **rests)  # in no phase: worth a warning
    assert (other.verdict, [failure.check for failure in other.failures]) == ("promoted", ["read-set"])


def test_what_waits_for_its_unit_is_no_promoted_output_yet() -> None:
    run = phased()
    run.write("e", "doc/1", {"/n": 1}, phase="enrichment", unit="u")
    rests = {"inputs": (Input(object="doc/1", position=1),), "phase": "compression"}
    assert run.write("c", "summary/1", {"/text": "s"}, **rests).verdict == "quarantined"
    run.write("e", "doc/2", {"/n": 1}, inputs=(Input(object="doc/1", position=1),), unit="u")
    assert [decision.failures for decision in run.pipeline.commit_unit("u")] == [(), ()]
    run.pipeline.end_branch("e#1", failed=False)
    assert run.write("c", "summary/1", {"/text": "s"}, **rests).verdict == "promoted"


# ---- values that a recording left out -----------------------------------------------------------------------------

LEFT = [Unrecorded(number, size=90, leaves=1) for number in range(3)]


def unrecorded(policy: str, *, values: list[Unrecorded] = LEFT, path: str = "/n") -> Decision:
    """What becomes of the second of two writes from one base, whose values nobody knows."""
    run = Run(policy)
    run.write("m", "doc/1", {path: values[0]}, op="write")
    run.write("a", "doc/1", {path: values[1]}, base=1)
    return run.write("b", "doc/1", {path: values[2]}, base=1)


@pytest.mark.parametrize(
    ("strategy", "verdict"),
    [
        ("three-way", "quarantined"), ("last-writer-wins", "promoted"), ("first-writer-wins", "merged"),
        ("highest-confidence", "quarantined"), ("keep-base", "merged"), ("majority-vote", "quarantined"),
        ("max", "undecided"), ("counter", "undecided"), ("union", "undecided"), ("multi-value", "undecided"),
    ],
)  # fmt: skip
def test_what_only_compares_decides_without_values(strategy: str, verdict: Verdict) -> None:
    decision = unrecorded(f'[types.doc.fields]\n"/n" = "{strategy}"\n')
    assert decision.verdict == verdict
    if verdict == "undecided":
        assert decision.reason == f"{strategy} needs values that were not recorded"


def test_sizes_are_enough_where_they_were_kept() -> None:
    policy = '[types.doc.fields]\n"/n" = "most-complete"\n'
    smaller = Unrecorded(9, size=70, leaves=1)
    assert unrecorded(policy, values=[LEFT[0], LEFT[1], smaller]).verdict == "merged"
    assert unrecorded(policy, values=[LEFT[0], LEFT[1], Unrecorded(9)]).verdict == "undecided"


@pytest.mark.parametrize(
    "policy",
    [
        '[types.doc]\nschema = \'{"type": "object"}\'\n',
        '[types.doc.fields]\n"/n" = { minimum = 1 }\n',
        '[types.doc]\nreferences = { "/n" = "agent" }\n',
    ],
)
def test_a_check_that_needs_values_passes_no_judgement(policy: str) -> None:
    run = Run(policy)
    decision = run.write("m", "doc/1", {"/n": LEFT[0]}, op="write")
    assert (decision.verdict, run.values("doc/1")) == ("undecided", None)
    assert {failure.undecided for failure in decision.failures} == {True}
    checks = [failure.check for failure in decision.failures]
    lenient = policy + "[gate]\n" + "".join(f'{check} = "warn"\n' for check in checks)
    warned = Run(lenient).write("m", "doc/1", {"/n": LEFT[0]}, op="write")
    assert (warned.verdict, [failure.check for failure in warned.failures]) == ("promoted", checks)


def test_completeness_needs_no_values() -> None:
    run = Run('[types.doc]\nrequired = ["/n"]\n')
    assert run.write("m", "doc/1", {"/n": Unrecorded(1)}).verdict == "promoted"
    assert run.write("m", "doc/2", {"/n": Unrecorded(1, size=2, leaves=0)}).verdict == "quarantined"
