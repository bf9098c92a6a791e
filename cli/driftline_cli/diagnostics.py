"""The only owner of standard error, of progress on the terminal, and of exit statuses.

0    nothing found at or above --fail-on
1    findings
2    usage, policy, or a trace that cannot be read
3    internal error
130  interrupted
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, Literal

import typer

from driftline_cli.output import is_colourful, terminal_width
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from rich.progress import Progress

OK: Final = 0
FOUND: Final = 1
USAGE: Final = 2
INTERNAL: Final = 3
INTERRUPTED: Final = 130

DEBUG_VARIABLE: Final = "DRIFTLINE_DEBUG"
_NEAR: Final = re.compile(r"\. Did you mean (.+)\?$| \(Possible options: (?P<options>.+)\)$")
_PATIENCE: Final = 1.0  # seconds of work before progress is shown

Level = Literal["error", "warning", "note", "internal error"]
_COLOURS: Final[dict[Level, str]] = {
    "error": typer.colors.RED,
    "internal error": typer.colors.RED,
    "warning": typer.colors.YELLOW,
    "note": typer.colors.CYAN,
}


class _Settings:
    debug = False


def enable_debug(wanted: bool) -> bool:  # noqa: FBT001 - the shape that typer calls back with
    """Show the traceback of an internal error; a typer callback."""
    _Settings.debug = _Settings.debug or wanted
    return wanted


def guarded(work: Callable[[], Any]) -> int:
    """Run the command line; whatever goes wrong is explained once on standard error.

    Args:
        work: What to run; it may return an exit status.

    Returns:
        The exit status.
    """
    with _noticed_interrupts() as interrupted:
        try:
            status = work()
        except (KeyboardInterrupt, typer.Abort):
            return INTERRUPTED
        except typer.TyperException as fault:
            return _explain_usage(fault)
        except Exception as fault:  # noqa: BLE001 - the last line of defence: it becomes status 2 or 3
            return INTERRUPTED if interrupted.is_set() else _explain(fault)
    return status if isinstance(status, int) else OK


@contextmanager
def _noticed_interrupts() -> Iterator[threading.Event]:
    """Know that Ctrl-C was pressed even where DuckDB or Arrow turn it into an error of their own."""
    noticed = threading.Event()
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler is not signal.default_int_handler:
        yield noticed
        return

    def notice(number: int, frame: FrameType | None) -> None:
        noticed.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, notice)
    try:
        yield noticed
    finally:
        signal.signal(signal.SIGINT, handler)


def say(level: Level, message: str, hint: str = "") -> None:
    """Tell the user something on standard error, in one line and perhaps a second that says what to do."""
    colourful = is_colourful(sys.stderr)
    label = typer.style(f"{level}:", fg=_COLOURS[level], bold=True) if colourful else f"{level}:"
    _write(f"{label} {plain(message)}\n" + (f"  try: {plain(hint)}\n" if hint else ""))


def say_text(text: str) -> None:
    """Put text on standard error as it is."""
    _write(f"{text}\n")


def finish(status: int) -> None:
    """End the command with an exit status.

    Raises:
        typer.Exit: Always, unless the status is 0.
    """
    if status:
        raise typer.Exit(status)


def fails(fail_on: str, severities: Iterable[str]) -> bool:
    """Whether something this severe or worse is among the findings.

    Args:
        fail_on: A severity, or `never`.
        severities: Those of the findings.

    Example:
        >>> fails("warning", ["note", "error"]), fails("warning", ["note"]), fails("never", ["error"])
        (True, False, False)
    """
    from driftline_analyzer.catalogue import SEVERITIES

    ranks: dict[str, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    return fail_on in ranks and any(ranks[severity] <= ranks[fail_on] for severity in severities)


@contextmanager
def progress(task: str) -> Iterator[Callable[[str, float | None], None]]:
    """Show how far some work is, on a terminal, once it has taken over a second.

    Args:
        task: What is being done, in a word or two.

    Yields:
        A function to call with the name of each step and the share of the work done, 0 to 1; None if that is not known.
        It may be called from any thread.
    """
    bar = _Bar(task)
    try:
        yield bar.tell
    finally:
        bar.close()


class _Bar:
    def __init__(self, task: str) -> None:
        self._task = task
        self._step = ""
        self._share: float | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._shown: Progress | None = None
        self._timer: threading.Timer | None = None

    def tell(self, step: str, share: float | None) -> None:
        with self._lock:
            self._step, self._share = step, share
            if self._timer is None and sys.stderr is not None and sys.stderr.isatty():
                self._timer = threading.Timer(_PATIENCE, self._show)
                self._timer.daemon = True
                self._timer.start()
            self._update()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            if self._shown is not None:
                self._shown.stop()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._closed:
                return
            self._shown = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=min(30, terminal_width() // 3)),
                TimeElapsedColumn(),
                console=Console(file=sys.stderr),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._shown.add_task("", total=None)
            self._update()
            self._shown.start()

    def _update(self) -> None:
        if self._shown is not None:
            known = self._share is not None
            self._shown.update(
                self._shown.task_ids[0],
                description=f"{self._task}: {self._step}" if self._step else self._task,
                completed=self._share or 0.0,
                total=1.0 if known else None,
            )


def _write(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # a standard error that is gone or closed has no reader to tell
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stderr.flush()


def _explain_usage(fault: typer.TyperException) -> int:
    context = getattr(fault, "ctx", None)
    hint = f"{context.command_path if context is not None else 'driftline'} --help"
    message = fault.format_message().strip().rstrip(".").replace("Value error, ", "")
    if near := _NEAR.search(message):
        message, hint = message[: near.start()], f"did you mean {near[1] or near['options']}?"
    say("error", message[:1].lower() + message[1:], hint)
    return USAGE


def _explain(fault: Exception) -> int:
    from driftline.errors import DriftlineError

    if isinstance(fault, DriftlineError):
        _trace(fault)
        say("error", fault.message, fault.hint)
        return USAGE
    from importlib.metadata import version
    from platform import python_version

    where = "the traceback above" if _trace(fault) else "the traceback that --debug shows"
    what = f"the command, and that this is driftline {version('driftline')} on python {python_version()}"
    say("internal error", f"{type(fault).__name__}: {fault}", f"report it with {where}, {what}")
    return INTERNAL


def _trace(fault: Exception) -> bool:
    if not (_Settings.debug or os.environ.get(DEBUG_VARIABLE)):
        return False
    import traceback

    _write("".join(f"{plain(line)}\n" for line in "".join(traceback.format_exception(fault)).splitlines()))
    return True
