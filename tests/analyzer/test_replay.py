"""The replay of hand-made traces: what is decided, what state it comes to, what it would have saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from driftline.discipline import loads
from driftline.errors import DriftlineError
from driftline_analyzer import Analysis, analyze
from driftline_analyzer.replay import Replay, replay

Analyse = Callable[..., Analysis]

LOST = """
m: write doc/1 {n: 0, m: 0} @1
a: open
b: open
a: read doc/1 @1
b: read doc/1 @1
a: patch doc/1 {n: 1} @2
b: patch doc/1 {n: 2} @3
"""


class Outcome:
    """A replay, exhausted."""

    def __init__(self, found: Replay) -> None:
        self.decisions = [one.as_json() for one in found.decisions()]
        self.verdicts = [one["verdict"] for one in self.decisions]
        self.states = {one["object"]: one["fields"] for one in found.states()}
        self.differences = [one.as_json() for one in found.differences()]
        self.fates = [(one.finding.rule.name, one.fate, one.why) for one in found.judged()]
        self.new = [(one.check, one.why) for one in found.new()]
        self.quarantine = found.quarantine()
        self.waiting = found.waiting()
        self.innocent = found.innocent


def under(analysis: Analysis, policy: str = "", **asked: Any) -> Outcome:
    """The outcome of a trace under a policy."""
    with analyze(analysis.path, policy=loads(policy)) as chosen, replay(chosen, **asked) as found:
        return Outcome(found)


# ---- what is decided ----------------------------------------------------------------------------------------------


def test_a_lost_update_is_set_aside_and_what_stood_stays(analyse: Analyse) -> None:
    found = under(analyse(LOST))
    assert found.verdicts == ["promoted", "promoted", "quarantined"]
    assert found.states == {"doc/1": {"/m": "0", "/n": "1"}}
    (field,) = found.decisions[-1]["fields"]
    assert (field["base"], field["rule"]) == ({"value": "0", "version": "1"}, "three-way")
    assert [(one["branch"], one["version"], one["value"]) for one in field["candidates"]] == [
        ("a", "2", "1"), ("b", "3", "2"),
    ]  # fmt: skip
    assert found.fates == [("stale-overwrite", "prevented", "the write was quarantined")]
    (difference,) = found.differences
    assert difference["recorded"] == {"value": "2", "version": "3", "branch": "b"}
    assert difference["reconciled"] == {"value": "1", "version": "2", "branch": "a"}
    assert (difference["right"], difference["why"]) == ([], "a and b changed it differently from one base")
    assert [(entry.candidate, entry.head, entry.base) for entry in found.waiting] == [("3", "2", "1")]


@pytest.mark.parametrize(
    ("strategy", "value", "verdict", "right", "fate"),
    [
        ("counter", "3", "merged", ["a", "b"], "prevented"),
        ("first-writer-wins", "1", "merged", ["a"], "remaining"),
        ("last-writer-wins", "2", "promoted", None, "remaining"),
        ("max", "2", "promoted", None, "prevented"),
        ("min", "1", "merged", ["a"], "prevented"),
        ("multi-value", '{"$siblings":[1,2]}', "merged", ["a", "b"], "prevented"),
        ("keep-base", "0", "merged", [], "remaining"),
    ],
)
def test_a_policy_says_who_is_right(  # noqa: PLR0917 - one case a row
    analyse: Analyse, strategy: str, value: str, verdict: str, right: list[str] | None, fate: str
) -> None:
    found = under(analyse(LOST), f'[types.doc.fields]\n"/n" = "{strategy}"\n')
    assert (found.verdicts[-1], found.states["doc/1"]["/n"]) == (verdict, value)
    assert [one["right"] for one in found.differences] == ([] if right is None else [right])
    assert [one[1] for one in found.fates] == [fate]


def test_a_clean_trace_is_promoted_as_it_is(analyse: Analyse) -> None:
    found = under(analyse("a: write doc/1 {n: 0}\na: patch doc/1 {n: 1}\na: delete doc/1\na: write doc/1 {m: 1}"))
    assert found.verdicts == ["promoted"] * 4
    assert (found.states, found.differences, found.fates) == ({"doc/1": {"/m": "1"}}, [], [])


def test_a_unit_lands_whole_when_it_ends(analyse: Analyse) -> None:
    trace = """
    a: begin u
    a: write doc/1 {n: 1} refs /n=doc/2
    a: write doc/2 {n: 1}
    b: write doc/3 {n: 1}
    a: commit u
    """
    found = under(analyse(trace))
    assert [(one["object"], one["verdict"]) for one in found.decisions] == [
        ("doc/3", "promoted"), ("doc/1", "promoted"), ("doc/2", "promoted"),
    ]  # fmt: skip


def test_what_was_aborted_never_was(analyse: Analyse) -> None:
    found = under(analyse("a: write doc/1 {n: 0}\na: begin u\na: write doc/1 {n: 1}\na: abort u"))
    assert found.verdicts == ["promoted", "discarded"]
    assert (found.states["doc/1"], found.differences) == ({"/n": "0"}, [])


def test_an_aborted_part_of_a_unit_is_left_out_of_it(analyse: Analyse) -> None:
    trace = "a: begin u\na: write doc/1 {n: 1}\na: begin v\na: write doc/2 {n: 1}\na: abort v\na: commit u"
    found = under(analyse(trace))
    assert {one["object"]: one["verdict"] for one in found.decisions} == {"doc/1": "promoted", "doc/2": "discarded"}


def test_what_was_recorded_late_is_told_in_the_order_of_versions(analyse: Analyse) -> None:
    trace = """
    m: write doc/1 {n: 0} @1
    b: patch doc/1 {n: 2} @3 base 2
    a: patch doc/1 {n: 1} @2 base 1
    """
    found = under(analyse(trace))
    assert [(one["version"], one["verdict"]) for one in found.decisions] == [
        ("1", "promoted"), ("2", "promoted"), ("3", "promoted"),
    ]  # fmt: skip


def test_a_write_from_a_version_that_was_set_aside_conflicts_in_turn(analyse: Analyse) -> None:
    found = under(analyse(f"{LOST}\nb: patch doc/1 {{n: 3}} @4"))
    assert found.verdicts[-1] == "quarantined"
    assert found.states["doc/1"]["/n"] == "1"


def test_a_removal_that_its_writer_never_saw_is_no_removal(analyse: Analyse) -> None:
    trace = """
    m: write doc/1 {n: 0} @1
    a: patch doc/1 {x: 1} @2 base 1
    b: write doc/1 {n: 5} @3 base 1
    """
    found = under(analyse(trace))
    assert (found.verdicts[-1], found.states["doc/1"]) == ("merged", {"/n": "5", "/x": "1"})
    assert ("dropped-field", "prevented", "the fields were reconciled") in found.fates
    (difference,) = found.differences
    assert (difference["path"], difference["recorded"], difference["right"]) == ("/x", None, ["a"])


# ---- what follows -------------------------------------------------------------------------------------------------


def test_what_rests_on_what_was_held_back_is_told(analyse: Analyse) -> None:
    trace = """
    m: write agent/1 {name: ""} @1
    m: write doc/1 {n: 1} refs /n=agent/1
    """
    policy = '[types.agent]\nrequired = ["/name"]\n'
    found = under(analyse(trace), policy)
    assert found.verdicts == ["quarantined", "quarantined"]
    assert found.innocent == 1
    lenient = under(analyse(trace), f'{policy}[gate]\nreference = "warn"\n')
    assert lenient.verdicts == ["quarantined", "promoted"]
    assert lenient.new == [("reference", "/n refers to agent/1, which never existed")]


def test_a_read_is_judged_by_what_it_read_and_what_followed(analyse: Analyse) -> None:
    trace = """
    a: begin u
    a: write doc/1 {n: 1} @1
    b: read doc/1 @1
    a: abort u
    b: write doc/2 {n: 1}
    """
    assert ("aborted-read", "prevented", "the version that it read was discarded") in under(analyse(trace)).fates


# ---- narrowing ----------------------------------------------------------------------------------------------------


def test_until_a_version_an_event_or_a_time(analyse: Analyse) -> None:
    analysis = analyse(LOST)
    second = under(analysis).decisions[1]
    for until in ("doc/1@2", second["event"], second["time"]):
        assert under(analysis, until=until).verdicts == ["promoted", "promoted"]
    assert under(analysis, until="+0ns").verdicts == []
    assert under(analysis, until="+10m").verdicts[-1] == "quarantined"


def test_what_waits_for_its_unit_is_deferred(analyse: Analyse) -> None:
    analysis = analyse("a: begin u\na: write doc/1 {n: 1} @1\na: write doc/1 {n: 2} @2\na: commit u")
    found = under(analysis, until="doc/1@1")
    assert (found.verdicts, found.states) == (["deferred"], {})


def test_one_object_alone(analyse: Analyse) -> None:
    found = under(analyse(f"{LOST}\nm: write doc/2 {{n: 1}}"), only="doc/2")
    assert (found.verdicts, list(found.states), found.fates) == (["promoted"], ["doc/2"], [])


@pytest.mark.parametrize("until", ["soon", "p0:99", "doc/1@99"])
def test_until_nowhere_is_refused(analyse: Analyse, until: str) -> None:
    with pytest.raises(DriftlineError), replay(analyse(LOST), until=until):
        pass


# ---- values that were not recorded --------------------------------------------------------------------------------


def test_digests_are_enough_to_compare(analyse: Analyse) -> None:
    found = under(analyse(LOST, values="digest"))
    assert found.verdicts == ["promoted", "promoted", "quarantined"]
    (difference,) = found.differences
    assert difference["recorded"]["value"].keys() == {"digest"}


def test_what_needs_values_is_undecided(analyse: Analyse) -> None:
    found = under(analyse(LOST, values="digest"), '[types.doc.fields]\n"/n" = "counter"\n')
    assert found.verdicts == ["promoted", "promoted", "undecided"]
    assert found.decisions[-1]["reason"] == "counter needs values that were not recorded"
    assert found.waiting == []


def test_a_trace_runs_no_code(analyse: Analyse) -> None:
    policy = '[types.doc.fields]\n"/n" = { strategy = "custom", function = "os:getcwd" }\n'
    analysis = analyse(LOST, policy=policy)
    with replay(analysis) as found:
        reason = Outcome(found).decisions[-1]["reason"]
    assert reason == "os:getcwd is not called, since the trace itself names it: name the policy to call it"
    assert "os:getcwd raised TypeError" in under(analysis, policy).decisions[-1]["reason"]


# ---- traces without an order --------------------------------------------------------------------------------------


def test_a_trace_without_an_order_is_put_into_one(analyse: Analyse) -> None:
    trace = """
    unordered
    b: patch doc/1 {n: 2} @v3 base v2
    a: patch doc/1 {n: 1} @v2 base v1
    m: write doc/1 {n: 0} @v1
    """
    found = under(analyse(trace))
    assert [(one["version"], one["verdict"]) for one in found.decisions] == [
        ("v1", "promoted"), ("v2", "promoted"), ("v3", "promoted"),
    ]  # fmt: skip
    assert found.states == {"doc/1": {"/n": "2"}}


def test_a_lost_update_needs_no_order(analyse: Analyse) -> None:
    trace = """
    unordered
    m: write doc/1 {n: 0} @v1
    a: patch doc/1 {n: 1} @v2 base v1
    b: patch doc/1 {n: 2} @v3 base v1
    """
    found = under(analyse(trace))
    assert found.verdicts == ["promoted", "promoted", "quarantined"]
    assert [one[:2] for one in found.fates] == [("stale-overwrite", "prevented")]


def test_what_contradicts_itself_is_taken_as_listed(analyse: Analyse) -> None:
    trace = "unordered\na: patch doc/1 {n: 1} @v2 base v3\nb: patch doc/1 {n: 2} @v3 base v2"
    with replay(analyse(trace)) as found:
        assert [one.decision.version for one in found.decisions()] == ["v2", "v3"]
        assert "it contradicts itself, and was taken as listed there (1)" in found.order
