"""`show` and `diff`: an object at a version, at a moment, as a branch saw it; and what differs between two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from driftline import DriftlineError
from driftline_analyzer import Analysis
from driftline_analyzer.state import StateView, diff, show
from driftline_analyzer.targets import parse_target
from driftline_analyzer.times import iso

Analyse = Callable[..., Analysis]

TRACE: Final = """
    M: write doc/1 {a: 1, b: 1} @1
    B: read doc/1 @1
    A: patch doc/1 {b: 2, c: 2} @2
    B: read doc/1 /b @2
    A: write doc/1 {a: 1, c: 3} @3
    B: patch doc/1 {b: 4} @4
"""


def state(view: StateView) -> dict[str, tuple[str | None, str | None]]:
    """Path → (value, the version that set it)."""
    return {field.path: (field.value, field.written and field.written.version) for field in view.fields}


def seen(view: StateView) -> dict[str, tuple[str | None, str | None, bool]]:
    """Path → (value seen, the version that had set it, whether that is stale)."""
    return {field.path: (field.seen_value, field.seen and field.seen.version, field.stale) for field in view.fields}


def ask(analysis: Analysis, text: str, **options: Any) -> StateView:
    return show(analysis, parse_target(text), **options)


def clock_of(analysis: Analysis, version: int) -> int:
    ((clock,),) = analysis.rows("SELECT clock FROM event JOIN write USING (e) WHERE version = ?", [version])
    return int(clock)


# ---- versions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("@1", {"/a": ("1", "1"), "/b": ("1", "1")}),
        ("@2", {"/a": ("1", "1"), "/b": ("2", "2"), "/c": ("2", "2")}),
        ("@3", {"/a": ("1", "1"), "/c": ("3", "3")}),
        ("@4", {"/a": ("1", "1"), "/b": ("4", "4"), "/c": ("3", "3")}),
        ("", {"/a": ("1", "1"), "/b": ("4", "4"), "/c": ("3", "3")}),
    ],
)
def test_the_state_at_each_version(analyse: Analyse, version: str, expected: dict[str, tuple[str, str]]) -> None:
    view = ask(analyse(TRACE), f"doc/1{version}")
    assert state(view) == expected
    assert view.last is not None
    assert (view.object, view.type, view.last.version, view.removed) == ("doc/1", "doc", version[1:] or "4", False)


def test_one_field(analyse: Analyse) -> None:
    assert state(ask(analyse(TRACE), "doc/1@2#/b")) == {"/b": ("2", "2")}
    assert state(ask(analyse(TRACE), "doc/1@3#/b")) == {}


def test_the_order_is_the_stores(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @1
        B: patch doc/1 {n: 3} @3
        A: patch doc/1 {n: 2, m: 2} @2
    """)
    assert state(ask(analysis, "doc/1")) == {"/m": ("2", "2"), "/n": ("3", "3")}
    assert state(ask(analysis, "doc/1@2")) == {"/m": ("2", "2"), "/n": ("2", "2")}


