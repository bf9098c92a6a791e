"""Steps 3 to 6, row by row: writes, settings, reads, losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from driftline_analyzer import Analysis

Analyse = Callable[..., Analysis]

#: Tables with versions, paths and branch names in place of numbers.
VIEWS: Final = """
WITH version AS (SELECT e, coalesce(label, version::VARCHAR) AS version, op::VARCHAR AS op FROM event),
w AS (SELECT write.*, version.version FROM write JOIN version USING (e)),
s AS (
    SELECT x.*, path.path, v.version, t.version AS stands, b.name AS branch, old.value AS standing_value,
        new.value
    FROM setting AS x JOIN path USING (f) JOIN version AS v ON v.e = x.e JOIN branch AS b ON b.b = x.b
    LEFT JOIN version AS t ON t.e = x.standing_e
    LEFT JOIN field AS old ON old.e = x.standing_e AND old.f = x.f
    LEFT JOIN field AS new ON new.e = x.e AND new.f = x.f
),
l AS (
    SELECT x.*, path.path, v.version, u.version AS newest
    FROM loss AS x JOIN path USING (f) JOIN version AS v ON v.e = x.e LEFT JOIN version AS u ON u.e = x.u
)
"""


def named(analysis: Analysis, query: str) -> list[tuple[object, ...]]:
    """Rows of a query over those."""
    return analysis.rows(VIEWS + query)


# ---- versions -----------------------------------------------------------------------------------------------------


def test_writes_are_numbered_by_the_full_writes_up_to_them(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        M: patch doc/1 {n: 1} @2
        M: merge doc/1 {n: 2} @4 bases 1 2
        M: patch doc/1 {n: 3} @3
        M: delete doc/1 @5
        M: patch doc/1 {n: 4} @6
    """)
    assert named(analysis, "SELECT version, is_full, full_no FROM w ORDER BY pos") == [
        ("1", True, 1),
        ("2", False, 1),
        ("3", False, 1),
        ("4", True, 2),
        ("5", True, 3),
        ("6", False, 3),
    ]


def test_an_aborted_full_write_does_not_count(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        M: begin u
        M: write doc/1 {n: 1} @2
        M: abort u
        M: patch doc/1 {n: 2} @3
    """)
    assert named(analysis, "SELECT version, void, full_no FROM w ORDER BY pos") == [
        ("1", False, 1),
        ("2", True, 1),
        ("3", False, 1),
    ]


def test_what_counts_as_declared(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: read doc/1 @1
        A: patch doc/1 {n: 1} @2
        A: patch doc/1 {n: 2} @3 base 2
        A: merge doc/1 {n: 3} @4 bases 3 1
        A: delete doc/1 @5
    """)
    assert named(analysis, "SELECT version, declared, base, base_pos FROM w ORDER BY pos") == [
        ("1", False, None, None),
        ("2", False, "1", 1),
        ("3", True, "2", 2),
        ("4", True, "3", 3),
        ("5", False, "4", 4),
    ]


# ---- fields -------------------------------------------------------------------------------------------------------


def test_a_full_write_removes_what_it_does_not_list(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {a: 1, b: 1} @1
        N: patch doc/1 {c: 1} @2
        M: write doc/1 {a: 2} @3
        M: write doc/1 {a: 2} @4
    """)
    assert named(analysis, "SELECT version, path, value, listed, changed FROM s ORDER BY pos, path") == [
        ("1", "/a", "1", True, True),
        ("1", "/b", "1", True, True),
        ("2", "/c", "1", True, True),
        ("3", "/a", "2", True, True),
        ("3", "/b", None, False, True),
        ("3", "/c", None, False, True),
        ("4", "/a", "2", True, False),
    ]


def test_a_delete_removes_everything_once(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {a: 1, b: 1} @1
        N: patch doc/1 {b: gone} @2
        M: delete doc/1 @3
        M: delete doc/1 @4
    """)
    assert named(analysis, "SELECT version, path, value, listed, changed FROM s WHERE pos > 1 ORDER BY pos, path") == [
        ("2", "/b", None, True, True),
        ("3", "/a", None, False, True),
    ]


