"""`driftline demo`: record a system that drifts, and show what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from driftline_cli import diagnostics
from driftline_cli.output import emit
from driftline_cli.traces import opened


def demo(
    *,
    nodes: Annotated[int, typer.Option("--nodes", min=1, metavar="N", help="Run at least N nodes.")] = 600,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Decides topics, latencies and faults.")] = 7,
    clean: Annotated[bool, typer.Option("--clean", help="The same nodes with care: nothing drifts.")] = False,
    discipline: Annotated[
        bool, typer.Option("--discipline", help="The same nodes on a store under a policy: nothing drifts.")
    ] = False,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT.drift", help="The trace to record; an earlier one there is replaced."
        ),
    ] = Path("demo.drift"),
) -> None:
    """Record a pipeline whose shared state drifts, and show what was found.

    Planners, researchers, enrichers and summarisers work on a few dozen topics, in threads and coroutines, as most
    orchestrations do it. With --clean the same nodes look again before they write; with --discipline they are as hasty
    as ever, and driftline.Store reconciles or refuses what they propose.
    """
    if clean and discipline:
        raise typer.BadParameter("--clean and --discipline are two ways to run it: choose one")
    import driftline as dl
    from driftline.demo import run_demo

    with diagnostics.progress("recording") as tell:
        tell(f"{nodes:,} nodes", None)
        with dl.record(output, overwrite=True):
            done = run_demo(nodes=nodes, seed=seed, clean=clean, discipline=discipline)
    with opened(output) as analysis:
        from driftline_cli.render import demo as page

        emit(page.demo(analysis, str(output), done, calm=clean or discipline))
