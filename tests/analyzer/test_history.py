"""`blame` and `log`: who changed each field last and what they knew, and everything that ever happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from driftline import DriftlineError
from driftline_analyzer import Analysis
from driftline_analyzer.history import blame, log
from driftline_analyzer.targets import parse_target

Analyse = Callable[..., Analysis]

TRACE: Final = """
    M: write doc/1 {a: 1, b: 1} @1
    B: read doc/1 @1
    A: patch doc/1 {b: 2} @2 base 1
    B: patch doc/1 {b: 3} @3
"""


def lines(analysis: Analysis, text: str) -> list[tuple[Any, ...]]:
    """Path, value, version, branch, the base of the field, the head when it was written, findings."""
    return [
        (one.path, one.value, one.written.version, one.written.branch, one.base, one.head, " ".join(one.findings))
        for one in blame(analysis, parse_target(text))
    ]


def entries(analysis: Analysis, text: str, **options: Any) -> list[tuple[Any, ...]]:
    """Operation, version, head, outcome, changes, findings."""
    return [
        (
            one.event.op,
            one.event.version,
            one.head,
            one.outcome,
            " ".join(f"{change.path}:{change.kind}:{change.before}:{change.after}" for change in one.changes),
            " ".join(one.findings),
        )
        for one in log(analysis, parse_target(text), **options)
    ]


# ---- blame --------------------------------------------------------------------------------------------------------


def test_each_field_names_its_last_write_and_what_the_writer_knew(analyse: Analyse) -> None:
    assert lines(analyse(TRACE), "doc/1") == [
        ("/a", "1", "1", "M", None, None, ""),
        ("/b", "3", "3", "B", "1", "2", "DRF101"),
    ]


def test_blame_at_a_version(analyse: Analyse) -> None:
    assert lines(analyse(TRACE), "doc/1@2") == [
        ("/a", "1", "1", "M", None, None, ""),
        ("/b", "2", "2", "A", "1", "1", ""),
    ]


def test_blame_of_one_field(analyse: Analyse) -> None:
    assert lines(analyse(TRACE), "doc/1#/a") == [("/a", "1", "1", "M", None, None, "")]


def test_blame_of_what_is_gone_is_empty(analyse: Analyse) -> None:
    analysis = analyse("M: write doc/1 {a: 1, b: 1} @1\nM: write doc/1 {a: 1} @2")
    assert lines(analysis, "doc/1#/b") == []
    assert [path for path, *_ in lines(analysis, "doc/1")] == ["/a"]


def test_a_finding_belongs_to_its_fields_only(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {a: 1, b: 1} @1
        A: patch doc/1 {b: 2} @2 base 1
        B: patch doc/1 {a: 3, b: 3} @3 base 1
    """)
    assert [(path, found) for path, *_, found in lines(analysis, "doc/1")] == [("/a", ""), ("/b", "DRF101")]


def test_the_head_is_the_version_before_in_the_stores_order(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @1
        A: begin u
        A: patch doc/1 {n: 9} @2
        A: abort u
        B: patch doc/1 {m: 4} @4
        C: patch doc/1 {k: 3} @3
    """)
    assert [(path, head) for path, _, _, _, _, head, _ in lines(analysis, "doc/1")] == [
        ("/k", "1"),
        ("/m", "3"),
        ("/n", None),
    ]


def test_the_base_of_a_merge_is_its_newest(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @1
        M: write doc/1 {n: 2} @2
        M: merge doc/1 {n: 3} @3 bases 2 1
    """)
    assert lines(analysis, "doc/1") == [("/n", "3", "3", "M", "2", "2", "")]


def test_json_of_blame(analyse: Analyse) -> None:
    (_, line) = blame(analyse(TRACE), parse_target("doc/1"))
    assert line.as_json() == {
        "path": "/b",
        "value": "3",
        **line.written.as_json(),
        "base": "1",
        "head": "2",
        "findings": ["DRF101"],
    }


@pytest.mark.parametrize("ask", [blame, log])
def test_what_is_not_there_is_refused(analyse: Analyse, ask: Callable[..., object]) -> None:
    with pytest.raises(DriftlineError, match="no object 'doc/2'"):
        ask(analyse(TRACE), parse_target("doc/2"))


# ---- log ----------------------------------------------------------------------------------------------------------


