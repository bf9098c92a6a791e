"""Findings as objects, as JSON and as sentences; fingerprints; the values behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from driftline_analyzer import Analysis, Finding
from driftline_analyzer.changes import VALUE_CHARACTERS, Setting
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
    ids = dict(analysis.rows("SELECT name, branch FROM branch"))
    assert finding.as_json() == {
        "code": "DRF101",
        "rule": "stale-overwrite",
        "severity": "error",
        "object": "doc/1",
        "type": "doc",
        "fields": ["/n"],
        "version": "4",
        "base": "1",
        "head": "3",
        "branch": "B",
        "branch_id": finding.branch_id,
        "others": ["A", "C"],
        "other_ids": [other.branch_id for other in finding.others],
        "time": iso(finding.time),
        "message": finding.message,
        "fix": finding.fix,
        "changes": [change.as_json() for change in finding.changes],
        "basis": "recorded",
        "evidence": list(finding.evidence),
        "also": ["silent-revert", "dropped-field"],
        "part_of": None,
        "blast_radius": {
            "versions": 1,
            "version_ids": ["report/1@1"],
            "branches": 1,
            "branch_ids": [ids["R"]],
            "objects": 2,
            "outputs": ["doc/1", "report/1"],
            "output_count": 2,
        },
        "fingerprint": finding.fingerprint,
    }


def test_the_page_on_findings_names_every_key(analyse: Analyse) -> None:
    page = (Path(__file__).parents[2] / "docs/findings.md").read_text(encoding="utf-8")
    tables = [
        [key for row in re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)]
        for table in page.split("| key |")[1:]
    ]
    finding = found(analyse(TRACE), "DRF101").as_json()
    assert tables == [list(finding), sorted(finding["changes"][0]["lost"], key=tables[1].index)]


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


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("worker-17", "worker-204"),
        ("worker17", "worker3"),
        ("agent-3f9a", "agent-77bc"),
        ("agent-3f9a", "agent-2041"),
        ("job.0d5e3c1fabcd", "job.deadbeefcafe"),
        ("task_550e8400-e29b-41d4-a716-446655440000", "task_6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("run.01ARZ3NDEKTSV4RRFFQ69G5FAV", "run.01BX5ZZKBKACTAV9WEVGEMMVRZ"),
        ("main#1", "main#2"),
        ("équipe-1", "équipe-22"),
    ],
)
def test_fingerprints_do_not_depend_on_numbers_and_ids_in_names(analyse: Analyse, one: str, another: str) -> None:
    def run(name: str) -> list[str]:
        text = TRACE.replace("B:", f"{name}:").replace("A:", f"x-{name}:").replace("start t", "start do-4")
        return fingerprints(analyse(text.replace("finish t", "finish do-4")))

    assert run(one) == run(another)
    assert run(one) != fingerprints(analyse(TRACE))


def test_fingerprints_do_not_depend_on_numbers_in_the_names_of_tasks(analyse: Analyse) -> None:
    one, another = (
        found(analyse(TRACE.replace("start t", f"start t{n}").replace("finish t", f"finish t{n}")), "DRF601")
        for n in (1, 22)
    )
    assert one.fingerprint == another.fingerprint


@pytest.mark.parametrize(
    ("one", "another", "same"),
    [
        ("planner", "plan", False),
        ("face", "fade", False),
        ("n1", "n2", False),
        ("n550e8400", "n6ba7b810", False),
        ("550e8400", "6ba7b810", True),
    ],
)
def test_fields_keep_their_numbers_but_not_their_ids(analyse: Analyse, one: str, another: str, *, same: bool) -> None:
    before, after = (found(analyse(TRACE.replace("n:", f'"{name}":')), "DRF101") for name in (one, another))
    assert (before.fingerprint == after.fingerprint) is same


def test_two_workers_of_one_name_count_as_one_party(analyse: Analyse) -> None:
    one = TRACE.replace("A:", "w-1:").replace("C:", "w-2:").replace("B:", "w-3:")
    another = TRACE.replace("A:", "w-7:").replace("C: patch doc/1 {n: 2} @3 base 2", "").replace("B:", "w-8:")
    assert found(analyse(one), "DRF101").fingerprint == found(analyse(another), "DRF101").fingerprint


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


def told(setting: Setting | None) -> Any:
    """A value as (version, branch, text); None where there is none."""
    return setting and (setting.version, setting.branch, setting.value)


def changes(analysis: Analysis, code: str) -> list[tuple[Any, ...]]:
    """Of each field its path, the value at the base, the value lost, the value that won, and another's."""
    return [
        (one.path, told(one.base), told(one.lost), told(one.won), told(one.other))
        for one in found(analysis, code).changes
    ]


