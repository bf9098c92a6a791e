"""The findings of a trace: the worst first, then what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from driftline_analyzer.catalogue import SEVERITIES, rules
from driftline_analyzer.evidence import field_evidence
from driftline_analyzer.witnesses import witnesses
from driftline_cli.render import finding as one
from driftline_cli.render import words

if TYPE_CHECKING:
    from driftline_analyzer import Analysis, Finding, Summary

_BAR: Final = 24
_WIDEST: Final = 112  # longer lines are hard to read


def ranked(findings: Sequence[Finding]) -> list[tuple[Finding, Finding | None]]:
    """Findings in the order in which to read them, each with the earlier one whose drift it repeats, if any.

    The worse severity first; then one finding of each drift, before those that repeat it; then what spread the widest;
    then by time. Two findings are of the same drift if they have the same fingerprint.
    """
    first: dict[str, Finding] = {}
    for finding in sorted(findings, key=_spread):
        first.setdefault(finding.fingerprint, finding)
    same = {finding.number: first[finding.fingerprint] for finding in findings}
    ordered = sorted(
        findings,
        key=lambda finding: (
            SEVERITIES.index(finding.severity),
            same[finding.number] is not finding,
            _spread(finding),
        ),
    )
    return [(finding, None if same[finding.number] is finding else same[finding.number]) for finding in ordered]


def _spread(finding: Finding) -> tuple[int, int, int]:
    """Smaller for what contaminated more."""
    blast = finding.blast
    return (0, 0, finding.number) if blast is None else (-blast.branches, -blast.versions, finding.number)


def messages(
    analysis: Analysis,
    trace: str,
    shown: Sequence[tuple[Finding, Finding | None]],
    *,
    repeats_in_full: bool = False,
) -> list[RenderableType]:
    """A message for each of these findings, as `ranked` gives them."""
    seen = witnesses(analysis, [finding for finding, _ in shown])
    made: list[RenderableType] = []
    for finding, same_as in shown:
        case = one.Case(
            finding=finding,
            witnesses=seen[finding.number],
            evidence=field_evidence(analysis, finding),
            trace=trace,
            started=analysis.summary.started,
            kept=analysis.header.values == "full",
            ordered=analysis.header.ordered,
            same_as=same_as,
        )
        made += [one.full(case) if same_as is None or repeats_in_full else one.short(case), Text()]
    return made


def counts(findings: Sequence[Finding]) -> RenderableType:
    """How many findings each rule has, the worse severity first."""
    found = Counter(finding.code for finding in findings)
    most = max(found.values(), default=1)
    table = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "left", "left", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    for rule in sorted(rules(), key=lambda rule: (SEVERITIES.index(rule.severity), rule.code)):
        if number := found[rule.code]:
            style = words.SEVERITY[rule.severity]
            bar = "━" * max(1, round(number / most * _BAR))
            table.add_row(
                rule.code,
                words.styled(rule.name, "bold"),
                words.styled(rule.severity, style),
                f"{number:,}",
                words.styled(bar, style),
            )
    return table


def verdict(findings: Sequence[Finding], summary: Summary, checked: int) -> Text:
    """What it comes to, in one sentence."""
    extent = (
        f"{words.count(summary.events, 'event')}, {words.count(summary.branches, 'branch')},"
        f" {words.count(summary.objects, 'object')}"
    )
    if not findings:
        return words.styled("no drift", "bold green").append(f" in {extent}, by {words.count(checked, 'rule')}")
    found = Counter(finding.severity for finding in findings)
    parts = [
        words.styled(words.count(found[severity], severity), words.SEVERITY[severity])
        for severity in SEVERITIES
        if found[severity]
    ]
    text = parts[0]
    for part in parts[1:]:
        text = text.append(" and " if part is parts[-1] else ", ").append_text(part)
    return text.append(f" in {extent}")


def all_of(
    analysis: Analysis,
    trace: str,
    findings: Sequence[Finding],
    *,
    limit: int | None,
    checked: int,
) -> RenderableType:
    """What `driftline analyze` prints.

    Args:
        analysis: The analysed trace.
        trace: The trace, as the user named it.
        findings: The findings of the rules chosen.
        limit: At most this many messages; None for all.
        checked: How many rules were chosen.
    """
    order = ranked(findings)
    shown = order if limit is None else order[:limit]
    parts = messages(analysis, trace, shown, repeats_in_full=limit is None)
    hidden = len(order) - len(shown)
    if hidden:
        more = f"… {hidden:,} more" if shown else f"{words.count(hidden, 'finding')} not shown"
        parts += [
            Text(f"{more}: --all for every one, --limit N for N, --select RULE for one rule"),
            Text(),
        ]
    if findings:
        parts += [counts(findings), Text()]
    parts.append(verdict(findings, analysis.summary, checked))
    if not analysis.header.ordered:
        parts.append(words.styled("the trace records no order of versions: rules that need one are silent", "yellow"))
    return Constrain(Group(*parts), _WIDEST)
