"""Every case of `detectors/*.md`, each a test of its own; and the parser's strictness."""

from __future__ import annotations

import functools
import re
import tempfile
from pathlib import Path
from typing import Final

import pytest
from casefile import SECTIONS, Case, CaseFileError, find, parse_case_file
from notation import NotationError
from traces import record_trace

from driftline_analyzer import rules

FOLDER: Final = Path(__file__).parent / "detectors"
FILES: Final = sorted(FOLDER.iterdir())
AT_LEAST: Final = {"Found": 3, "Quiet": 5, "Known misses": 1}


@functools.cache
def found_in(path: Path) -> dict[Case, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        return find(parse_case_file(path), Path(folder))


def cases() -> list[object]:
    parameters: list[object] = []
    for path in FILES:
        for case in parse_case_file(path):
            title = re.sub(r"\W+", "-", case.title.lower())
            parameters.append(pytest.param(path, case, id=f"{path.stem}-{case.section.lower()}-{title}"))
    return parameters


@pytest.mark.parametrize(("path", "case"), cases())
def test_the_analyzer_finds_what_the_case_says(path: Path, case: Case) -> None:
    assert found_in(path)[case] == list(case.findings)


def test_each_detector_has_a_case_file_and_each_case_file_a_detector() -> None:
    assert {path.name for path in FILES} == {f"{rule.name.replace('-', '_')}.md" for rule in rules()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_section_has_enough_cases(path: Path) -> None:
    sections = [case.section for case in parse_case_file(path)]
    assert tuple(dict.fromkeys(sections)) == SECTIONS
    assert {name: sections.count(name) >= least for name, least in AT_LEAST.items()} == dict.fromkeys(AT_LEAST, True)


# ---- the parser is strict -----------------------------------------------------------------------------------------

GOOD: Final = """# stale-overwrite

A sentence about the rule.

## Found

### A title

Some prose.

```trace
A: write doc/1 {n: 0}
```

```findings
DRF101 B doc/1@3 /n over A from 1 (recorded)
```

## Quiet

## Known misses
"""


def test_a_well_formed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stale_overwrite.md"
    path.write_text(GOOD)
    finding = "DRF101 B doc/1@3 /n over A from 1 (recorded)"
    assert parse_case_file(path) == [
        Case("stale-overwrite", "Found", "A title", None, "A: write doc/1 {n: 0}\n", (finding,)),
    ]


def test_a_case_may_have_a_policy(tmp_path: Path) -> None:
    path = tmp_path / "stale_overwrite.md"
    path.write_text(GOOD.replace("```trace", '```policy\n[phases]\norder = ["a"]\n```\n\n```trace'))
    assert [case.policy for case in parse_case_file(path)] == ['[phases]\norder = ["a"]\n']


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# stale-overwrite", "# stale-base", "the first line must be"),
        ("## Quiet", "## Silent", "the sections are"),
        ("## Known misses\n", "", "the sections are"),
        ("### A title", "Stray words.\n\n### A title", "outside any case"),
        ("Some prose.\n\n", "", "must be prose, perhaps a policy, a trace block"),
        ("```trace\nA: write doc/1 {n: 0}\n```\n\n", "", "must be prose, perhaps a policy, a trace block"),
        ("```trace\nA: write doc/1 {n: 0}\n```", "```trace\n```", "must be prose, perhaps a policy, a trace block"),
        ("```trace", "```policy\n```\n\n```trace", "must be prose, perhaps a policy, a trace block"),
        ("```trace", "```yaml", "must be prose, perhaps a policy, a trace block"),
        ("(recorded)\n```", "(recorded)\n```\n\nAnd more words.", "must be prose, perhaps a policy, a trace block"),
        ("(recorded)", "(guessed)", "is not a finding"),
        ("DRF101 B", "B", "is not a finding"),
        ("DRF101 B", "DRF102 B", "expects no finding of stale-overwrite"),
        ("```findings\nDRF101 B doc/1@3 /n over A from 1 (recorded)\n```\n", "", "expects no finding"),
        ("## Quiet\n", "## Quiet\n\n### A title\n\nProse.\n\n```trace\nA: end\n```\n", "more than one case"),
        (
            "## Quiet\n",
            "## Quiet\n\n### T\n\nP.\n\n```trace\nA: end\n```\n\n```findings\nDRF101 A o/1@1 (recorded)\n```\n",
            "expects a finding of stale-overwrite",
        ),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "stale_overwrite.md"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(CaseFileError, match=message):
        parse_case_file(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A write doc/1 {n: 0}", ": is missing"),
        ("A: scribble doc/1", "'scribble' is no step"),
        ("A: write doc/1", "another word is missing"),
        ("A: write doc/1 {n: maybe}", "'maybe' is not a value"),
        ("A: write doc/1 {n: 0", "another word is missing|, is missing"),
        ("A: write doc/1 {n: 0} @1 @2", "takes no '@2' twice"),
        ("A: write doc/1 {n: 0} bases 1", "write takes no 'bases'"),
        ("A: merge doc/1 {n: 0}", "merge needs bases"),
        ("A: write doc/1 {n: 0} refs owner", "must have '=' in it"),
        ('A: write doc/1 "open', "is not understood"),
        ("A: read doc/1 {n: 0}", "a word is missing"),
        ("A: end now", "'now' is left over"),
        ("A: end\nA: read doc/1", "A has ended"),
        ("A: open\nA: open", "A has begun already"),
        ("C: fork A", "'A'"),
        ("A: commit u", "not the innermost unit"),
        ("A: begin u\nA: start t\nA: commit u", "not the innermost unit"),
        ("A: begin u\nA: fail u", "not the innermost task"),
        ("A: begin u", "ends with 'u' open"),
        ("A: begin u\nA: end", "'u' is still open"),
        ("A: get doc/1 n", "'doc/1'"),
        ("unordered\nA: scribble doc/1", "'scribble' is no step"),
    ],
)
def test_a_malformed_trace_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(NotationError, match=message):
        record_trace(text, tmp_path / "run.drift")
