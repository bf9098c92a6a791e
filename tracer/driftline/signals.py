"""Ending a recording in order when a signal ends the process. Nothing here happens unless it is asked for."""

from __future__ import annotations

import os
import signal
import threading
from queue import SimpleQueue
from types import FrameType

from driftline.session import stop


class _Watch:
    """The thread that ends the recording, and how it hears of a signal."""

    came: SimpleQueue[int]  # putting is reentrant, so a signal handler may
    is_on = False

    @classmethod
    def begin(cls) -> None:
        """In this process, from now on."""
        cls.came = SimpleQueue()
        threading.Thread(target=cls.end, name="driftline-signals", daemon=True).start()

    @classmethod
    def end(cls) -> None:
        """Wait for a signal; end the recording; die of it."""
        number = cls.came.get()
        stop()
        os.kill(os.getpid(), number)


def end_on(*numbers: int) -> None:
    """End the recording when one of these signals comes, and then let the process die of it.

    A signal that the program handles or ignores is left alone, now and whenever the program begins to.

    Args:
        numbers: Such as `signal.SIGTERM`.

    Raises:
        ValueError: If called elsewhere than in the main thread, or one of them cannot be handled.

    Example:
        >>> import signal
        >>> before = signal.getsignal(signal.SIGUSR2)
        >>> end_on(signal.SIGUSR2)
        >>> end_on(signal.SIGUSR2)
        >>> _ = signal.signal(signal.SIGUSR2, before)
    """
    for number in numbers:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _on_signal)
            if not _Watch.is_on:
                _Watch.is_on = True
                _Watch.begin()
                os.register_at_fork(after_in_child=_Watch.begin)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    """Hand over to a thread: this one may hold any lock, in the middle of anything."""
    signal.signal(number, signal.SIG_DFL)  # a second one kills at once
    _Watch.came.put(number)
