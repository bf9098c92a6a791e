"""Blast radius: what a finding went on to contaminate, counted exactly on small traces."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from programs import Program, programs, record

from driftline_analyzer import Analysis, Blast, analyze, blast

Analyse = Callable[..., Analysis]

#: B's version 3 loses A's /n.
DRIFT: Final = """
    M: write doc/1 {n: 0, m: 0} @1
    A: patch doc/1 {n: 1} @2 base 1
    B: patch doc/1 {n: 2} @3 base 1
"""


def whole_radius(analysis: Analysis, code: str = "DRF101") -> Blast:
    (finding,) = analysis.findings([code])
    assert finding.blast is not None
    return finding.blast


def radius(analysis: Analysis, code: str = "DRF101") -> Blast:
    """Counts and outputs alone; the names are put to the test against the plain account."""
    found = whole_radius(analysis, code)
    counts = found.versions, found.branches
    assert (len(found.version_ids), len(found.branch_ids)) == tuple(min(count, blast.NAMED) for count in counts)
    return replace(found, version_ids=(), branch_ids=())


def test_a_drift_that_nobody_read_stays_where_it_is(analyse: Analyse) -> None:
    assert radius(analyse(DRIFT)) == Blast(versions=0, branches=0, objects=1, outputs=("doc/1",), output_count=1)


def test_a_reader_is_counted_and_so_is_what_it_writes(analyse: Analyse) -> None:
    analysis = analyse(DRIFT + "R: read doc/1 @3\nR: write report/1 {x: 1}\nR: write report/2 {x: 1}\n")
    assert radius(analysis) == Blast(2, 1, 3, ("doc/1", "report/1", "report/2"), 3)


def test_a_reader_of_another_field_is_none(analyse: Analyse) -> None:
    analysis = analyse(DRIFT + "R: read doc/1 /m @3\nR: write report/1 {x: 1}\n")
    assert radius(analysis) == Blast(0, 0, 1, ("doc/1",), 1)


def test_a_reader_of_the_field_alone_is_one(analyse: Analyse) -> None:
    analysis = analyse(DRIFT + "R: read doc/1 /n @3\nR: write report/1 {x: 1}\n")
    assert radius(analysis) == Blast(1, 1, 2, ("doc/1", "report/1"), 2)


def test_a_reader_of_the_version_before_is_none(analyse: Analyse) -> None:
    analysis = analyse(DRIFT + "R: read doc/1 @2\nR: write report/1 {x: 1}\n")
    assert radius(analysis) == Blast(0, 0, 1, ("doc/1",), 1)


def test_a_reader_of_a_later_version_in_which_it_still_stands_is_one(analyse: Analyse) -> None:
    analysis = analyse(DRIFT + "C: patch doc/1 {m: 1} @4 base 3\nR: read doc/1 @4\n")
    assert radius(analysis) == Blast(0, 1, 1, ("doc/1",), 1)


def test_a_reader_after_it_was_set_again_is_none(analyse: Analyse) -> None:
    analysis = analyse(DRIFT + "C: patch doc/1 {n: 3} @4 base 3\nR: read doc/1 @4\nR: write report/1 {x: 1}\n")
    assert radius(analysis) == Blast(0, 0, 1, (), 0)


def test_what_a_reader_had_written_before_is_clean(analyse: Analyse) -> None:
    analysis = analyse("R: write early/1 {x: 1}\n" + DRIFT + "R: read doc/1 @3\nR: write late/1 {x: 1}\n")
    assert radius(analysis) == Blast(1, 1, 2, ("doc/1", "late/1"), 2)


def test_a_write_that_changes_nothing_carries_nothing(analyse: Analyse) -> None:
    analysis = analyse("M: write report/1 {x: 1} @1\n" + DRIFT + "R: read doc/1 @3\nR: patch report/1 {x: 1} @2\n")
    assert radius(analysis) == Blast(0, 1, 1, ("doc/1",), 1)


def test_contamination_is_followed_from_branch_to_branch(analyse: Analyse) -> None:
    analysis = analyse(
        DRIFT
        + """
        R: read doc/1 @3
        R: write one/1 {x: 1} @1
        S: read one/1 @1
        S: write two/1 {x: 1} @1
        T: read two/1 @1
        T: write three/1 {x: 1} @1
        T: write four/1 {x: 1} @1
        U: read four/1 @1
        """
    )
    assert radius(analysis) == Blast(4, 4, 5, ("doc/1", "four/1", "one/1", "three/1", "two/1"), 5)


def test_only_what_was_written_after_the_contamination_is_read_on(analyse: Analyse) -> None:
    analysis = analyse(
        """
        R: write one/1 {x: 1} @1
        """
        + DRIFT
        + """
        R: read doc/1 @3
        S: read one/1 @1
        S: write two/1 {x: 1} @1
        """
    )
    assert radius(analysis) == Blast(0, 1, 1, ("doc/1",), 1)


def test_an_output_is_what_still_stands_at_the_end(analyse: Analyse) -> None:
    analysis = analyse(
        DRIFT
        + """
        R: read doc/1 @3
        R: write one/1 {x: 1, y: 1} @1
        R: write two/1 {x: 1} @1
        C: patch one/1 {x: 2} @2
        C: write two/1 {x: 2} @2
        """
    )
    assert radius(analysis) == Blast(2, 1, 3, ("doc/1", "one/1"), 2)


def test_a_cycle_between_branches_ends(analyse: Analyse) -> None:
    analysis = analyse(
        DRIFT
        + """
        R: read doc/1 @3
        R: write one/1 {x: 1} @1
        S: read one/1 @1
        S: write two/1 {x: 1} @1
        R: read two/1 @1
        R: write one/1 {x: 2} @2
        S: read one/1 @2
        S: write doc/1 {n: 9, m: 0} @4 base 3
        """
    )
    assert radius(analysis) == Blast(4, 2, 3, ("doc/1", "one/1", "two/1"), 3)


def test_the_branch_where_it_began_is_no_victim(analyse: Analyse) -> None:
    analysis = analyse(
        DRIFT
        + """
        B: write own/1 {x: 1} @1
        R: read doc/1 @3
        R: write one/1 {x: 1} @1
        B: read one/1 @1
        B: write own/2 {x: 1} @1
        """
    )
    assert radius(analysis) == Blast(1, 1, 2, ("doc/1", "one/1"), 2)


def test_a_branch_counts_from_the_first_time_that_it_read_it(analyse: Analyse) -> None:
    analysis = analyse(
        DRIFT
        + """
        R: read doc/1 @3
        R: write one/1 {x: 1} @1
        C: patch doc/1 {m: 1} @4 base 3
        R: read doc/1 @4
        R: write two/1 {x: 1} @1
        """
    )
    assert radius(analysis) == Blast(2, 1, 3, ("doc/1", "one/1", "two/1"), 3)


def test_an_earlier_way_that_is_longer_counts(analyse: Analyse) -> None:
    analysis = analyse(
        DRIFT
        + """
        R: read doc/1 @3
        R: write one/1 {x: 1} @1
        S: read one/1 @1
        S: write early/1 {x: 1} @1
        S: read doc/1 @3
        S: write late/1 {x: 1} @1
        """
    )
    assert radius(analysis) == Blast(3, 2, 4, ("doc/1", "early/1", "late/1", "one/1"), 4)


def test_a_field_that_is_missing_contaminates_those_who_read_the_object(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {extra: 1} @2 base 1
        B: write doc/1 {n: 1} @3 base 1
        R: read doc/1 @3
        R: write report/1 {x: 1}
    """)
    assert radius(analysis, "DRF103") == Blast(1, 1, 2, ("doc/1", "report/1"), 2)


