"""A lock whose waiters are not starved by a thread that takes it again and again."""

from __future__ import annotations

import threading
from threading import get_ident


class Turn:
    """Who holds it does one thing at a time; who asked first is next.

    With a plain lock the writer thread, which takes it for each batch, would keep a thread that forks waiting for as
    long as there is something to write: Python's locks are not fair. A signal handler may take it while its thread
    does.

    Example:
        >>> turn = Turn()
        >>> with turn:
        ...     turn.is_mine
        True
        >>> turn.is_mine
        False
    """

    def __init__(self) -> None:
        self._entrance = threading.RLock()  # held by whoever is next
        self._lock = threading.RLock()
        self._holder: int | None = None
        self._depth = 0

    @property
    def is_mine(self) -> bool:
        """Whether this thread holds it."""
        return self._holder == get_ident()

    def take(self) -> None:
        """Wait for one's turn."""
        if self.is_mine:
            self._lock.acquire()
            self._depth += 1
            return
        with self._entrance:
            self._lock.acquire()
            self._holder = get_ident()
            self._depth += 1

    def give(self) -> None:
        """Let the next one have it."""
        self._depth -= 1
        if not self._depth:
            self._holder = None
        self._lock.release()

    def __enter__(self) -> None:
        self.take()

    def __exit__(self, *_: object) -> None:
        self.give()
