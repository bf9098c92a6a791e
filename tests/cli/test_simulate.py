"""`driftline simulate`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from driftline.reader import Trace
from driftline.simulation import Settings

Ask = Callable[..., Result]


def test_a_run_with_every_option(tmp_path: Path, ask: Ask) -> None:
    trace = tmp_path / "big.drift"
    options = ("--events", 1_000, "--seed", 3, "--branches", 12, "--objects", 30, "--skew", 0.5, "--processes", 2)
    result = ask("simulate", *options, "--faults", "stale-overwrite=0.002,DRF302", "-o", trace)
    assert (result.exit_code, result.stderr) == (0, "")
    truth = tmp_path / "big.truth.ndjson"
    assert f"recorded to {trace}, with 3 planted faults of 2 rules; what is to be found in it: {truth}" in result.stdout
    assert len(truth.read_text().splitlines()) == 3
    settings = Settings(
        events=1_000,
        seed=3,
        branches=12,
        objects=30,
        skew=0.5,
        processes=2,
        faults={"DRF101": 0.002, "DRF302": 0.0001},
    )
    assert Trace(trace).header.argv == settings.argv()
    found = ask("analyze", trace)
    assert found.exit_code == 1


def test_a_run_without_faults_is_clean(tmp_path: Path, ask: Ask) -> None:
    trace = tmp_path / "clean.drift"
    assert ask("simulate", "--events", 500, "--faults", "none", "-o", trace).exit_code == 0
    assert ask("analyze", trace, "--fail-on", "note").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--events", 0), "--events"),
        ((), "--events"),
        (("--events", 10, "--faults", "nothing"), "'nothing' is no rule that can be planted"),
        (("--events", 10, "--skew", -1), "--skew"),
        (("--events", 10, "--processes", 0), "--processes"),
    ],
)
def test_what_cannot_be_simulated_is_refused(tmp_path: Path, ask: Ask, words: tuple[object, ...], message: str) -> None:
    result = ask("simulate", *words, "-o", tmp_path / "run.drift")
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_trace_that_is_there_is_replaced_only_when_told(tmp_path: Path, ask: Ask) -> None:
    words = ("simulate", "--events", 100, "-o", tmp_path / "run.drift")
    assert ask(*words).exit_code == 0
    again = ask(*words)
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    assert "--overwrite" in again.stderr
    assert ask(*words, "--overwrite").exit_code == 0