def test_changes_are_what_stood_at_the_base_what_was_lost_and_what_won(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    assert changes(analysis, "DRF101") == [("/n", ("1", "M", "0"), ("3", "C", "2"), ("4", "B", "3"), None)]
    assert changes(analysis, "DRF102") == [("/back", ("1", "M", "0"), ("2", "A", "1"), ("4", "B", "0"), None)]
    assert changes(analysis, "DRF103") == [("/new", None, ("2", "A", "[1]"), ("4", "B", None), None)]
    assert changes(analysis, "DRF601") == []


def test_the_value_at_the_base_may_be_older_than_the_base(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0, m: 0} @1
        M: patch doc/1 {m: 1} @2 base 1
        A: patch doc/1 {n: 1} @3 base 2
        B: patch doc/1 {n: 2} @4 base 2
    """)
    assert changes(analysis, "DRF101") == [("/n", ("1", "M", "0"), ("3", "A", "1"), ("4", "B", "2"), None)]


def test_a_lost_removal_has_no_value(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: gone} @2 base 1
        B: patch doc/1 {n: 2} @3 base 1
    """)
    assert changes(analysis, "DRF101") == [("/n", ("1", "M", "0"), ("2", "A", None), ("3", "B", "2"), None)]
    (change,) = found(analysis, "DRF101").changes
    assert change.lost is not None
    assert change.lost.removed
    assert (change.lost.size, change.lost.digest) == (None, None)


def test_a_delete_leaves_no_value(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: delete doc/1 @3 base 1
    """)
    assert changes(analysis, "DRF101") == [("/n", ("1", "M", "0"), ("2", "A", "1"), ("3", "B", None), None)]


def test_where_nothing_was_lost_there_is_what_others_set(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0, m: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {m: 2} @3 base 1
    """)
    assert changes(analysis, "DRF107") == [("/n", ("1", "M", "0"), None, None, ("2", "A", "1"))]


def test_of_a_read_there_is_what_was_read(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: begin u
        A: patch doc/1 {n: 1} @2 base 1
        B: read doc/1 @2
        A: patch doc/1 {n: 2} @3 base 2
        A: commit u
    """)
    assert changes(analysis, "DRF204") == [("/n", ("2", "A", "1"), None, None, ("3", "A", "2"))]
    assert (found(analysis, "DRF204").version, found(analysis, "DRF204").head) == ("2", "2")


def test_a_read_of_what_was_undone_saw_the_void_value(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: begin u
        A: patch doc/1 {n: 1} @2 base 1
        B: read doc/1 @2
        A: abort u
    """)
    assert changes(analysis, "DRF203") == [("/n", ("2", "A", "1"), None, None, None)]


def test_what_was_changed_in_place_is_what_won(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        B: read doc/1 as {n: 5} @1
    """)
    assert changes(analysis, "DRF506") == [("/n", ("1", "M", "0"), None, ("1", "B", "5"), None)]


def test_without_an_order_the_values_that_met_are_told(analyse: Analyse) -> None:
    analysis = analyse("""
        unordered
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {n: 2} @3 base 1
    """)
    assert changes(analysis, "DRF101") == [("/n", None, ("2", "A", "1"), ("3", "B", "2"), None)]
    assert found(analysis, "DRF101").head is None


def test_a_value_in_json_says_who_set_it_when_and_how_large_it_is(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    (change,) = found(analysis, "DRF101").changes
    assert change.lost is not None
    assert change.as_json()["lost"] == {
        "version": "3",
        "branch": "C",
        "branch_id": change.lost.branch_id,
        "event": change.lost.event,
        "time": iso(change.lost.time),
        "value": "2",
        "cut": False,
        "size": 1,
        "digest": change.lost.digest,
    }
    assert list(change.as_json()) == ["path", "base", "lost", "won", "other"]
    assert re.fullmatch("[0-9a-f]{16}", change.lost.digest or "")


def test_a_long_value_is_cut_and_its_size_stated(analyse: Analyse) -> None:
    analysis = analyse(TRACE.replace("n: 3", f'n: "{"x" * 5_000}"'))
    (change,) = found(analysis, "DRF101").changes
    assert change.won is not None
    assert change.won.value == '"' + "x" * (VALUE_CHARACTERS - 1)
    assert (change.won.cut, change.won.length, change.won.size) == (True, 5_002, 5_002)
    number = found(analysis, "DRF101").number
    (whole,) = analysis.numbered([number], characters=6_000)[number].changes
    assert whole.won is not None
    assert (whole.won.cut, len(whole.won.value or "")) == (False, 5_002)


def test_where_no_values_were_kept_there_are_sizes_and_digests(analyse: Analyse) -> None:
    analysis = analyse(TRACE, values="digest")
    assert [finding.code for finding in analysis.findings()] == ["DRF101", "DRF102", "DRF103", "DRF601"]
    (change,) = found(analysis, "DRF101").changes
    assert change.lost is not None
    assert change.won is not None
    assert (change.lost.value, change.lost.size, change.lost.removed) == (None, 1, False)
    assert change.lost.digest != change.won.digest


def test_of_very_many_fields_the_first_have_their_values(analyse: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftline_analyzer.pipeline.STAKE_FIELDS", 3)
    every = [", ".join(f"{name}: {value}" for name in "abcdef") for value in range(3)]
    analysis = analyse(
        f"M: write doc/1 {{{every[0]}}} @1\nA: patch doc/1 {{{every[1]}}} @2 base 1\n"
        f"B: patch doc/1 {{{every[2]}}} @3 base 1"
    )
    finding = found(analysis, "DRF101")
    assert len(finding.fields) == 6
    assert [change.path for change in finding.changes] == ["/a", "/b", "/c"]


# ---- base and head ------------------------------------------------------------------------------------------------


def test_the_head_is_the_version_that_stood_when_it_wrote(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0, m: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        C: begin u
        C: patch doc/1 {m: 7} @3 base 2
        C: abort u
        B: patch doc/1 {n: 2} @4 base 1
        D: patch doc/1 {m: 1} @5 base 4
    """)
    assert (found(analysis, "DRF101").base, found(analysis, "DRF101").head) == ("1", "2")


