"""Findings as objects, as JSON and as sentences; fingerprints; the values behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from driftline_analyzer import Analysis, Finding
from driftline_analyzer.evidence import field_evidence
from driftline_analyzer.times import iso

Analyse = Callable[..., Analysis]

TRACE: Final = """
    M: write doc/1 {n: 0, back: 0, m: 0} @1
    A: patch doc/1 {n: 1, back: 1, new: [1]} @2 base 1
    C: patch doc/1 {n: 2} @3 base 2
    B: write doc/1 {n: 3, back: 0, m: 0} @4 base 1
    R: read doc/1 @4
    R: write report/1 {text: "x"} @1
    A: start t {}
    A: finish t
    B: start t {}
    B: finish t
"""


def found(analysis: Analysis, code: str) -> Finding:
    (finding,) = analysis.findings([code])
    return finding


def test_a_finding_says_what_where_and_who(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    finding = found(analysis, "DRF101")
    clocks = dict(analysis.rows("SELECT coalesce(version, 0), clock FROM event WHERE op IN ('write', 'patch')"))
    ids = dict(analysis.rows("SELECT name, branch FROM branch"))
    assert (finding.code, finding.severity, finding.object, finding.type) == ("DRF101", "error", "doc/1", "doc")
    assert (finding.fields, finding.version, finding.base) == (("/n",), "4", "1")
    assert (finding.branch, finding.branch_id) == ("B", ids["B"])
    assert [(other.branch, other.branch_id) for other in finding.others] == [("A", ids["A"]), ("C", ids["C"])]
    assert finding.time == clocks[4]
    assert finding.message == ("B overwrote /n of doc/1, working from version 1; what A and C changed since is lost")
    assert finding.basis == "recorded"


def test_the_event_at_fault_is_the_first_evidence(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    rows = analysis.rows(
        "SELECT version, process || ':' || seq FROM event JOIN process USING (p) JOIN object USING (o)"
        " WHERE object = 'doc/1' AND op <> 'read'"
    )
    ids = dict(rows)
    assert found(analysis, "DRF101").evidence == (ids[4], ids[2], ids[3])
    assert found(analysis, "DRF102").evidence == (ids[4], ids[2])


def test_json_has_the_keys_that_are_promised(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    finding = found(analysis, "DRF101")
    assert finding.as_json() == {
        "code": "DRF101",
        "rule": "stale-overwrite",
        "severity": "error",
        "object": "doc/1",
        "type": "doc",
        "fields": ["/n"],
        "version": "4",
        "base": "1",
        "branch": "B",
        "branch_id": finding.branch_id,
        "others": ["A", "C"],
        "other_ids": [other.branch_id for other in finding.others],
        "time": iso(finding.time),
        "message": finding.message,
        "basis": "recorded",
        "evidence": list(finding.evidence),
        "also": ["silent-revert", "dropped-field"],
        "blast_radius": {
            "versions": 1,
            "branches": 1,
            "objects": 2,
            "outputs": ["doc/1", "report/1"],
            "output_count": 2,
        },
        "fingerprint": finding.fingerprint,
    }


def test_work_done_twice_belongs_to_no_object(analyse: Analyse) -> None:
    finding = found(analyse(TRACE), "DRF601")
    assert (finding.object, finding.type, finding.fields, finding.version, finding.base) == (None, None, (), None, None)
    assert finding.message == "B did t again, although A had finished the same work"
    assert finding.as_json()["object"] is None


def test_findings_are_numbered_by_time_and_chosen_by_code(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    everything = analysis.findings()
    assert [(finding.number, finding.code) for finding in everything] == [
        (1, "DRF101"),
        (2, "DRF102"),
        (3, "DRF103"),
        (4, "DRF601"),
    ]
    assert [finding.number for finding in analysis.findings(["DRF103", "DRF601"])] == [3, 4]
    assert analysis.findings([]) == []
    assert analysis.findings(["DRF999"]) == []


def test_long_lists_are_cut_in_sentences_only(analyse: Analyse) -> None:
    names = "abcdef"
    every = [", ".join(f"{name}: {value}" for name in names) for value in (0, 2)]
    changes = [f"{name.upper()}: patch doc/1 {{{name}: 1}} @{at} base 1" for at, name in enumerate(names, 2)]
    lines = [f"M: write doc/1 {{{every[0]}}} @1", *changes, f"Z: patch doc/1 {{{every[1]}}} @9 base 1"]
    analysis = analyse("\n".join(lines))
    finding = found(analysis, "DRF101")
    assert finding.fields == tuple(f"/{name}" for name in names)
    assert len(finding.others) == 6
    assert finding.message == (
        "Z overwrote /a, /b, /c and 3 more of doc/1, working from version 1;"
        " what A, B, C and 3 more changed since is lost"
    )


# ---- fingerprints -------------------------------------------------------------------------------------------------


def fingerprints(analysis: Analysis) -> list[str]:
    return [finding.fingerprint for finding in analysis.findings()]


def test_fingerprints_are_the_same_from_run_to_run(analyse: Analyse) -> None:
    assert fingerprints(analyse(TRACE)) == fingerprints(analyse(TRACE))


def test_fingerprints_do_not_depend_on_object_version_or_timing(analyse: Analyse) -> None:
    moved = re.sub(r"(@|base )(\d)", r"\g<1>1\2", TRACE.replace("doc/1", "doc/77"))
    extra = "Z: write other/1 {n: 0}\n"
    assert fingerprints(analyse(TRACE)) == fingerprints(analyse(extra + moved))


@pytest.mark.parametrize(
    ("old", "new"),
    [("B: write", "D: write"), ("A: patch", "D: patch"), ("doc/", "page/"), ("n: ", "k: ")],
    ids=["branch", "other", "type", "field"],
)
def test_fingerprints_tell_apart_who_and_what(analyse: Analyse, old: str, new: str) -> None:
    before, after = (found(analyse(text), "DRF101") for text in (TRACE, TRACE.replace(old, new)))
    assert before.fingerprint != after.fingerprint


def test_two_rules_at_one_write_have_two_fingerprints(analyse: Analyse) -> None:
    prints = fingerprints(analyse(TRACE))
    assert len(set(prints)) == len(prints)


# ---- the values behind a finding ----------------------------------------------------------------------------------


def evidence(analysis: Analysis, code: str) -> list[tuple[Any, ...]]:
    return [
        (one.path, one.base_value, one.lost_value, one.lost and one.lost.version, one.won_value)
        for one in field_evidence(analysis, found(analysis, code))
    ]


def test_evidence_is_what_stood_at_the_base_what_was_lost_and_what_won(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    assert evidence(analysis, "DRF101") == [("/n", "0", "2", "3", "3")]
    assert evidence(analysis, "DRF102") == [("/back", "0", "1", "2", "0")]
    assert evidence(analysis, "DRF103") == [("/new", None, "[1]", "2", None)]
    assert evidence(analysis, "DRF601") == []


def test_the_value_at_the_base_may_be_older_than_the_base(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0, m: 0} @1
        M: patch doc/1 {m: 1} @2 base 1
        A: patch doc/1 {n: 1} @3 base 2
        B: patch doc/1 {n: 2} @4 base 2
    """)
    assert evidence(analysis, "DRF101") == [("/n", "0", "1", "3", "2")]


