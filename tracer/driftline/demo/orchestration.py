"""Runs the pipeline: topics side by side, their stages one after another, each node as a branch of its own."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

import driftline as dl
from driftline.demo.desk import Desk, Room
from driftline.demo.discipline import Careful, Discipline, Hasty, ToolDiedError
from driftline.demo.roles import IN_THREAD, ON_LOOP
from driftline.demo.store import Shared, Store
from driftline.demo.workload import Job, Topic, topics

_TOPICS_AT_ONCE: Final = 6
_THREADS: Final = 8


@dataclass(frozen=True)
class DemoSummary:
    """What a run of the demo did.

    Attributes:
        nodes: How many nodes ran, each as a branch of its own.
        failed: How many of them failed.
        topics: How many topics they worked on.
        threads: How many threads ran at least one node, the event loop's included.
        objects: How many objects were left in shared state, tracked mappings included.
        seconds: How long it took.
        decisions: With a store: how often each verdict was reached; else empty.
    """

    nodes: int
    failed: int
    topics: int
    threads: int
    objects: int
    seconds: float
    decisions: Mapping[str, int] = field(default_factory=dict)


class _Pipeline:
    """One run.

    Args:
        seed: Decides what the models say, and how fast.
        store: The shared state.
        discipline: How nodes change it.
        pool: Threads for the nodes that block.
    """

    def __init__(self, seed: int, store: Shared, discipline: Discipline, pool: Executor) -> None:
        self._seed = seed
        self._store = store
        self._discipline = discipline
        self._pool = pool
        self._at_once = asyncio.Semaphore(_TOPICS_AT_ONCE)
        self.nodes = 0
        self.failed = 0
        self.threads: set[int] = set()

    async def run(self, planned: list[Topic]) -> None:
        """Work on all topics, a few at a time."""
        async with asyncio.TaskGroup() as group:
            for topic in planned:
                group.create_task(self._run_topic(topic))

    async def _run_topic(self, topic: Topic) -> None:
        async with self._at_once, asyncio.TaskGroup() as group:
            room = Room.open(topic, self._store, self._discipline)
            for stage in topic.stages:
                running = {group.create_task(self._deliver(room, job)) for job in stage}
                await self._enough(running)
                self._hand_on(room, stage[0].phase)

    async def _enough(self, running: set[asyncio.Task[None]]) -> None:
        """Wait until as many nodes of a stage are done as the discipline asks for."""
        may_lag = len(running) - math.ceil(self._discipline.patience * len(running))
        while len(running) > may_lag:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)

    def _hand_on(self, room: Room, phase: str) -> None:
        """Promote what there is: the next stage works on it."""
        of_topic = [i for i in self._store.ids("") if _topic_of(i) == room.topic.key]
        self._store.promote(of_topic, phase)
        self._discipline.hand_on(room.board, phase)

    async def _deliver(self, room: Room, job: Job) -> None:
        """Have a job done, at least once: if the acknowledgement gets lost, the queue hands it out again."""
        await self._run_node(room, job)
        if job.ack_lost:
            await self._run_node(room, job)

    async def _run_node(self, room: Room, job: Job) -> None:
        """Run one node in its own branch. If it fails, the others go on."""
        self.nodes += 1
        desk = Desk(room, job, self._seed)
        try:
            if job.duty in ON_LOOP:
                await self._on_loop(desk)
            else:
                await asyncio.get_running_loop().run_in_executor(self._pool, self._in_thread, desk)
        except ToolDiedError:
            self.failed += 1

    async def _on_loop(self, desk: Desk) -> None:
        self.threads.add(threading.get_ident())
        async with dl.branch(desk.job.role, phase=desk.job.phase):
            await ON_LOOP[desk.job.duty](desk)

    def _in_thread(self, desk: Desk) -> None:
        self.threads.add(threading.get_ident())
        with dl.branch(desk.job.role, phase=desk.job.phase):
            IN_THREAD[desk.job.duty](desk)


def _topic_of(object_id: str) -> str:
    return object_id.partition("/")[2].partition("-")[0]


def run_demo(*, nodes: int = 600, seed: int = 7, clean: bool = False, discipline: bool = False) -> DemoSummary:
    """Run a multi-agent research pipeline over shared state, in this process.

    Planners, researchers, enrichers, summarisers, mergers and orchestrators work on a few dozen topics, as asyncio
    tasks and in threads. It records nothing by itself: it runs in whatever recording is in force, or in none.

    Args:
        nodes: Run at least so many nodes; whole topics, so a few more.
        seed: Decides the topics, what each model says and how slow it is, which tools die. Which writes then collide
            is up to the scheduler, and differs a little from run to run.
        clean: Run the same nodes with care: look again before writing, change only what is meant, consult the board
            before work, wait for one phase to end before the next. Nothing drifts then.
        discipline: Run the same nodes, as hasty as ever, on a `dl.Store` under a policy (`policy.toml`), which
            reconciles or refuses what they propose. Nothing drifts then, either.

    Returns:
        What was done.

    Raises:
        RuntimeError: If called from inside a running event loop.
        ValueError: If it is to be run both ways at once.

    Example:
        >>> run_demo(nodes=20, clean=True).failed
        0
        >>> run_demo(nodes=20, discipline=True).decisions["promoted"] > 20
        True
    """
    if clean and discipline:
        raise ValueError("the demo runs with care, or on a store with discipline, and not both at once")
    if not discipline:
        store = Store()
        return _run(nodes, seed, store, Careful(store) if clean else Hasty(store))
    from driftline.demo.governed import Governed, Shelf, opened  # only now: the others need no store of Driftline's

    with opened() as governed:
        done = _run(nodes, seed, Shelf(governed), Governed(governed))
        return replace(
            done,
            objects=len(governed.ids()),
            decisions={str(verdict): count for verdict, count in governed.counts.items()},
        )


def _run(nodes: int, seed: int, store: Shared, discipline: Discipline) -> DemoSummary:
    """Run the pipeline on a store, under a discipline."""
    started = time.perf_counter()
    planned = topics(nodes, seed)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="agent") as threads, dl.branch("pipeline"):
        pipeline = _Pipeline(seed, store, discipline, dl.propagate(threads))
        asyncio.run(pipeline.run(planned))
    return DemoSummary(
        nodes=pipeline.nodes,
        failed=pipeline.failed,
        topics=len(planned),
        threads=len(pipeline.threads),
        objects=len(store) + len(planned),
        seconds=time.perf_counter() - started,
    )
