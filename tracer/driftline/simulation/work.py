"""The pieces of work of the clean pipeline: what one agent does in one task, without any fault.

A task has its objects to itself from its first read to its last write, reads before it writes, and writes on what it
has read. Nothing that a later phase reads goes unpromoted. So the whole run is serialisable, and nothing is to be
found in it, whatever else happens at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from driftline.simulation.events import Field, Row
from driftline.simulation.kinds import PATH_NUMBER, Value
from driftline.simulation.script import Names
from driftline.simulation.world import Item, World
from driftline.values import digest_inputs

_DECLARED: Final = 0.4  # share of the writes whose base is declared
_WHOLE: Final = 0.4  # share of the reads that read the whole object
_CONFIDENT: Final = 0.3  # share of the writes that state a confidence


@dataclass(frozen=True)
class Post:
    """Where a worker works.

    Attributes:
        process: Number of the process that it runs in.
        branch: Id of its branch.
        rank: Number of its phase.
        phase: Name of its phase.
        gate: Id of the branch that promotes for it.
        inherited: Object → version that its parent had seen whole when it began.
    """

    process: int
    branch: str
    rank: int
    phase: str
    gate: str
    inherited: dict[str, int]


class Worker:
    """One branch of the pipeline, and the work that it does.

    Args:
        post: Where it works.
        world: The objects.
        names: Where ids come from.
        rng: Decides everything.

    Attributes:
        post: As given.
        seen: Object → version that it has seen whole itself.
    """

    def __init__(self, post: Post, world: World, names: Names, rng: Random) -> None:
        self.post = post
        self._process = post.process
        self._branch = post.branch
        self._rank = post.rank
        self._world = world
        self._names = names
        self._rng = rng
        self.seen: dict[str, int] = {}
        self._rows: list[Row] = []
        self._task: str | None = None
        self._unit: str | None = None

    def do(self, steps: Sequence[tuple[Step, Sequence[Item]]]) -> list[Row]:
        """The events of one task.

        Args:
            steps: What to do, each with the objects to do it with; nobody else may have them.
        """
        self._rows = rows = []
        self._task = self._names.id("work")
        signature = digest_inputs("work", self._task)
        rows.append(self._row("task-start", rare={"name": "work", "signature": signature}))
        for step, items in steps:
            for item in items:
                if not item.values:
                    self._create(item)
            step(self, items)
        rows.append(self._row("task-end", rare={"status": "ok"}))
        self._task = None
        return rows

    def _row(self, op: str, item: Item | None = None, version: int | None = None, **columns: Any) -> Row:
        where: dict[str, Any] = {"unit": self._unit, "task": self._task}
        if item is not None:
            where |= {"object": item.id, "type": item.kind.name}
        return Row(self._process, op, self._branch, version=version, **where, **columns)

    # ---- reading and writing --------------------------------------------------------------------------------------

    def _read(self, item: Item, places: Sequence[int] | None) -> None:
        """Read these fields of an object, or the whole; have its version promoted first if need be."""
        if item.rank < self._rank and not item.promoted:
            item.promoted = True
            self._rows.append(
                Row(
                    self._process, "promote", self.post.gate, None, None, item.id, item.kind.name, item.version,
                    rare={"phase": self.post.phase},
                ),
            )  # fmt: skip
        paths = item.kind.paths
        fields: list[Field] = [
            (PATH_NUMBER[paths[at]], item.values[at], None)
            for at in (places if places is not None else range(len(paths)))
        ]
        if places is None:
            self.seen[item.id] = item.version
        self._rows.append(
            Row(
                self._process, "read", self._branch, self._unit, self._task, item.id, item.kind.name, item.version,
                None, None, None, not places, fields,
            ),
        )  # fmt: skip

    def _write(
        self, op: str, item: Item, changes: Sequence[tuple[int, Value]], rare: dict[str, Any] | None = None
    ) -> None:
        """Write an object; it stays as it was if the write is taken back later."""
        declared = op == "merge" or (item.version > 0 and self._rng.random() < _DECLARED)
        seen = item.version or None
        own = None if declared else seen
        fields: list[Field] = [(PATH_NUMBER[item.kind.paths[at]], value, own) for at, value in changes]
        base = seen if declared else self.seen.get(item.id, self.post.inherited.get(item.id))
        if item.owner is not None and any(item.kind.paths[at] == item.kind.link for at, _ in changes):
            rare = {**(rare or {}), "references": [(item.kind.link, item.owner.id)]}
        if self._rng.random() < _CONFIDENT and op != "delete":
            item.confidence = min(item.confidence + 1, 100)
            rare = {**(rare or {}), "confidence": item.confidence / 100, "source": "model"}
        item.made += 1
        self._rows.append(
            Row(
                self._process, op, self._branch, self._unit, self._task, item.id, item.kind.name, item.made,
                None if op == "merge" else base, None if declared else True, item.depth + 1, None, fields, rare,
            ),
        )  # fmt: skip

    def _settle(self, item: Item, changes: Sequence[tuple[int, Value]], *, whole: bool) -> None:
        """The newest write of an object stands."""
        item.previous, item.version = item.version, item.made
        item.rank, item.promoted = self._rank, False
        item.depth += 1
        for at, value in changes:
            item.values[at] = value
        if whole:
            self.seen[item.id] = item.version

    def _create(self, item: Item) -> None:
        new = not item.made
        if not new:  # it was removed: look, and find nothing
            self._read(item, ())
            self.seen[item.id] = item.version
        item.values = [None] * len(item.kind.paths)
        changes = list(enumerate(self._world.fresh(item)))
        self._write("write", item, changes)
        self._settle(item, changes, whole=True)
        if new:
            self._world.stays(item)

    def _some(self, item: Item) -> list[int]:
        """One or two places of an object's fields."""
        count = len(item.kind.paths)
        first = int(self._rng.random() * count)
        return [first] if self._rng.random() < 0.5 else sorted({first, int(self._rng.random() * count)})  # noqa: PLR2004

    def _patch(self, item: Item, rare: dict[str, Any] | None = None) -> None:
        """Read and patch."""
        places = self._some(item)
        self._read(item, None if self._rng.random() < _WHOLE else places)
        changes = [(at, self._world.changed(item, at)) for at in places]
        self._write("patch", item, changes, rare)
        self._settle(item, changes, whole=False)

    def _everything(self, item: Item, changed: Sequence[int]) -> list[tuple[int, Value]]:
        """All fields of an object, these ones with new values."""
        return [(at, self._world.changed(item, at) if at in changed else value) for at, value in enumerate(item.values)]


