"""The application: the root options and the list of commands. To add a command, write its file and name it here."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from driftline_cli import diagnostics, environment
from driftline_cli.group import CommandGroup

#: Headings of the help page, and the commands under each: `commands/NAME.py` holds a function of the same name
#: (with `_` behind it where Python has another use for the word), and may hold `COMMANDS` that follow that name.
COMMANDS: Final = {
    "Record": ("run", "demo", "simulate", "import"),
    "Ask": ("info", "analyze", "rule", "blame", "log", "show", "diff", "lineage"),
    "Cure": ("policy", "replay"),
}


class _Commands(CommandGroup):
    sections = COMMANDS


app = typer.Typer(
    name="driftline",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,  # typer's rich help takes longer to load than all of this
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the shape that typer calls back with
    if wanted:
        from importlib.metadata import version

        from driftline_cli.output import emit

        emit(f"driftline {version('driftline')}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    _debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            callback=diagnostics.enable_debug,
            expose_value=False,
            is_eager=True,
            help="Show the traceback of an internal error (also: DRIFTLINE_DEBUG=1).",
        ),
    ] = False,
) -> None:
    """Find state drift: what parallel branches read and wrote, and where the two disagree."""
    if context.invoked_subcommand is None:
        diagnostics.say_text(context.get_help())
        diagnostics.finish(diagnostics.USAGE)


def main() -> None:
    """Run the command line in this process and exit with its status."""
    environment.begin()
    app(prog_name="driftline")