def test_a_patch_between_two_full_writes_is_removed_by_the_second(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {a: 1} @1
        N: patch doc/1 {b: 1} @2
        N: patch doc/1 {b: gone} @3
        N: patch doc/1 {b: 2} @4
        M: write doc/1 {a: 1} @5
        N: patch doc/1 {b: 3} @6
        M: write doc/1 {b: 4} @7
    """)
    assert named(analysis, "SELECT version, value, listed, stands FROM s WHERE path = '/b' ORDER BY pos") == [
        ("2", "1", True, None),
        ("3", None, True, "2"),
        ("4", "2", True, "3"),
        ("5", None, False, "4"),
        ("6", "3", True, "5"),
        ("7", "4", True, "6"),
    ]


def test_a_writer_lists_the_fields_that_it_knows_to_be_gone(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {a: 1} @1
        M: patch doc/1 {b: 1} @2
        M: write doc/1 {a: 1} @3
    """)
    assert named(analysis, "SELECT path, value, listed, base_pos FROM s WHERE pos = 3 ORDER BY path") == [
        ("/a", "1", True, 1),
        ("/b", None, True, 2),
    ]


def test_void_writes_set_nothing_and_remove_nothing(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {a: 1, b: 1} @1
        M: begin u
        M: write doc/1 {a: 2} @2
        M: abort u
        M: patch doc/1 {a: 3} @3
    """)
    assert named(analysis, "SELECT version, path, standing_value FROM s WHERE pos > 1") == [("3", "/a", "1")]


def test_the_order_of_versions_says_what_stood(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @1
        B: patch doc/1 {n: 3} @3
        A: patch doc/1 {n: 2} @2
    """)
    assert named(analysis, "SELECT version, stands, standing_value FROM s ORDER BY pos") == [
        ("1", None, None),
        ("2", "1", "1"),
        ("3", "2", "2"),
    ]


def test_an_equal_value_is_no_change(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: {x: 1, y: [1, 2]}} @1
        M: write doc/1 {n: {y: [1, 2], x: 1}} @2
        M: patch doc/1 {n: {x: 1.0}} @3
    """)
    assert named(analysis, "SELECT version, path, changed FROM s WHERE pos > 1 ORDER BY pos, path") == [
        ("2", "/n/x", False),
        ("2", "/n/y", False),
        ("3", "/n/x", True),
    ]


def test_each_field_has_the_base_that_its_writer_had_seen(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {a: 1, b: 1, c: 1} @1
        M: patch doc/1 {a: 2} @2
        A: read doc/1 @1
        A: read doc/1 /a @2
        A: write doc/1 {a: 3, b: 3} @3
        B: patch doc/1 {a: 4, b: 4} @4 base 2
    """)
    assert named(analysis, "SELECT version, path, base_pos FROM s WHERE pos > 2 ORDER BY pos, path") == [
        ("3", "/a", 2),
        ("3", "/b", 1),
        ("3", "/c", 1),
        ("4", "/a", 2),
        ("4", "/b", 2),
    ]


# ---- reads --------------------------------------------------------------------------------------------------------


def test_reads_have_the_position_of_what_they_read(analyse: Analyse) -> None:
    analysis = analyse("""
        A: read doc/1
        M: write doc/1 {n: 0, m: 0} @1
        M: write doc/1 {n: 1, m: 0} @2
        A: read doc/1 @1
        A: read doc/1 /n @2
        A: read doc/1 /n @2
        A: read doc/1
    """)
    assert analysis.rows("SELECT pos, whole FROM read ORDER BY e") == [(1, True), (2, False), (2, True)]


def test_what_happens_in_one_unit_has_the_same_outermost_one(analyse: Analyse) -> None:
    analysis = analyse("""
        A: begin outer
        A: write doc/1 {n: 0} @1
        A: begin inner
        B: fork A
        B: read doc/1 @1
        A: commit inner
        A: commit outer
        A: begin next
        A: read doc/1 @1
        A: commit next
        M: read doc/1 @1
    """)
    found = analysis.rows("SELECT u.name FROM read AS r LEFT JOIN unit AS u ON u.u = r.outermost ORDER BY r.e")
    assert found == [("outer",), ("next",), (None,)]
    assert analysis.rows("SELECT u.name FROM write AS w JOIN unit AS u ON u.u = w.outermost") == [("outer",)]


def test_a_version_has_one_number_whatever_it_is_called(analyse: Analyse) -> None:
    analysis = analyse("""
        unordered
        M: write doc/1 {n: 0} @red
        M: write doc/1 {n: 1} @blue
        A: read doc/1 @blue
        A: read doc/1 @red
        M: write doc/2 {n: 1} @7
        A: read doc/2 @7
    """)
    red, blue, seven = (v for (v,) in analysis.rows("SELECT v FROM write ORDER BY e"))
    assert (red != blue, seven) == (True, 7)
    assert analysis.rows("SELECT v FROM read ORDER BY e") == [(blue,), (red,), (7,)]