#: A step takes the worker and as many objects as `SIZES` says.
Step = Callable[[Worker, Sequence[Item]], None]

# ruff: noqa: SLF001 - the steps are the worker's own, kept apart so that each can be named


def look(worker: Worker, items: Sequence[Item]) -> None:
    """Read some objects, whole or in part."""
    for item in items:
        worker._read(item, None if worker._rng.random() < _WHOLE else worker._some(item))


def refine(worker: Worker, items: Sequence[Item]) -> None:
    """Read and patch an object."""
    worker._patch(items[0])


def rewrite(worker: Worker, items: Sequence[Item]) -> None:
    """Load an object, change it, save it whole."""
    (item,) = items
    worker._read(item, None)
    changes = worker._everything(item, worker._some(item))
    worker._write("write", item, changes)
    worker._settle(item, changes, whole=True)


def derive(worker: Worker, items: Sequence[Item]) -> None:
    """Read some objects, and patch another with what follows from them."""
    *sources, target = items
    look(worker, sources)
    declared = worker._rng.random() < _DECLARED
    worker._patch(target, {"inputs": [(item.id, item.version) for item in sources]} if declared else None)


def transfer(worker: Worker, items: Sequence[Item]) -> None:
    """Change two objects in one unit."""
    worker._unit = worker._names.id("transfer")
    worker._rows.append(worker._row("unit-begin", rare={"name": "transfer"}))
    for item in items:
        worker._patch(item)
    worker._rows.append(worker._row("unit-commit", rare={"status": "ok"}))
    worker._unit = None


def retry(worker: Worker, items: Sequence[Item]) -> None:
    """Change an object in a unit that fails, and again, whole, in one that does not."""
    (item,) = items
    worker._read(item, None)
    for outcome in ("unit-abort", "unit-commit"):
        worker._unit = worker._names.id("save")
        worker._rows.append(worker._row("unit-begin", rare={"name": "save"}))
        changes = worker._everything(item, worker._some(item))
        worker._write("write", item, changes)
        aborted = outcome == "unit-abort"
        end = {"status": "failed", "reason": "TimeoutError"} if aborted else {"status": "ok"}
        worker._rows.append(worker._row(outcome, rare=end))
        worker._unit = None
        if not aborted:
            worker._settle(item, changes, whole=True)


def reconcile(worker: Worker, items: Sequence[Item]) -> None:
    """Merge the newest version of an object with an older one."""
    (item,) = items
    worker._read(item, None)
    changes = worker._everything(item, worker._some(item))
    bases = [item.previous, item.version] if item.previous else [item.version]
    worker._write("merge", item, changes, {"bases": bases, "strategy": "three-way"})
    worker._settle(item, changes, whole=True)


def pin(worker: Worker, items: Sequence[Item]) -> None:
    """Take a snapshot of an object."""
    (item,) = items
    worker._read(item, None)
    worker._rows.append(worker._row("snapshot", item, item.version))


def hold(worker: Worker, items: Sequence[Item]) -> None:
    """Put an object into quarantine, and release it."""
    (item,) = items
    worker._read(item, None)
    worker._rows.append(worker._row("quarantine", item, item.version, rare={"reason": "unverified"}))
    worker._rows.append(worker._row("promote", item, item.version, rare={"phase": worker.post.phase}))
    item.promoted = True


def retire(worker: Worker, items: Sequence[Item]) -> None:
    """Remove an object that nothing names; any other is read."""
    (item,) = items
    worker._read(item, None)
    if item.kind.name == "entity":
        worker._write("delete", item, ())
        worker._settle(item, (), whole=True)
        item.values = []


#: How many objects a step takes.
SIZES: Final[dict[Step, int]] = {derive: 3, look: 2, transfer: 2}
#: How often each step is taken in the phases, one after the other; further phases begin again.
MIX: Final[tuple[dict[Step, int], ...]] = (
    {look: 20, refine: 40, rewrite: 20, derive: 15, transfer: 5, retry: 1},
    {look: 20, refine: 45, rewrite: 10, derive: 20, transfer: 10, retry: 1},
    {look: 30, rewrite: 20, derive: 40, transfer: 5, pin: 2},
    {look: 40, refine: 20, derive: 20, reconcile: 10, hold: 3, pin: 3, retire: 2},
)
