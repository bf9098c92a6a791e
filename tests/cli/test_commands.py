"""The other commands: what each answers, as text and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import Result

from driftline_analyzer import rules
from driftline_cli.app import COMMANDS, app

Ask = Callable[..., Result]


NAMES = [name for names in COMMANDS.values() for name in names]


def data(ask: Ask, *words: object) -> dict[str, Any]:
    result = ask(*words, "--format", "json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["format"] == 1
    return dict(answer)


def text(ask: Ask, *words: object) -> str:
    result = ask(*words)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_help(name: str, ask: Ask) -> None:
    page = text(ask, name, "--help")
    assert page == text(ask, name, "-h")
    assert f"Usage: driftline {name} [OPTIONS]" in page
    assert "--debug" in page
    command = get_command(app).get_command(None, name)  # type: ignore[attr-defined]
    assert all(param.help for param in command.params)
    assert f"\n  {name} " in text(ask, "--help")


def test_help_of_the_program(ask: Ask) -> None:
    page = text(ask, "--help")
    assert page.splitlines()[0].startswith("Find state drift")
    for heading in (*COMMANDS, "Common options"):
        assert f"\n{heading}:\n" in page
    nothing = ask()
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert nothing.stderr.strip() == page.strip()


def test_version(ask: Ask) -> None:
    assert re.fullmatch(r"driftline \d+\.\d+\.\d+\S*\n", text(ask, "--version"))


# ---- info ---------------------------------------------------------------------------------------------------------


def test_info(lost: Path, ask: Ask) -> None:
    page = text(ask, "info", lost)
    assert "complete  yes" in page
    for line in ("15 events", "2 objects", "4 branches", "  1  ━━━━━━━━━━━━━━━━━━━━  context"):
        assert line in page
    answer = data(ask, "info", lost)
    assert answer["events_by_operation"]["patch"] == 2
    assert answer["objects_by_type"] == {"context": 1, "report": 1}
    assert answer["branches_by_phase"]["reasoning"] == {"branches": 1, "failed": 0}
    (process,) = answer["processes"]
    assert (process["state"], process["lost"], process["events"]) == ("ended", 0, 15)
    assert answer["bytes"]["trace"] > 0


def test_info_lists_objects_and_branches(lost: Path, ask: Ask) -> None:
    page = text(ask, "info", lost, "--list", "objects")
    assert re.search(r"^context/42 +context +3 +3 +3 +1$", page, re.MULTILINE)
    rows = data(ask, "info", lost, "--list", "objects")["objects"]
    assert [row["object"] for row in rows] == ["context/42", "report/1"]
    page = text(ask, "info", lost, "--list", "branches", "-n", "1")
    assert re.search(r"^bob#\d+ +enrichment +main#\d+ +ok ", page, re.MULTILINE)
    assert "… 3 branches more" in page
    assert len(data(ask, "info", lost, "--list", "branches")["branches"]) == 4


# ---- rule ---------------------------------------------------------------------------------------------------------


def test_rule_lists_the_catalogue(ask: Ask) -> None:
    page = text(ask, "rule")
    assert all(f"{rule.code}  {rule.name}" in page for rule in rules())
    assert [rule["code"] for rule in data(ask, "rule")["rules"]] == [rule.code for rule in rules()]


def test_rule_explains_one(ask: Ask) -> None:
    page = text(ask, "rule", "stale-overwrite")
    assert page == text(ask, "rule", "drf101")
    assert page.splitlines()[0] == "DRF101 stale-overwrite  error"
    assert "\nKnown limits\n" in page
    assert "*w*" not in page
    assert "`" not in page
    (rule,) = data(ask, "rule", "DRF101")["rules"]
    assert rule["sections"]["Fix"].startswith("Read again")


# ---- blame, log, show, diff, lineage ------------------------------------------------------------------------------


def test_blame(lost: Path, ask: Ask) -> None:
    page = text(ask, "blame", lost, "context/42")
    assert re.search(r'^/summary +"what bob found" +DRF101$\n +3  bob#\d+ +enrichment +\S+ +1 +2', page, re.MULTILINE)
    assert re.search(r'^/facts +\["fact 0",.*… \(\d+ characters\)$\n +2  alice#\d+ ', page, re.MULTILINE)
    answer = data(ask, "blame", lost, "context/42#/summary")
    assert (answer["object"], answer["version"]) == ("context/42", None)
    (line,) = answer["fields"]
    assert (line["path"], line["version"], line["base"], line["head"]) == ("/summary", "3", "1", "2")
    assert line["findings"] == ["DRF101"]


def test_log(lost: Path, ask: Ask) -> None:
    page = text(ask, "log", lost, "context/42#/summary")
    assert [line[:7].strip() for line in page.splitlines() if re.match(r" +\d+  ", line)] == ["1", "2", "3"]
    assert '- /summary "what alice found"\n' in page
    assert '+ /summary "what bob found"\n' in page
    assert "DRF101 stale-overwrite" in page
    answer = data(ask, "log", lost, "context/42", "--limit", "2")
    assert (len(answer["entries"]), answer["earlier"]) == (2, 1)
    assert "… 1 earlier" in text(ask, "log", lost, "context/42", "--limit", "2")


def test_show(lost: Path, ask: Ask) -> None:
    page = text(ask, "show", lost, "context/42@2")
    assert page.splitlines()[0] == "context/42@2  context"
    assert re.search(r'^/summary +"what alice found" +2  alice#\d+ ', page, re.MULTILINE)
    assert data(ask, "show", lost, "context/42@2")["version"] == "2"
    assert data(ask, "show", lost, "context/42", "--at", "+0s")["version"] is None


def test_show_what_a_branch_had_seen(lost: Path, ask: Ask) -> None:
    page = text(ask, "show", lost, "context/42@2", "--seen-by", "alice")
    assert "as seen by alice up to version 1: 2 of 3 fields stale" in page
    assert re.search(
        r'^- /summary +"" +v1 main#1$\n^\+ /summary +"what alice found" +v2 alice#\d+$', page, re.MULTILINE
    )
    answer = data(ask, "show", lost, "context/42@2", "--seen-by", "alice")
    assert (answer["seen_by"], answer["seen_version"]) == ("alice", "1")


def test_diff(lost: Path, ask: Ask) -> None:
    page = text(ask, "diff", lost, "context/42@2", "context/42@3")
    assert page.splitlines()[:2] == ["--- context/42@2", "+++ context/42@3"]
    assert '  - "what alice found"\n  + "what bob found"\n' in page
    assert page == text(ask, "diff", lost, "context/42@2", "@3")
    (field,) = data(ask, "diff", lost, "context/42@2", "@3")["fields"]
    assert (field["path"], field["kind"]) == ("/summary", "changed")
    assert "no field differs" in text(ask, "diff", lost, "context/42@2", "@2")


def test_lineage(lost: Path, ask: Ask) -> None:
    up = text(ask, "lineage", lost, "report/1")
    assert re.search(r"└─ from input context/42@3$\n.*patched by bob#\d+ · enrichment .* DRF101$", up, re.MULTILINE)
    down = text(ask, "lineage", lost, "context/42@3#/summary", "--down")
    assert "report/1@1" in down
    answer = data(ask, "lineage", lost, "report/1", "--depth", "1")
    assert (answer["direction"], answer["lineage"]["object"]) == ("up", "report/1")
    assert [child["relation"] for child in answer["lineage"]["children"]] == ["input"]


def test_values_that_were_not_kept(digests: Path, ask: Ask) -> None:
    for name, *words in (["blame", "context/42"], ["log", "context/42"], ["show", "context/42@1"]):
        assert "not kept in this trace" in text(ask, name, digests, *words)
    assert "not kept in this trace" in text(ask, "diff", digests, "context/42@1", "@3")


# ---- demo ---------------------------------------------------------------------------------------------------------


def test_demo(tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = text(ask, "demo", "--nodes", "60")
    assert (tmp_path / "demo.drift" / "trace.json").is_file()
    for heading in ("What drifted", "For example", "What to type next"):
        assert f"\n{heading}\n" in page
    assert 1 <= len(re.findall(r"^error\[DRF", page, re.MULTILINE)) <= 3
    assert "driftline analyze demo.drift" in page
    assert text(ask, "demo", "--nodes", "20").startswith("A research pipeline: ")  # replaces the first


def test_clean_demo(tmp_path: Path, ask: Ask) -> None:
    page = text(ask, "demo", "--nodes", "60", "--clean", "-o", tmp_path / "c.drift")
    assert "nothing drifted" in page
    assert "no drift in " in page
    assert ask("analyze", tmp_path / "c.drift", "--fail-on", "note").exit_code == 0


def test_demo_replaces_nothing_but_a_trace(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    result = ask("demo", "-o", tmp_path / "mine")
    assert result.exit_code == 2
    assert "is not a Driftline trace" in result.stderr
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


# ---- completion ---------------------------------------------------------------------------------------------------


def completed(ask: Ask, line: str) -> list[str]:
    words = line.split(" ")
    result = ask(_DRIFTLINE_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    return result.stdout.split()


def test_completion(tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.drift").mkdir()
    (tmp_path / "runs" / "old.drift").mkdir(parents=True)
    (tmp_path / "run.txt").touch()
    assert completed(ask, "driftline ") == NAMES
    assert completed(ask, "driftline analyze r") == ["run.drift", "runs/"]
    assert completed(ask, "driftline analyze runs/") == ["runs/old.drift"]
    assert completed(ask, "driftline analyze nowhere/") == []
    stale = [rule.name for rule in rules() if rule.name.startswith("stale")]
    assert completed(ask, "driftline rule stale") == stale
    assert {"stale-overwrite", "stale-base"} <= set(stale)
    assert completed(ask, "driftline analyze --select DRF101,partial") == ["DRF101,partial-write"]
    assert completed(ask, "driftline analyze --fail-on n") == ["note", "never"]
    assert completed(ask, "driftline analyze --format ") == ["json", "text"]
    assert completed(ask, "driftline blame --format ") == ["text", "json"]