def test_the_head_follows_the_order_of_the_store_and_not_of_recording(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        C: patch doc/1 {n: 9} @4 base 3
        B: patch doc/1 {n: 2} @3 base 1
    """)
    assert found(analysis, "DRF101").head == "2"


# ---- one fault, one finding that speaks ---------------------------------------------------------------------------


def spoken(analysis: Analysis) -> dict[str, str | None]:
    return {finding.code: finding.part_of and finding.part_of.code for finding in analysis.findings()}


def test_a_merge_that_loses_a_value_speaks_of_the_value(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: merge doc/1 {n: 2} @3 bases 1
    """)
    assert spoken(analysis) == {"DRF101": None, "DRF202": "DRF101"}
    assert found(analysis, "DRF202").as_json()["part_of"] == "stale-overwrite"
    assert found(analysis, "DRF101").also == (found(analysis, "DRF202").rule,)


def test_two_losses_of_one_write_in_different_fields_both_speak(analyse: Analyse) -> None:
    assert spoken(analyse(TRACE)) == {"DRF101": None, "DRF102": None, "DRF103": None, "DRF601": None}


def test_a_reference_to_what_was_removed_speaks_for_the_stale_read(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write agent/1 {n: 0} @1
        M: write task/1 {n: 0} @1
        A: read agent/1 @1
        A: read task/1 @1
        C: delete agent/1 @2 base 1
        A: patch task/1 {owner: "agent/1"} @2 base 1 refs /owner=agent/1
    """)
    assert spoken(analysis) == {"DRF201": "DRF302", "DRF302": None}


def test_findings_of_one_event_with_other_evidence_both_speak(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        M: write src/1 {n: 0} @1
        B: read src/1 @1
        D: patch src/1 {n: 1} @2 base 1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {n: 2} @3 base 1
    """)
    assert spoken(analysis) == {"DRF101": None, "DRF201": None}


# ---- what to do ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "says", "says_not"),
    [
        ("B: patch doc/1 {n: 2} @3 base 1", "Make the patch of /n by B conditional on version 1", "Declare"),
        ("B: write doc/1 {n: 2} @3 base 1", "Let B patch only what it means to change", "Declare"),
        ("B: delete doc/1 @3 base 1", "Let B delete doc/1 only on condition that version 1 still stands", "Declare"),
        ("B: merge doc/1 {n: 2} @3 bases 1", "Let B take version 2 into its merge", "Declare"),
        ("B: patch doc/1 {n: 2} @3", "version 1 is only what B was last known to have seen", "forked"),
    ],
    ids=["patch", "write", "delete", "merge", "inferred"],
)
def test_the_fix_fits_the_case(analyse: Analyse, write: str, says: str, says_not: str) -> None:
    analysis = analyse(f"""
        M: write doc/1 {{n: 0}} @1
        B: read doc/1 @1
        A: patch doc/1 {{n: 1}} @2 base 1
        {write}
    """)
    fix = found(analysis, "DRF101").fix
    assert says in fix
    assert "what A set is in version 2" in fix
    assert says_not not in fix


def test_the_fix_knows_a_parent_from_a_stranger(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        M: read doc/1 @1
        B: fork M
        M: patch doc/1 {n: 1} @2
        B: patch doc/1 {n: 2} @3 base 1
    """)
    assert "One of the branches forked the other" in found(analysis, "DRF101").fix
