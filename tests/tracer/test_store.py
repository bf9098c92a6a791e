"""A store in memory: what it gives, what it decides, what it records, and what it says to those who use it wrongly."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tape import Tape

import driftline as dl
from driftline.scope import LISTENERS
from driftline.session import RECORDING
from driftline.store import Store, Version


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The same store wherever its state is kept."""
    with Store(tmp_path / "state.db" if request.param == "file" else None) as opened:
        yield opened


# ---- versions -------------------------------------------------------------------------------------------------------


def test_a_version_says_where_it_comes_from(store: Store) -> None:
    with dl.branch("planner", phase="reasoning"):
        store.write("context/1", {"facts": [], "summary": {"text": ""}})
        first = store.read("context/1")
    with dl.branch("writer", phase="enrichment"):
        store.patch("context/1", {"/summary/text": "short"}, base=first)
    second = store.read("context/1")
    assert (second.version, second.parent, second.parents, second.depth) == (2, 1, (1,), 2)
    assert (second.branch, second.phase, second.type) == ("writer", "enrichment", "context")
    assert second.time > first.time
    assert second.fields == {"/facts": [], "/summary/text": "short"}
    assert dict(first) == {"facts": [], "summary": {"text": ""}}


def test_depth_is_one_more_than_the_deepest_version_that_went_in(store: Store) -> None:
    store.write("a/1", {"n": 1})
    for number in range(2, 5):
        store.patch("a/1", {"n": number}, base=store.read("a/1"))
    store.derive("b/1", [store.read("a/1")], {"of": "a"})
    assert store.read("a/1").depth == 4
    assert store.read("b/1").depth == 5


def test_what_a_version_gives_out_is_a_copy(store: Store) -> None:
    given = {"facts": [{"n": 1}]}
    store.write("context/1", given)
    given["facts"].append({"n": 2})
    seen = store.read("context/1")
    seen["facts"][0]["n"] = 9
    seen.fields["/facts"].append(3)
    assert seen["facts"] == [{"n": 1}]
    assert store.read("context/1") == {"facts": [{"n": 1}]}


def test_an_old_version_stays_as_it_was(store: Store) -> None:
    store.write("context/1", {"a": 1, "b": 1})
    store.patch("context/1", {"b": dl.ABSENT, "c": {"d": 2}})
    store.write("context/1", {"e": 3}, base=2)
    found = [dict(store.read("context/1", version=number)) for number in (1, 2, 3)]
    assert found == [{"a": 1, "b": 1}, {"a": 1, "c": {"d": 2}}, {"e": 3}]
    assert store.snapshot("context/1", version=2) == found[1]


def test_a_field_keeps_the_shape_of_a_document(store: Store) -> None:
    store.write("context/1", {"a": {"b": 1, "c": 2}, "z": 0})
    store.patch("context/1", {"a": 5}, base=1)
    assert store.read("context/1") == {"a": 5, "z": 0}
    store.patch("context/1", {"/a/b": 6}, base=2)
    assert store.read("context/1") == {"a": {"b": 6}, "z": 0}


def test_history_holds_what_never_landed_too(store: Store) -> None:
    store.write("context/1", {"n": 0})
    with dl.branch("a"):
        store.patch("context/1", {"n": 1}, base=1)
    with dl.branch("b"):
        assert store.patch("context/1", {"n": 2}, base=1).verdict == "quarantined"
    told = [(one.version, one.branch, one.verdict, one.landed, one.fields) for one in store.history("context/1")]
    assert told == [
        (1, "main", "promoted", True, {"/n": 0}),
        (2, "a", "promoted", True, {"/n": 1}),
        (3, "b", "quarantined", False, {"/n": 2}),
    ]
    assert store.read("context/1", version=3).version == 2  # the newest that landed up to there
    assert store.history("context/9") == []


# ---- deciding -------------------------------------------------------------------------------------------------------


