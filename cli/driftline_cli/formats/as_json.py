"""`analyze --format json`: one object, its keys always the same and in the same order."""

from __future__ import annotations

from driftline_cli.formats import Report
from driftline_cli.safe import json_text


def render(report: Report) -> str:
    """The report as one JSON object."""
    summary = report.analysis.summary
    data = {
        "format": 1,
        "trace": {
            "events": summary.events,
            "objects": summary.objects,
            "branches": summary.branches,
            "processes": summary.processes,
            "complete": summary.complete,
        },
        "counts": report.counts(),
        "findings": [finding.as_json() for finding in report.findings],
    }
    return f"{json_text(data)}\n"