def test_everything_that_happened_oldest_first(analyse: Analyse) -> None:
    assert entries(analyse(TRACE), "doc/1") == [
        ("write", "1", None, "committed", "/a:added:None:1 /b:added:None:1", ""),
        ("patch", "2", "1", "committed", "/b:changed:1:2", ""),
        ("patch", "3", "2", "committed", "/b:changed:2:3", "DRF101"),
    ]


def test_removals_are_listed_with_what_they_took_back(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {a: 1, b: 1} @1
        A: write doc/1 {a: 1} @2
        A: delete doc/1 @3
        A: write doc/1 {a: 5} @4
    """)
    assert [(op, changed) for op, _, _, _, changed, _ in entries(analysis, "doc/1")] == [
        ("write", "/a:added:None:1 /b:added:None:1"),
        ("write", "/a:unchanged:1:1 /b:removed:1:None"),
        ("delete", "/a:removed:1:None"),
        ("write", "/a:added:None:5"),
    ]


def test_aborted_and_unknown_writes_are_listed_as_such(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @1
        A: begin u
        A: patch doc/1 {n: 2} @2
        A: abort u
        B: begin u
        B: patch doc/1 {n: 3} @3
        B: crash
    """)
    assert entries(analysis, "doc/1") == [
        ("write", "1", None, "committed", "/n:added:None:1", ""),
        ("patch", "2", "1", "aborted", "/n:changed:1:2", ""),
        ("patch", "3", "1", "unknown", "/n:changed:1:3", "DRF104 DRF401"),
    ]


def test_decisions_stand_with_the_version_that_they_are_about(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @1
        M: write doc/1 {n: 2} @2
        M: quarantine doc/1 @1 reason stale
        M: promote doc/1 @2
    """)
    found = log(analysis, parse_target("doc/1"))
    assert [(one.event.op, one.event.version, one.event.reason, one.changes == ()) for one in found] == [
        ("write", "1", None, False),
        ("quarantine", "1", "stale", True),
        ("write", "2", None, False),
        ("promote", "2", None, True),
    ]


def test_decisions_about_labels_stand_with_their_version_too(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 1} @red
        M: write doc/1 {n: 2} @blue
        M: snapshot doc/1 @red
        M: promote doc/1 @blue
    """)
    assert [(op, version) for op, version, *_ in entries(analysis, "doc/1")] == [
        ("write", "red"),
        ("snapshot", "red"),
        ("write", "blue"),
        ("promote", "blue"),
    ]
    assert [(op, version) for op, version, *_ in entries(analysis, "doc/1@red")] == [
        ("write", "red"),
        ("snapshot", "red"),
    ]


def test_the_log_of_one_field_leaves_out_what_did_not_touch_it(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {a: 1, b: 1} @1
        A: patch doc/1 {a: 2} @2
        A: promote doc/1 @2
        A: patch doc/1 {b: 2} @3
        C: write doc/1 {a: 2} @4
    """)
    assert [(version, changed) for _, version, _, _, changed, _ in entries(analysis, "doc/1#/b")] == [
        ("1", "/b:added:None:1"),
        ("3", "/b:changed:1:2"),
        ("4", "/b:removed:2:None"),
    ]


def test_the_log_up_to_a_version(analyse: Analyse) -> None:
    assert [version for _, version, *_ in entries(analyse(TRACE), "doc/1@2")] == ["1", "2"]


def test_the_newest_entries_of_a_log(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    assert [version for _, version, *_ in entries(analysis, "doc/1", limit=2)] == ["2", "3"]
    assert entries(analysis, "doc/1", limit=0) == []


def test_without_an_order_the_log_is_by_the_clock(analyse: Analyse) -> None:
    analysis = analyse("unordered\nM: write doc/1 {n: 1} @2\nM: patch doc/1 {n: 2} @1")
    assert [(version, outcome, changed) for _, version, _, outcome, changed, _ in entries(analysis, "doc/1")] == [
        ("2", "committed", "/n:added:None:1"),
        ("1", "committed", "/n:added:None:2"),
    ]


def test_json_of_a_log_entry(analyse: Analyse) -> None:
    entry = log(analyse(TRACE), parse_target("doc/1"))[-1]
    assert entry.as_json() == {
        **entry.event.as_json(),
        "base": "1",
        "head": "2",
        "outcome": "committed",
        "reason": None,
        "changes": [{"path": "/b", "kind": "changed", "before": "2", "after": "3"}],
        "findings": ["DRF101"],
    }
