"""The desk that a node works at: its topic, the shared state, and a model that takes its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from driftline.demo.discipline import OPEN, Board, Change, Discipline, ToolDiedError
from driftline.demo.store import Fields, How, Shared, View
from driftline.demo.workload import Job, Topic, claim

_FASTEST, _SLOWEST = 0.0004, 0.0014  # seconds a chunk


@dataclass(frozen=True)
class Room:
    """What all nodes of one topic share.

    Attributes:
        topic: What they work on.
        store: Where the objects are.
        discipline: How changes get into them.
        board: The topic's notice board: money spent, who has taken which task.
    """

    topic: Topic
    store: Shared
    discipline: Discipline
    board: Board

    @classmethod
    def open(cls, topic: Topic, store: Shared, discipline: Discipline) -> Room:
        """A room with a fresh board."""
        tasks = {topic.id("task", i): OPEN for i in range(len(topic.questions))}
        return cls(topic, store, discipline, discipline.board(topic.id("board"), {"spent": 0, **tasks}))


class Desk:
    """What one node has at hand.

    Args:
        room: What it shares with the other nodes of its topic.
        job: What it is to do.
        seed: Seed of the run; with the job's name it decides what this node's model says, and how fast.
    """

    def __init__(self, room: Room, job: Job, seed: int) -> None:
        self.room = room
        self.topic = room.topic
        self.store = room.store
        self.discipline = room.discipline
        self.board = room.board
        self.job = job
        self.rng = Random(f"{seed}/{job.name}")  # noqa: S311 - a simulation, and the seed is the point
        self.confidence = round(self.rng.uniform(0.5, 0.95), 2)
        self._tool_dies = job.tool_dies

    # ---- the model and its tools ----------------------------------------------------------------------------------

    async def think(self) -> str:
        """Wait for the model's answer, chunk by chunk, while others work."""
        for _ in range(self.job.chunks):
            await asyncio.sleep(self._latency())
        return claim(self.rng, self.topic.title)

    def think_in_thread(self) -> str:
        """The same with a client that blocks its thread."""
        for _ in range(self.job.chunks):
            time.sleep(self._latency())
        return claim(self.rng, self.topic.title)

    def price(self) -> int:
        """Ask the accounting service, over a blocking connection, what this node's tokens cost."""
        time.sleep(self._latency())
        return self.rng.randint(20, 90)

    def cite(self) -> None:
        """Check the sources of an answer.

        Raises:
            ToolDiedError: If the service goes away; it is back when asked again.
        """
        time.sleep(self._latency())
        if self._tool_dies:
            self._tool_dies = False
            raise ToolDiedError("the citation service closed the connection")

    def _latency(self) -> float:
        return self.rng.uniform(_FASTEST, _SLOWEST)

    # ---- shared state ---------------------------------------------------------------------------------------------

    def entities(self) -> View:
        """Read the topic's entities, the most relevant first."""
        found = self.store.look(*self.store.ids(f"entity/{self.topic.key}-"))
        return dict(sorted(found.items(), key=lambda item: -float(item[1].value["relevance"])))

    def change(
        self,
        target: str,
        derive: Callable[[View], Fields],
        *,
        reads: Sequence[str] = (),
        seen: View | None = None,
        how: How = How.PATCH,
    ) -> Change:
        """A change in this node's name; what was seen counts as read."""
        seen = seen or {}
        reads = list(dict.fromkeys([*reads, *(i for i in seen if i != target)]))
        return Change(target, derive, reads, seen, how, self.confidence, self.job.role)

    def save(
        self,
        target: str,
        derive: Callable[[View], Fields],
        *,
        reads: Sequence[str] = (),
        seen: View | None = None,
        how: How = How.PATCH,
    ) -> None:
        """Make one change, under the discipline in force."""
        self.discipline.save(self.change(target, derive, reads=reads, seen=seen, how=how))
