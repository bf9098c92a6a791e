"""`analyze --format text`: for a reader at a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from driftline_cli.formats import Report
from driftline_cli.render import findings


def render(report: Report) -> Iterator[RenderableType]:
    """The report in full sentences."""
    shown = findings.Shown(report.analysis, report.trace, report.codes, report.like)
    return shown.every() if report.limit is None else shown.drifts(report.limit)
