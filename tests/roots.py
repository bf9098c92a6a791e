"""Branches without a parent: what acts in a thread that carries none."""

from __future__ import annotations

import threading
from collections.abc import Callable


def run_as_root(function: Callable[..., object], *args: object) -> None:
    """Call a function in a thread that carries no branch, started past what a recording puts around `Thread.start`."""
    thread = threading.Thread(target=function, args=args)
    start = threading.Thread.start
    getattr(start, "__wrapped__", start)(thread)
    thread.join()
