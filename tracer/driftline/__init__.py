"""Driftline's tracer: records which version of shared state each parallel branch read and wrote.

    import driftline as dl

    with dl.record("run.drift"):
        ctx = dl.track({"facts": [], "summary": ""}, id="context/42", type="context")
        with dl.branch("researcher", phase="reasoning"):
            ctx["facts"] = ctx["facts"] + ["f1"]

Then `driftline analyze run.drift`. This package is all that a traced program imports: no database, no terminal, no
plots. The store and the guard load when they are asked for.
"""

from typing import TYPE_CHECKING, Any, Final

from driftline.branches import branch, current, propagate, task, unit
from driftline.capture import REDACTED
from driftline.carriers import extract, inject
from driftline.errors import DriftlineError
from driftline.operations import delete, merge, patch, promote, quarantine, read, reject, snapshot, write
from driftline.processes import follow_forks
from driftline.session import Recording, record, start, start_from_environment, stop
from driftline.tracking import TrackedList, TrackedMapping, track, tracked
from driftline.values import ABSENT

if TYPE_CHECKING:
    from driftline.store import AsyncStore, RefusedError, Store, guard

__all__ = [
    "ABSENT",
    "REDACTED",
    "AsyncStore",
    "DriftlineError",
    "Recording",
    "RefusedError",
    "Store",
    "TrackedList",
    "TrackedMapping",
    "branch",
    "current",
    "delete",
    "extract",
    "guard",
    "inject",
    "merge",
    "patch",
    "promote",
    "propagate",
    "quarantine",
    "read",
    "record",
    "reject",
    "snapshot",
    "start",
    "stop",
    "task",
    "track",
    "tracked",
    "unit",
    "write",
]

#: What `driftline.store` has; a program that only records need not wait for it to load.
_IN_STORE: Final = frozenset({"AsyncStore", "RefusedError", "Store", "guard"})


def __getattr__(name: str) -> Any:
    """The store, when it is asked for."""
    if name not in _IN_STORE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from driftline import store

    found = globals()[name] = getattr(store, name)
    return found


follow_forks()
start_from_environment()
