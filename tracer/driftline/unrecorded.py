"""Which branch acts while nothing records: a store's policy asks that of programs that nobody traces, too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, cast

from driftline.backlog import Backlog
from driftline.capture import Capture
from driftline.objects import ObjectState
from driftline.recorder import Recorder, log_fault
from driftline.session import RECORDING

if TYPE_CHECKING:
    from driftline.recorder import Rare
    from driftline.scope import Scope
    from driftline.writer import Writer


class _Nowhere:
    """A writer that is never given anything to write."""

    def __init__(self) -> None:
        self.backlog = Backlog()
        self.objects: dict[str, ObjectState] = {}

    @staticmethod
    def fault(kind: str, fault: Exception, _lost: int = 0) -> None:
        """Say what went wrong: there is no trace that could."""
        log_fault(kind, fault)


class Unrecorded(Recorder):
    """Keeps track of branches, units and tasks, and records nothing.

    Threads are not followed as in a recording: nothing of the standard library is replaced. One that opens no branch
    of its own is a line of its own, without parent and phase; event-loop tasks act in the branch that created them.
    """

    def __init__(self) -> None:
        capture = Capture([("full", {})], names=None)
        tag = f"~{os.getpid():x}{os.urandom(3).hex()}."  # tells its branches from those of any recording
        super().__init__(cast("Writer", _Nowhere()), branch_tag=tag, depth=1, capture=capture)

    def _append(self, op: str, scope: Scope, rare: Rare) -> None:
        """Nothing is queued."""

    def fork(self, branch: Any) -> None:
        """Nobody needs to know what it had seen."""


class _Users:
    """How many need to know which branch acts."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, change: int) -> None:
        with RECORDING.lock:
            self.count += change
            if self.count == (change > 0):  # the first came, or the last went
                RECORDING.track(Unrecorded() if change > 0 else None)


_USERS: Final = _Users()


def track() -> None:
    """From now on it is known which branch acts, whether or not something records."""
    _USERS.add(1)


def untrack() -> None:
    """Whoever called `track` needs it no more."""
    _USERS.add(-1)
