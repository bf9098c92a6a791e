"""`driftline run`: record an unmodified program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from driftline_cli import diagnostics
from driftline_cli.group import ProgramCommand

PARSER: Final = ProgramCommand


def run(
    program: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCRIPT [ARGS]...", help="What to run, as python takes it."),
    ] = None,
    *,
    module: Annotated[str | None, typer.Option("-m", metavar="MOD", help="Run a module, as python -m does.")] = None,
    code: Annotated[str | None, typer.Option("-c", metavar="CODE", help="Run this code, as python -c does.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT.drift", help="The trace; else driftline-SCRIPT.PID.drift."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace an earlier trace there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing about the recording.")] = False,
    instrument: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Record these libraries, too: redis,sqlalchemy."),
    ] = None,
    values: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="Keep values in full, as digest, or none.")
    ] = None,
    capture: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="The same for a field: 'context#/notes=digest'; may be repeated."),
    ] = None,
    secrets: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="on, off, or further names of fields to withhold: iban,ssn."),
    ] = None,
    redact: Annotated[
        str | None,
        typer.Option(metavar="MODULE:FUNCTION", help="Decides what to record in place of each value."),
    ] = None,
    max_value_bytes: Annotated[
        str | None, typer.Option(metavar="N", help="Record only the beginning of values larger than this.")
    ] = None,
    sample: Annotated[
        str | None, typer.Option(metavar="SHARES", help="Record a share only: objects=0.1,branches=0.5.")
    ] = None,
    overflow: Annotated[
        str | None, typer.Option(metavar="WAIT|DROP", help="What a call does while too many events wait to be written.")
    ] = None,
    depth: Annotated[
        str | None, typer.Option(metavar="N", help="How many levels of a nested mapping become fields.")
    ] = None,
    ordered: Annotated[
        str | None, typer.Option(metavar="YES|NO", help="Whether the order of arrival means anything.")
    ] = None,
    policy: Annotated[str | None, typer.Option(metavar="FILE", help="The policy in force, kept in the trace.")] = None,
) -> None:
    """Record an unmodified program that calls driftline, or uses a library that --instrument names.

    The program runs as python would run it, with its own input, output and signals; its exit status is this command's.
    The Pythons that it starts join the run. What is not given here is taken from the environment (DRIFTLINE_VALUES, …),
    then from [tool.driftline] in pyproject.toml.
    """
    from driftline_cli import supervise

    options: dict[str, Any] = {
        "values": values, "capture": None if capture is None else ",".join(capture), "secrets": secrets,
        "redact": redact, "max_value_bytes": max_value_bytes, "sample": sample, "overflow": overflow,
        "depth": depth, "ordered": ordered, "policy": policy, "trace": None if output is None else str(output),
    }  # fmt: skip
    with supervise.held_back() as signals:
        from driftline_cli.recording import Launch

        launch = Launch.of(program or [], module=module, code=code, options=options, instrument=instrument, force=force)
        status = launch.run(signals)
    if not quiet:
        diagnostics.say_text(launch.summary())
    launch.clear()
    diagnostics.finish(supervise.end_as(status))
