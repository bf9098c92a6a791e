"""`driftline rule`: the catalogue of rules."""

from __future__ import annotations

from typing import Annotated

import typer

from driftline_cli import options
from driftline_cli.output import emit, emit_json


def rule(
    wanted: Annotated[
        str | None,
        typer.Argument(
            metavar="RULE", help="Code or name; without one, all are listed.", autocompletion=options.complete_rule
        ),
    ] = None,
    *,
    format_: options.FormatOption = "text",
) -> None:
    """Explain one rule, or list them all.

    What it finds, why that matters, an example, the fix, and what it cannot see.
    """
    from driftline_analyzer import catalogue
    from driftline_cli.render import rule_page

    chosen = catalogue.rules() if wanted is None else (catalogue.rule(wanted),)
    if format_ == "json":
        emit_json({"format": 1, "rules": [rule_page.as_json(known) for known in chosen]})
    else:
        emit(rule_page.listing(chosen) if wanted is None else rule_page.page(chosen[0]))
