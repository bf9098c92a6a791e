"""Step 2: clock order, outcomes, and positions, in traces of one and of several processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from driftline_analyzer import Analysis

Row = dict[str, Any]
Analyse = Callable[..., Analysis]


def events(analysis: Analysis) -> list[tuple[str, str]]:
    """(event id, operation) in the order of `event.e`, which must be 1, 2, …"""
    rows = analysis.rows("SELECT e, process || ':' || seq, op::VARCHAR FROM event JOIN process USING (p) ORDER BY e")
    assert [e for e, _, _ in rows] == list(range(1, len(rows) + 1))
    return [(id_, op) for _, id_, op in rows]


def write(process: str, clock: int, version: int | str | None, *, by: str = "a#1", **more: Any) -> Row:
    named = {"label": version} if isinstance(version, str) else {"version": version}
    row = {"op": "write", "process": process, "clock": clock, "branch": by, "object": "doc/1", "type": "doc", **named}
    return {"fields": [], **row, **more}


def positions(analysis: Analysis) -> list[tuple[int, int | None]]:
    """(clock, position) of each write."""
    return analysis.rows("SELECT clock, pos FROM write JOIN event USING (e) ORDER BY clock")  # type: ignore[return-value]


# ---- the clock ----------------------------------------------------------------------------------------------------


def test_events_of_several_processes_are_listed_by_clock(analyse_rows: Analyse) -> None:
    rows = [
        {"op": "branch-start", "process": "p1", "branch": "a#1", "clock": 10},
        {"op": "branch-end", "process": "p1", "branch": "a#1", "clock": 40},
        {"op": "unit-begin", "process": "p2", "branch": "b#1", "unit": "u#2", "clock": 20},
        {"op": "unit-commit", "process": "p2", "branch": "b#1", "unit": "u#2", "clock": 30},
    ]
    assert events(analyse_rows(rows)) == [
        ("p1:0", "branch-start"),
        ("p2:0", "unit-begin"),
        ("p2:1", "unit-commit"),
        ("p1:1", "branch-end"),
    ]


def test_at_the_same_clock_the_process_decides_and_then_the_sequence(analyse_rows: Analyse) -> None:
    rows = [{"op": "read", "process": p, "branch": "a#1", "clock": c} for p, c in (("p2", 5), ("p2", 5), ("p1", 5))]
    assert [id_ for id_, _ in events(analyse_rows(rows))] == ["p1:0", "p2:0", "p2:1"]


def test_a_clock_that_ran_backwards_within_a_process_is_followed(analyse_rows: Analyse) -> None:
    rows = [{"op": "read", "process": "p1", "branch": "a#1", "clock": clock} for clock in (30, 10, 20)]
    assert [id_ for id_, _ in events(analyse_rows(rows))] == ["p1:1", "p1:2", "p1:0"]


def test_fields_follow_their_events_when_these_are_renumbered(analyse_rows: Analyse) -> None:
    rows = [
        write("p1", 30, 2, fields=[{"path": "/late", "digest": 2, "size": 1, "leaves": 1, "value": "2"}]),
        write("p1", 10, 1, fields=[{"path": "/early", "digest": 1, "size": 1, "leaves": 1, "value": "1"}]),
    ]
    found = analyse_rows(rows).rows("SELECT clock, path, value FROM field JOIN event USING (e) JOIN path USING (f)")
    assert sorted(found) == [(10, "/early", "1"), (30, "/late", "2")]


# ---- outcomes -----------------------------------------------------------------------------------------------------


def test_a_unit_is_as_good_as_the_worst_around_it(analyse: Analyse) -> None:
    analysis = analyse("""
        A: begin outer
        A: begin middle
        A: begin inner
        A: commit inner
        A: abort middle
        A: abandon outer
        B: begin lonely
        B: commit lonely
        C: begin lost
        C: begin within
        C: commit within
        C: crash
    """)
    names = ("committed", "unknown", "aborted")
    found = analysis.rows(
        "SELECT x.name, x.outcome, x.effective, o.name, a.name FROM unit AS x LEFT JOIN unit AS o ON o.u = x.open_unit"
        " JOIN unit AS a ON a.u = x.outermost ORDER BY x.u"
    )
    assert [(name, names[own], names[effective], *units) for name, own, effective, *units in found] == [
        ("outer", "unknown", "unknown", "outer", "outer"),
        ("middle", "aborted", "aborted", "outer", "outer"),
        ("inner", "committed", "aborted", "outer", "outer"),
        ("lonely", "committed", "committed", None, "lonely"),
        ("lost", "unknown", "unknown", "lost", "lost"),
        ("within", "committed", "unknown", "lost", "lost"),
    ]


def test_a_unit_known_by_name_alone_may_have_ended_either_way(analyse_rows: Analyse) -> None:
    rows = [
        {"op": "unit-begin", "process": "p1", "branch": "a#1", "unit": "in#1", "parent": "out#2", "clock": 1},
        {"op": "unit-commit", "process": "p1", "branch": "a#1", "unit": "in#1", "clock": 2},
    ]
    found = analyse_rows(rows).rows(
        "SELECT x.unit, x.effective, o.unit FROM unit AS x JOIN unit AS o ON o.u = x.outermost ORDER BY x.u"
    )
    assert found == [("in#1", 1, "out#2"), ("out#2", 1, "out#2")]


def test_units_that_enclose_each_other_end(analyse_rows: Analyse) -> None:
    rows = [
        {"op": "unit-begin", "process": "p1", "branch": "a#1", "unit": "u#1", "parent": "u#2", "clock": 1},
        {"op": "unit-begin", "process": "p1", "branch": "a#1", "unit": "u#2", "parent": "u#1", "clock": 2},
        {"op": "unit-abort", "process": "p1", "branch": "a#1", "unit": "u#2", "clock": 3},
    ]
    assert analyse_rows(rows).rows("SELECT unit, effective FROM unit ORDER BY u") == [("u#1", 2), ("u#2", 2)]


def test_branches_know_their_parent_phase_and_end(analyse: Analyse) -> None:
    analysis = analyse("""
        P: open phase reasoning
        C: fork P
        D: fork C phase enrichment
        D: fail
        C: crash
    """)
    found = analysis.rows(
        "SELECT x.name, up.name, x.phase, x.status, x.reason FROM branch AS x LEFT JOIN branch AS up ON up.b = x.parent"
        " ORDER BY x.b"
    )
    assert found == [
        ("P", None, "reasoning", "ok", None),
        ("C", "P", "reasoning", None, None),
        ("D", "C", "enrichment", "failed", "_Failure"),
    ]


def test_a_branch_without_a_recorded_start_is_named_after_its_id(analyse_rows: Analyse) -> None:
    rows = [{"op": "read", "process": "p1", "branch": name, "clock": 1} for name in ("worker#7", "odd#name#3", "plain")]
    assert analyse_rows(rows).rows("SELECT branch, name, started FROM branch ORDER BY branch") == [
        ("odd#name#3", "odd#name", None),
        ("plain", "plain", None),
        ("worker#7", "worker", None),
    ]


def test_a_branch_begins_at_its_first_event_and_descends_from_all_above_it(analyse_rows: Analyse) -> None:
    rows = [
        {"op": "branch-start", "process": "p1", "branch": "a#1", "clock": 2},
        {"op": "branch-start", "process": "p1", "branch": "b#2", "parent": "a#1", "clock": 3},
        {"op": "read", "process": "p2", "branch": "c#3", "clock": 1},
        {"op": "branch-start", "process": "p1", "branch": "c#3", "parent": "b#2", "clock": 4},
        {"op": "branch-start", "process": "p1", "branch": "d#4", "parent": "unheard-of#9", "clock": 5},
    ]
    analysis = analyse_rows(rows)
    assert analysis.rows("SELECT branch, began FROM branch ORDER BY branch") == [
        ("a#1", 2),
        ("b#2", 3),
        ("c#3", 1),
        ("d#4", 5),
    ]
    assert descent(analysis) == [("b#2", "a#1"), ("c#3", "a#1"), ("c#3", "b#2")]


def test_branches_that_fork_from_each_other_descend_from_each_other(analyse_rows: Analyse) -> None:
    rows = [
        {"op": "branch-start", "process": "p1", "branch": branch, "parent": parent, "clock": clock}
        for clock, branch, parent in ((1, "a#1", "b#2"), (2, "b#2", "a#1"), (3, "c#3", "a#1"))
    ]
    assert descent(analyse_rows(rows)) == [
        ("a#1", "a#1"),
        ("a#1", "b#2"),
        ("b#2", "a#1"),
        ("b#2", "b#2"),
        ("c#3", "a#1"),
        ("c#3", "b#2"),
    ]


def descent(analysis: Analysis) -> list[tuple[object, ...]]:
    """(branch, one that it descends from) of each pair."""
    return analysis.rows(
        "SELECT x.branch, a.branch FROM descent AS d JOIN branch AS x ON x.b = d.b JOIN branch AS a ON a.b = d.ancestor"
        " ORDER BY ALL"
    )


def test_tasks_know_how_they_ended(analyse: Analyse) -> None:
    analysis = analyse("""
        A: start t {n: 1}
        A: finish t
        A: start t {n: 1}
        A: fail t
        A: start t {n: 2}
        A: crash
    """)
    found = analysis.rows("SELECT name, status, signature FROM task ORDER BY t")
    assert [(name, status) for name, status, _ in found] == [("t", "ok"), ("t", "failed"), ("t", None)]
    assert found[0][2] == found[1][2] != found[2][2]


# ---- positions ----------------------------------------------------------------------------------------------------


def test_a_number_is_its_own_position(analyse_rows: Analyse) -> None:
    rows = [write("p1", 1, 7), write("p1", 2, 3), write("p2", 3, 5)]
    assert positions(analyse_rows(rows)) == [(1, 7), (2, 3), (3, 5)]


def test_one_process_may_number_beside_the_store(analyse_rows: Analyse) -> None:
    rows = [write("p1", 1, 7, version_inferred=True), write("p2", 2, 3), write("p1", 3, 8, version_inferred=True)]
    assert positions(analyse_rows(rows)) == [(1, 7), (2, 3), (3, 8)]


def test_a_label_lies_where_it_was_first_mentioned(analyse: Analyse) -> None:
    analysis = analyse("""
        A: read doc/1 @blue
        A: write doc/1 {n: 1} @red
        B: write doc/1 {n: 2} @blue
    """)
    labels = analysis.rows("SELECT label, w.pos FROM write AS w JOIN event USING (e) ORDER BY pos")
    assert [label for label, _ in labels] == ["blue", "red"]
    assert analysis.rows("SELECT e FROM event WHERE op = 'read'") == [(labels[0][1],)]


def test_numbers_and_labels_of_one_object_are_all_ordered_by_the_clock(analyse: Analyse) -> None:
    analysis = analyse("""
        A: write doc/1 {n: 1} @9
        A: write doc/1 {n: 2} @red
        A: write doc/1 {n: 3} @2
    """)
    found = analysis.rows("SELECT coalesce(label, version::VARCHAR) FROM write JOIN event USING (e) ORDER BY pos")
    assert found == [("9",), ("red",), ("2",)]


def test_numbers_that_two_processes_gave_are_told_apart(analyse_rows: Analyse) -> None:
    rows = [
        write("p1", 1, 1, version_inferred=True),
        write("p2", 2, 1, by="b#1", version_inferred=True, base=1),
        write("p1", 3, 2, version_inferred=True, base=1),
    ]
    analysis = analyse_rows(rows)
    assert positions(analysis) == [(1, 1), (2, 2), (3, 3)]
    # Each base is the version of that number in the writer's own process.
    assert analysis.rows("SELECT base_pos FROM write ORDER BY e") == [(None,), (2,), (1,)]


def test_a_base_that_nobody_mentioned_lies_before_everything(analyse: Analyse) -> None:
    analysis = analyse("""
        A: write doc/1 {n: 1} @red base lost
        A: merge doc/1 {n: 2} @blue bases lost red
        A: merge doc/1 {n: 2} @green bases lost
    """)
    assert analysis.rows("SELECT base, base_pos FROM write ORDER BY e") == [("lost", -1), ("red", 2), ("lost", -1)]


def test_a_write_without_any_version_lies_where_it_happened(analyse_rows: Analyse) -> None:
    assert positions(analyse_rows([write("p1", 5, 4), write("p1", 6, None)])) == [(5, 1), (6, 2)]


def test_a_trace_without_an_order_has_no_positions(analyse: Analyse) -> None:
    analysis = analyse("""
        unordered
        A: write doc/1 {n: 1} @1
        B: read doc/1 @1
        A: patch doc/1 {n: 2} @2 base 1
        A: merge doc/1 {n: 2} @3 bases 1 2
    """)
    assert analysis.rows("SELECT v, pos, base_pos FROM write ORDER BY e") == [(v, None, None) for v in (1, 2, 3)]
    assert analysis.rows("SELECT v, pos FROM read") == [(1, None)]
    assert analysis.rows("SELECT * FROM setting") == []


def test_names_are_numbered_in_the_order_of_first_mention(analyse: Analyse) -> None:
    analysis = analyse("""
        A: write b/1 {z: 1, a: 1}
        A: write a/1 {m: 1}
    """)
    assert analysis.rows("SELECT o, object, type FROM object ORDER BY o") == [(1, "b/1", "b"), (2, "a/1", "a")]
    assert analysis.rows("SELECT f, path FROM path ORDER BY f") == [(0, ""), (1, "/z"), (2, "/a"), (3, "/m")]


@pytest.mark.parametrize("path", ["", "/", "/~0~1", "/é"])
def test_odd_paths_are_fields_like_any_other(analyse_rows: Analyse, path: str) -> None:
    rows = [
        write("p1", at, at, by=by, base=1, fields=[{"path": path, "digest": at, "size": 1, "leaves": 1}])
        for at, by in ((1, "a#1"), (2, "a#1"), (3, "b#2"))
    ]
    (finding,) = analyse_rows(rows).findings()
    assert (finding.code, finding.fields) == ("DRF101", (path,))
