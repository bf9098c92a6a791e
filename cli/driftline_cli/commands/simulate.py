"""`driftline simulate`: record a realistic run of any size, with planted faults and their ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from driftline_cli import diagnostics
from driftline_cli.output import emit


def simulate(
    *,
    events: Annotated[int, typer.Option("--events", "-n", min=1, metavar="N", help="Record at least N events.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT.drift", help="The trace to make; OUT.truth.ndjson says what is in it."
        ),
    ],
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="The same seed gives the same bytes.")] = 1,
    branches: Annotated[
        int | None,
        typer.Option("--branches", min=1, metavar="B", help="Branches of the pipeline; one in 500 events unless told."),
    ] = None,
    objects: Annotated[
        int | None,
        typer.Option("--objects", min=1, metavar="O", help="Objects to choose from; one in 50 events unless told."),
    ] = None,
    skew: Annotated[
        float,
        typer.Option(
            "--skew", min=0.0, max=10.0, metavar="Z", help="Zipf exponent by which objects are chosen; 0: evenly."
        ),
    ] = 1.0,
    phases: Annotated[
        str | None,
        typer.Option("--phases", metavar="NAME,…", help="The phases, in order; the usual four unless told."),
    ] = None,
    faults: Annotated[
        str,
        typer.Option(
            "--faults",
            metavar="RULE=RATE,…",
            help="What to plant, in faults for each event: rules by code or name, all, all=RATE, or none.",
        ),
    ] = "all",
    processes: Annotated[
        int, typer.Option("--processes", min=1, max=64, metavar="P", help="How many processes record.")
    ] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the trace that is there.")] = False,
) -> None:
    """Record a simulated pipeline of any size, with planted faults and the truth about them.

    Agents work on shared objects, phase after phase, without any fault; scenes of a few events each plant what the
    rules find, and nothing else is there to be found.
    """
    from driftline.simulation import PHASES, Settings, parse_faults, parse_phases
    from driftline.simulation import simulate as run

    named = parse_phases(phases) if phases is not None else PHASES
    settings = Settings(
        events=events,
        seed=seed,
        branches=branches,
        objects=objects,
        skew=skew,
        phases=named,
        faults=parse_faults(faults, named),
        processes=processes,
    )
    with diagnostics.progress("simulating") as tell:
        made = run(
            output,
            settings,
            overwrite=overwrite,
            progress=lambda done: tell(f"{done:,} events", min(done / events, 1.0)),
        )
    planted = sum(made.planted.values())
    emit(
        f"{made.events:,} events recorded to {output}, with {planted:,} planted faults of {len(made.planted)} rules;"
        f" what is to be found in it: {made.truth}\n"
    )
