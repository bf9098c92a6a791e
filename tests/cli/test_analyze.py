"""`driftline analyze`: the JSON that scripts rely on, and the messages that people read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from traces import record_trace
from typer.testing import Result

from driftline_analyzer import Finding, analysis, analyze, finding_pages, rules
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
    assert re.search(r"^  patched +\+[\d.]+s  version 2→3", text, re.MULTILINE)
    assert '      base @1 ""\n    - lost @2 "what alice found"\n    + won  @3 "what bob found"\n' in text
    assert "  basis: recorded" in text
    assert "  blast: read by 1 branch and carried into 1 later version" in text
    assert "  fix:   Make the patch of /summary by bob conditional on version 1" in text
    assert "  more:" not in text
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


def test_one_drift_is_told_once_and_where_it_recurred(many: Path, ask: Ask) -> None:
    text = ask("analyze", many).stdout
    assert HEADER.findall(text) == ["error"]
    assert "  more:  and 29 more like it in 30 objects: o/1@3, o/2@3, o/3@3, …\n" in text
    assert re.search(r"DRF101 +stale-overwrite +error +30 ", text)
    (fingerprint,) = re.findall(rf"^  each:  driftline analyze {many} --like (\w+) --all$", text, re.MULTILINE)
    each = ask("analyze", many, "--like", fingerprint, "--all").stdout
    assert len(HEADER.findall(each)) == each.count("  fix:   ") == 30
    assert "  more:" not in each


def test_like_chooses_the_findings_of_one_drift(tmp_path: Path, ask: Ask) -> None:
    trace = tmp_path / "run.drift"
    record_trace(DRIFTS, trace)
    wanted = next(finding for finding in found(ask, trace)["findings"] if finding["fields"] == ["/f3"])
    data = found(ask, trace, "--like", wanted["fingerprint"])
    assert data["counts"] == {"stale-overwrite": 2}
    assert [finding["fingerprint"] for finding in data["findings"]] == [wanted["fingerprint"]] * 2
    assert found(ask, trace, "--like", "nothing")["findings"] == []
    assert ask("analyze", trace, "--like", "nothing").exit_code == 0


#: Twenty-five drifts of two findings each, and one of another rule.
DRIFTS: Final = "\n".join(
    [
        *(f"M: write doc/{i}{j} {{f{i}: 0}} @1" for i in range(10, 35) for j in range(2)),
        *(f"A: patch doc/{i}{j} {{f{i}: 1}} @2 base 1" for i in range(10, 35) for j in range(2)),
        *(f"B: patch doc/{i}{j} {{f{i}: 2}} @3 base 1" for i in range(10, 35) for j in range(2)),
        "A: start t {}",
        "A: finish t",
        "B: start t {}",
        "B: finish t",
    ]
).replace("f13", "f3")


def test_the_cap(tmp_path: Path, ask: Ask) -> None:
    trace = tmp_path / "run.drift"
    record_trace(DRIFTS, trace)
    text = " ".join(ask("analyze", trace).stdout.split())
    assert "… 6 more (12 findings): --limit N for N of them" in text
    assert len(HEADER.findall(ask("analyze", trace).stdout)) == 20
    assert HEADER.findall(ask("analyze", trace, "--limit", "3").stdout) == ["error", "error", "warning"]
    assert "… 26 drifts (51 findings)" in ask("analyze", trace, "-n", "0").stdout
    assert len(HEADER.findall(ask("analyze", trace, "-n", "26").stdout)) == 26
    everything = ask("analyze", trace, "--all").stdout
    assert len(HEADER.findall(everything)) == 51
    assert "…" not in everything


def test_findings_of_one_fault_are_told_once(tmp_path: Path, ask: Ask) -> None:
    lines = ["M: write doc/1 {n: 0} @1", "A: patch doc/1 {n: 1} @2 base 1", "B: merge doc/1 {n: 2} @3 bases 1"]
    record_trace("\n".join(lines), tmp_path / "run.drift")
    text = ask("analyze", tmp_path / "run.drift").stdout
    assert re.findall(r"^error\[(DRF\d+)\]", text, re.MULTILINE) == ["DRF101"]
    assert "  also:  DRF202 stale-merge\n" in text
    assert '… and 1 finding of the same faults, by the rules named under "also"' in " ".join(text.split())
    alone = ask("analyze", tmp_path / "run.drift", "--select", "DRF202").stdout
    assert re.findall(r"^error\[(DRF\d+)\]", alone, re.MULTILINE) == ["DRF202"]
    every = ask("analyze", tmp_path / "run.drift", "--all").stdout
    assert re.findall(r"^error\[(DRF\d+)\]", every, re.MULTILINE) == ["DRF101", "DRF202"]


def test_a_finding_at_a_read_says_what_was_read_and_what_came_of_it(tmp_path: Path, ask: Ask) -> None:
    lines = ["M: write doc/1 {n: 0} @1", "A: begin u", "A: patch doc/1 {n: 1} @2 base 1", "B: read doc/1 @2"]
    lines += ["A: patch doc/1 {n: 2} @3 base 2", "A: commit u"]
    record_trace("\n".join(lines), tmp_path / "run.drift")
    text = ask("analyze", tmp_path / "run.drift").stdout
    assert "  /n\n      read  @2 1\n      later @3 2\n" in text
    assert "  blast: its branch wrote nothing afterwards\n" in text
    lines += ["B: write copy/1 {n: 1} @1", "B: patch copy/1 {n: 2} @2"]
    record_trace("\n".join(lines), tmp_path / "more.drift")
    text = ask("analyze", tmp_path / "more.drift", "--select", "DRF204").stdout
    assert "  blast: its branch went on to make 2 versions, first copy/1@1\n" in text


def test_a_value_found_that_nobody_wrote(tmp_path: Path, ask: Ask) -> None:
    record_trace("M: write doc/1 {n: 0} @1\nB: read doc/1 as {n: 5} @1", tmp_path / "run.drift")
    text = ask("analyze", tmp_path / "run.drift").stdout
    assert "  /n\n    - wrote @1 0\n    + found @1 5\n" in text


def test_json_is_written_finding_by_finding(many: Path, ask: Ask) -> None:
    lines = ask("analyze", many, "--format", "json").stdout.splitlines()
    findings = [json.loads(line.removesuffix(",")) for line in lines if line.startswith("    {")]
    assert len(findings) == 30
    assert lines[-2:] == ["  ]", "}"]


def test_findings_are_read_a_page_at_a_time(many: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = found(ask, many)
    sizes = []
    page = finding_pages.numbered_findings

    def counted(connection: Any, numbers: Sequence[int], **options: Any) -> list[Finding]:
        sizes.append(len(numbers))
        return page(connection, numbers, **options)

    monkeypatch.setattr(finding_pages, "PAGE", 7)
    monkeypatch.setattr(finding_pages, "numbered_findings", counted)
    assert found(ask, many) == whole
    assert sizes == [7, 7, 7, 7, 2]
    monkeypatch.setattr(finding_pages, "PAGE_FIELDS", 3)
    assert found(ask, many) == whole
    assert sizes[5:] == [3] * 10
    monkeypatch.setattr(finding_pages, "PAGE_FIELDS", 0)
    assert found(ask, many) == whole
    assert sizes[15:] == [1] * 30


def test_text_reads_only_the_findings_that_it_shows(many: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    page = analysis.numbered_findings

    def counted(connection: Any, numbers: Sequence[int], **options: Any) -> list[Finding]:
        read.extend(numbers)
        return page(connection, numbers, **options)

    monkeypatch.setattr(analysis, "numbered_findings", counted)
    ask("analyze", many)
    assert read == [1, 2, 3, 4]


def test_errors_come_first(tmp_path: Path, ask: Ask) -> None:
    ask("demo", "--nodes", "60", "-o", tmp_path / "d.drift")
    severities = HEADER.findall(ask("analyze", tmp_path / "d.drift", "--all").stdout)
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert set(severities) == {"error", "warning", "note"}


def test_a_trace_without_values(digests: Path, ask: Ask) -> None:
    text = ask("analyze", digests).stdout
    assert "error[DRF101] stale-overwrite  context/42 /summary" in text
    assert re.search(r"^    - lost @2 not kept in this trace: 18 B, digest [0-9a-f]{16}$", text, re.MULTILINE)
    assert re.search(r"^    \+ won  @3 not kept in this trace: 16 B, digest [0-9a-f]{16}$", text, re.MULTILINE)


def test_a_trace_without_an_order_says_so(unordered: Path, ask: Ask) -> None:
    assert "records no order of versions" in ask("analyze", unordered).stdout


@pytest.mark.parametrize("name", formats.names())
def test_every_format_is_one_file_and_is_offered(name: str, clean: Path, ask: Ask) -> None:
    assert (Path(formats.__path__[0]) / f"as_{name}.py").is_file()
    assert name in ask("analyze", "--help").stdout
    assert ask("analyze", clean, "--format", name).exit_code == 0


def test_the_formats_of_this_version() -> None:
    assert formats.names() == ["json", "text"]
