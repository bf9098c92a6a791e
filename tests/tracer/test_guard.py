"""A guard: a store that is not ours, behind a policy."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tape import Tape

import driftline as dl
from driftline.scope import LISTENERS
from driftline.store import Guard, GuardedObject


class Table:
    """A store of somebody's, with the three methods."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}
        self.full = False

    def read(self, object: str) -> Any:  # noqa: A002 - as the protocol has it
        return self.rows.get(object)

    def write(self, object: str, value: Any) -> None:  # noqa: A002 - as the protocol has it
        if self.full:
            raise OSError("no room")
        self.rows[object] = value

    def delete(self, object: str) -> None:  # noqa: A002 - as the protocol has it
        del self.rows[object]


@pytest.fixture(params=["mapping", "methods"])
def both(request: pytest.FixtureRequest) -> tuple[Any, dict[str, Any]]:
    """A store to guard, and its rows."""
    if request.param == "mapping":
        rows: dict[str, Any] = {}
        return rows, rows
    table = Table()
    return table, table.rows


def test_who_writes_what_he_has_read_is_let_through(both: tuple[Any, dict[str, Any]]) -> None:
    store, rows = both
    guarded = dl.guard(store)
    guarded["doc/1"] = {"n": 0}
    for number in range(1, 4):
        with dl.branch("a"):
            seen = guarded["doc/1"]
            guarded["doc/1"] = {**seen, "n": number}
    assert rows == {"doc/1": {"n": 3}}
    assert guarded.counts == {"promoted": 4}
    assert guarded.version("doc/1") == 4


def test_a_lost_update_is_refused_before_it_is_written(both: tuple[Any, dict[str, Any]]) -> None:
    store, rows = both
    guarded = dl.guard(store)
    guarded["doc/1"] = {"n": 0, "m": 0}
    with dl.branch("late"):
        seen = guarded["doc/1"]
        with dl.branch("quick"):
            guarded["doc/1"] = {**guarded["doc/1"], "n": 1}
        # It knows what its child did only if it looks; here it is the child's sibling in all but name.
    with dl.branch("later"):
        with pytest.raises(dl.RefusedError, match="changed it differently from one base") as refused:
            guarded.write("doc/1", {**seen, "n": 2}, base=1)
        assert refused.value.decision.verdict == "quarantined"
    assert rows["doc/1"] == {"n": 1, "m": 0}
    assert guarded.counts == {"promoted": 2, "quarantined": 1}


def test_what_a_store_cannot_merge_is_refused_too(both: tuple[Any, dict[str, Any]]) -> None:
    store, rows = both
    guarded = dl.guard(store)
    guarded["doc/1"] = {"n": 0, "m": 0}
    with dl.branch("a"):
        guarded.patch("doc/1", {"n": 1})
    with dl.branch("b"), pytest.raises(dl.RefusedError, match="it was reconciled with concurrent writes"):
        guarded.write("doc/1", {"n": 0, "m": 2}, base=1)  # it would put back n
    assert rows["doc/1"] == {"n": 1, "m": 0}


def test_who_never_looked_overwrites_nothing(both: tuple[Any, dict[str, Any]]) -> None:
    store, rows = both
    rows["doc/1"] = {"n": 7}
    guarded = dl.guard(store)
    with pytest.raises(dl.RefusedError, match="outside"):
        guarded["doc/1"] = {"n": 8}
    assert rows == {"doc/1": {"n": 7}}


def test_what_changed_it_behind_the_guards_back_is_noticed(both: tuple[Any, dict[str, Any]]) -> None:
    store, rows = both
    guarded = dl.guard(store)
    guarded["doc/1"] = {"n": 0}
    seen = guarded["doc/1"]
    rows["doc/1"] = {"n": 5}
    with pytest.raises(dl.RefusedError):
        guarded["doc/1"] = {**seen, "n": 1}
    assert guarded["doc/1"] == {"n": 5}
    guarded["doc/1"] = {"n": 6}
    del rows["doc/1"]
    assert "doc/1" not in guarded
    with pytest.raises(dl.RefusedError):
        guarded["doc/1"] = {"n": 8}  # that there is none counts as seen by whoever reads it
    assert guarded.read("doc/1") is None
    guarded["doc/1"] = {"n": 9}
    assert rows == {"doc/1": {"n": 9}}


