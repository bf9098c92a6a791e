"""What a trace would have come to under each cure, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from driftline_analyzer.cures import Comparison, Outcome

_WIDEST: Final = 112
_TITLES: Final = ("Cure", "Lost", "Wrong", "Refused", "Retried", "Waiting", "To decide")
#: What each cure is, beside its name.
_CURES: Final = {
    "last-write-wins": "every write lands as it is: what happened",
    "barrier": "a round of branches is merged when its last has ended",
    "sequencing": "one branch after the other at each contested object",
    "optimistic": "a write whose fields were changed is refused, and made anew",
    "three-way": "what one branch alone changed is taken; a conflict is set aside",
    "pipeline": "the policy in force: its strategies, gate and phases",
}
_LEGEND: Final = {
    "Lost": "updates overwritten by a branch that had not seen them, and nobody told",
    "Wrong": "fields that end at what no order of all their updates gives",
    "Refused": "writes turned away, each time; Retried: made anew afterwards",
    "Waiting": "time of all branches together, waiting or working again; estimated from recorded times",
    "To decide": "decisions left to a person",
}
_UNITS: Final = ((3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s"), (1_000_000, "ms"))
_MICROSECOND: Final = 1_000


def cures(found: Comparison, trace: str) -> RenderableType:
    """What `driftline replay --compare` prints."""
    head = words.styled(plain(trace), "bold")
    contested = f"{words.count(found.fields, 'contested field')} in {words.count(found.objects, 'object')}"
    head.append(f"  {contested}, set by {words.count(found.writes, 'write')}", words.QUIET)
    table = Table.grid(padding=(0, 2, 0, 0))
    for title in _TITLES:
        table.add_column(justify="left" if title == "Cure" else "right", no_wrap=True)
    table.add_row(*(words.styled(title, "bold underline") for title in _TITLES))
    for outcome in found.outcomes:
        table.add_row(*_row(outcome))
    parts: list[RenderableType] = [head, Text(), table, Text()]
    parts += [_said(name, text) for name, text in _CURES.items()]
    parts += [Text(), *(_said(name, text) for name, text in _LEGEND.items())]
    unjudged = max(outcome.unjudged for outcome in found.outcomes)
    if unjudged:
        parts.append(_said("", f"of {words.count(unjudged, 'field')} the values were not recorded: nobody can say"))
    parts += [
        Text(),
        words.styled("docs/cures.md says what each number means and what each estimate assumes.", words.QUIET),
    ]
    return Constrain(Group(*parts), _WIDEST)


def _row(outcome: Outcome) -> list[Text]:
    cells = [words.styled(outcome.cure, words.PATH)]
    wrong = f"{outcome.wrong:,}{'?' if outcome.unjudged else ''}"
    for text, bad in ((f"{outcome.lost:,}", outcome.lost), (wrong, outcome.wrong)):
        cells.append(words.styled(text, "red" if bad else "green"))
    cells += [_amount(outcome.refused), _amount(outcome.retried)]
    cells.append(words.styled(duration(outcome.waited), "" if outcome.waited else words.QUIET))
    cells.append(_amount(outcome.decisions))
    return cells


def _amount(number: int) -> Text:
    return words.styled(f"{number:,}", "" if number else words.QUIET)


def _said(name: str, text: str) -> RenderableType:
    return Padding(Text.assemble((f"{name}: " if name else "", "bold"), text, style=words.QUIET), (0, 0, 0, 2))


def duration(nanoseconds: int) -> str:
    """A time as a person reads it.

    Example:
        >>> [duration(ns) for ns in (0, 1_500, 30_000_000, 6_282_533_224, 7_200_000_000_000)]
        ['0', '1.5 µs', '30 ms', '6.28 s', '2 h']
    """
    if not nanoseconds:
        return "0"
    for size, unit in _UNITS:
        if nanoseconds >= size:
            return f"{nanoseconds / size:,.3g} {unit}"
    return f"{nanoseconds / _MICROSECOND:,.3g} µs"
