"""`driftline show`: an object as it stood, or as a branch saw it."""

from __future__ import annotations

from typing import Annotated

import typer

from driftline_cli import options
from driftline_cli.output import emit, emit_json
from driftline_cli.traces import opened


def show(
    trace: options.TraceArgument,
    target: options.TargetArgument,
    *,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="TIME",
            help="As it stood then: +1.25s since the start, nanoseconds, or 2026-01-31T12:00:00Z.",
        ),
    ] = None,
    seen_by: Annotated[
        str | None,
        typer.Option(
            "--seen-by",
            metavar="BRANCH",
            help="Beside it, what this branch had seen: its id, or its name if one has it.",
        ),
    ] = None,
    format_: options.FormatOption = "text",
) -> None:
    """Show an object as it stood, or as a branch had seen it.

    At its newest version, at the one named, or at a time; with --seen-by beside what a branch had seen of it, which
    answers: on which version did this branch work?
    """
    with opened(trace) as analysis:
        from driftline_analyzer import state, targets, times

        started = analysis.summary.started
        view = state.show(
            analysis,
            targets.parse_target(target),
            at=None if at is None else times.moment(at, started),
            seen_by=seen_by,
        )
        if format_ == "json":
            emit_json({"format": 1, **view.as_json()})
            return
        from driftline_cli.render import state as page

        emit(page.state(view, started=started, kept=analysis.header.values == "full"))