def test_disjoint_changes_from_one_base_both_stand(store: Store) -> None:
    store.write("context/1", {"facts": [], "summary": ""})
    seen = store.read("context/1")
    with dl.branch("a"):
        store.patch("context/1", {"summary": "short"}, base=seen)
    with dl.branch("b"):
        assert store.write("context/1", {**seen, "facts": ["f"]}, base=seen).verdict == "merged"
    assert store.read("context/1") == {"facts": ["f"], "summary": "short"}
    assert store.read("context/1").parents == (2, 1)


def test_who_has_not_looked_overwrites_nothing(store: Store) -> None:
    store.write("context/1", {"n": 1})
    with dl.branch("a"):
        store.read("context/1")
    with dl.branch("b"), dl.branch("inside"):
        assert store.patch("context/1", {"n": 2}, base=0).verdict == "quarantined"
    assert store.read("context/1")["n"] == 1


def test_a_branch_inherits_what_was_seen_before_it_began_and_its_parent_gains_what_it_saw(store: Store) -> None:
    store.write("context/1", {"n": 0, "m": 0})
    with dl.branch("outer"):
        store.read("context/1")
        inner = dl.branch("inner")
        with inner:
            assert store.patch("context/1", {"n": 1}).verdict == "promoted"
            store.read("context/1")
        assert store.patch("context/1", {"n": 2}).verdict == "promoted"


def test_what_a_parent_reads_later_is_nothing_that_its_child_has_seen(store: Store) -> None:
    store.write("context/1", {"n": 0})
    verdicts: list[str] = []
    begun, changed = threading.Event(), threading.Event()

    def child() -> None:
        with dl.branch("child"):
            begun.set()
            changed.wait(10)
            verdicts.append(store.patch("context/1", {"n": 9}).verdict)

    with dl.branch("parent"):
        store.read("context/1")
        thread = threading.Thread(target=dl.propagate(child))
        thread.start()
        begun.wait(10)
        with dl.branch("other"):
            store.patch("context/1", {"n": 1})
        store.read("context/1")
        changed.set()
        thread.join()
    assert verdicts == ["quarantined"]