def test_of_two_writes_of_one_version_the_later_stands(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @1
        A: patch doc/1 {n: 2} @2
        B: patch doc/1 {m: 3} @2
    """)
    assert state(ask(analysis, "doc/1@2")) == {"/m": ("3", "2"), "/n": ("2", "2")}


def test_labels(analyse: Analyse) -> None:
    analysis = analyse("M: write doc/1 {n: 1} @red\nA: patch doc/1 {n: 2} @blue")
    assert state(ask(analysis, "doc/1@red")) == {"/n": ("1", "red")}
    assert state(ask(analysis, "doc/1")) == {"/n": ("2", "blue")}


def test_a_removed_object_has_no_field(analyse: Analyse) -> None:
    view = ask(analyse("M: write doc/1 {n: 1} @1\nM: delete doc/1 @2"), "doc/1")
    assert (state(view), view.removed) == ({}, True)


def test_what_an_aborted_unit_wrote_is_not_there(analyse: Analyse) -> None:
    analysis = analyse("M: write doc/1 {n: 1} @1\nA: begin u\nA: patch doc/1 {n: 2} @2\nA: abort u")
    view = ask(analysis, "doc/1")
    assert state(view) == {"/n": ("1", "1")}
    assert view.last is not None
    assert view.last.version == "1"


def test_an_object_that_was_only_read(analyse: Analyse) -> None:
    view = ask(analyse("A: read doc/1 @1"), "doc/1")
    assert (state(view), view.last, view.removed) == ({}, None, False)


def test_a_trace_without_an_order_has_no_state(analyse: Analyse) -> None:
    analysis = analyse("unordered\nM: write doc/1 {n: 1} @1\nM: patch doc/1 {n: 2} @2")
    for question in (lambda: ask(analysis, "doc/1"), lambda: changes(analysis, "doc/1@1", "doc/1@2")):
        with pytest.raises(DriftlineError, match="records no order of versions") as caught:
            question()
        assert caught.value.hint == "use log or lineage instead"


def test_values_that_were_not_kept_are_unknown_but_their_writes_are_not(analyse: Analyse) -> None:
    view = ask(analyse(TRACE, values="digest"), "doc/1")
    assert state(view) == {"/a": (None, "1"), "/b": (None, "4"), "/c": (None, "3")}


# ---- moments ------------------------------------------------------------------------------------------------------


def test_the_state_at_a_moment(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    at = {version: clock_of(analysis, version) for version in (1, 2, 3, 4)}
    assert state(ask(analysis, "doc/1", at=at[1] - 1)) == {}
    assert state(ask(analysis, "doc/1", at=at[1])) == {"/a": ("1", "1"), "/b": ("1", "1")}
    assert state(ask(analysis, "doc/1", at=at[3] - 1)) == {"/a": ("1", "1"), "/b": ("2", "2"), "/c": ("2", "2")}
    assert state(ask(analysis, "doc/1", at=at[4] + 10**12)) == state(ask(analysis, "doc/1"))
    before, later = ask(analysis, "doc/1", at=at[1] - 1), ask(analysis, "doc/1", at=at[3] - 1)
    assert before.last is None
    assert later.last is not None
    assert later.last.version == "2"


def test_at_a_moment_only_what_had_happened_by_then_counts(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @1
        B: patch doc/1 {n: 3} @3
        A: patch doc/1 {n: 2, m: 2} @2
    """)
    view = ask(analysis, "doc/1", at=clock_of(analysis, 3))
    assert state(view) == {"/n": ("3", "3")}
    assert view.last is not None
    assert view.last.version == "3"


def test_a_removed_object_is_removed_from_then_on(analyse: Analyse) -> None:
    analysis = analyse("M: write doc/1 {n: 1} @1\nM: delete doc/1 @2\nM: write doc/1 {n: 3} @3")
    assert [ask(analysis, "doc/1", at=clock_of(analysis, version)).removed for version in (1, 2, 3)] == [
        False,
        True,
        False,
    ]


# ---- as a branch saw it -------------------------------------------------------------------------------------------


