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
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALLED: Final = 128  # a shell says 128 + n of a program that signal n ended
#: What somebody may send to this process and mean for the program.
_PASSED_ON: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCONT")


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program to its end.

    Args:
        command: The path of the program and its arguments.
        environment: Its environment.

    Returns:
        Its exit status; of one that a signal ended, minus the signal's number.
    """
    passed_on = {
        number
        for name in _PASSED_ON
        if (number := getattr(signal, name, None)) is not None and signal.getsignal(number) is not signal.SIG_IGN
    }
    with _held_back(passed_on | {signal.SIGCHLD}) as before:
        child = os.posix_spawn(command[0], list(command), environment, setsigmask=before)
        while True:
            number, from_terminal = _next_signal(passed_on | {signal.SIGCHLD})
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


@contextmanager
def _held_back(signals: set[int]) -> Iterator[set[int]]:
    """Let signals wait until somebody asks for them; gives those that were held back before."""
    handler = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # ignored, it would not wait
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield {int(number) for number in before}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGCHLD, handler)


def _next_signal(signals: set[int]) -> tuple[int, bool]:
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
