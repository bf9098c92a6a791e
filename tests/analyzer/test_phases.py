"""Step phases, row by row: who was overtaken by whom, and that it counts instead of trying all pairs."""

from __future__ import annotations

from collections.abc import Callable

from driftline_analyzer import Analysis

Analyse = Callable[..., Analysis]


def overtaken(analysis: Analysis) -> list[tuple[object, ...]]:
    """(how, branch, event, where it is found) of each that was overtaken, in clock order."""
    return analysis.rows(
        "SELECT x.how, b.name, x.e, x.found_e FROM overtaken AS x JOIN branch AS b USING (b) ORDER BY x.e, how"
    )


def overtakers(analysis: Analysis) -> list[tuple[object, ...]]:
    """(branch overtaken, by whom, in which field, with which version first)."""
    return analysis.rows("""
        SELECT b.name, w.name, p.path, e.version
        FROM overtaken AS x JOIN overtaker AS o USING (n) JOIN branch AS b ON b.b = x.b JOIN branch AS w ON w.b = o.b
        JOIN path AS p ON p.f = o.f JOIN event AS e ON e.e = o.w
        WHERE x.how = 'use' ORDER BY ALL
    """)


def test_only_branches_of_a_phase_in_the_order_have_a_rank(analyse: Analyse) -> None:
    analysis = analyse("""
        A: open phase compression
        B: open phase lunch
        C: open
        D: open phase reasoning
    """)
    assert analysis.rows("SELECT b.name, s.rank FROM staged AS s JOIN branch AS b USING (b) ORDER BY b.b") == [
        ("A", 3),
        ("D", 1),
    ]


def test_the_first_later_change_in_each_field_is_named(analyse: Analyse) -> None:
    analysis = analyse("""
        R: open phase reasoning
        E: open phase enrichment
        R: write doc/1 {n: 0, m: 0} @1
        E: read doc/1 @1
        R: patch doc/1 {n: 1} @2 base 1
        R: patch doc/1 {n: 2, m: 1} @3 base 2
    """)
    assert [row[:2] for row in overtaken(analysis)] == [("use", "E")]
    assert overtakers(analysis) == [("E", "R", "/m", 3), ("E", "R", "/n", 2)]


def test_a_compressing_read_is_found_where_something_is_made_of_it(analyse: Analyse) -> None:
    analysis = analyse("""
        E: open phase enrichment
        C: open phase compression
        E: write doc/1 {n: 0} @1
        C: read doc/1 @1
        C: write note/1 {n: 0} @1
        E: patch doc/1 {n: 1} @2 base 1
    """)
    ((read,),) = analysis.rows("SELECT e FROM event WHERE op = 'read'")
    assert overtaken(analysis) == [("compression", "C", read, read + 1), ("use", "C", read, read)]


def test_kin_are_counted_out_and_strangers_are_not(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        O: open phase orchestration
        R: fork O phase reasoning
        S: open phase reasoning
        O: read doc/1 @1
        R: patch doc/1 {n: 1} @2 base 1
        S: patch doc/1 {n: 2} @3 base 2
    """)
    assert overtakers(analysis) == [("O", "S", "/n", 3)]


def test_of_very_many_the_64_that_finish_first_are_named(analyse: Analyse) -> None:
    many = range(100)
    analysis = analyse(
        "\n".join(
            [
                *(f"R{at}: open phase reasoning" for at in many),
                "E: open phase enrichment",
                "M: write doc/1 {n: 0} @1",
                "E: read doc/1 @1",
                *(f"R{at}: patch doc/1 {{n: {at + 1}}} @{at + 2} base {at + 1}" for at in many),
            ]
        )
    )
    (finding,) = [finding for finding in analysis.findings() if finding.code == "DRF501"]
    assert sorted(other.branch for other in finding.others) == sorted(f"R{at}" for at in range(64))
