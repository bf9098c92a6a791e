"""Run another program as a child that notices nothing of it: its own input and output, its signals, its exit.

The program gets a process of its own, so that nothing of this command line is in it, and this one stays to say
afterwards what was recorded, however the program ended.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALLED: Final = 128  # a shell says 128 + n of a program that signal n ended
#: What somebody may send to this process and mean for the program.
_PASSED_ON: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCONT")


@dataclass(frozen=True)
class HeldBack:
    """Signals that wait until somebody asks for them.

    Attributes:
        passed_on: Those that are meant for the program.
        before: Those that were held back before.
    """

    passed_on: frozenset[int]
    before: frozenset[int]


@contextmanager
def held_back() -> Iterator[HeldBack]:
    """Let signals wait, until the end of the block, for `run` to take them one by one.

    To be entered before anything is imported that starts threads: a thread inherits what is held back, and one that did
    not would take a signal now and then in place of `run`, which would wait for it forever.
    """
    passed_on = frozenset(
        number
        for name in _PASSED_ON
        if (number := getattr(signal, name, None)) is not None and signal.getsignal(number) is not signal.SIG_IGN
    )
    handler = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # ignored, it would not wait
    before = signal.pthread_sigmask(signal.SIG_BLOCK, passed_on | {signal.SIGCHLD})
    try:
        yield HeldBack(passed_on, frozenset(int(number) for number in before))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGCHLD, handler)


def run(command: Sequence[str], environment: Mapping[str, str], signals: HeldBack) -> int:
    """Run a program to its end.

    Args:
        command: The path of the program and its arguments.
        environment: Its environment.
        signals: What somebody may send to this process and mean for the program.

    Returns:
        Its exit status; of one that a signal ended, minus the signal's number.
    """
    child = os.posix_spawn(command[0], list(command), environment, setsigmask=signals.before)
    while True:
        number, from_terminal = _next_signal(signals.passed_on | {signal.SIGCHLD})
        if number == signal.SIGCHLD:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
        elif not (from_terminal and os.getpgid(child) == os.getpgrp()):  # a terminal sends it to both of them
            os.kill(child, number)


def end_as(status: int) -> int:
    """End this process as the program ended, if that was by a signal.

    Args:
        status: What `run` returned.

    Returns:
        The exit status to end with, if this process is still there.
    """
    if status >= 0:
        return status
    number = -status
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one dump is enough
        if number not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return _SIGNALLED + number  # the first process of a container cannot end itself so


def _next_signal(signals: frozenset[int]) -> tuple[int, bool]:
    """The next signal, and whether a key of the terminal sent it, as far as that can be told."""
    if hasattr(signal, "sigwaitinfo"):
        info = signal.sigwaitinfo(signals)
        return info.si_signo, info.si_code > 0  # zero and below: a process sent it
    number = signal.sigwait(signals)
    return number, number in {signal.SIGINT, signal.SIGQUIT} and _in_foreground()


def _in_foreground() -> bool:
    with suppress(OSError):
        return os.tcgetpgrp(0) == os.getpgrp()
    return False
