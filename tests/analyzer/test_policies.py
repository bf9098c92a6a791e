"""The policy that an analysis is made under: which one, what it puts into tables, and what it costs the cache."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from traces import record_trace

from driftline import DriftlineError
from driftline.discipline import Policy, loads
from driftline.discipline.policy import PHASES
from driftline_analyzer import analyze

TRACE: Final = "A: write doc/1 {n: 0}"
OWN: Final = """
[phases]
order = ["draft", "final"]
[types.doc]
required = ["/a", "/b"]
immutable = ["/id"]
references = { "/owner" = "agent", "/facts/*/entity" = "entity" }
[types.note]
immutable = true
"""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    record_trace(TRACE, tmp_path / "run.drift")
    return tmp_path / "run.drift"


def test_without_any_policy_the_default_phases_are_in_force(trace: Path) -> None:
    with analyze(trace) as analysis:
        assert analysis.policy.origin == "default"
        assert analysis.rows("SELECT rank, phase FROM policy_phase ORDER BY rank") == list(enumerate(PHASES, 1))
        for table in ("policy_type", "policy_required", "policy_reference", "policy_immutable"):
            assert analysis.rows(f"FROM {table}") == []


def test_the_traces_own_policy_fills_the_tables(tmp_path: Path) -> None:
    record_trace(TRACE, tmp_path / "run.drift", policy=OWN)
    with analyze(tmp_path / "run.drift") as analysis:
        assert analysis.policy.origin == "trace"
        assert analysis.rows("FROM policy_phase ORDER BY rank") == [(1, "draft"), (2, "final")]
        assert analysis.rows("FROM policy_type") == [("doc",), ("note",)]
        assert analysis.rows("FROM policy_required") == [("doc", "/a"), ("doc", "/b")]
        assert analysis.rows("FROM policy_reference") == [
            ("doc", "/owner", "agent"),
            ("doc", "/facts/*/entity", "entity"),
        ]
        assert analysis.rows("FROM policy_immutable") == [("doc", "/id"), ("note", "")]


def test_a_policy_that_is_given_goes_before_the_traces_own(tmp_path: Path) -> None:
    record_trace(TRACE, tmp_path / "run.drift", policy=OWN)
    (tmp_path / "p.toml").write_text('[phases]\norder = ["other"]')
    for given in (tmp_path / "p.toml", str(tmp_path / "p.toml"), loads('[phases]\norder = ["other"]')):
        with analyze(tmp_path / "run.drift", policy=given) as analysis:
            assert analysis.policy.origin == "given"
            assert analysis.rows("FROM policy_phase") == [(1, "other")]


def test_a_file_that_is_wrong_is_refused(trace: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("[phase]")
    with (
        pytest.raises(DriftlineError, match=r"p\.toml, line 1: phase: there is no such table"),
        analyze(trace, policy=tmp_path / "p.toml"),
    ):
        raise AssertionError


def test_what_is_wrong_with_the_traces_own_is_told_and_left_out(trace: Path) -> None:
    header = trace / "trace.json"
    wrong = r'"policy": "[phases]\norder = [\"a\"]\n[gate]\northodox = 1\n"'
    header.write_text(header.read_text().replace('"policy": null', wrong))
    with analyze(trace) as analysis:
        assert [problem.key for problem in analysis.policy.problems] == ["gate.orthodox"]
        assert analysis.rows("FROM policy_phase") == [(1, "a")]


def test_each_policy_has_an_analysis_of_its_own_and_the_newest_few_are_kept(trace: Path) -> None:
    def steps(policy: Policy | None) -> int:
        told: list[str] = []
        with analyze(trace, policy=policy, progress=lambda step, _share: told.append(step)):
            return len(told)

    policies = [None, *(loads(f'[phases]\norder = ["p{number}"]') for number in range(4))]
    assert all(steps(policy) for policy in policies)
    assert steps(policies[-1]) == steps(policies[-2]) == 0
    assert len(list((trace / ".cache").glob("*.duckdb"))) == 3
    assert steps(policies[0]) > 0


def test_the_default_policy_given_is_the_default(trace: Path) -> None:
    with analyze(trace):
        pass
    told: list[str] = []
    with analyze(trace, policy=Policy(), progress=lambda step, _share: told.append(step)):
        assert told == []