def test_appends_do_not_collide(store: Store) -> None:
    store.write("context/1", {"facts": []})
    start = threading.Barrier(4)

    def work(name: str) -> None:
        start.wait()
        with dl.branch(name):
            for number in range(25):
                store.append("context/1", "/facts", f"{name}{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    facts = store.read("context/1")["facts"]
    assert len(facts) == 100
    assert [fact for fact in facts if fact[0] == "a"] == [f"a{number}" for number in range(25)]
    assert store.counts == {"promoted": 101}


def test_an_optimistic_counter_loses_nothing_under_threads() -> None:
    with Store(policy='[types.context.fields]\n"/n" = "counter"\n') as store:
        store.write("context/1", {"n": 0})

        def work() -> None:
            with dl.branch("worker"):
                for _ in range(25):
                    seen = store.read("context/1")
                    store.patch("context/1", {"n": seen["n"] + 1}, base=seen)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.read("context/1")["n"] == 100


def test_rejected_and_failed_raise_and_the_others_return() -> None:
    policy = '[reconcile]\nmin_confidence = 0.5\n[types.doc]\nrequired = ["/head"]\n[gate]\ncompleteness = "fail"\n'
    with Store(policy=policy) as store:
        with pytest.raises(dl.RefusedError, match="confidence is below the floor") as rejected:
            store.write("note/1", {"n": 1}, confidence=0.1)
        assert rejected.value.decision.verdict == "rejected"
        with pytest.raises(dl.RefusedError, match="fails its branch: /head is required and missing"), dl.branch("a"):
            store.write("doc/1", {"n": 1})
        assert "doc/1" not in store
        assert store.counts == {"rejected": 1, "failed": 1}


def test_a_branch_that_fails_by_the_gate_is_recorded_as_failed(tape: Tape) -> None:
    store = Store(policy='[types.doc]\nrequired = ["/head"]\n[gate]\ncompleteness = "fail"\n')
    with tape.record(), pytest.raises(dl.RefusedError), dl.branch("a"):
        store.write("doc/1", {"n": 1})
    store.close()
    ends = {event["branch"]: event["status"] for event in tape.events("branch-end")}
    assert ends == {"main#1": "ok", "a#2": "failed"}


def test_a_phase_waits_for_the_one_before_it(store: Store) -> None:
    store.write("context/1", {"n": 0})
    with dl.branch("r", phase="reasoning"):
        store.patch("context/1", {"n": 1}, base=1)
        reasoner = dl.current()
        assert reasoner is None  # nothing records
        thread_says: list[Any] = []

        def enrich() -> None:
            with dl.branch("e", phase="enrichment"):
                thread_says.append(store.patch("context/1", {"n": 2}, base=2))

        thread = threading.Thread(target=enrich)
        thread.start()
        thread.join()
    assert (thread_says[0].verdict, thread_says[0].reason) == ("quarantined", "r is still in reasoning on context/1")
    with dl.branch("e", phase="enrichment"):
        assert store.patch("context/1", {"n": 2}, base=2).verdict == "promoted"
    with dl.branch("late", phase="reasoning"):
        late = store.patch("context/1", {"n": 3}, base=store.read("context/1"))
    assert (late.verdict, late.reason) == ("quarantined", "reasoning of context/1 closed when enrichment wrote it")


def test_what_rests_on_a_read_that_came_too_early_is_set_aside(store: Store) -> None:
    store.write("context/1", {"n": 0})
    said = []

    def enrich() -> None:
        with dl.branch("e", phase="enrichment"):
            seen = store.read("context/1")
            said.append(store.write("report/1", {"of": seen["n"]}))

    with dl.branch("r", phase="reasoning"):
        store.patch("context/1", {"n": 1}, base=1)
        thread = threading.Thread(target=enrich)
        thread.start()
        thread.join()
    enrich()
    assert [one.verdict for one in said] == ["quarantined", "promoted"]


def test_the_same_task_done_twice_is_seen_without_a_recording() -> None:
    with Store(policy='[gate]\nduplicate = "reject"\n') as store:

        def work(name: str) -> None:
            with dl.branch(name), dl.task("summarise", inputs={"doc": 1}):
                store.write(f"note/{name}", {"n": 1})

        work("a")
        with pytest.raises(dl.RefusedError, match="had finished the same task before"):
            work("b")


def test_a_custom_function_of_the_store_decides() -> None:
    policy = '[types.doc.fields]\n"/n" = { strategy = "custom", function = "mine:longest" }\n'
    customs = {"mine:longest": lambda _base, candidates: max((c.value for c in candidates), key=len)}
    with Store(policy=policy, customs=customs) as store:
        store.write("doc/1", {"n": ""})
        for name, text in (("a", "long"), ("b", "longest"), ("c", "short")):
            with dl.branch(name):
                store.patch("doc/1", {"n": text}, base=1)
        assert store.read("doc/1")["n"] == "longest"


# ---- set aside, and released ----------------------------------------------------------------------------------------


def test_what_was_set_aside_can_be_released_once(store: Store, tape: Tape) -> None:
    with tape.record():
        store.write("context/1", {"n": 0})
        with dl.branch("a"):
            store.patch("context/1", {"n": 1}, base=1)
        with dl.branch("b"):
            store.patch("context/1", {"n": 2}, base=1)
        (entry,) = store.quarantined("context/1")
        assert (entry.branch, entry.base, entry.head, entry.reasons[0].gate) == ("b", "1", "2", "three-way")
        assert store.quarantined("context/2") == []
        with dl.branch("editor"):
            assert store.release(entry, by="Ada", why="b had the newer source").verdict == "promoted"
    assert store.read("context/1")["n"] == 2
    assert store.read("context/1").parents == (2, 3)
    assert store.history("context/1")[-1].releases == 3
    assert store.quarantined() == []
    with pytest.raises(dl.DriftlineError, match="nothing is set aside under number 1"):
        store.release(entry, by="Ada", why="again")
    assert tape.facts()[-3:] == [
        "editor#5 merge context/1@4 <[2,3] source=Ada strategy=driftline.release reason=b had the newer source /n=2",
        "editor#5 promote context/1@4",
        "editor#5 promote context/1@3",
    ]


def test_a_release_says_who_and_why_and_is_no_part_of_a_unit(store: Store) -> None:
    with pytest.raises(dl.DriftlineError, match="who answers for it"):
        store.release(1, by="", why="because")
    with pytest.raises(dl.DriftlineError, match="no part of a unit"), store.unit("u"):
        store.release(1, by="Ada", why="because")


def test_what_may_be_written_once_is_not_released_over_what_stands() -> None:
    policy = '[types.doc.fields]\n"/id" = "write-once"\n[gate]\nconfidence = "quarantine"\n'
    with Store(policy=policy + "[reconcile]\nmin_confidence = 0.5\n") as store:
        store.write("doc/1", {"id": "a"})
        with dl.branch("b"):
            assert store.patch("doc/1", {"id": "b"}, base=1, confidence=0.1).verdict == "quarantined"
        with pytest.raises(dl.DriftlineError, match="cannot be released: /id is write-once"):
            store.release(1, by="Ada", why="because")
        assert store.read("doc/1")["id"] == "a"
        assert [entry.number for entry in store.quarantined()] == [1]


# ---- units ----------------------------------------------------------------------------------------------------------


def test_a_unit_lands_whole(store: Store) -> None:
    with store.unit("move") as unit:
        assert store.write("a/1", {"n": 1}).verdict == "deferred"
        store.write("b/1", {"n": 1, "facts": []})
        store.append("b/1", "/facts", "one")
        store.append("b/1", "/facts", "two")
        assert "a/1" not in store
    assert [one.verdict for one in unit.decisions] == ["promoted"] * 4
    assert store.read("b/1") == {"n": 1, "facts": ["one", "two"]}


def test_a_unit_with_one_bad_write_lands_nothing() -> None:
    with Store(policy='[types.b]\nrequired = ["/n"]\n') as store:
        with store.unit("move") as unit:
            store.write("a/1", {"n": 1})
            store.write("b/1", {"n": ""})
        assert [one.verdict for one in unit.decisions] == ["quarantined"] * 2
        assert unit.decisions[0].reason == "another write of its unit did not pass: /n is required and empty"
        assert store.ids() == []


def test_a_refused_unit_raises_when_it_ends() -> None:
    with Store(policy='[types.b]\nrequired = ["/n"]\n[gate]\ncompleteness = "reject"\n') as store:
        unit = store.unit("move").__enter__()
        store.write("a/1", {"n": 1})
        store.write("b/1", {"n": ""})
        with pytest.raises(dl.RefusedError, match="version 1 of a/1 was rejected") as refused:
            unit.__exit__(None, None, None)
        assert [one.object for one in refused.value.others] == ["b/1"]
        assert store.ids() == []


def test_an_exception_takes_a_unit_back(store: Store) -> None:
    def half() -> None:
        with unit:
            store.write("a/1", {"n": 1})
            raise ZeroDivisionError

    unit = store.unit("move")
    with pytest.raises(ZeroDivisionError):
        half()
    assert [one.verdict for one in unit.decisions] == ["discarded"]
    assert store.ids() == []
    store.write("a/1", {"n": 2})
    assert store.read("a/1").version == 2  # a number is never given twice


def test_a_unit_inside_a_unit_and_a_unit_used_twice_are_refused(store: Store) -> None:
    unit = store.unit("outer")
    with unit, pytest.raises(dl.DriftlineError, match="'inner' begins inside the unit 'outer'"), store.unit("inner"):
        pass
    with pytest.raises(dl.DriftlineError, match="was used before"), unit:
        pass
    with store.unit("a"), Store() as other, other.unit("of another store"):
        other.write("x/1", {})


# ---- modes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["observe", "warn"])
def test_without_enforcement_every_write_stands_as_it_is(
    mode: Any, tape: Tape, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "driftline")
    with Store(mode=mode, policy='[types.doc]\nrequired = ["/m"]\n[gate]\ncompleteness = "reject"\n') as store:
        with tape.record():
            store.write("doc/1", {"n": 0, "m": 1})
            seen = store.read("doc/1")
            with dl.branch("a"):
                store.patch("doc/1", {"n": 1}, base=seen)
            with dl.branch("b"):
                assert store.write("doc/1", {"n": 2}, base=seen).verdict == "rejected"
        assert store.read("doc/1") == {"n": 2}
        assert store.counts == {"promoted": 2, "rejected": 1}
    assert [line.split()[1] for line in tape.facts()] == ["write", "patch", "write"]
    assert not tape.events("unit-begin")
    said = [record.getMessage() for record in caplog.records]
    expected = "driftline: version 3 of doc/1 by b would be rejected: /m is required and missing"
    assert said == ([expected] if mode == "warn" else [])


def test_a_warning_is_an_event_of_the_span_in_force() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    store = Store(mode="warn", policy='[types.doc]\nrequired = ["/m"]\n')
    with store, provider.get_tracer("t").start_as_current_span("work"):
        store.write("doc/1", {"n": 0})
    (span,) = exporter.get_finished_spans()
    (event,) = span.events
    assert event.name == "driftline.discipline"
    assert event.attributes is not None
    assert event.attributes["driftline.verdict"] == "quarantined"


# ---- recording ------------------------------------------------------------------------------------------------------


def test_what_is_recorded_of_each_verdict(tape: Tape) -> None:
    with Store(policy="[reconcile]\nmin_confidence = 0.5\n") as store, tape.record():
        store.write("doc/1", {"n": 0, "m": 0})
        with dl.branch("a"):
            store.patch("doc/1", {"n": 1}, base=1)
        with dl.branch("b"):
            store.patch("doc/1", {"n": 2, "m": 2}, base=1)
            store.patch("doc/1", {"n": 3}, base=1, source="c")
            with pytest.raises(dl.RefusedError):
                store.patch("doc/1", {"m": 4}, confidence=0.2)
    facts = [line for line in tape.lines(without=("type", "depth", "name", "status")) if "branch" not in line]
    assert facts == [
        "main#1 write doc/1@1 <0 /n=0 /m=0",
        "main#1 promote doc/1@1",
        "a#2 patch doc/1@2 <1 /n=1",
        "a#2 promote doc/1@2",
        "b#3 unit-begin unit=driftline.proposal#4",
        "b#3 patch doc/1@3 <1 unit=driftline.proposal#4 /n=2 /m=2",
        "b#3 unit-abort unit=driftline.proposal#4 reason=NotPromotedError",
        "b#3 merge doc/1@3 <[2,1] /m=2 /n=1",
        "b#3 promote doc/1@3",
        "b#3 unit-begin unit=driftline.proposal#5",
        "b#3 patch doc/1@4 <1 unit=driftline.proposal#5 source=c /n=3",
        "b#3 unit-abort unit=driftline.proposal#5 reason=NotPromotedError",
        "b#3 quarantine doc/1@4 reason=a and b changed it differently from one base",
        "b#3 unit-begin unit=driftline.proposal#6",
        "b#3 patch doc/1@5 <1 unit=driftline.proposal#6 confidence=0.2 /m=4",
        "b#3 unit-abort unit=driftline.proposal#6 reason=NotPromotedError",
        "b#3 reject doc/1@5 reason=its confidence is below the floor",
    ]


def test_a_read_that_repeats_is_recorded_once(tape: Tape) -> None:
    with Store() as store, tape.record():
        store.write("doc/1", {"n": 0})
        with dl.branch("a"):
            for _ in range(3):
                store.read("doc/1")
            store.patch("doc/1", {"n": 1})
            store.read("doc/1")
    assert [line for line in tape.facts() if "read" in line] == [
        "a#2 read doc/1@1 whole /n=0",
        "a#2 read doc/1@2 whole /n=1",
    ]


def test_the_trace_names_the_policy_that_decided(tape: Tape) -> None:
    with Store(policy='[phases]\norder = ["draft", "final"]\n') as store, tape.record():
        store.write("doc/1", {"n": 0})
    assert 'order = ["draft", "final"]' in (tape.trace().header.policy or "")


def test_a_store_goes_on_after_a_recording_and_in_the_next(tmp_path: Path) -> None:
    with Store() as store:
        for number in range(3):
            tape = Tape(tmp_path / f"{number}.drift")
            with tape.record(), dl.branch("a", phase="reasoning"):
                store.patch("doc/1", {"n": number}, base=store.get("doc/1"))
            store.patch("doc/1", {"between": number})
            assert tape.record_of_process().faults == {}
        assert store.counts == {"promoted": 6}


def test_a_fault_of_the_tracer_is_none_of_the_programs(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_named: object) -> None:
        raise ZeroDivisionError

    with Store() as store, tape.record() as recording:
        monkeypatch.setattr(recording.recorder, "write", broken)
        assert store.write("doc/1", {"n": 0}).verdict == "promoted"
        monkeypatch.undo()
    assert store_faults(tape) == {"store write: ZeroDivisionError": 1}


def store_faults(tape: Tape) -> dict[str, int]:
    return tape.record_of_process().faults


# ---- wrong use ------------------------------------------------------------------------------------------------------

WRONG = [
    (lambda s: s.read("doc/9"), "there is no doc/9 in the store"),
    (lambda s: s.read("doc/1", version=7), "there is no version 7 of doc/1"),
    (lambda s: s.delete("doc/9"), "there is no doc/9 in the store to delete"),
    (lambda s: s.patch("doc/1", {"n": 1}, base=7), "doc/1: the base 7 never existed: its newest version is 1"),
    (lambda s: s.patch("doc/1", {"n": 1}, base=-1), "the base -1 never existed"),
    (lambda s: s.patch("doc/1", {"n": 1}, base="1"), "'1' is no version of a store"),
    (lambda s: s.patch("doc/1", {"n": 1}, base=True), "True is no version"),
    (lambda s: s.patch("doc/2", {"n": 1}, base=s.read("doc/1")), "the base of doc/2 is a version of doc/1"),
    (lambda s: s.write("doc/2", {"n": 1}, inputs=[("doc/1", 5)]), "doc/1: the input 5 never existed"),
    (lambda s: s.derive("doc/2", [], {"n": 1}), "doc/2 is derived from nothing"),
    (lambda s: s.write("doc/2", [1]), "an object is a mapping of fields, and this is a list"),
    (lambda s: s.patch("doc/2", 5), "a patch is a mapping of fields, and this is a int"),
    (lambda s: s.write("doc/2", {"n": object()}), "doc/2#/n: the value is not JSON: it is or holds a object"),
    (lambda s: s.write("doc/2", {"n": {1}}), "it is or holds a set"),
    (lambda s: s.write("doc/2", {"a": {"n": float("nan")}}), "doc/2#/a/n: the value is not JSON: it is or holds nan"),
    (lambda s: s.write("doc/2", {"n": 1 << 70}), "a number of more than 64 bits"),
    (lambda s: s.write("doc/2", {"n": "\ud800"}), "half a character"),
    (lambda s: s.write("doc/2", {1: 2}), "the key 1 is no text"),
    (lambda s: s.write("doc/2", {"a": [{1: 2}]}), "the key 1 in it is no text"),
    (lambda s: s.append("doc/1", "/n", 1), "doc/1#/n: what stands there is no list"),
    (lambda s: s.write("doc/2", {"n": 1}, confidence=2), "the confidence 2 is no number from 0 to 1"),
    (lambda s: s.write("", {"n": 1}), "'' is no id of an object"),
    (lambda s: s.release(3, by="Ada", why="so"), "nothing is set aside under number 3"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "said"), WRONG, ids=[said for _, said in WRONG])
def test_wrong_use_is_told_and_changes_nothing(call: Any, said: str) -> None:
    with Store() as store:
        store.write("doc/1", {"n": 0})
        with pytest.raises(dl.DriftlineError) as told:
            call(store)
        assert said in told.value.message
        assert told.value.hint
        assert store.ids() == ["doc/1"]
        assert len(store.history("doc/1")) == 1


def test_a_value_that_contains_itself_is_told() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with Store() as store, pytest.raises(dl.DriftlineError, match="or contains itself"):
        store.write("doc/1", {"n": endless})


@pytest.mark.parametrize("how", [{"policy": "[gate]\nschmea = 'warn'\n"}, {"mode": "strict"}, {"policy": "no.toml"}])
def test_a_wrong_policy_or_mode_is_told(how: Any) -> None:
    gc.collect()  # stores of the tests before, held by what these raised
    with pytest.raises(dl.DriftlineError):
        Store(**how)
    assert RECORDING.tracker is None


def test_a_closed_store_says_so_and_leaves_nothing_behind() -> None:
    gc.collect()
    store = Store()
    store.write("doc/1", {"n": 0})
    unit = store.unit("u")
    with unit:
        pass
    store.close()
    store.close()
    with pytest.raises(dl.DriftlineError, match="the store is closed"):
        store.read("doc/1")
    assert LISTENERS == []
    assert RECORDING.tracker is None


def test_a_store_that_nobody_holds_is_closed() -> None:
    Store().write("doc/1", {"n": 0})
    gc.collect()
    assert LISTENERS == []


def test_a_version_is_a_mapping_that_nobody_can_change(store: Store) -> None:
    store.write("doc/1", {"a": 1, "b": {"c": 2}})
    seen = store.read("doc/1")
    assert isinstance(seen, Version)
    assert (list(seen), len(seen), "a" in seen, seen.get("z")) == (["a", "b"], 2, True, None)
    with pytest.raises(TypeError):
        seen["a"] = 2  # type: ignore[index]


# ---- coroutines -----------------------------------------------------------------------------------------------------


def test_coroutines_use_the_same_store(tape: Tape) -> None:
    async def agent(store: dl.AsyncStore, name: str) -> str:
        async with dl.branch(name):
            seen = await store.read("context/1")
            await asyncio.sleep(0)
            return (await store.patch("context/1", {name: 1}, base=seen)).verdict

    async def main() -> list[str]:
        async with dl.AsyncStore() as store:
            await store.write("context/1", {"n": 0})
            verdicts = await asyncio.gather(*(agent(store, name) for name in "abc"))
            async with store.unit("both") as unit:
                await store.delete("context/1")
            assert [one.verdict for one in unit.decisions] == ["merged"]  # it has not seen what a, b and c wrote
            assert await store.read("context/1") == {"a": 1, "b": 1, "c": 1}
            return verdicts

    with tape.record():
        assert asyncio.run(main()) == ["promoted"] * 3
    assert tape.record_of_process().faults == {}


def test_a_store_that_is_open_can_be_awaited_too(store: Store) -> None:
    asyncio.run(_write(dl.AsyncStore(store)))
    assert store.read("doc/1") == {"n": 1}


async def _write(store: dl.AsyncStore) -> None:
    await store.write("doc/1", {"n": 1})
