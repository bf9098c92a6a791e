"""`driftline replay`: a trace decided anew under a policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from driftline_cli import diagnostics, options
from driftline_cli.output import emit, emit_each, emit_json
from driftline_cli.traces import opened

if TYPE_CHECKING:
    from driftline_analyzer import Analysis

_LIMIT = 10


def replay(
    trace: options.TraceArgument,
    *,
    policy: options.PolicyOption = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="WHEN",
            help="Go no further than a time (+1.25s, 2026-01-31T12:00:00Z), an event (PROCESS:SEQ) or OBJECT@VERSION.",
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Check the decisions that a live store recorded, and name the first that differs."
        ),
    ] = False,
    object_: Annotated[
        str | None, typer.Option("--object", metavar="OBJECT", help="Tell of this object alone; all are decided.")
    ] = None,
    format_: Annotated[
        Literal["text", "json", "ndjson"], typer.Option("--format", "-f", help="How to print the answer.")
    ] = "text",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead, whole or not at all."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, metavar="N", help="Show at most N differences (text only).")
    ] = _LIMIT,
    show_all: Annotated[bool, typer.Option("--all", "-a", help="Show every difference (text only).")] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Instead, what six cures would have come to, side by side.")
    ] = False,
) -> None:
    """Replay a trace under a policy: what it would have saved.

    Every recorded write is reconciled, gated and promoted anew, in the order in which it happened: a decision for each,
    the state that comes of it, where that differs from what really happened, what is set aside, and which findings are
    prevented, remain, or are new.

    With --verify, the decisions that a live store (dl.Store) took while it was recorded are taken anew instead. Exit
    status: 0 if all of them agree, 1 if one differs, 2 if none was recorded.
    """
    if compare:
        if verify or until is not None or object_ is not None or format_ == "ndjson":
            raise typer.BadParameter("--compare takes a whole trace, and prints text or json.")
        _compare(trace, policy, output, as_json=format_ == "json")
        return
    with opened(trace, policy=policy) as analysis:
        if verify:
            _verify(analysis, str(trace), until=until, as_json=format_ != "text", output=output)
            return
        from driftline_analyzer.replay import replay as replayed

        with (
            diagnostics.progress("replaying") as tell,
            replayed(analysis, until=until, only=object_, progress=lambda share: tell("", share)) as found,
        ):
            if format_ != "text":
                from driftline_cli import replay_records

                emit_each(replay_records.pieces(found, str(trace), whole=format_ == "json"), output)
                return
            from driftline_cli.render import replay as page

            emit(page.replay(found, str(trace), until=until, limit=None if show_all else limit), output)


def _compare(trace: Path, policy: Path | None, output: Path | None, *, as_json: bool) -> None:
    """Print what each cure would have come to."""
    with opened(trace, policy=policy) as analysis:
        from driftline_analyzer.cures import compare

        with diagnostics.progress("comparing") as tell:
            tell("contested fields", None)
            found = compare(analysis, lambda share: tell("replay under the policy", share))
        if as_json:
            emit_json({"format": 1, "trace": str(trace), **found.as_json()}, output)
            return
        from driftline_cli.render import cures as page

        emit(page.cures(found, str(trace)), output)


def _verify(analysis: Analysis, trace: str, *, until: str | None, as_json: bool, output: Path | None) -> None:
    from driftline_analyzer.replay import verify

    with diagnostics.progress("replaying") as tell:
        found = verify(analysis, until=until, progress=lambda share: tell("", share))
    if as_json:
        emit_json(found.as_json(), output)
    else:
        from driftline_cli.render import verified as page

        emit(page.verified(found, trace), output)
    if found.differing is not None:
        diagnostics.finish(diagnostics.FOUND)