# ---- marks --------------------------------------------------------------------------------------------------------


def test_marks_are_those_of_known_versions(analyse: Analyse) -> None:
    analysis = analyse("""
        A: promote doc/9
        A: write doc/1 {n: 0} @3
        A: write doc/1 {n: 1} @4
        A: snapshot doc/1 @3
        B: promote doc/1
        B: quarantine doc/1 @7 reason odd
        B: reject doc/1 @4
    """)
    assert analysis.rows("SELECT x.name, op, v, pos FROM mark JOIN branch AS x USING (b) ORDER BY e") == [
        ("A", "snapshot", 3, 3),
        ("B", "promote", 4, 4),
        ("B", "quarantine", 7, 7),
        ("B", "reject", 4, 4),
    ]


def test_marks_name_labels_as_reads_and_writes_do(analyse: Analyse) -> None:
    analysis = analyse("""
        unordered
        A: write doc/1 {n: 0} @red
        A: write doc/1 {n: 1} @blue
        A: promote doc/1 @red
    """)
    red, _ = analysis.rows("SELECT e FROM event WHERE op = 'write' ORDER BY e")
    assert analysis.rows("SELECT v, pos FROM mark") == [(*red, None)]


# ---- losses -------------------------------------------------------------------------------------------------------


def test_each_lost_field_has_one_kind_and_the_newest_that_intervened(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {text: "", back: 0, over: 0, same: 0} @1
        A: patch doc/1 {text: "x" * 80, back: 1, over: 1, same: 1, new: 1} @2 base 1
        C: patch doc/1 {over: 2} @3 base 2
        B: write doc/1 {text: "s", back: 0, over: 3, same: 1} @4 base 1
    """)
    assert named(analysis, "SELECT version, path, kind, newest, base_pos, declared FROM l ORDER BY path") == [
        ("4", "/back", "reverted", "2", 1, True),
        ("4", "/new", "dropped", "2", 1, True),
        ("4", "/over", "overwritten", "3", 1, True),
        ("4", "/text", "poorer", "2", 1, True),
    ]


def test_a_write_by_one_who_never_looked_is_blind(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0, own: 0} @1
        B: patch doc/1 {own: 1} @2
        B: patch doc/1 {n: 1, own: 2, new: 1} @3
    """)
    assert named(analysis, "SELECT version, path, kind, newest FROM l ORDER BY version, path") == [
        ("2", "/own", "blind", "1"),
        ("3", "/n", "blind", "1"),
    ]


def test_changes_are_kept_only_where_something_may_be_lost(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: read doc/1 @1
        A: patch doc/1 {n: 1} @2
        B: read doc/1 @2
        B: patch doc/1 {n: 2} @3
    """)
    assert analysis.rows("SELECT count(*) FROM change") == [(0,)]
    assert analysis.rows("SELECT count(*) FROM intervening") == [(0,)]


def test_the_newest_change_by_another_branch_is_found_behind_ones_own(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        A: patch doc/1 {n: 2} @3 base 2
        B: patch doc/1 {n: 3} @4 base 3
        B: patch doc/1 {n: 4} @5 base 4
        B: patch doc/1 {n: 5} @6 base 1
    """)
    assert named(analysis, "SELECT version, newest FROM l") == [("6", "3")]
    found = analysis.rows(
        "SELECT e.version, v.version FROM intervening AS i JOIN path USING (f) JOIN event AS e ON e.e = i.e"
        " JOIN event AS v ON v.e = i.u WHERE NOT path.whole"
    )
    assert found == [(6, 3)]
    (finding,) = analysis.findings()
    assert [evidence.rpartition(":")[2] for evidence in finding.evidence] == ["8", "3", "4"]


def test_of_very_many_changes_the_newest_are_evidence(analyse: Analyse) -> None:
    many = [f"A: patch doc/1 {{n: {n}}} @{n} base {n - 1}" for n in range(2, 202)]
    analysis = analyse("\n".join(["M: write doc/1 {n: 1} @1", *many, "B: patch doc/1 {n: 0} @202 base 1"]))
    (finding,) = analysis.findings()
    assert (finding.code, [other.branch for other in finding.others]) == ("DRF101", ["A"])
    assert len(finding.evidence) == 1 + 64
