"""`driftline analyze`: the JSON that scripts rely on, and the messages that people read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from traces import record_trace
from typer.testing import Result

from driftline_analyzer import analyze, rules
from driftline_cli import formats

Ask = Callable[..., Result]


HEADER = re.compile(r"^(error|warning|note)\[DRF\d{3}\] [a-z-]+", re.MULTILINE)


def found(ask: Ask, *words: object) -> dict[str, Any]:
    data = json.loads(ask("analyze", *words, "--format", "json").stdout)
    assert isinstance(data, dict)
    return data


def test_json(lost: Path, ask: Ask) -> None:
    data = found(ask, lost)
    assert list(data) == ["format", "trace", "counts", "findings"]
    assert data["format"] == 1
    assert data["trace"] == {"events": 15, "objects": 2, "branches": 4, "processes": 1, "complete": True}
    assert data["counts"] == {"stale-overwrite": 1}
    with analyze(lost) as analysis:
        assert data["findings"] == [finding.as_json() for finding in analysis.findings()]
    (finding,) = data["findings"]
    assert finding["code"] == "DRF101"
    assert finding["fields"] == ["/summary"]
    assert (finding["base"], finding["version"], finding["branch"]) == ("1", "3", "bob")


def test_json_of_nothing(clean: Path, ask: Ask) -> None:
    data = found(ask, clean)
    assert (data["counts"], data["findings"]) == ({}, [])


def test_json_counts_are_in_the_order_of_codes(tmp_path: Path, ask: Ask) -> None:
    assert ask("demo", "--nodes", "60", "-o", tmp_path / "d.drift").exit_code == 0
    names = list(found(ask, tmp_path / "d.drift")["counts"])
    assert names == [rule.name for rule in rules() if rule.name in names]
    assert len(names) > 2


def test_select_and_ignore_hold_for_counts_and_findings(many: Path, notes: Path, ask: Ask) -> None:
    assert found(ask, many, "--ignore", "stale-overwrite")["counts"] == {}
    assert found(ask, many, "--select", "DRF3", "--select", "DRF101,DRF401")["counts"] == {"stale-overwrite": 30}
    nothing = found(ask, many, "--select", "DRF1", "--ignore", "DRF101")
    assert nothing == {**found(ask, many), "counts": {}, "findings": []}
    assert found(ask, notes, "--select", "drf107")["counts"] == {"stale-base": 1}


def test_json_knows_no_limit(many: Path, ask: Ask) -> None:
    assert len(found(ask, many, "--limit", "3")["findings"]) == 30


def test_a_message(lost: Path, ask: Ask) -> None:
    text = ask("analyze", lost).stdout
    head, place, *_ = text.splitlines()
    assert head == "error[DRF101] stale-overwrite  context/42 /summary"
    assert place.startswith("  --> ")
    assert "context/42@3" in place
    assert re.search(r"^  bob#\d+ · enrichment +│ alice#\d+ · reasoning$", text, re.MULTILINE)
    assert re.search(r"^  read +\+[\d.]+s  version 1 +│ patched +\+[\d.]+s  version 2$", text, re.MULTILINE)
    assert re.search(r"^  patched +\+[\d.]+s  version 3", text, re.MULTILINE)
    assert '      base ""\n    - lost "what alice found"\n    + won  "what bob found"\n' in text
    assert "  basis: recorded" in text
    assert "  blast: read by 1 branch and carried into 1 later version" in text
    assert "  fix:   Read again just before writing" in text
    assert f"  next:  driftline blame {lost} 'context/42@3#/summary'\n" in text
    assert "DRF101  stale-overwrite  error  1" in text
    assert text.endswith("1 error in 15 events, 4 branches, 2 objects\n")


def test_a_message_names_the_other_rules_at_its_event(tmp_path: Path, ask: Ask) -> None:
    lines = ["M: write doc/1 {n: 0, back: 0} @1", "A: patch doc/1 {n: 1, back: 1, new: 1} @2 base 1"]
    record_trace("\n".join([*lines, "B: write doc/1 {n: 2, back: 0} @3 base 1"]), tmp_path / "run.drift")
    text = ask("analyze", tmp_path / "run.drift", "--select", "DRF101").stdout
    assert "  also:  DRF102 silent-revert and DRF103 dropped-field\n" in text


def test_the_next_command_works(lost: Path, ask: Ask) -> None:
    assert "DRF101" in ask("blame", lost, "context/42@3#/summary").stdout


def test_no_drift(clean: Path, ask: Ask) -> None:
    text = ask("analyze", clean).stdout
    assert " ".join(text.split()) == f"no drift in 6 events, 2 branches, 1 object, by {len(rules())} rules"


def test_the_cap(many: Path, ask: Ask) -> None:
    text = ask("analyze", many).stdout
    assert len(HEADER.findall(text)) == 20
    assert "… 10 more: --all for every one" in text
    assert re.search(r"DRF101 +stale-overwrite +error +30 ", text)
    assert len(HEADER.findall(ask("analyze", many, "--limit", "3").stdout)) == 3
    assert "30 findings not shown" in ask("analyze", many, "-n", "0").stdout
    everything = ask("analyze", many, "--all").stdout
    assert len(HEADER.findall(everything)) == 30
    assert "more:" not in everything


def test_a_drift_is_explained_once_and_its_repeats_are_short(many: Path, ask: Ask) -> None:
    text = ask("analyze", many).stdout
    assert text.count("  fix:   ") == 1
    assert text.count("  same: the same drift as in o/0@3") == 19
    assert text.count("  next:") == 20
    assert ask("analyze", many, "--all").stdout.count("  fix:   ") == 30


def test_errors_come_first(tmp_path: Path, ask: Ask) -> None:
    ask("demo", "--nodes", "60", "-o", tmp_path / "d.drift")
    severities = HEADER.findall(ask("analyze", tmp_path / "d.drift", "--all").stdout)
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert set(severities) == {"error", "warning", "note"}


def test_a_trace_without_values(digests: Path, ask: Ask) -> None:
    text = ask("analyze", digests).stdout
    assert "error[DRF101] stale-overwrite  context/42 /summary" in text
    assert "lost" not in text.partition("basis:")[0].partition("reasoning")[2]


def test_a_trace_without_an_order_says_so(unordered: Path, ask: Ask) -> None:
    assert "records no order of versions" in ask("analyze", unordered).stdout


@pytest.mark.parametrize("name", formats.names())
def test_every_format_is_one_file_and_is_offered(name: str, clean: Path, ask: Ask) -> None:
    assert (Path(formats.__path__[0]) / f"as_{name}.py").is_file()
    assert name in ask("analyze", "--help").stdout
    assert ask("analyze", clean, "--format", name).exit_code == 0


def test_the_formats_of_this_version() -> None:
    assert formats.names() == ["json", "text"]
