"""docs/policy.md: every snippet of it is a sound policy, and nothing that a policy may say is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from driftline.discipline import CHECKS, STRATEGIES, check_text
from driftline.discipline.keys import TABLES
from driftline.discipline.strategies import TIE_BREAKS

PAGE = (Path(__file__).parents[1] / "docs" / "policy.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_every_snippet_is_sound(snippet: str) -> None:
    assert check_text(snippet).problems == ()


def test_there_is_one_for_each_strategy_and_each_check() -> None:
    assert len(SNIPPETS) == 1 + len(STRATEGIES) + len(CHECKS)
    for name in (*STRATEGIES, *CHECKS):
        assert f"\n### {name}\n" in PAGE


def test_every_key_option_and_tie_break_is_listed() -> None:
    options = [option.name for known in (*STRATEGIES.values(), *CHECKS.values()) for option in known.options]
    keys = [key.name for table in TABLES.values() for key in table.keys]
    for name in (*keys, *options, *TIE_BREAKS):
        assert f"\n| `{name}` | " in PAGE
