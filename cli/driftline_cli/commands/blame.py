"""`driftline blame`: which branch changed each field last, and on which version it worked."""

from __future__ import annotations

from driftline_cli import options
from driftline_cli.output import emit, emit_json
from driftline_cli.traces import opened


def blame(
    trace: options.TraceArgument,
    target: options.TargetArgument,
    *,
    format_: options.FormatOption = "text",
) -> None:
    """Say which branch changed each field last, and what it had read.

    "Had read" is the version of the field from which the writer worked, "Stood" the version of the object that stood
    when it wrote.
    """
    with opened(trace) as analysis:
        from driftline_analyzer import history, targets

        wanted = targets.parse_target(target)
        lines = history.blame(analysis, wanted)
        if format_ == "json":
            emit_json(
                {
                    "format": 1,
                    "object": wanted.object,
                    "version": wanted.version,
                    "fields": [line.as_json() for line in lines],
                },
            )
            return
        from driftline_cli.render import blame as page

        kept = analysis.header.values == "full"
        emit(page.blame(lines, wanted, started=analysis.summary.started, kept=kept))
