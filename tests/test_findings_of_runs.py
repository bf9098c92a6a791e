"""What every finding of whole runs must say: of the demo's, and of a simulated run with faults of every rule."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import driftline as dl
from driftline.demo import run_demo
from driftline.simulation import Settings, parse_faults, simulate
from driftline_analyzer import Analysis, Finding, analyze, rules
from driftline_analyzer.likeness import drifts, every_number

LOSSES = {"DRF101", "DRF102", "DRF103", "DRF105"}


def _demo(path: Path) -> None:
    with dl.record(path):
        run_demo(nodes=60, seed=7, clean=False)


def _simulated(path: Path) -> None:
    simulate(path, Settings(events=12_000, seed=4, faults=dict.fromkeys(parse_faults("all"), 0.001)))


@pytest.fixture(scope="module", params=[_demo, _simulated], ids=["demo", "simulated"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analysis]:
    path = tmp_path_factory.mktemp("runs") / "run.drift"
    request.param(path)
    with analyze(path) as analysis:
        yield analysis


@pytest.fixture(scope="module")
def findings(run: Analysis) -> list[Finding]:
    found = run.findings()
    assert len(found) > 20
    return found


def test_messages_and_fixes_are_whole_sentences(findings: list[Finding]) -> None:
    for finding in findings:
        for text in (finding.message, finding.fix):
            assert text, finding
            assert "None" not in text, finding
            assert "{" not in text, finding
        assert finding.fix.endswith("."), finding
        assert finding.branch in finding.fix or finding.object in finding.fix, finding


def test_a_loss_says_what_was_lost_and_what_won(findings: list[Finding]) -> None:
    lost = [finding for finding in findings if finding.code in LOSSES]
    assert lost
    for finding in lost:
        assert [change.path for change in finding.changes] == list(finding.fields)
        for change in finding.changes:
            assert change.lost is not None
            assert change.won is not None
            assert change.lost.branch_id in {other.branch_id for other in finding.others}
            assert (change.won.event, change.won.version) == (finding.evidence[0], finding.version)
            assert change.lost.digest != change.won.digest
        assert finding.head is not None


def test_one_fault_has_one_finding_that_speaks(findings: list[Finding]) -> None:
    by_event = defaultdict(list)
    for finding in findings:
        by_event[finding.evidence[0]].append(finding)
    assert any(finding.part_of for finding in findings)
    for together in by_event.values():
        speaking = [finding for finding in together if finding.part_of is None]
        assert speaking
        for one, another in itertools.combinations(speaking, 2):
            same_field = set(one.fields) & set(another.fields) or not (one.fields and another.fields)
            assert not (same_field and set(one.evidence[1:]) & set(another.evidence[1:])), (one, another)
        for finding in together:
            also = {rule.code for rule in finding.also}
            assert {other.code for other in together} - {finding.code} <= also
            assert finding.part_of is None or finding.part_of.code in also


def test_drifts_are_the_findings_by_fingerprint(run: Analysis, findings: list[Finding]) -> None:
    codes = [rule.code for rule in rules()]
    found = drifts(run, codes, limit=10_000)
    speaking = [finding for finding in findings if finding.part_of is None]
    prints = {finding.fingerprint for finding in speaking}
    assert (found.total, found.findings, found.beside) == (len(prints), len(speaking), len(findings) - len(speaking))
    assert {drift.fingerprint for drift in found.shown} == prints
    number = {finding.number: finding for finding in findings}
    for drift in found.shown:
        alike = [finding for finding in speaking if finding.fingerprint == drift.fingerprint]
        assert drift.findings == len(alike)
        assert drift.objects == len({finding.object for finding in alike} - {None})
        assert {number[n].fingerprint for n in (drift.number, *drift.more)} == {drift.fingerprint}
        assert drift.number not in drift.more


def test_each_rule_shows_its_first_drift_before_any_its_second(run: Analysis, findings: list[Finding]) -> None:
    speaking = {finding.code for finding in findings if finding.part_of is None}
    shown = drifts(run, [rule.code for rule in rules()], limit=len(speaking)).shown
    assert sorted(drift.code for drift in shown) == sorted(speaking)
    severity = {rule.code: ("error", "warning", "note").index(rule.severity) for rule in rules()}
    assert [drift.code for drift in shown] == sorted(speaking, key=lambda code: (severity[code], code))


def test_every_number_is_every_finding_with_those_alike_together(run: Analysis, findings: list[Finding]) -> None:
    numbers = list(every_number(run, [rule.code for rule in rules()]))
    assert sorted(numbers) == [finding.number for finding in findings]
    print_of = {finding.number: finding.fingerprint for finding in findings}
    runs = [key for key, _ in itertools.groupby(print_of[number] for number in numbers)]
    assert len(runs) == len(set(runs))


def test_findings_of_a_rule_whose_speaker_was_left_out_speak_for_themselves(
    run: Analysis, findings: list[Finding]
) -> None:
    silent = next(finding for finding in findings if finding.part_of is not None)
    found = drifts(run, [silent.code], limit=10_000)
    assert found.beside == 0
    assert found.findings == sum(finding.code == silent.code for finding in findings)
