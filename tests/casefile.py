"""Case files: Markdown that documents a rule and tests it.

A case file has the rule's name for its heading, then the sections `Found`, `Quiet` and `Known misses`. Each case is a
`###` title, a sentence or two, perhaps a fenced `policy` (TOML) that the run is under, a fenced `trace` in the notation
of `notation.py`, and a fenced `findings` that lists everything that any rule finds there, as `finding_line` writes it
(left out where that is nothing). Whatever is not understood is an error: a case that is not read is a case not tested.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from traces import is_ordered, record_traces

from driftline_analyzer import Finding, analyze, rule

SECTIONS: Final = ("Found", "Quiet", "Known misses")


class CaseFileError(Exception):
    """Something in a case file that is not understood."""


@dataclass(frozen=True)
class Case:
    """One case of a case file; `findings` are lines as `finding_line` writes them."""

    rule: str
    section: str
    title: str
    policy: str | None
    trace: str
    findings: tuple[str, ...]


# ---- Markdown → cases ---------------------------------------------------------------------------------------------


def parse_case_file(path: Path) -> list[Case]:
    """Every case of a file, which must be named after the rule in its heading."""
    text = path.read_text(encoding="utf-8")
    heading, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    name = path.stem.replace("_", "-")
    if heading.partition("\n")[0] != f"# {name}":
        raise CaseFileError(f"{path.name}: the first line must be '# {name}'")
    titles = tuple(section.partition("\n")[0] for section in sections)
    if titles != SECTIONS:
        raise CaseFileError(f"{path.name}: the sections are {titles}, they must be {SECTIONS}")
    cases: list[Case] = []
    for title, section in zip(titles, sections, strict=True):
        _, _, body = section.partition("\n")
        intro, *parts = re.split(r"^### ", body, flags=re.MULTILINE)
        if intro.strip():
            raise CaseFileError(f"{path.name}: {intro.strip()[:40]!r} stands in {title!r} outside any case")
        cases += [_case(f"{path.name}: {title}", name, title, part) for part in parts]
    names = [case.title for case in cases]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise CaseFileError(f"{path.name}: more than one case has the title {twice[0]!r}")
    return cases


_CASE: Final = re.compile(
    r"(?P<title>\S.*)\n\n(?P<prose>(?:(?!```|#|\s).*\n)+)\n(?:```policy\n(?P<policy>(?:(?!```).*\n)+)```\n\n)?"
    r"```trace\n(?P<trace>(?:(?!```).*\n)+)```\n"
    r"(?:\n```findings\n(?P<findings>(?:(?!```).*\n)+)```\n)?\s*",
)
_FINDING: Final = re.compile(
    r"DRF\d{3} \S+( \S+@\S+)?( (/\S*|\"\"))*( over( \S+)+?)?( from \S+)? \((recorded|inferred)\)( also( DRF\d{3})+)?",
)


def _case(where: str, name: str, section: str, text: str) -> Case:
    found = _CASE.fullmatch(text)
    if found is None:
        title = text.partition("\n")[0]
        raise CaseFileError(
            f"{where}: {title!r} must be prose, perhaps a policy, a trace block, then perhaps a findings block"
        )
    findings = tuple((found["findings"] or "").splitlines())
    for line in findings:
        if _FINDING.fullmatch(line) is None:
            raise CaseFileError(f"{where}: {found['title']!r}: {line!r} is not a finding")
    own = [line for line in findings if line.startswith(rule(name).code)]
    if section == "Found" and not own:
        raise CaseFileError(f"{where}: {found['title']!r} expects no finding of {name}")
    if section != "Found" and own:
        raise CaseFileError(f"{where}: {found['title']!r} expects a finding of {name}")
    return Case(name, section, found["title"], found["policy"], found["trace"], findings)


# ---- cases → findings ---------------------------------------------------------------------------------------------


def finding_line(finding: Finding, space: str = "", gave_way: Collection[str] = ()) -> str:
    """A finding as case files write it: code, branch, object and version, fields, others, base, basis.

    `DRF101 B doc/1@3 /n over A from 1 (recorded)`; a field that is the whole of a single value is written `""`. The
    namespace is left out of every name. Rules that gave way follow: `(recorded) also DRF107`.
    """
    words = [finding.code, finding.branch.removeprefix(space)]
    if finding.object is not None:
        words.append(f"{finding.object.removeprefix(space)}@{finding.version}")
    words += [path or '""' for path in finding.fields]
    if finding.others:
        words += ["over", *sorted(other.branch.removeprefix(space) for other in finding.others)]
    if finding.base is not None:
        words += ["from", finding.base]
    words.append(f"({finding.basis})")
    return " ".join([*words, "also", *sorted(gave_way)] if gave_way else words)


def find(cases: Iterable[Case], folder: Path) -> dict[Case, list[str]]:
    """What the analyzer finds in each case.

    The cases without a policy share two recordings, one ordered and one not, in which each has names of its own:
    analysing a small trace costs as much as analysing many, and what happens to one object must not change what is
    found in another. A policy holds for a whole run, so each case with one has a recording of its own.

    Args:
        cases: The cases.
        folder: An empty folder for the recordings.
    """
    found: dict[Case, list[str]] = {case: [] for case in cases}
    spaces = {f"case{number}.": case for number, case in enumerate(found) if case.policy is None}
    for ordered in (True, False):
        texts = {space: case.trace for space, case in spaces.items() if is_ordered(case.trace) is ordered}
        if not texts:
            continue
        path = folder / f"{'ordered' if ordered else 'unordered'}.drift"
        record_traces(texts, path)
        with analyze(path) as analysis:
            for finding, silent in _with_silent(analysis.findings()):
                space = finding.branch.partition(".")[0] + "."
                found[spaces[space]].append(finding_line(finding, space, silent))
    for number, case in enumerate(case for case in found if case.policy is not None):
        path = folder / f"policy{number}.drift"
        record_traces({"": case.trace}, path, policy=case.policy)
        with analyze(path) as analysis:
            found[case] = [finding_line(finding, "", silent) for finding, silent in _with_silent(analysis.findings())]
    return found


def _with_silent(findings: list[Finding]) -> Iterator[tuple[Finding, set[str]]]:
    """Each finding with the codes of the rules that gave way to it."""
    speaking = {(finding.evidence[0], finding.code) for finding in findings}
    for finding in findings:
        yield finding, {rule.code for rule in finding.also if (finding.evidence[0], rule.code) not in speaking}
