"""Commands that are loaded when they are called, and what `--help` shows.

The help pages are written here, not by typer's rich formatter: that takes longer to load than the rest together, and
this one groups options and commands as a reader looks for them.
"""

from __future__ import annotations

import keyword
import os
import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, ClassVar, Final

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from driftline_cli import diagnostics, output

# What a number may be goes without saying: our help texts say it where it does not.
_RANGE: Final = re.compile(r"; (?:\d+<=)?x[<>]=\d+(?=\])|\s+\[(?:\d+<=)?x[<>]=\d+\]")

Rows = list[tuple[str, str]]

_COMMON: Final = frozenset({"help", "debug", "version", "install_completion", "show_completion"})


class Command(TyperCommand):
    """A command whose help page is ours, and which takes the root's `--debug` as well.

    Attributes:
        settings: Of its parser, beside those of every command.
    """

    settings: ClassVar[Mapping[str, Any]] = {}

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words after the command's name in its usage line."""
        return _usage(self, ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page."""
        _write_page(self, ctx, formatter, {})


class ProgramCommand(Command):
    """A command that ends with another program's command line, of which it reads nothing."""

    settings: ClassVar[Mapping[str, Any]] = {"allow_interspersed_args": False}
    _ends: ClassVar[tuple[str, ...]] = ("-m", "-c")  # what follows the value of these is the program's, as for python

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """The words after the command's name in its usage line."""
        return ["[OPTIONS]", "(SCRIPT | -m MOD | -c CODE)", "[ARGS]..."]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options before the program."""
        return super().parse_args(ctx, self._with_end(list(args)))

    def _with_end(self, words: list[str]) -> list[str]:
        """The same words, with `--` where the program's own begin."""
        takes_value = {
            name for param in self.params if isinstance(param, TyperOption) and not param.is_flag for name in param.opts
        }
        at = 0
        while at < len(words) and words[at].startswith("-") and words[at] not in {"-", "--"}:
            word = words[at]
            at += 2 if word in takes_value else 1
            if word[:2] in self._ends:
                return [*words[:at], "--", *words[at:]]
        return words


class Subcommands(TyperGroup):
    """A command that consists of others: `driftline policy check`. Loaded whole, since it is one file."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """The words after the command's name in its usage line."""
        return ["[OPTIONS]", "COMMAND", "[ARGS]..."]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page."""
        names = {name: command.get_short_help_str(120) for name, command in self.commands.items()}
        _write_page(self, ctx, formatter, {"Commands": list(names.items())})


class CommandGroup(TyperGroup):
    """The root: its commands are known by name and loaded one by one.

    Attributes:
        sections: Headings of the help page, with the names of the commands under each.
    """

    sections: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._names = [name for names in self.sections.values() for name in names]
        self.commands: dict[str, Any] = dict.fromkeys(self._names)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """The names of all commands, in the order of the help page."""
        return self._names

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """The command of this name, loaded now if it was not yet; None if there is none."""
        if cmd_name in self.commands and self.commands[cmd_name] is None:
            name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
            module = import_module(f"driftline_cli.commands.{name}")
            common = [param for param in self.params if param.name == "_debug"]
            self.commands[cmd_name] = _made(cmd_name, module, getattr(module, name), common)
        return self.commands.get(cmd_name)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """The words after the program's name in its usage line."""
        return ["[OPTIONS]", "COMMAND", "[ARGS]..."]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page."""
        found = {
            heading: [(name, self.get_command(ctx, name).get_short_help_str(120)) for name in names]
            for heading, names in self.sections.items()
        }
        _write_page(self, ctx, formatter, found)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line. Every fault is explained by `diagnostics`, also under a test runner."""
        standalone = extra.pop("standalone_mode", True)
        extra["standalone_mode"] = False
        work = super().main
        if not standalone:
            return work(*args, **extra)
        sys.exit(diagnostics.guarded(lambda: work(*args, **extra)))


def _made(name: str, module: ModuleType, function: Callable[..., Any], common: list[Any]) -> Any:
    """The command that a module of `commands/` holds: its function, or that and what follows its name."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    several = getattr(module, "COMMANDS", None)
    for own_name, own in (several or {name: function}).items():
        parser = getattr(module, "PARSER", Command)
        settings = {"help_option_names": ["-h", "--help"], **parser.settings}
        app.command(own_name, cls=parser, context_settings=settings)(own)
    if several is None:
        command = get_command(app)
        command.params += common
        return command
    settings = {"help_option_names": ["-h", "--help"]}
    app.callback(cls=Subcommands, context_settings=settings, invoke_without_command=True, help=function.__doc__)(_help)
    group: Any = get_command(app)
    group.name = name
    for command in (group, *group.commands.values()):
        command.params += common
    return group


def _help(context: typer.Context) -> None:
    """What a group does by itself: without a command behind its name it shows its page, as the root does."""
    if context.invoked_subcommand is None:
        diagnostics.say_text(context.get_help())
        diagnostics.finish(diagnostics.USAGE)


def _usage(command: TyperCommand, ctx: Any) -> list[str]:
    words = ["[OPTIONS]"]
    for param in command.get_params(ctx):
        if isinstance(param, TyperArgument):
            name = (param.metavar or param.name).upper()
            words.append(name if param.required else f"[{name}]")
    return words


def _write_page(command: TyperCommand | TyperGroup, ctx: Any, formatter: Any, commands: Mapping[str, Rows]) -> None:
    summary, _, rest = (command.help or "").partition("\n\n")
    formatter.write_text(summary)
    formatter.write_paragraph()
    formatter.write_usage(
        ctx.command_path, " ".join(command.collect_usage_pieces(ctx)), prefix=f"{_heading('Usage:')} "
    )
    if rest:
        formatter.write_paragraph()
        formatter.write_text(rest)
    for heading, rows in commands.items():
        _write_section(formatter, heading, rows)
    arguments: Rows = []
    options: Rows = []
    common: Rows = []
    for param in command.get_params(ctx):
        if isinstance(param, TyperArgument) and not param.hidden:
            arguments.append(((param.metavar or param.name).upper(), param.help or ""))
        elif isinstance(param, TyperOption) and (record := param.get_help_record(ctx)) is not None:
            name, text = record
            (common if param.name.lstrip("_") in _COMMON else options).append((name, _RANGE.sub("", text)))
    _write_section(formatter, "Arguments", arguments)
    _write_section(formatter, "Options", options)
    _write_section(formatter, "Common options", common)
    command.format_epilog(ctx, formatter)


def _write_section(formatter: Any, title: str, rows: Rows) -> None:
    if not rows:
        return
    formatter.write_paragraph()
    formatter.write(f"{_heading(title + ':')}\n")
    with formatter.indentation():
        formatter.write_dl([(_name(first), second) for first, second in rows], col_max=28)


def _heading(text: str) -> str:
    return typer.style(text, bold=True, underline=True) if _styled() else text


def _name(text: str) -> str:
    return typer.style(text, fg=typer.colors.CYAN, bold=True) if _styled() else text


def _styled() -> bool:
    """Whether help is in colour; typer itself leaves the colour out when it does not write to a terminal."""
    return output.is_colourful(sys.stdout) and not os.environ.get("_DRIFTLINE_COMPLETE")
