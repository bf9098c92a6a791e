"""`analyze --format json`: one object, its keys always the same and in the same order; one finding a line.

It is written as it is read, so that a million findings need no more memory than one page of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from driftline_analyzer import rule
from driftline_cli.formats import Report
from driftline_cli.safe import json_text


def render(report: Report) -> Iterator[str]:
    """The report as one JSON object, in parts."""
    summary = report.analysis.summary
    head = {
        "format": 1,
        "trace": {
            "events": summary.events,
            "objects": summary.objects,
            "branches": summary.branches,
            "processes": summary.processes,
            "complete": summary.complete,
        },
        "counts": {rule(code).name: count for code, count in report.counts().items()},
    }
    yield f'{json_text(head).removesuffix("}").rstrip()},\n  "findings": ['
    before = "\n"
    for finding in report.findings():
        yield f"{before}    {json_text(finding.as_json(), indent=None)}"
        before = ",\n"
    yield "\n  ]\n}\n"
