"""Open a trace for questions: analysed with progress on the terminal, and with a word if something of it is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from driftline_cli import diagnostics

if TYPE_CHECKING:
    from driftline.discipline import Problem
    from driftline_analyzer import Analysis


@contextmanager
def opened(trace: Path, *, policy: Path | None = None, warn: bool = True) -> Iterator[Analysis]:
    """The analysis of a trace; it ends with the block.

    Args:
        trace: The trace folder.
        policy: The file of the policy to analyse it under; None for the trace's own.
        warn: Whether to say on standard error that the trace is incomplete.

    Raises:
        DriftlineError: If there is no readable trace there.
    """
    from contextlib import ExitStack

    from driftline_analyzer import analyze

    with ExitStack() as stack:
        with diagnostics.progress("analysing") as tell:
            analysis = stack.enter_context(analyze(trace, policy=policy, progress=tell))
        if warn and not analysis.summary.complete:
            first, *others = analysis.summary.missing
            more = f" (and {len(others)} more)" if others else ""
            diagnostics.say(
                "warning",
                f"{trace} is incomplete, and so is what is found in it: {first}{more}",
                f"driftline info {trace}" if others else "",
            )
        if warn:
            say_problems(analysis.policy.problems)
        yield analysis


def say_problems(problems: Sequence[Problem]) -> None:
    """Say that a trace's own policy is not sound, if there are problems with it."""
    if not problems:
        return
    first, *others = problems
    key = f" at {first.key}" if first.key else ""
    more = f" (and {len(others)} more)" if others else ""
    diagnostics.say(
        "warning",
        f"the trace's own policy is wrong{key}, and what is wrong of it is left out: {first.what}{more}",
        "driftline analyze TRACE --policy FILE analyses it under another",
    )
