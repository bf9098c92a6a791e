"""Arguments and options that several commands share, each defined once, and what the shell completes them with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

_SUFFIX: Final = ".drift"


def complete_trace(incomplete: str) -> Iterator[tuple[str, str]]:
    """Trace folders, and folders to look into, that begin as the user has typed."""
    typed, slash, _ = incomplete.rpartition("/")
    folder = f"{typed}{slash}"
    try:
        found = sorted(
            path for path in Path(folder or ".").iterdir() if path.is_dir() and not path.name.startswith(".")
        )
    except OSError:
        return
    for path in found:
        text = f"{folder}{path.name}"
        yield (text, "a trace") if path.suffix == _SUFFIX else (f"{text}/", "a folder")


def complete_rule(incomplete: str) -> Iterator[tuple[str, str]]:
    """Codes and names of rules; the shell keeps those that begin as the user has typed."""
    from driftline_analyzer import rules

    before, comma, _ = incomplete.rpartition(",")
    for rule in rules():
        yield f"{before}{comma}{rule.code}", rule.name
        yield f"{before}{comma}{rule.name}", rule.code


TraceArgument = Annotated[
    Path,
    typer.Argument(metavar="TRACE", help="The trace: a folder NAME.drift.", autocompletion=complete_trace),
]
TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="OBJECT",
        help="What to look at: OBJECT, OBJECT@VERSION, OBJECT#/field or OBJECT@VERSION#/field.",
    ),
]
Format = Literal["text", "json"]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How to print the answer.")]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead, whole or not at all."),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="The policy, a TOML file or a pyproject.toml; without it the trace's own, else the default.",
    ),
]
SelectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="RULES",
        help="Only these rules: codes, names or prefixes (DRF1), comma separated; may be repeated.",
        autocompletion=complete_rule,
    ),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="RULES", help="Without these rules.", autocompletion=complete_rule),
]
