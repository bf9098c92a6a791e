"""`driftline info`: what a run was, and whether all of it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from driftline_cli import options
from driftline_cli.output import emit, emit_json
from driftline_cli.traces import opened

if TYPE_CHECKING:
    from driftline_analyzer import Analysis

_LIMIT = 50


def info(
    trace: options.TraceArgument,
    *,
    list_: Annotated[
        Literal["objects", "branches"] | None,
        typer.Option("--list", "-l", help="List these instead, the ones with the most findings first."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", min=1, metavar="N", help=f"List N of them (text: {_LIMIT} unless told; json: all)."
        ),
    ] = None,
    format_: options.FormatOption = "text",
) -> None:
    """Say what a trace holds, and whether all of it is there.

    Who recorded it, when and with what; its processes; how many events, objects and branches of which kind; and what is
    missing, if anything is.
    """
    with opened(trace, warn=list_ is not None) as analysis:
        if list_ is not None:
            _list(analysis, list_, limit if limit is not None or format_ == "json" else _LIMIT, format_)
            return
        from driftline_analyzer.overview import overview

        found = overview(analysis)
        if format_ == "json":
            emit_json({"format": 1, **found.as_json()})
            return
        from driftline_cli.render import info as page

        emit(page.info(found, str(trace)))


def _list(analysis: Analysis, what: Literal["objects", "branches"], limit: int | None, format_: options.Format) -> None:
    from driftline_analyzer import listings
    from driftline_cli.render import listings as page

    summary = analysis.summary
    if what == "objects":
        objects = listings.objects(analysis, limit)
        data, shown = [row.as_json() for row in objects], page.objects(objects, summary.objects)
    else:
        branches = listings.branches(analysis, limit)
        data, shown = [row.as_json() for row in branches], page.branches(branches, summary.branches, summary.started)
    if format_ == "json":
        emit_json({"format": 1, what: data})
    else:
        emit(shown)
