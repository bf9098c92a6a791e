"""`analyze --format text`: for a reader at a terminal."""

from __future__ import annotations

from rich.console import RenderableType

from driftline_cli.formats import Report
from driftline_cli.render import findings


def render(report: Report) -> RenderableType:
    """The report in full sentences."""
    return findings.all_of(
        report.analysis,
        report.trace,
        report.findings,
        limit=report.limit,
        checked=len(report.codes),
    )
