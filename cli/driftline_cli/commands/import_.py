"""`driftline import`: make a trace of a history that another tool recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from driftline_cli import diagnostics
from driftline_cli.output import emit


def _complete_format(incomplete: str) -> Iterator[str]:
    from driftline_analyzer.importers import formats

    yield from (name for name in formats() if name.startswith(incomplete))


def import_(
    format_: Annotated[
        str,
        typer.Argument(metavar="FORMAT", help="awdit or polysi.", autocompletion=_complete_format),
    ],
    source: Annotated[Path, typer.Argument(metavar="SRC", help="The file.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.drift", help="The trace to make.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the trace that is there.")] = False,
) -> None:
    """Make a trace of a history that another tool recorded.

    Sessions become branches, transactions units, keys objects. Such histories have no order of versions: what needs
    none is found, lost updates among it.
    """
    from driftline_analyzer.importers import import_history

    with diagnostics.progress("importing") as tell:
        tell(source.name, None)
        events = import_history(format_, source, output, overwrite=overwrite)
    emit(f"{events:,} events imported to {output}\n")
