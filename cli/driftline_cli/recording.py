"""`driftline run` from beginning to end: the run is begun, the program joins it, and what it recorded is counted."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from driftline.errors import DriftlineError
from driftline.integrations import chosen
from driftline.privacy import command_line, run_key
from driftline.reader import Trace
from driftline.run_folder import open_run, unwritable, withdraw
from driftline.schema import HEADER_FILE
from driftline.session import ENVIRONMENT
from driftline.settings import (
    INSTRUMENT,
    KEY,
    REDIRECT,
    Settings,
    Source,
    from_environment,
    from_file,
    resolve,
)
from driftline_cli import environment, supervise

_SITE: Final = Path(sys.modules["driftline"].__path__[0]) / "site"


@dataclass(frozen=True)
class Launch:
    """A program that is to be recorded.

    Attributes:
        arguments: What python is given: the script, `-m MOD` or `-c CODE`, then the program's own arguments.
        name: What the program is called.
        settings: Of the run.
        folder: Of the trace.
        environment: Of the program.
    """

    arguments: tuple[str, ...]
    name: str
    settings: Settings
    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def of(
        cls,
        program: Sequence[str],
        *,
        module: str | None,
        code: str | None,
        options: Mapping[str, str | None],
        instrument: str | None,
        force: bool,
    ) -> Self:
        """Begin a run for a program; nothing of the program runs yet.

        Args:
            program: The script and its arguments; with a module or code, only its arguments.
            module: A module to run instead of a script.
            code: Code to run instead of a script.
            options: Settings from the command line, by name.
            instrument: Names of integrations, with commas between.
            force: Replace an earlier trace.

        Raises:
            DriftlineError: If there is no such program, a setting is wrong, or the trace cannot be made.
        """
        arguments, name = _arguments(program, module, code)
        settings = _settings(options)
        integrations = chosen(instrument if instrument is not None else os.environ.get(INSTRUMENT, ""))
        key = run_key(os.environ)
        default = f"driftline-{name}.{os.getpid()}.drift"
        folder = Path(settings.trace or default).absolute()
        if (folder / HEADER_FILE).exists() and not force:
            raise DriftlineError(f"{folder} holds a trace already", "name another with -o, or replace it with --force")
        shown = command_line(settings, arguments if module is None and code is None else arguments[:1] + arguments[2:])
        try:
            open_run(folder, settings, key, shown, overwrite=force, join=False)
        except OSError as fault:
            raise unwritable(folder, fault) from fault
        variables = {**settings.environment(), ENVIRONMENT: str(folder), KEY: key.hex(), REDIRECT: "1"}
        if integrations:
            path = [str(_SITE), *filter(None, [os.environ.get("PYTHONPATH")])]
            variables |= {INSTRUMENT: ",".join(integrations), "PYTHONPATH": os.pathsep.join(path)}
        return cls(arguments, name, settings, folder, {**os.environ, **variables})

    def run(self, signals: supervise.HeldBack) -> int:
        """Run it; takes and returns what `supervise.run` does."""
        return supervise.run([sys.executable, *self.arguments], self.environment, signals)

    def summary(self) -> str:
        """What was recorded, and what to do next, in one line."""
        try:
            return _summary(Trace(self.folder), _shown(self.folder))
        except DriftlineError as fault:  # the program has removed or damaged it
            return f"driftline: {fault.message}"

    def clear(self) -> None:
        """Leave no trace if nothing was recorded."""
        withdraw(self.folder)


def _arguments(program: Sequence[str], module: str | None, code: str | None) -> tuple[tuple[str, ...], str]:
    """What python is given, and what the program is called."""
    if module is not None and code is not None:
        raise DriftlineError("there are two programs, -m and -c", "give one of them")
    if module is not None:
        return ("-m", module, *program), module
    if code is not None:
        return ("-c", code, *program), "code"
    if not program:
        raise DriftlineError("there is no program", "give a script, -m MODULE or -c CODE")
    script = program[0]
    if script == "-":
        return tuple(program), "stdin"
    if not Path(script).exists():
        raise DriftlineError(f"there is no script {script}", "give its path, or -m MODULE")
    if script.startswith("-"):
        program = [f"./{script}", *program[1:]]
    return tuple(program), Path(script).absolute().stem


def _settings(options: Mapping[str, str | None]) -> Settings:
    """The command line's settings over the environment's over the file's."""
    said = {name: text for name, text in options.items() if text is not None}
    names = {name: f"--{'output' if name == 'trace' else name.replace('_', '-')}" for name in options}
    variables = {**os.environ, **({} if os.environ.get(REDIRECT) else environment.set_aside())}
    return resolve([from_file(Path.cwd()), from_environment(variables), Source(said, names, texts=True)])


def _summary(trace: Trace, name: str) -> str:
    records = [process.record for process in trace.processes]
    if all(record is not None and record.closed for record in records):
        events = sum(record.events for record in records if record is not None)
    else:  # what was killed did not say how many
        events = sum(batch.num_rows for _, batch in trace.batches())
    if not events:
        return (
            "driftline: nothing was recorded; the program made no call: begin with `ctx = driftline.track({...})`, "
            "or name a library with --instrument"
        )
    processes = sum(1 for process in trace.processes if process.segments)
    lost = sum(record.lost for record in records if record is not None)
    said = [_count(events, "event")]
    if processes > 1:
        said.append(f"of {_count(processes, 'process', 'processes')}")
    said.append(f"in {name}")
    missing = f" ({_count(lost, 'event')} lost: driftline info {name})" if lost else ""
    return f"driftline: recorded {' '.join(said)}{missing}; next: driftline analyze {name}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _shown(folder: Path) -> str:
    """The folder, as it can be given to a command from here."""
    here = Path.cwd()
    return shlex.quote(str(folder.relative_to(here) if folder.is_relative_to(here) else folder))
