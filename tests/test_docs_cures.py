"""docs/cures.md names every cure and every number, and says of each what it assumes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from driftline.discipline import STRATEGIES
from driftline_analyzer.cures import Outcome
from driftline_analyzer.cures.optimistic import ATTEMPTS
from driftline_cli.render.cures import _CURES

PAGE = (Path(__file__).parents[1] / "docs" / "cures.md").read_text(encoding="utf-8")


def test_every_cure_has_its_section() -> None:
    for name in _CURES:
        assert f"\n### {name}\n" in PAGE


def test_every_number_is_explained() -> None:
    for field in fields(Outcome):
        assert field.name == "cure" or f"\n| `{field.name}` | " in PAGE


def test_what_it_says_of_attempts_and_lossy_strategies_is_so() -> None:
    assert f"After {ATTEMPTS} attempts" in PAGE
    lossy = [name for name, known in STRATEGIES.items() if known.lossy]
    assert f"lossy strategy ({', '.join(f'`{name}`' for name in lossy)})" in PAGE
