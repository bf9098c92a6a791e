"""Where an event happens: the branch, unit and task in force, carried by one context variable.

A context variable follows `asyncio.create_task` and `asyncio.to_thread`, but neither `Thread` nor a thread pool;
`propagation.py` sees to those, and gives each task, thread and job a branch of its own (`lines.py`).
"""

from __future__ import annotations

from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Final, Protocol

from driftline.sightings import Sightings

if TYPE_CHECKING:
    from driftline.objects import Place


class CanChange(Protocol):
    """An object whose content can change without a call of ours."""

    def look_again(self, recorder: Any, scope: Scope, touched: Any) -> None:
        """A branch that touched it ends: record what it holds now, if that is not what was recorded. Never raises."""


#: Such objects, each with what the branch has touched of it.
Watched = MutableMapping[CanChange, Any]


class Branch:
    """A sequential line of execution: an agent, a node, a task, a thread.

    Attributes:
        id: Unique in the run, `researcher#17`.
        name: What the user called it.
        phase: The phase it works in, inherited from its parent when not given; may be None.
        parent: The branch it forked from, or None.
        recorder: The recorder that its start was recorded in; it means nothing in another one. None until then.
        begins_in: The recorder that its first event makes it start in, if it waits for one (`lines.py`).
        within: The branch that it was opened in, if that had not started: it hands on its sightings and gains, too.
        sightings: What it has seen; the ledger's.
        forked_at: The moment at which it forked, as `freshness.py` counts.
        is_forked: Whether the ledger has given it what its parent had seen; before its start, if it waits for that.
        watched: What it has touched of objects that can be mutated unseen; None: nothing.
        born: The moment at which it forked, in nanoseconds of the monotonic clock.
        ended: Whether it has ended.
        notes: What each store (`store/`) keeps of it, by the store's core; None: nothing.
    """

    __slots__ = (
        "begins_in", "born", "ended", "forked_at", "id", "is_forked", "name", "notes", "parent", "phase", "recorder",
        "sightings", "watched", "within",
    )  # fmt: skip

    def __init__(self, branch_id: str, name: str, phase: str | None, parent: Branch | None, recorder: object) -> None:
        self.id = branch_id
        self.name = name
        self.phase = phase
        self.parent = parent
        self.recorder = recorder
        self.begins_in: object = None
        self.within: Branch | None = None
        self.sightings = Sightings()
        self.watched: Watched | None = None
        self.is_forked = False
        self.forked_at = 0
        self.born = monotonic_ns()
        self.ended = False
        self.notes: dict[Any, Any] | None = None

    def __repr__(self) -> str:
        return f"<Branch {self.id}>" if self.id else f"<Branch {self.name}, which has not acted>"


class Scope:
    """The branch in force, the unit and the task inside which it acts, and what was read in there.

    Attributes:
        branch: The branch in force.
        unit: Id of the unit in force, or None.
        task: Id of the task in force, or None.
        signature: Signature of that task, or None.
        outer: The scope that this one was opened in, or None.
        read_depth: Mutation depth of the deepest version read in this scope; the ledger's.
        places: What was read and written in here, by object id.
    """

    __slots__ = ("branch", "outer", "places", "read_depth", "signature", "task", "unit")

    def __init__(
        self,
        branch: Branch,
        unit: str | None = None,
        task: str | None = None,
        outer: Scope | None = None,
    ) -> None:
        self.branch = branch
        self.unit = unit
        self.task = task
        self.outer = outer
        self.signature: int | None = None
        self.read_depth = 0
        self.places: dict[str, Place] = {}


class Listener(Protocol):
    """Who must know when branches and tasks end, before anybody can act on it: an open store."""

    def branch_ends(self, branch: Branch, *, failed: bool) -> AbstractContextManager[None]:
        """A branch ends in the block."""

    def task_ends(self, branch: Branch, signature: int) -> AbstractContextManager[None]:
        """A branch finishes a task in the block, and well."""


#: All of them, in the order in which they came: also the order of their locks.
LISTENERS: Final[list[Listener]] = []

CURRENT: Final[ContextVar[Scope | None]] = ContextVar("driftline_scope", default=None)


def leave(scope: Scope) -> None:
    """Take a scope out of force. Blocks may end out of turn, or in another context: generators make them."""
    inner = CURRENT.get()
    if inner is scope:
        CURRENT.set(scope.outer)
        return
    while inner is not None:
        if inner.outer is scope:
            inner.outer = scope.outer
            return
        inner = inner.outer
