"""What there is to do, and what the world has in store for it: topics, the nodes of each, slowness, tools that die.

All of it follows from the seed, and is the same for either discipline.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

_FIELDS: Final = ("tidal power", "urban bees", "soil carbon", "night trains", "sea grass", "heat pumps", "rare earths")
_PLACES: Final = ("Galicia", "Jutland", "the Algarve", "Tyrol", "Saxony", "Crete", "Lapland", "Flanders")
_SOURCES: Final = ("a field survey", "the national registry", "two independent laboratories", "a ten-year panel study")
_MEASURES: Final = ("the yield", "the number of sites", "the cost per unit", "public support", "the failure rate")
_METERED: Final = 0.25  # share of the models that charge by the token


@dataclass(frozen=True)
class Job:
    """One node to run.

    Attributes:
        name: Unique in the run, `t03-edit-2`.
        role: What kind of agent does it; the name of its branch.
        duty: Which of that agent's duties, a function of `roles.py`.
        phase: The phase that it belongs to.
        number: Which of several like it in its topic, from 0.
        chunks: In how many chunks its model answers: how slow it is.
        metered: Whether its model charges by the token.
        tool_dies: Whether the tool that it needs dies the first time.
        ack_lost: Whether the queue never hears that it was done, and hands it out again.
    """

    name: str
    role: str
    duty: str
    phase: str
    number: int
    chunks: int
    metered: bool = False
    tool_dies: bool = False
    ack_lost: bool = False


@dataclass(frozen=True)
class Topic:
    """One piece of research, from the plan to the report.

    Attributes:
        key: Short name, part of the id of each of its objects.
        title: What it is about.
        questions: One research task each.
        stages: The jobs of each stage; one stage follows on another.
    """

    key: str
    title: str
    questions: tuple[str, ...]
    stages: tuple[tuple[Job, ...], ...] = field(repr=False)

    @property
    def nodes(self) -> int:
        """How many nodes it takes, those that the queue hands out twice included."""
        return sum(1 + job.ack_lost for stage in self.stages for job in stage)

    def id(self, kind: str, number: int | None = None) -> str:
        """The id of one of its objects.

        Example:
            >>> topic = Topic("t03", "urban bees", (), ())
            >>> topic.id("context"), topic.id("task", 0)
            ('context/t03', 'task/t03-q1')
        """
        return f"{kind}/{self.key}" if number is None else f"{kind}/{self.key}-q{number + 1}"


def claim(rng: Random, title: str) -> str:
    """A finding, as a model would put it."""
    first = rng.randint(1995, 2015)
    return (
        f"According to {rng.choice(_SOURCES)}, {rng.choice(_MEASURES)} of {title} changed by"
        f" {rng.randint(-40, 160)} % between {first} and {first + rng.randint(2, 9)}."
    )


def topics(nodes: int, seed: int) -> list[Topic]:
    """As many topics as it takes to keep `nodes` nodes busy.

    Example:
        >>> planned = topics(100, seed=7)
        >>> sum(topic.nodes for topic in planned) >= 100, planned == topics(100, seed=7)
        (True, True)
    """
    rng = Random(seed)  # noqa: S311 - a simulation, and the seed is the point
    slow, lost, dead = _deck(rng, 3, 5), _deck(rng, 1, 3), _deck(rng, 2, 5)
    out: list[Topic] = []
    while sum(topic.nodes for topic in out) < nodes:
        out.append(_topic(rng, len(out), slow_source=next(slow), ack_lost=next(lost), tool_dies=next(dead)))
    return out


def _deck(rng: Random, hits: int, size: int) -> Iterator[bool]:
    """Luck without streaks: `hits` times True in every `size`, shuffled."""
    while True:
        cards = [True] * hits + [False] * (size - hits)
        rng.shuffle(cards)
        yield from cards


def _topic(rng: Random, number: int, *, slow_source: bool, ack_lost: bool, tool_dies: bool) -> Topic:
    key = f"t{number + 1:02}"
    title = f"{_FIELDS[number % len(_FIELDS)]} in {_PLACES[number % len(_PLACES)]}"
    questions = tuple(f"What is known about {m} of {title}?" for m in rng.sample(_MEASURES, rng.randint(4, 5)))
    unlucky, forgotten = rng.sample(range(len(questions)), 2)

    def job(role: str, duty: str, phase: str, number: int, chunks: int, **fate: bool) -> Job:
        return Job(f"{key}-{duty}-{number + 1}", role, duty, phase, number, chunks, **fate)

    def jobs(role: str, duty: str, phase: str, chunks: list[int]) -> list[Job]:
        return [job(role, duty, phase, i, n) for i, n in enumerate(chunks)]

    late = [rng.randint(6, 8)] if slow_source else []
    research = [
        job(
            "researcher",
            "research",
            "reasoning",
            i,
            rng.randint(1, 3),
            metered=i == 0 or rng.random() < _METERED,
            tool_dies=tool_dies and i == unlucky,
            ack_lost=ack_lost and i == forgotten,
        )
        for i in range(len(questions))
    ]
    enrichment = [
        *jobs("enricher", "link", "enrichment", [rng.randint(6, 8), *(rng.randint(3, 4) for _ in range(3))]),
        *jobs("enricher", "annotate", "enrichment", [rng.randint(1, 3), *late]),
        *jobs("enricher", "edit", "enrichment", [rng.randint(1, 2), *late]),
        *jobs("enricher", "prune", "enrichment", [rng.randint(2, 4)]),
    ]
    rng.shuffle(enrichment)
    stages = (
        jobs("planner", "plan", "reasoning", [rng.randint(1, 2)]),
        research,
        enrichment,
        [
            *jobs("summariser", "compact", "compression", [rng.randint(10, 12)]),
            *jobs("summariser", "section", "compression", [rng.randint(2, 4), rng.randint(2, 4)]),
        ],
        [
            *jobs("merger", "merge_body", "orchestration", [rng.randint(2, 3)]),
            *jobs("merger", "merge_highlights", "orchestration", [rng.randint(2, 3)]),
        ],
        jobs("orchestrator", "conclude", "orchestration", [1]),
    )
    return Topic(key, title, questions, tuple(tuple(stage) for stage in stages))
