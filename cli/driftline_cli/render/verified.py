"""What a verification comes to: that all decisions agree, or the first that differs, recorded against replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from driftline_analyzer.replay import Differing, Verified


def verified(found: Verified, trace: str) -> RenderableType:
    """What `driftline replay --verify` prints."""
    unsure = Text()
    if found.undecided:
        unsure = Text(f"{words.count(found.undecided, 'decision')} needs values that were not recorded: not checked.")
    if found.differing is None:
        text = words.styled("verified", "bold green").append(f": {words.count(found.checked, 'decision')} of ")
        text.append(plain(trace), "bold").append(", and the replay decides each as the live run did.")
        return Group(text, unsure) if found.undecided else text
    text = words.styled("not verified", "bold red").append(f": {words.count(found.checked, 'decision')} of ")
    text.append(plain(trace), "bold").append(" agree, and then one differs:")
    return Group(text, Text(), _differing(found.differing), unsure)


def _differing(one: Differing) -> RenderableType:
    decision, proposal = one.decided.decision, one.decided.told.proposal
    head = words.versioned(decision.object, decision.version).append("  by ", words.QUIET)
    head.append_text(words.branch(proposal.branch, proposal.branch_id)).append(
        f"  event {plain(decision.event)}", words.QUIET
    )
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=10)
    table.add_column()
    table.add_row(words.styled("recorded", "red"), one.recorded)
    replayed = Text(decision.verdict)
    if decision.reason:
        replayed.append(f": {plain(decision.reason)}")
    table.add_row(words.styled("replayed", "green"), replayed)
    if one.fields:
        table.add_row(words.styled("fields", words.QUIET), Text(", ").join(words.field(path) for path in one.fields))
    return Group(Padding(head, (0, 0, 0, 2)), Padding(table, (0, 0, 0, 4)))
