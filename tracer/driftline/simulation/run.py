"""Runs the clean pipeline with scenes of faults among its work, and records it.

Round after round, phase after phase: the branches of a phase do task after task, several at once, and the next phase
begins when all of them have ended. Scenes go on meanwhile. One loop takes the next event of a random piece of work, so
that everything interleaves, and nothing is held in memory but the work in progress.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from driftline.errors import DriftlineError
from driftline.simulation.events import Row
from driftline.simulation.folder import Recording, recording, truth_path
from driftline.simulation.kinds import Pool
from driftline.simulation.scenes import SCENES, Fault
from driftline.simulation.script import Names, Scene
from driftline.simulation.settings import Settings
from driftline.simulation.work import MIX, SIZES, Post, Step, Worker
from driftline.simulation.world import Item, World

_AT_ONCE: Final = 8  # branches of a phase
_STEPS: Final = (1, 1, 2, 3)  # of a task
_TRIES: Final = 32
_TOLD_EVERY: Final = 16_384
_PAUSE: Final = 2_000  # nanoseconds between two events, at most
_ROLES: Final = ("researcher", "enricher", "summariser", "orchestrator")
_NAMES: Final = {fault.code: fault.name for fault in SCENES}

#: Called now and then with the number of events recorded so far.
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Simulated:
    """What a simulation recorded.

    Attributes:
        events: Number of events.
        planted: Name of a rule → how many faults of it were planted.
        truth: Where the ground truth lies.
    """

    events: int
    planted: dict[str, int]
    truth: Path


def simulate(
    path: str | Path, settings: Settings, *, overwrite: bool = False, progress: Progress = lambda _: None
) -> Simulated:
    """Record a simulated run, and its ground truth beside it.

    Args:
        path: The trace folder to make, `NAME.drift`; the truth becomes `NAME.truth.ndjson`.
        settings: What to simulate; the same settings give the same bytes.
        overwrite: Replace an earlier trace there.
        progress: Told how far it is.

    Returns:
        What was recorded.

    Raises:
        DriftlineError: If the settings are impossible, or the folder cannot be made.

    Example:
        >>> import tempfile
        >>> run = simulate(tempfile.mkdtemp() + "/run.drift", Settings(events=1000, faults={"DRF101": 0.002}))
        >>> run.events >= 1000, run.planted
        (True, {'stale-overwrite': 2})
    """
    folder = Path(path)
    pool = Pool(Random(0))  # noqa: S311 - a simulation; its values do not depend on the seed
    with recording(
        folder, settings.argv(), settings.processes, pool, policy=settings.policy, overwrite=overwrite
    ) as out:
        _Run(settings, pool, out, progress).run()
    planted = {_NAMES[code]: count for code, count in settings.fault_counts().items()}
    return Simulated(out.events, planted, truth_path(folder))


class _Slot:
    """A piece of work in progress: its events, and how far it is.

    Attributes:
        worker: The branch of the pipeline whose work it is, or None.
        scene: The scene that it is, or None.
        number: Of the scene.
        name: Of the rule that the scene is about.
        rows: The events.
        at: How many of them have been recorded.
        wanted: The steps that the worker wants to take, each with its objects.
        waits_for: One of these that somebody else had when it last wanted to begin, or None.
    """

    __slots__ = ("at", "name", "number", "rows", "scene", "waits_for", "wanted", "worker")

    def __init__(
        self, worker: Worker | None = None, scene: Scene | None = None, number: int = 0, name: str = ""
    ) -> None:
        self.worker = worker
        self.scene = scene
        self.number = number
        self.name = name
        self.rows: list[Row] = scene.rows if scene is not None else []
        self.at = 0
        self.wanted: list[tuple[Step, list[Item]]] = []
        self.waits_for: Item | None = None


class _Run:
    def __init__(self, settings: Settings, pool: Pool, out: Recording, progress: Progress) -> None:
        self._settings = settings
        self._pool = pool
        self._out = out
        self._progress = progress
        self._rng = Random(settings.seed)  # noqa: S311 - the seed is the point
        self._names = Names()
        self._world = World(settings.object_count, settings.skew, pool, self._rng)
        self._slots: list[_Slot] = []
        self._planned = self._plan()
        self._scenes = sum(self._planned.values())
        self._begun = 0
        self._next_scene = self._due()

    def _plan(self) -> dict[Fault, int]:
        """How many faults of each kind are still to come."""
        counts = self._settings.fault_counts()
        planned = {fault: counts[fault.code] for fault in SCENES if fault.code in counts}
        sizes = {fault: len(self._stage(fault, Random(1), Names()).rows) for fault in planned}  # noqa: S311 - as above
        needed = sum(sizes[fault] * count for fault, count in planned.items())
        if needed > self._settings.events and any(count > 1 for count in planned.values()):
            raise DriftlineError(
                f"the faults alone would take {needed:,} of {self._settings.events:,} events", "lower their rates"
            )
        return planned

    def _stage(self, fault: Fault, rng: Random, names: Names) -> Scene:
        scene = Scene(rng, self._pool, names, self._settings.phases, self._settings.processes)
        fault.play(scene)
        scene.end()
        return scene

    # ---- the course of the run ------------------------------------------------------------------------------------

    def run(self) -> None:
        """Record all of it."""
        settings = self._settings
        main = self._names.id("pipeline")
        self._emit(Row(0, "branch-start", main, rare={"name": "pipeline"}))
        gates = [self._names.id("gate") for _ in range(settings.processes)]
        for process, gate in enumerate(gates):
            self._emit(Row(process, "branch-start", gate, rare={"name": "gate", "parent": main}))
        branches = settings.branch_count
        stages = -(-branches // max(1, min(_AT_ONCE, branches // len(settings.phases))))
        known: dict[str, int] = {}  # what the pipeline has seen whole: each branch begins with it
        for stage in range(stages):
            rank = stage % len(settings.phases)
            crew = branches * (stage + 1) // stages - branches * stage // stages
            workers = [self._hire(rank, main, gates, known) for _ in range(crew)]
            self._work(rank, until=settings.events * (stage + 1) // stages)
            for worker in workers:
                self._emit(Row(worker.post.process, "branch-end", worker.post.branch, rare={"status": "ok"}))
                known |= worker.seen
        self._finish_scenes()
        for process, gate in enumerate(gates):
            self._emit(Row(process, "branch-end", gate, rare={"status": "ok"}))
        self._emit(Row(0, "branch-end", main, rare={"status": "ok"}))

    def _hire(self, rank: int, main: str, gates: Sequence[str], known: dict[str, int]) -> Worker:
        """A new branch of a phase."""
        phase = self._settings.phases[rank]
        name = _ROLES[rank % len(_ROLES)]
        process = self._rng.randrange(self._settings.processes)
        branch = self._names.id(name)
        self._emit(Row(process, "branch-start", branch, rare={"name": name, "parent": main, "phase": phase}))
        post = Post(process, branch, rank, phase, gates[process], known)
        worker = Worker(post, self._world, self._names, self._rng)
        self._slots.append(_Slot(worker))
        return worker

    def _work(self, rank: int, until: int) -> None:
        """Go on with everything until there are so many events; then finish the tasks that have begun."""
        rng, slots = self._rng, self._slots
        while self._out.events < until:
            if self._out.events >= self._next_scene:
                self._begin_scene()
            slot = slots[int(rng.random() * len(slots))]
            if slot.at < len(slot.rows):
                self._go_on(slot)
            elif slot.worker is not None and (slot.waits_for is None or not slot.waits_for.locked):
                self._take_up(slot, slot.worker, rank)
        for slot in [slot for slot in slots if slot.worker is not None]:
            while slot.at < len(slot.rows):
                self._go_on(slot)
            slots.remove(slot)

    def _finish_scenes(self) -> None:
        while self._planned or self._slots:
            if self._planned:
                self._begin_scene()
            self._go_on(self._slots[int(self._rng.random() * len(self._slots))])

    # ---- pieces of work -------------------------------------------------------------------------------------------

    def _take_up(self, slot: _Slot, worker: Worker, rank: int) -> None:
        """Begin a task, unless others have its objects: then the branch waits, and tries again at its next turn."""
        if not slot.wanted:
            slot.wanted = self._choose(rank)
        items = [item for _, each in slot.wanted for item in each]
        slot.waits_for = next((item for item in items if item.locked), None)
        if slot.waits_for is not None:
            return
        for item in items:
            item.locked = True
        slot.rows, slot.at = worker.do(slot.wanted), 0

    def _choose(self, rank: int) -> list[tuple[Step, list[Item]]]:
        """The steps of a task, no object in two of them."""
        mix = MIX[rank % len(MIX)]
        taken: list[tuple[Step, list[Item]]] = []
        chosen: set[Item] = set()
        for step in self._rng.choices(list(mix), list(mix.values()), k=self._rng.choice(_STEPS)):
            items = self._distinct(SIZES.get(step, 1), chosen)
            if items:
                taken.append((step, items))
                chosen.update(items)
        return taken

    def _distinct(self, count: int, others: set[Item]) -> list[Item]:
        """So many objects that are not among others; none if they are hard to find."""
        items: list[Item] = []
        for _ in range(_TRIES):
            item = self._world.choose()
            if item not in others and item not in items:
                items.append(item)
                if len(items) == count:
                    return items
        return []

    def _begin_scene(self) -> None:
        """Begin a scene: one of those still to come, each as likely as another."""
        (fault,) = self._rng.choices(list(self._planned), list(self._planned.values()))
        self._planned[fault] -= 1
        if not self._planned[fault]:
            del self._planned[fault]
        self._begun += 1
        self._next_scene = self._due()
        scene = self._stage(fault, self._rng, self._names)
        self._slots.append(_Slot(scene=scene, number=self._begun, name=fault.name))

    def _due(self) -> float:
        """After how many events the next scene begins."""
        if not self._planned:
            return math.inf
        return (self._begun + self._rng.random()) * self._settings.events / self._scenes

    def _go_on(self, slot: _Slot) -> None:
        """Record the next event of a piece of work."""
        process, seq = self._emit(slot.rows[slot.at])
        if slot.scene is not None and slot.at in slot.scene.truth:
            self._tell(slot, f"{process}:{seq}")
        slot.at += 1
        if slot.at == len(slot.rows):
            if slot.scene is not None:
                self._slots.remove(slot)
            for _, items in slot.wanted:
                for item in items:
                    item.locked = False
            slot.wanted = []

    def _emit(self, row: Row) -> tuple[str, int]:
        if not self._out.events % _TOLD_EVERY:
            self._progress(self._out.events)
        return self._out.emit(row, 1 + int(self._rng.random() * _PAUSE))

    def _tell(self, slot: _Slot, event: str) -> None:
        """State what is to be found at an event of a scene."""
        if slot.scene is None:
            return
        step = slot.scene.steps[slot.at]
        for expected in slot.scene.truth[slot.at]:
            self._out.tell(
                {
                    "code": expected.code,
                    "rule": _NAMES[expected.code],
                    "event": event,
                    "object": step.thing.id if step.thing is not None else None,
                    "version": str(step.version) if step.version is not None else None,
                    "branch": step.name,
                    "branch_id": step.branch,
                    "fields": list(expected.fields),
                    "scene": slot.number,
                    "planted": slot.name,
                },
            )
