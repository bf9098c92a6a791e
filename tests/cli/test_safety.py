"""What a trace holds never drives the terminal: no control codes, no forged lines, no reordering, no markup."""

from __future__ import annotations

import json
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from typer.testing import Result

import driftline as dl
from driftline_cli import safe

Ask = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]

# Names and values that try to drive the terminal or to forge a line.
EVIL_OBJECT: Final = "evil\x1b[31m/\u202e1"
EVIL_FIELD: Final = "\x1b]0;title\x07"
EVIL_BRANCH: Final = "A\nerror[DRF999] forged"
EVIL_VALUE: Final = "[bold red]no markup[/] \x9b31m \u2066 \x7f"

QUESTIONS = [
    ["analyze", "TRACE"],
    ["info", "TRACE"],
    ["info", "TRACE", "--list", "objects"],
    ["info", "TRACE", "--list", "branches"],
    ["blame", "TRACE", EVIL_OBJECT],
    ["log", "TRACE", EVIL_OBJECT],
    ["show", "TRACE", EVIL_OBJECT],
    ["show", "TRACE", EVIL_OBJECT, "--seen-by", EVIL_BRANCH],
    ["diff", "TRACE", f"{EVIL_OBJECT}@1", "@3"],
    ["lineage", "TRACE", f"{EVIL_OBJECT}#/note"],
    ["lineage", "TRACE", EVIL_OBJECT, "--down"],
    ["blame", "TRACE", "evil/1"],
    ["blame", "TRACE", f"{EVIL_OBJECT}#/nothing\x1b[2J"],
    ["show", "TRACE", EVIL_OBJECT, "--seen-by", "nobody\x07"],
    ["rule", "\x1b[31mDRF101"],
]


@pytest.fixture
def hostile(made: Callable[..., Path]) -> Path:
    """A lost update among names and values that no terminal should see as they are."""
    return made(_hostile)


def _hostile() -> None:
    start = {EVIL_FIELD: "start", "note": EVIL_VALUE}
    dl.write(EVIL_OBJECT, start, version=1, type="type\x1b[2J")
    with dl.branch(EVIL_BRANCH, phase="phase\x1b[5m"):
        dl.patch(EVIL_OBJECT, {"/note": EVIL_VALUE + "a"}, base=1, version=2)
    with dl.branch("B\x1b[5m"):
        dl.patch(EVIL_OBJECT, {"/note": EVIL_VALUE + "b"}, base=1, version=3)


@pytest.mark.parametrize("format_", ["text", "json"])
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda words: ascii(" ".join(words[:1] + words[2:])))
def test_nothing_obeyed_is_shown(hostile: Path, ask: Ask, question: list[str], format_: str) -> None:
    result = ask(*(hostile if word == "TRACE" else word for word in question), "--format", format_)
    for character in result.stdout + result.stderr:
        assert character == "\n" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert "\nerror[DRF999]" not in result.stdout


def test_usage_errors_are_safe(run: Run) -> None:
    result = run("analyze", "a", "b\x1b[31m", "--x\x1b[2J")
    assert result.returncode == 2
    assert "\x1b" not in result.stderr


def test_markup_is_text(hostile: Path, ask: Ask) -> None:
    assert "[bold red]no markup[/]" in ask("show", hostile, EVIL_OBJECT).stdout


def test_json_says_what_was_recorded(hostile: Path, ask: Ask) -> None:
    answer = json.loads(ask("show", hostile, EVIL_OBJECT, "--format", "json").stdout)
    assert answer["object"] == EVIL_OBJECT
    fields = {field["path"]: json.loads(field["value"]) for field in answer["fields"]}
    assert fields == {f"/{EVIL_FIELD}": "start", "/note": f"{EVIL_VALUE}b"}


def test_a_name_that_cannot_be_typed_is_quoted_for_the_shell(hostile: Path, ask: Ask) -> None:
    assert r"$'evil\x1b[31m/\u202e1@3#/note'" in ask("analyze", hostile).stdout


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("naïve — Привет, 漢字, 👩\u200d👧", "naïve — Привет, 漢字, 👩\u200d👧"),
        ("\x00\x1b\x7f\x85\x9b", r"\x00\x1b\x7f\x85\x9b"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\u202a\u202e\u2066\u2069\u200f\u061c", r"\u202a\u202e\u2066\u2069\u200f\u061c"),
        ("\u2028\u2029\ufeff\u00ad\U000e0041", r"\u2028\u2029\ufeff\xad\U000e0041"),
        ("\ud800", r"\ud800"),
    ],
)
def test_plain(text: str, shown: str) -> None:
    assert safe.plain(text) == shown
    assert json.loads(safe.json_text({"text": text})) == {"text": text}
    safe.json_text({"text": text}).encode()