def test_a_lost_removal_has_no_value(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: gone} @2 base 1
        B: patch doc/1 {n: 2} @3 base 1
    """)
    assert evidence(analysis, "DRF101") == [("/n", "0", None, "2", "2")]


def test_a_delete_leaves_no_value(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: delete doc/1 @3 base 1
    """)
    assert evidence(analysis, "DRF101") == [("/n", "0", "1", "2", None)]


def test_evidence_of_a_note_has_what_others_set_and_nothing_lost(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0, m: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {m: 2} @3 base 1
    """)
    assert evidence(analysis, "DRF107") == [("/n", None, None, None, None)]


def test_evidence_is_json_with_the_time_of_the_lost_write(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    (one,) = field_evidence(analysis, found(analysis, "DRF101"))
    assert one.lost is not None
    shown = one.as_json()
    assert shown["lost"]["time"] == iso(one.lost.time)
    assert (shown["path"], shown["lost"]["branch"], shown["lost"]["version"]) == ("/n", "C", "3")


def test_where_no_values_were_kept_evidence_has_none(analyse: Analyse) -> None:
    analysis = analyse(TRACE, values="digest")
    assert [finding.code for finding in analysis.findings()] == ["DRF101", "DRF102", "DRF103", "DRF601"]
    assert evidence(analysis, "DRF101") == [("/n", None, None, "3", None)]
