"""The catalogue of rules, read from the headers of `detectors/*.sql`: there is no other list of them.

A header is the leading comment of the file: `key: value` lines, then `## ` sections. The rule's name is the file's.
What to do about one finding is put together from its `fix` lines, `fix: SENTENCE` or `fix (CASE, …): SENTENCE`: those
whose cases all fit the finding, in the order of the header. The cases are those of `wording.CASES`.
A rule that judges by what the others found says so by one key more, `reads: findings`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from driftline.errors import DriftlineError
from driftline_analyzer.database import sql, sql_names

Severity = Literal["error", "warning", "note"]

#: From the worst down; the order in which findings are listed.
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")
KEYS: Final = ("code", "severity", "standard", "message")
SECTIONS: Final = ("What it finds", "Why it matters", "Example", "Fix", "Known limits")
_FIX: Final = re.compile(r"^fix(?: \(([a-z-]+(?:, [a-z-]+)*)\))?: (.+)\n?", re.MULTILINE)


@dataclass(frozen=True)
class FixSentence:
    """One sentence of what to do about a finding.

    Attributes:
        cases: It is said only of findings that all of these fit, of `wording.CASES`; empty: of every one.
        template: Its text; its names are those of `wording.FIX_NAMES`.
    """

    cases: frozenset[str]
    template: str


@dataclass(frozen=True)
class Rule:
    """One rule of the catalogue.

    Attributes:
        code: `DRF101`.
        name: `stale-overwrite`.
        severity: How much it matters by default.
        standard: The fault's standard name, and where it is defined.
        message: Template of a finding's sentence; its names are those of `wording.NAMES`.
        fixes: The sentences that a finding's fix is put together from.
        sections: Text of each of `SECTIONS`, in Markdown.
        query: The SQL that finds it; what it selects is said in `pipeline.py`.
        reads_findings: Whether the query reads what the other rules found, so that it can only run after them.
    """

    code: str
    name: str
    severity: Severity
    standard: str
    message: str
    fixes: tuple[FixSentence, ...]
    sections: dict[str, str]
    query: str
    reads_findings: bool = False


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, by code.

    Example:
        >>> [rule.code for rule in rules()][:2]
        ['DRF101', 'DRF102']
    """
    found = (_parse(name, sql("detectors", name)) for name in sql_names("detectors"))
    return tuple(sorted(found, key=lambda rule: rule.code))


@cache
def rule(wanted: str) -> Rule:
    """The rule of this code or name.

    Raises:
        DriftlineError: If there is none; the hint names the nearest.

    Example:
        >>> rule("DRF101").name, rule("stale-overwrite").code
        ('stale-overwrite', 'DRF101')
    """
    for known in rules():
        if wanted.upper() == known.code or wanted.lower() == known.name:
            return known
    names = [text for known in rules() for text in (known.code, known.name)]
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f"did you mean {near[0]}?" if near else "`driftline rule` lists them all"
    raise DriftlineError(f"no rule {wanted!r}", hint)


def chosen(select: list[str], ignore: list[str]) -> frozenset[str]:
    """The codes that `--select` and `--ignore` leave; both take codes, names and code prefixes such as `DRF1`.

    Raises:
        DriftlineError: If one of them names no rule.

    Example:
        >>> sorted(chosen(["DRF3", "partial-write"], []))
        ['DRF301', 'DRF302', 'DRF303', 'DRF401']
    """
    picked = _codes(select) if select else {known.code for known in rules()}
    return frozenset(picked - _codes(ignore))


def _codes(wanted: list[str]) -> set[str]:
    codes: set[str] = set()
    for word in (part.strip() for text in wanted for part in text.split(",") if part.strip()):
        matching = {known.code for known in rules() if known.code.startswith(word.upper())}
        codes |= matching or {rule(word).code}
    return codes


def _parse(stem: str, text: str) -> Rule:
    header: list[str] = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        header.append(line.removeprefix("--").removeprefix(" "))
    first, *parts = re.split(r"^## (.+)$", "\n".join(header), flags=re.MULTILINE)
    fixes = tuple(
        FixSentence(frozenset(cases.split(", ")) if cases else frozenset(), template)
        for cases, template in _FIX.findall(first)
    )
    lines = [line for line in _FIX.sub("", first).splitlines() if line]
    keys = {key: text for key, separator, text in (line.partition(": ") for line in lines) if separator}
    clear = len(keys) == len(lines) and bool(fixes)
    reads = keys.pop("reads", None)
    sections = {title: body.strip() for title, body in zip(parts[::2], parts[1::2], strict=True)}
    right = tuple(keys) == KEYS and tuple(sections) == SECTIONS and reads in {None, "findings"} and clear
    if not right or keys["severity"] not in SEVERITIES:
        raise ValueError(
            f"detectors/{stem}.sql: its header must have {', '.join(KEYS)} and fix, then {', '.join(SECTIONS)}"
        )
    severity = next(known for known in SEVERITIES if known == keys["severity"])
    return Rule(
        code=keys["code"],
        name=stem.replace("_", "-"),
        severity=severity,
        standard=keys["standard"],
        message=keys["message"],
        fixes=fixes,
        sections=sections,
        query=text,
        reads_findings=reads is not None,
    )