def test_a_chain_longer_than_any_round_limit_is_followed_to_its_end(analyse: Analyse) -> None:
    links = [f"R{n}: read link/{n - 1} @1\nR{n}: write link/{n} {{x: 1}} @1" for n in range(1, 101)]
    analysis = analyse(DRIFT + "R0: read doc/1 @3\nR0: write link/0 {x: 1} @1\n" + "\n".join(links))
    found = radius(analysis)
    assert found is not None
    assert (found.versions, found.branches, found.objects, found.output_count) == (101, 101, 102, 102)
    assert found.outputs == tuple(sorted(["doc/1", *(f"link/{n}" for n in range(101))])[: blast.NAMED])


def test_a_note_and_work_without_fields_contaminate_nothing(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0, m: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {m: 2} @3 base 1
        A: start t
        A: finish t
        B: start t
        B: finish t
        R: read doc/1 @3
        R: write report/1 {x: 1}
    """)
    assert radius(analysis, "DRF107") == radius(analysis, "DRF601") == Blast(0, 0, 0, (), 0)


def test_beyond_so_many_findings_there_is_none(analyse: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blast, "FOLLOWED", 2)
    analysis = analyse("\n".join(DRIFT.replace("doc/1", f"doc/{n}") for n in range(3)))
    assert [finding.blast is None for finding in analysis.findings()] == [False, False, True]


def test_more_than_so_many_are_counted_and_some_of_them_named(
    analyse: Analyse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blast, "NAMED", 3)
    readers = [
        f"R{n}: read doc/1 @3\nR{n}: write copy/{n} {{n: 1}} @1\nR{n}: patch copy/{n} {{n: 2}} @2" for n in range(4)
    ]
    found = whole_radius(analyse("\n".join([DRIFT, *readers])))
    assert (found.versions, found.branches, found.output_count) == (8, 4, 5)
    assert found.version_ids == ("copy/0@1", "copy/0@2", "copy/1@1")
    assert [name.partition("#")[0] for name in found.branch_ids] == ["R0", "R1", "R2"]
    assert found.outputs == ("copy/0", "copy/1", "copy/2")


def test_versions_are_named_even_if_those_who_read_first_wrote_nothing(
    analyse: Analyse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blast, "NAMED", 3)
    readers = "\n".join(f"R{n}: read doc/1 @3" for n in range(4))
    found = whole_radius(analyse(f"{DRIFT}\n{readers}\nW: read doc/1 @3\nW: write copy/1 {{n: 1}} @1"))
    assert (found.version_ids, found.branches, len(found.branch_ids)) == (("copy/1@1",), 5, 3)


# ---- against the plainest possible account ------------------------------------------------------------------------


def plain_radius(analysis: Analysis, n: int) -> Blast:
    """The same by following every read and every setting again and again until nothing is new."""
    ((fault, fields, branch),) = analysis.rows(
        "SELECT f.e, f.fields, e.b FROM finding AS f JOIN event AS e ON e.e = f.e WHERE n = ? AND code <> 'DRF107'"
        " UNION ALL SELECT e, [], 0 FROM finding WHERE n = ? AND code = 'DRF107'",
        [n, n],
    )
    every = analysis.rows(
        "SELECT s.e, s.f, s.o, s.b, s.pos, s.until, s.changed, p.path FROM setting AS s JOIN path AS p ON p.f = s.f"
    )
    reads = analysis.rows(
        "SELECT r.e, r.o, r.b, r.pos, r.whole, list(f.f) FROM read AS r LEFT JOIN field AS f ON f.e = r.e GROUP BY ALL"
    )
    tainted = {(e, f) for e, f, *_, path in every if e == fault and path in fields}
    since: dict[int, int] = {}
    while True:
        before = len(tainted), dict(since)
        for e, f, o, _, pos, until, _, _ in every:
            for read_e, read_o, b, read_pos, whole, listed in reads:
                stands = pos <= read_pos and (until is None or read_pos < until)
                sees = read_o == o and read_e > e and stands and (whole or f in listed)
                if (e, f) in tainted and sees and b != branch:
                    since[b] = min(since.get(b, read_e), read_e)
        tainted |= {(e, f) for e, f, _, b, _, _, changed, _ in every if changed and b in since and e > since[b]}
        if before == (len(tainted), since):
            break
    names = dict(analysis.rows("SELECT o, object FROM object"))
    rows = [row for row in every if (row[0], row[1]) in tainted]
    standing = sorted({names[o] for _, _, o, _, _, until, _, _ in rows if until is None})
    versions = {e for e, *_ in rows if e != fault}
    made = analysis.rows(
        "SELECT e, object || '@' || coalesce(label, version::VARCHAR) FROM event JOIN object USING (o)"
    )
    version_of, branch_of = dict(made), dict(analysis.rows("SELECT b, branch FROM branch"))
    return Blast(
        len(versions),
        len(since),
        len({row[2] for row in rows}),
        tuple(standing),
        len(standing),
        tuple(version_of[e] for e in sorted(versions)),
        tuple(branch_of[b] for b in sorted(since, key=lambda b: (since[b], b))),
    )


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs(max_steps=60))
def test_random_programs_have_the_radius_of_the_plain_account(program: Program) -> None:
    with tempfile.TemporaryDirectory() as parent, pytest.MonkeyPatch.context() as patch:
        patch.setattr(blast, "_FIRST_WINDOW", 7)
        record(program, Path(parent) / "run.drift")
        with analyze(Path(parent) / "run.drift") as analysis:
            for finding in analysis.findings():
                assert finding.blast == plain_radius(analysis, finding.number), finding.message