def test_the_gate_holds_for_a_store_that_is_not_ours(both: tuple[Any, dict[str, Any]]) -> None:
    store, rows = both
    guarded = dl.guard(store, '[types.doc]\nrequired = ["/head"]\nreferences = { "/owner" = "agent" }\n')
    with pytest.raises(dl.RefusedError, match="/head is required and missing"):
        guarded["doc/1"] = {"n": 1}
    with pytest.raises(dl.RefusedError, match="refers to agent/1, which never existed"):
        guarded["doc/1"] = {"head": "x", "owner": "1"}
    guarded["agent/1"] = {"name": "a"}
    guarded["doc/1"] = {"head": "x", "owner": "1"}
    with pytest.raises(dl.RefusedError, match="doc/1 still refers to it"):
        del guarded["agent/1"]
    del guarded["doc/1"]
    del guarded["agent/1"]
    assert rows == {}


def test_a_phase_waits_for_the_one_before_it_at_the_guard(both: tuple[Any, dict[str, Any]]) -> None:
    store, rows = both
    guarded = dl.guard(store)
    refused: list[dl.RefusedError] = []

    def enrich() -> None:
        with dl.branch("e", phase="enrichment"):
            seen = guarded["doc/1"]
            try:
                guarded["doc/1"] = {**seen, "n": 2}
            except dl.RefusedError as fault:
                refused.append(fault)

    with dl.branch("r", phase="reasoning"):
        guarded["doc/1"] = {"n": 1}
        thread = threading.Thread(target=enrich)
        thread.start()
        thread.join()
    assert [one.decision.reason for one in refused] == ["r is still in reasoning on doc/1"]
    enrich()
    assert rows["doc/1"] == {"n": 2}


def test_a_guard_that_warns_lets_everything_stand(caplog: pytest.LogCaptureFixture, tape: Tape) -> None:
    caplog.set_level(logging.WARNING, "driftline")
    rows: dict[str, Any] = {}
    guarded = dl.guard(rows, mode="warn")
    with tape.record():
        guarded["doc/1"] = {"n": 0}
        with dl.branch("a"):
            guarded.write("doc/1", {"n": 1}, base=1)
        with dl.branch("b"):
            assert guarded.write("doc/1", {"n": 2}, base=1).verdict == "quarantined"
            guarded["doc/1"] = {"n": 3}
    assert rows == {"doc/1": {"n": 3}}
    assert [record.getMessage() for record in caplog.records] == [
        "driftline: version 3 of doc/1 by b would be quarantined: a and b changed it differently from one base"
    ]
    assert tape.facts() == [
        "main#1 write doc/1@1 <0 /n=0",
        "a#2 write doc/1@2 <1 /n=1",
        "b#3 write doc/1@3 <1 /n=2",
        "b#3 write doc/1@4 <3 /n=3",
    ]


def test_what_is_recorded_of_a_refusal(tape: Tape) -> None:
    guarded = dl.guard({"doc/1": {"n": 0}})
    with tape.record():
        with dl.branch("a"):
            guarded["doc/1"] = {**guarded["doc/1"], "n": 1}
        with dl.branch("b"), pytest.raises(dl.RefusedError):
            guarded.write("doc/1", {"n": 2}, base=1)
    assert tape.facts() == [
        "a#2 read doc/1@1 whole /n=0",
        "a#2 write doc/1@2 <1 /n=1",
        "b#3 reject doc/1@3 reason=a and b changed it differently from one base",
    ]


def test_a_store_that_fails_has_changed_nothing() -> None:
    table = Table()
    guarded = dl.guard(table)
    guarded["doc/1"] = {"n": 0}
    table.full = True
    with pytest.raises(OSError, match="no room"):
        guarded["doc/1"] = {"n": 1}
    assert (guarded["doc/1"], guarded.version("doc/1"), guarded.counts) == ({"n": 0}, 1, {"promoted": 1})


