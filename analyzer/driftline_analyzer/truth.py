"""How well the rules do on a simulated run: what they find beside the ground truth that `driftline simulate` wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from driftline.errors import DriftlineError
from driftline_analyzer.catalogue import rules
from driftline_analyzer.findings import Finding

#: Code, event, object, version, branch and fields: what a finding must have right.
Fact = tuple[str, str, str | None, str | None, str, tuple[str, ...]]


@dataclass(frozen=True)
class Score:
    """How well one rule does.

    Attributes:
        code: The rule's.
        planted: How many findings there should be.
        found: How many there are.
        right: How many of these should be.
        missed: Some of those that are not there.
        false: Some of those that should not be.
    """

    code: str
    planted: int
    found: int
    right: int
    missed: tuple[Fact, ...] = field(repr=False)
    false: tuple[Fact, ...] = field(repr=False)

    @property
    def precision(self) -> float:
        """The share of its findings that are right; 1 if there are none."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """The share of what is to be found that it finds; 1 if that is nothing."""
        return self.right / self.planted if self.planted else 1.0


_SHOWN = 5


def score(findings: Iterable[Finding], truth: Path) -> list[Score]:
    """Compare findings with the ground truth of their trace.

    Args:
        findings: What was found.
        truth: The file beside the trace, `NAME.truth.ndjson`.

    Returns:
        One score for each rule, by code.

    Raises:
        DriftlineError: If the file cannot be read.
    """
    expected = Counter(_read(truth))
    actual = Counter(_fact(finding) for finding in findings)
    scores = []
    for rule in rules():
        planted = Counter({fact: count for fact, count in expected.items() if fact[0] == rule.code})
        found = Counter({fact: count for fact, count in actual.items() if fact[0] == rule.code})
        missed, false = planted - found, found - planted
        scores.append(
            Score(
                rule.code,
                planted.total(),
                found.total(),
                (planted & found).total(),
                tuple(sorted(missed, key=repr)[:_SHOWN]),
                tuple(sorted(false, key=repr)[:_SHOWN]),
            ),
        )
    return scores


class _Line(msgspec.Struct):
    code: str
    event: str
    object: str | None
    version: str | None
    branch_id: str
    fields: list[str]


def _read(truth: Path) -> list[Fact]:
    decoder = msgspec.json.Decoder(_Line)
    try:
        lines: list[Any] = decoder.decode_lines(truth.read_bytes())
    except (OSError, msgspec.DecodeError) as fault:
        raise DriftlineError(
            f"{truth} cannot be read as ground truth: {fault}", "`driftline simulate` writes it beside a trace"
        ) from fault
    return [
        (line.code, line.event, line.object, line.version, line.branch_id, tuple(sorted(line.fields))) for line in lines
    ]


def _fact(finding: Finding) -> Fact:
    return (
        finding.code,
        finding.evidence[0],
        finding.object,
        finding.version,
        finding.branch_id,
        tuple(sorted(finding.fields)),
    )
