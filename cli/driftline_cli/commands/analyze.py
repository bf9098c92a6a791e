"""`driftline analyze`: every drift in a trace."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from driftline_cli import diagnostics, formats, options
from driftline_cli.output import emit_each
from driftline_cli.traces import opened

_LIMIT = 20


def _known_format(name: str) -> str:
    if name not in formats.names():
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(formats.names())}.")
    return name


def analyze(
    trace: options.TraceArgument,
    *,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar=f"<{'|'.join(reversed(formats.names()))}>",
            callback=_known_format,
            autocompletion=formats.names,
            help="How to print the findings.",
        ),
    ] = formats.DEFAULT,
    output: options.OutputOption = None,
    select: options.SelectOption = None,
    ignore: options.IgnoreOption = None,
    like: Annotated[
        str | None,
        typer.Option("--like", metavar="FINGERPRINT", help="Only the findings of one drift, by its fingerprint."),
    ] = None,
    policy: options.PolicyOption = None,
    fail_on: Annotated[
        Literal["error", "warning", "note", "never"],
        typer.Option(help="Exit with status 1 if something this severe, or worse, was found."),
    ] = "error",
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with status 0 whatever was found.")] = False,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", "-n", min=0, metavar="N", help="Show at most N drifts, one finding of each (text only)."
        ),
    ] = _LIMIT,
    show_all: Annotated[
        bool, typer.Option("--all", "-a", help="Show every finding, not one of each drift (text only).")
    ] = False,
) -> None:
    """Find state drift: which value was lost, to whom, and what to do.

    Findings with the same fingerprint (rule, type, fields and the names of the branches, without numbers and ids) are
    one drift: text shows the one that spread the widest and says how many more there are. JSON holds every finding.

    Exit status: 0 nothing found at or above --fail-on, 1 findings, 2 usage, policy or unreadable trace, 3 internal
    error.
    """
    from driftline_analyzer import chosen, rule

    codes = chosen(select or [], ignore or [])
    with opened(trace, policy=policy) as analysis:
        report = formats.Report(analysis, str(trace), codes, like, None if show_all else limit)
        emit_each(formats.render(format_, report), output)
        severities = {rule(code).severity for code in report.counts()}
    if not exit_zero and diagnostics.fails(fail_on, severities):
        diagnostics.finish(diagnostics.FOUND)
