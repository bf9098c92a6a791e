"""Open a trace for questions: analysed with progress on the terminal, and with a word if something of it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from driftline_cli import diagnostics

if TYPE_CHECKING:
    from driftline_analyzer import Analysis


@contextmanager
def opened(trace: Path, *, warn: bool = True) -> Iterator[Analysis]:
    """The analysis of a trace; it ends with the block.

    Args:
        trace: The trace folder.
        warn: Whether to say on standard error that the trace is incomplete.

    Raises:
        DriftlineError: If there is no readable trace there.
    """
    from contextlib import ExitStack

    from driftline_analyzer import analyze

    with ExitStack() as stack:
        with diagnostics.progress("analysing") as tell:
            analysis = stack.enter_context(analyze(trace, progress=tell))
        if warn and not analysis.summary.complete:
            first, *others = analysis.summary.missing
            more = f" (and {len(others)} more)" if others else ""
            diagnostics.say(
                "warning",
                f"{trace} is incomplete, and so is what is found in it: {first}{more}",
                f"driftline info {trace}" if others else "",
            )
        yield analysis
