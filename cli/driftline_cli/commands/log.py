"""`driftline log`: everything that ever happened to an object or a field."""

from __future__ import annotations

from typing import Annotated

import typer

from driftline_cli import options
from driftline_cli.output import emit, emit_json
from driftline_cli.traces import opened

_LIMIT = 50


def log(
    trace: options.TraceArgument,
    target: options.TargetArgument,
    *,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", min=1, metavar="N", help=f"Only the newest N (text: {_LIMIT} unless told; json: all)."
        ),
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", "-a", help="Every entry, with every field that it changed.")
    ] = False,
    format_: options.FormatOption = "text",
) -> None:
    """List everything that happened to an object or a field.

    Every write and every decision, oldest first: what each set (+) and took back (-), and whether it was a finding.
    """
    with opened(trace) as analysis:
        from driftline_analyzer import history, targets

        wanted = targets.parse_target(target)
        entries = history.log(analysis, wanted)
        kept_entries = entries if show_all or (limit is None and format_ == "json") else entries[-(limit or _LIMIT) :]
        if format_ == "json":
            emit_json(
                {
                    "format": 1,
                    "object": wanted.object,
                    "field": wanted.field,
                    "earlier": len(entries) - len(kept_entries),
                    "entries": [entry.as_json() for entry in kept_entries],
                },
            )
            return
        from driftline_cli.render import log as page

        emit(
            page.log(
                kept_entries,
                wanted,
                earlier=len(entries) - len(kept_entries),
                started=analysis.summary.started,
                kept=analysis.header.values == "full",
                whole=show_all,
            ),
        )
