"""`driftline diff`: the fields that differ between two versions."""

from __future__ import annotations

from typing import Annotated

import typer

from driftline_cli import options
from driftline_cli.output import emit, emit_json
from driftline_cli.traces import opened


def diff(
    trace: options.TraceArgument,
    before: Annotated[
        str, typer.Argument(metavar="OBJECT@V1", help="One version of an object, or of one field of it.")
    ],
    after: Annotated[str, typer.Argument(metavar="OBJECT@V2", help="Another; @V2 alone is of the same object.")],
    *,
    format_: options.FormatOption = "text",
) -> None:
    """Show the fields that differ between two versions, and who changed them."""
    with opened(trace) as analysis:
        from driftline_analyzer import state, targets

        old = targets.parse_target(before)
        new = targets.parse_target(f"{old.object}{after}" if after.startswith("@") else after)
        found = state.diff(analysis, old, new)
        if format_ == "json":
            emit_json(
                {"format": 1, "before": str(old), "after": str(new), "fields": [field.as_json() for field in found]}
            )
            return
        from driftline_cli.render import diff as page

        emit(page.diff(found, old, new, started=analysis.summary.started, kept=analysis.header.values == "full"))
