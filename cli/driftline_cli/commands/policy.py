"""`driftline policy`: write a first policy, check one, explain one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from driftline_cli import diagnostics, options
from driftline_cli.output import emit, emit_json
from driftline_cli.traces import opened, say_problems

_Path = Annotated[
    Path | None,
    typer.Argument(
        metavar="PATH",
        help="A TOML file, a pyproject.toml or a trace; without it the one in the working directory.",
    ),
]


def policy() -> None:
    """Write, check and explain policies: what holds for shared state, and what becomes of concurrent writes.

    A policy is a driftline.toml, or [tool.driftline] of a pyproject.toml; a trace carries the one that was in force.
    """


def init(
    trace: options.TraceArgument,
    *,
    output: options.OutputOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
) -> None:
    """Write a first policy from what a trace shows.

    Phases, types with the fields that they always have, references, a strategy for each field that several branches
    changed, and the gate; each with a comment that says what in the trace led to it. Read it, and change it.
    """
    from driftline.errors import DriftlineError

    if output is not None and output.exists() and not force:
        raise DriftlineError(f"{output} exists", "--force replaces it")
    with opened(trace) as analysis:
        from driftline_analyzer.first_policy import first_policy

        emit(first_policy(analysis), output)


def check(path: _Path = None, *, format_: options.FormatOption = "text") -> None:
    """Check a policy, and name everything that is wrong with it.

    Exit status: 0 sound, 2 something is wrong.
    """
    from driftline_analyzer.policies import find_policy
    from driftline_cli.render import policy as page

    found = find_policy(path, default=False)
    if format_ == "json":
        emit_json({"format": 1, **page.check_as_json(found)})
    else:
        emit(page.checked(found))
    diagnostics.finish(diagnostics.USAGE if found.checked.problems else diagnostics.OK)


def explain(
    path: _Path = None,
    *,
    object_: Annotated[
        str | None,
        typer.Option(
            "--object", metavar="OBJECT[#/field]", help="Only what concerns this object, or this field of it."
        ),
    ] = None,
    type_: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Only what concerns objects of this type.")
    ] = None,
    format_: options.FormatOption = "text",
) -> None:
    """Explain the policy in force: who decides which field, what the gate does, and where that is said.

    The type of an object is what the trace says, if PATH is one; else what stands before the slash of its id.
    """
    from driftline.discipline.explaining import explain as explained
    from driftline_analyzer.policies import find_policy
    from driftline_analyzer.targets import parse_target
    from driftline_cli.render import policy as page

    found = find_policy(path, default=True)
    if found.origin == "trace":
        say_problems(found.checked.problems)
    else:
        found.checked.sound()
    target = None if object_ is None else parse_target(object_)
    if target is not None and type_ is None:
        type_ = _type_of(target.object, path if found.origin == "trace" else None)
    told = explained(found.checked.policy, type_, None if target is None else target.field)
    if format_ == "json":
        emit_json({"format": 1, **page.explanation_as_json(found, told)})
    else:
        emit(page.explanation(found, told))


def _type_of(object_id: str, trace: Path | None) -> str:
    """The type of an object: as recorded, else what stands before the slash of its id."""
    if trace is not None:
        with opened(trace, warn=False) as analysis:
            found = analysis.rows("SELECT type FROM object WHERE object = ? AND type IS NOT NULL", [object_id])
        if found:
            return str(found[0][0])
    return object_id.partition("/")[0]


#: What follows the word `policy`.
COMMANDS: Final = {"init": init, "check": check, "explain": explain}
