"""`driftline replay`: text for people, JSON for programs, the same bytes every time."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

import driftline as dl

Ask = Callable[..., Result]


def lost() -> None:
    dl.write("doc/1", {"n": 0, "m": 0}, version=1, type="doc")
    for agent, version in (("a", 2), ("b\x1b[31m", 3)):
        with dl.branch(agent):
            dl.patch("doc/1", {"n": agent}, version=version, base=1)
    dl.write("doc/2", {"n": 1})


@pytest.fixture
def trace(made: Callable[..., Path]) -> Path:
    return made(lost)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_text_says_first_what_would_have_been_saved(ask: Ask, trace: Path) -> None:
    answer = ask("replay", trace)
    assert answer.exit_code == 0
    text = answer.stdout
    assert text.index("quarantined") < text.index("would have been prevented") < text.index("doc/1#/n")
    assert "1 of 1 finding would have been prevented, none is new." in text
    assert "nobody" in text
    assert "\x1b" not in text


def test_the_json_and_the_lines_say_the_same(ask: Ask, trace: Path) -> None:
    whole = json.loads(ask("replay", trace, "--format", "json").stdout)
    records = lines(ask("replay", trace, "--format", "ndjson").stdout)
    by_kind: dict[str, list[Any]] = {}
    for record in records:
        by_kind.setdefault(record.pop("record"), []).append(record)
    assert by_kind["decision"] == whole["decisions"]
    assert by_kind["difference"] == whole["differences"]
    assert by_kind["quarantine"] == whole["quarantine"]
    assert by_kind["finding"] == whole["findings"]
    assert by_kind["object"] == whole["state"]
    assert by_kind["summary"] == [whole["summary"]]
    assert whole["summary"] == {
        "writes": 4, "verdicts": {"promoted": 3, "quarantined": 1}, "differences": 1, "set_aside": 1,
        "findings": {"prevented": 1, "remaining": 0, "new": 0}, "held_back_without_finding": 0,
    }  # fmt: skip


def test_the_same_trace_and_policy_give_the_same_bytes(driftline: str, trace: Path) -> None:
    outputs = set()
    for seed in ("1", "2"):
        command = [driftline, "replay", str(trace), "--format", "ndjson"]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        outputs.add(subprocess.run(command, capture_output=True, check=True, env=environment).stdout)
    assert len(outputs) == 1


def test_a_policy_an_object_and_a_file(ask: Ask, trace: Path, tmp_path: Path) -> None:
    policy, output = tmp_path / "p.toml", tmp_path / "out.ndjson"
    policy.write_text('[types.doc.fields]\n"/n" = "last-writer-wins"\n')
    answer = ask("replay", trace, "--policy", policy, "--object", "doc/2", "--format", "ndjson", "-o", output)
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert [record["object"] for record in lines(output.read_text()) if record["record"] == "decision"] == ["doc/2"]


@pytest.mark.parametrize("words", [["--until", "soon"], ["--object", "doc/9"], ["--policy", "nowhere.toml"]])
def test_what_is_not_there_is_refused(ask: Ask, trace: Path, words: list[str]) -> None:
    answer = ask("replay", trace, *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "try: " in answer.stderr


# ---- --compare ----------------------------------------------------------------------------------------------------

_CURES = ["last-write-wins", "barrier", "sequencing", "optimistic", "three-way", "pipeline"]


def test_compare_shows_every_cure_side_by_side(ask: Ask, lost: Path) -> None:
    result = ask("replay", lost, "--compare")
    assert result.exit_code == 0, result.stderr
    assert "1 contested field in 1 object, set by 3 writes" in " ".join(result.stdout.split())
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line[:1] in "lbsotp" and line}
    assert [name for name in _CURES if name in rows] == _CURES
    assert rows["last-write-wins"][:2] == ["1", "1"]
    assert rows["three-way"][-1] == "1"


def test_compare_prints_json_and_the_same_bytes_each_time(ask: Ask, lost: Path) -> None:
    first = ask("replay", lost, "--compare", "--format", "json")
    assert first.stdout == ask("replay", lost, "--compare", "-f", "json").stdout
    answer = json.loads(first.stdout)
    assert (answer["format"], answer["contested"]) == (1, {"fields": 1, "objects": 1, "writes": 3})
    assert [cure["cure"] for cure in answer["cures"]] == _CURES


def test_compare_tries_the_policy_that_is_named(ask: Ask, lost: Path, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("[reconcile]\ndefault = 'last-writer-wins'\n[gate]\nfidelity = 'off'\n")
    answer = json.loads(ask("replay", lost, "--compare", "-f", "json", "--policy", tmp_path / "p.toml").stdout)
    assert answer["cures"][-1]["lost"] == 1


@pytest.mark.parametrize("words", [["--until", "+1s"], ["--object", "context/42"], ["--format", "ndjson"]])
def test_compare_takes_a_whole_trace(ask: Ask, lost: Path, words: list[str]) -> None:
    result = ask("replay", lost, "--compare", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--compare takes a whole trace" in result.stderr


def test_compare_refuses_a_trace_without_an_order(ask: Ask, unordered: Path) -> None:
    result = ask("replay", unordered, "--compare")
    assert result.exit_code == 2
    assert "has no order of versions" in result.stderr
