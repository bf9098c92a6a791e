"""The sample traces give the findings that their README promises."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from driftline_analyzer import analyze

SAMPLES = Path(__file__).parent.parent / "sample_traces"


def promised() -> dict[str, tuple[bool, dict[str, int]]]:
    """The README's table: trace → (complete, findings by rule)."""
    table = {}
    for line in (SAMPLES / "README.md").read_text().splitlines():
        if line.startswith("|") and ".drift" in line:
            name, _, _, complete, findings = (cell.strip() for cell in line.strip("|").split("|"))
            pairs = [] if findings == "none" else [part.strip().rsplit(" ", 1) for part in findings.split(",")]
            table[name] = (complete == "yes", {rule: int(count) for rule, count in pairs})
    return table


def test_the_readme_lists_every_trace() -> None:
    assert set(promised()) == {path.name for path in SAMPLES.glob("*.drift")}
    assert len(promised()) >= 3


@pytest.mark.parametrize("name", promised())
def test_a_sample_gives_what_it_must(name: str, tmp_path: Path) -> None:
    complete, expected = promised()[name]
    copy = shutil.copytree(SAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns(".cache"))
    with analyze(copy) as analysis:
        assert Counter(finding.rule.name for finding in analysis.findings()) == expected
        assert analysis.summary.complete is complete


@pytest.mark.parametrize("name", ["drifting", "clean", "crashed"])
def test_the_command_that_made_it_makes_another(name: str, tmp_path: Path) -> None:
    made = tmp_path / f"{name}.drift"
    subprocess.run([sys.executable, SAMPLES / "make.py", name, str(made)], check=True, timeout=60)
    with analyze(made) as analysis:
        rules = {finding.rule.name for finding in analysis.findings()}
    assert rules == set(promised()[f"{name}.drift"][1]) if name != "drifting" else len(rules) >= 4