def test_a_value_of_any_kind_is_compared_as_a_trace_has_it() -> None:
    rows: dict[str, Any] = {"doc/1": {"tags": {"a"}, "at": (1, 2)}, "n/1": 5}
    guarded = dl.guard(rows)
    assert guarded["n/1"] == 5
    guarded["n/1"] = 6
    seen = guarded["doc/1"]
    assert seen is rows["doc/1"]
    guarded["doc/1"] = {"tags": {"a", "b"}, "at": (1, 2)}
    assert rows["doc/1"]["tags"] == {"a", "b"}


# ---- field by field -------------------------------------------------------------------------------------------------


def made_of_rows() -> GuardedObject:
    return dl.guard({"doc/1": {"n": 0, "m": 0}}).object("doc/1")


def made_of_tracked() -> GuardedObject:
    return dl.guard(dl.track({"n": 0, "m": 0}, id="doc/1", type="doc"))


@pytest.mark.parametrize("made", [made_of_rows, made_of_tracked])
def test_fields_are_seen_and_written_one_by_one(made: Callable[[], GuardedObject]) -> None:
    fields = made()
    with dl.branch("a"):
        assert fields["n"] == 0
        fields["n"] = 1
    with dl.branch("b"):
        assert fields["m"] == 0
        with pytest.raises(dl.RefusedError):
            fields["n"] = 2  # which it has not looked at
        fields["m"] = 2
        fields["new"] = 3
        del fields["new"]
    assert (fields["n"], dict(fields), len(fields), list(fields)) == (1, {"n": 1, "m": 2}, 2, ["n", "m"])
    with pytest.raises(KeyError):
        fields["z"]
    with pytest.raises(KeyError):
        del fields["z"]


def test_a_tracked_object_records_what_goes_through_and_nothing_twice(tape: Tape) -> None:
    with tape.record():
        context = dl.track({"n": 0}, id="doc/1", type="doc")
        fields = dl.guard(context)
        with dl.branch("a"):
            fields["n"] = fields["n"] + 1
        with dl.branch("b"):
            context["n"] = 7  # around the guard
        with dl.branch("c"), pytest.raises(dl.RefusedError):
            fields["n"] = 9
    assert dict(context) == {"n": 7}
    assert [line.partition(" <")[0] for line in tape.facts()] == [
        "main#1 write doc/1@1",
        "a#2 read doc/1@1 partly /n=0",
        "a#2 patch doc/1@2",
        "b#3 patch doc/1@3",
    ]


def delete_tracked(fields: GuardedObject) -> None:
    fields.guard.read("t/1")
    fields.guard.delete("t/1")


# ---- wrong use ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dl.guard(5), "int cannot be guarded: it has not read, write and delete"),  # type: ignore[call-overload]
        (lambda: dl.guard({}, mode="observe"), "there is no mode 'observe' for a guard"),  # type: ignore[call-overload]
        (lambda: dl.guard({}, "[gate]\nnone = 1\n"), "there is no such check"),
        (lambda: dl.guard({}).delete("doc/1"), "there is no doc/1 to delete"),
        (lambda: dl.guard({"n/1": 5}).patch("n/1", {"a": 1}), "n/1 has no fields"),
        (lambda: dl.guard({}).write("n/1", {}, confidence=7), "no number from 0 to 1"),
        (lambda: delete_tracked(dl.guard(dl.track({"n": 1}, id="t/1"))), "is a tracked object"),
        (lambda: dl.guard(dl.track({"n": 1}, id="t/2")).guard.write("t/3", {}), "is not the object that is guarded"),
    ],
)
def test_wrong_use_of_a_guard_is_told(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(dl.DriftlineError, match=said):
        call()


def test_a_guard_that_is_closed_says_so() -> None:
    before = list(LISTENERS)  # of guards in the tests before, which nobody has collected yet
    rows: dict[str, Any] = {"doc/1": {"n": 0}}
    guarded = dl.guard(rows)
    assert isinstance(guarded, Guard)
    with pytest.raises(KeyError):
        guarded["doc/2"]
    guarded.close()
    guarded.close()
    with pytest.raises(dl.DriftlineError, match="the store is closed"):
        guarded["doc/1"]
    assert set(LISTENERS) <= set(before)
