"""The findings of a trace: of each drift one message, the worst first, then what they come to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from driftline_analyzer.catalogue import SEVERITIES, rule
from driftline_analyzer.likeness import Drift, Drifts, drifts, every_number
from driftline_analyzer.witnesses import witnesses
from driftline_cli.render import finding as one
from driftline_cli.render import words

if TYPE_CHECKING:
    from driftline_analyzer import Analysis, Finding, Summary

_BAR: Final = 24
_WIDEST: Final = 112  # longer lines are hard to read
_PAGE: Final = 100  # messages made at once
_CHARACTERS: Final = 100_000  # of a value: two long ones may differ late


@dataclass(frozen=True)
class Shown:
    """What `driftline analyze` prints, in parts.

    Attributes:
        analysis: The analysed trace.
        trace: The trace, as the user named it.
        codes: The codes of the rules chosen.
        like: Only findings with this fingerprint; None for all.
    """

    analysis: Analysis
    trace: str
    codes: frozenset[str]
    like: str | None = None

    def drifts(self, limit: int) -> Iterator[RenderableType]:
        """A message for each drift, at most so many, and what all of them come to."""
        found = drifts(self.analysis, self.codes, limit=limit, like=self.like)
        for first in range(0, len(found.shown), _PAGE):
            some = found.shown[first : first + _PAGE]
            yield from (_narrow(message) for message in messages(self.analysis, self.trace, some))
        yield from (_narrow(line) for line in _left_out(found))
        yield from self._closing()

    def every(self) -> Iterator[RenderableType]:
        """A message for each finding, and what all of them come to."""
        numbers = every_number(self.analysis, self.codes, like=self.like)
        while some := list(itertools.islice(numbers, _PAGE)):
            yield from (_narrow(message) for message in messages(self.analysis, self.trace, some))
        yield from self._closing()

    def _closing(self) -> Iterator[RenderableType]:
        found = self.analysis.counts(self.codes, like=self.like)
        if found:
            yield _narrow(Group(counts(found), Text()))
        yield _narrow(verdict(found, self.analysis.summary, len(self.codes)))
        if not self.analysis.header.ordered:
            yield words.styled("the trace records no order of versions: rules that need one are silent", "yellow")


def _narrow(part: RenderableType) -> RenderableType:
    return Constrain(part, _WIDEST)


def messages(analysis: Analysis, trace: str, shown: Sequence[Drift | int]) -> list[RenderableType]:
    """A message for each of these: for a drift of the finding that spread the widest, for a number of that finding."""
    recurring = {drift.number: drift for drift in shown if isinstance(drift, Drift)}
    numbers = [drift.number if isinstance(drift, Drift) else drift for drift in shown]
    found = analysis.numbered(numbers, characters=_CHARACTERS)
    others = analysis.numbered([number for drift in recurring.values() for number in drift.more], characters=0)
    seen = witnesses(analysis, list(found.values()))
    return [
        Group(
            one.message(
                one.Case(
                    finding=found[number],
                    witnesses=seen[number],
                    trace=trace,
                    started=analysis.summary.started,
                    ordered=analysis.header.ordered,
                    recurring=_recurring(recurring.get(number), others),
                )
            ),
            Text(),
        )
        for number in numbers
    ]


def _recurring(drift: Drift | None, others: Mapping[int, Finding]) -> one.Recurring | None:
    if drift is None or drift.findings == 1:
        return None
    return one.Recurring(drift.findings - 1, drift.objects, tuple(others[number] for number in drift.more))


def _left_out(found: Drifts) -> list[Text]:
    """What is not shown, and how to see it."""
    lines = []
    hidden = found.total - len(found.shown)
    if hidden:
        findings = found.findings - sum(drift.findings for drift in found.shown)
        kinds = f"{hidden:,} more" if found.shown else words.count(hidden, "drift")
        lines.append(
            f"… {kinds} ({words.count(findings, 'finding')}): --limit N for N of them, --select RULE for one rule,"
            " --all for every finding"
        )
    if found.beside:
        lines.append(
            f'… and {words.count(found.beside, "finding")} of the same faults, by the rules named under "also":'
            " --all shows them, too"
        )
    return [*(Text(line) for line in lines), *([Text()] if lines else [])]


def counts(found: Mapping[str, int]) -> RenderableType:
    """How many findings each rule has, by code, the worse severity first."""
    most = max(found.values(), default=1)
    table = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "left", "left", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    for known in sorted(map(rule, found), key=lambda known: (SEVERITIES.index(known.severity), known.code)):
        number, style = found[known.code], words.SEVERITY[known.severity]
        table.add_row(
            known.code,
            words.styled(known.name, "bold"),
            words.styled(known.severity, style),
            f"{number:,}",
            words.styled("━" * max(1, round(number / most * _BAR)), style),
        )
    return table


def verdict(found: Mapping[str, int], summary: Summary, checked: int) -> Text:
    """What it comes to, in one sentence."""
    extent = (
        f"{words.count(summary.events, 'event')}, {words.count(summary.branches, 'branch')},"
        f" {words.count(summary.objects, 'object')}"
    )
    if not found:
        return words.styled("no drift", "bold green").append(f" in {extent}, by {words.count(checked, 'rule')}")
    of = {
        severity: sum(number for code, number in found.items() if rule(code).severity == severity)
        for severity in SEVERITIES
    }
    parts = [
        words.styled(words.count(number, severity), words.SEVERITY[severity])
        for severity, number in of.items()
        if number
    ]
    text = parts[0]
    for part in parts[1:]:
        text = text.append(" and " if part is parts[-1] else ", ").append_text(part)
    return text.append(f" in {extent}")
