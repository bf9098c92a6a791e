"""`driftline lineage`: everything that a value came from, or everything that came from it."""

from __future__ import annotations

from typing import Annotated

import typer

from driftline_cli import options
from driftline_cli.output import emit, emit_json
from driftline_cli.traces import opened

_DEPTH = 8
_DEEPEST = 64


def lineage(
    trace: options.TraceArgument,
    target: options.TargetArgument,
    *,
    down: Annotated[
        bool,
        typer.Option("--down/--up", help="Forwards to what was derived from it, or back to what it was derived from."),
    ] = False,
    depth: Annotated[
        int,
        typer.Option("--depth", "-d", min=1, max=_DEEPEST, metavar="N", help=f"At most N steps, up to {_DEEPEST}."),
    ] = _DEPTH,
    format_: options.FormatOption = "text",
) -> None:
    """Trace a value back to every cause, or forward to every victim.

    What was worked out rather than declared is marked "inferred"; "repeated" marks a step whose own steps are shown
    where it stands first.
    """
    with opened(trace) as analysis:
        from driftline_analyzer import lineage as ask
        from driftline_analyzer import targets

        wanted = targets.parse_target(target)
        direction: ask.Direction = "down" if down else "up"
        root = ask.lineage(analysis, wanted, direction, depth=depth)
        if format_ == "json":
            emit_json({"format": 1, "target": str(wanted), "direction": direction, "lineage": root.as_json()})
            return
        from driftline_cli.render import lineage as page

        emit(page.lineage(root, direction=direction, started=analysis.summary.started))