def test_what_a_branch_had_seen_beside_what_stood(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    view = ask(analysis, "doc/1@3", seen_by="B")
    assert (view.seen_by, view.seen_version) == ("B", "2")
    assert seen(view) == {
        "/a": ("1", "1", False),  # set again, to what it was
        "/b": ("2", "2", True),  # gone since
        "/c": (None, None, True),  # never seen
    }


def test_what_a_branch_had_seen_at_a_moment(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    view = ask(analysis, "doc/1", at=clock_of(analysis, 2), seen_by="B")
    assert view.seen_version == "1"
    assert seen(view) == {"/a": ("1", "1", False), "/b": ("1", "1", True), "/c": (None, None, True)}


def test_a_branch_sees_what_it_writes(analyse: Analyse) -> None:
    view = ask(analyse(TRACE), "doc/1", seen_by="B")
    assert view.seen_version == "4"
    assert seen(view)["/b"] == ("4", "4", False)


def test_a_branch_that_never_looked_saw_nothing(analyse: Analyse) -> None:
    view = ask(analyse(TRACE + "Z: write other/1 {n: 1}\n"), "doc/1", seen_by="Z")
    assert view.seen_version is None
    assert set(seen(view).values()) == {(None, None, True)}


def test_a_child_sees_what_its_parent_had_seen_at_the_fork(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @1
        P: read doc/1 @1
        C: fork P
        M: patch doc/1 {n: 2} @2
        P: read doc/1 @2
        C: write other/1 {n: 1}
    """)
    assert seen(ask(analysis, "doc/1", seen_by="C")) == {"/n": ("1", "1", True)}
    assert seen(ask(analysis, "doc/1", seen_by="P")) == {"/n": ("2", "2", False)}


def test_a_parent_gains_what_a_child_saw_unless_that_failed(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @1
        P: open
        C: fork P
        C: read doc/1 @1
        C: end
        M: patch doc/1 {n: 2} @2
        D: fork P
        D: read doc/1 @2
        D: fail
    """)
    assert seen(ask(analysis, "doc/1", seen_by="P")) == {"/n": ("1", "1", True)}


def test_what_was_joined_is_passed_on(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @1
        P: open
        C: fork P
        D: fork C
        D: read doc/1 @1
        D: end
        C: end
        E: fork P
        F: fork E
        M: patch doc/1 {n: 2} @2
        P: read doc/1 @2
        F: write other/1 {n: 1}
    """)
    assert seen(ask(analysis, "doc/1", seen_by="F")) == {"/n": ("1", "1", True)}
    assert seen(ask(analysis, "doc/1", seen_by="C")) == {"/n": ("1", "1", True)}


def test_what_was_read_of_an_object_that_nobody_wrote(analyse: Analyse) -> None:
    view = ask(analyse("A: read doc/1 @7"), "doc/1", seen_by="A")
    assert (view.seen_version, view.fields) == ("7", ())


def test_json_of_a_state(analyse: Analyse) -> None:
    analysis = analyse("M: write doc/1 {n: [1, {x: null}]} @1 confidence 0.5\nB: read doc/1 @1")
    view = ask(analysis, "doc/1", seen_by="B")
    time = iso(clock_of(analysis, 1))
    ((event, branch),) = analysis.rows(
        "SELECT process || ':' || seq, branch FROM write JOIN event USING (e) JOIN process ON process.p = event.p"
        " JOIN branch ON branch.b = write.b"
    )
    assert view.as_json() == {
        "object": "doc/1",
        "type": "doc",
        "version": "1",
        "removed": False,
        "time": time,
        "seen_by": "B",
        "seen_version": "1",
        "fields": [
            {
                "path": "/n",
                "value": '[1,{"x":null}]',
                "event": event,
                "op": "write",
                "version": "1",
                "branch": "M",
                "branch_id": branch,
                "phase": None,
                "time": time,
                "confidence": 0.5,
                "seen_value": '[1,{"x":null}]',
                "seen_version": "1",
                "stale": False,
            }
        ],
    }


# ---- differences --------------------------------------------------------------------------------------------------


def changes(analysis: Analysis, before: str, after: str) -> list[tuple[str, str, str | None, str | None, str | None]]:
    return [
        (one.path, one.kind, one.before, one.after, one.written and one.written.version)
        for one in diff(analysis, parse_target(before), parse_target(after))
    ]


def test_differences_between_two_versions(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    assert changes(analysis, "doc/1@1", "doc/1@2") == [
        ("/b", "changed", "1", "2", "2"),
        ("/c", "added", None, "2", "2"),
    ]
    assert changes(analysis, "doc/1@2", "doc/1@3") == [
        ("/b", "removed", "2", None, None),
        ("/c", "changed", "2", "3", "3"),
    ]
    assert changes(analysis, "doc/1@3", "doc/1@1") == [
        ("/b", "added", None, "1", "1"),
        ("/c", "removed", "3", None, None),
    ]


def test_a_version_does_not_differ_from_itself(analyse: Analyse) -> None:
    assert changes(analyse(TRACE), "doc/1@3", "doc/1@3") == []
    assert changes(analyse(TRACE), "doc/1@4", "doc/1") == []


def test_a_field_set_again_to_the_same_value_does_not_differ(analyse: Analyse) -> None:
    analysis = analyse("M: write doc/1 {n: 1} @1\nM: write doc/1 {n: 1} @2")
    assert changes(analysis, "doc/1@1", "doc/1@2") == []


def test_differences_in_one_field(analyse: Analyse) -> None:
    assert changes(analyse(TRACE), "doc/1@1#/b", "doc/1@2#/b") == [("/b", "changed", "1", "2", "2")]


def test_differences_between_two_objects(analyse: Analyse) -> None:
    analysis = analyse("M: write doc/1 {n: 1, m: 1} @1\nM: write doc/2 {n: 1, m: 2} @1")
    assert changes(analysis, "doc/1", "doc/2") == [("/m", "changed", "1", "2", "1")]


def test_differences_from_a_removed_object(analyse: Analyse) -> None:
    analysis = analyse("M: write doc/1 {n: 1} @1\nM: delete doc/1 @2")
    assert changes(analysis, "doc/1@1", "doc/1@2") == [("/n", "removed", "1", None, None)]


def test_differences_are_known_where_values_are_not(analyse: Analyse) -> None:
    assert changes(analyse(TRACE, values="digest"), "doc/1@1", "doc/1@2") == [
        ("/b", "changed", None, None, "2"),
        ("/c", "added", None, None, "2"),
    ]


def test_json_of_a_difference(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    removed, changed = diff(analysis, parse_target("doc/1@2"), parse_target("doc/1@3"))
    assert removed.as_json() == {"path": "/b", "kind": "removed", "before": "2", "after": None}
    assert changed.written is not None
    assert changed.as_json() == {
        "path": "/c",
        "kind": "changed",
        "before": "2",
        "after": "3",
        **changed.written.as_json(),
    }
