"""What each kind of agent does. A duty is a function of a desk: a coroutine, or one that blocks and gets a thread.

They all work alike: look at shared state, think, save what follows from it. A change is a function of a *view*, so that
a discipline can derive it from what was seen before the thinking, or from what is there after it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import driftline as dl
from driftline.demo.desk import Desk
from driftline.demo.store import Fields, How, View

_IRRELEVANT: Final = 0.35


# ---- reasoning ------------------------------------------------------------------------------------------------------


async def plan(desk: Desk) -> None:
    """A planner lays out a topic: its context, its plan, a task for each question, an empty report."""
    topic = desk.topic
    context, plan_id = topic.id("context"), topic.id("plan")
    await desk.think()
    brief = f"Find out what is known about {topic.title}, and how sure of it one can be."
    with desk.discipline.together("lay out the topic"):
        desk.save(
            context,
            lambda _: {"title": topic.title, "brief": brief, "lead": "undecided", "summary": "not summarised yet"},
        )
        desk.save(
            plan_id,
            lambda _: {"questions": list(topic.questions), "context": context, "status": "under way"},
        )
        desk.save(
            topic.id("report"),
            lambda _: {"title": topic.title, "context": context, "body": "to be written", "highlights": "to be chosen"},
        )
        for number, question in enumerate(topic.questions):
            desk.save(topic.id("task", number), _constant({"question": question, "plan": plan_id}))


def research(desk: Desk) -> None:
    """A researcher answers one question, tells the context about it, and names the entity that it came across."""
    topic, number = desk.topic, desk.job.number
    task, answer, entity = (topic.id(kind, number) for kind in ("task", "answer", "entity"))
    if not desk.discipline.claim(desk.board, task, desk.job.name):
        return
    with dl.task("research", inputs={"task": task}):
        seen = desk.store.look(task)
        finding = desk.think_in_thread()
        if desk.job.metered:
            spent = desk.board["spent"]
            desk.discipline.adjust(desk.board, "spent", spent, desk.price())
        desk.discipline.publish(
            "publish the answer",
            desk.change(answer, lambda _: {"text": finding, "task": task}, seen=seen, how=How.WHOLE),
            desk.change(topic.id("context"), lambda _: {"findings": {_leaf(task): finding}}, seen=seen),
            desk.cite,
        )
        relevance = round(desk.rng.random(), 3)
        desk.save(
            entity,
            lambda _: {"name": f"source {number + 1} on {topic.title}", "relevance": relevance, "answer": answer},
            reads=[answer],
            how=How.WHOLE,
        )


# ---- enrichment -----------------------------------------------------------------------------------------------------


async def link(desk: Desk) -> None:
    """An enricher looks an entity up elsewhere and links it to the context. The more obscure, the longer it takes."""
    ranked = list(desk.entities().values())
    if not ranked:
        return
    entity = ranked[-1 - desk.job.number % len(ranked)].id
    seen = desk.store.look(entity, desk.topic.id("plan"))
    await desk.think()
    desk.save(
        desk.topic.id("context"),
        lambda now: {"links": {_leaf(entity): entity}} if entity in now else {},
        seen=seen,
    )


async def annotate(desk: Desk) -> None:
    """An enricher adds a note of its own to the context."""
    seen = desk.store.look(desk.topic.id("context"), desk.topic.id("plan"))
    note = await desk.think()
    desk.save(desk.topic.id("context"), lambda _: {"findings": {desk.job.name: note}}, seen=seen)


async def edit(desk: Desk) -> None:
    """An enricher extends the brief by what it has found, and moves the lead to the entity that it judges best."""
    context = desk.topic.id("context")
    best = list(desk.entities())[desk.job.number : desk.job.number + 1]
    seen = desk.store.look(context, desk.topic.id("plan"), *best)
    found = await desk.think()

    def extend(now: View) -> Fields:
        brief = f"{now[context].value['brief']} {found}"
        return {"brief": brief, "lead": best[0]} if best and best[0] in now else {"brief": brief}

    desk.save(context, extend, seen=seen)


async def prune(desk: Desk) -> None:
    """An enricher tidies up: of the entities that nobody refers to, the least relevant goes if it hardly matters."""
    idle = desk.store.look(*desk.store.unreferenced(desk.entities()))
    await desk.think()

    def least(now: View) -> str | None:
        irrelevant = [i for i, kept in now.items() if kept.value["relevance"] < _IRRELEVANT]
        return min(irrelevant, key=lambda i: float(now[i].value["relevance"]), default=None)

    desk.discipline.remove(idle, least)


# ---- compression ----------------------------------------------------------------------------------------------------


async def compact(desk: Desk) -> None:
    """A summariser reads the whole context, thinks long, and puts back a context with a summary and a short brief."""
    context = desk.topic.id("context")
    seen = desk.store.look(context, desk.topic.id("plan"))
    remark = await desk.think()

    def compress(now: View) -> Fields:
        value = now[context].value
        return {
            "summary": f"{len(value.get('findings', ()))} findings, led by {value['lead']}. {remark}",
            "brief": value["brief"].partition(", ")[0] + ".",
        }

    desk.save(context, compress, seen=seen, how=How.WHOLE)


async def section(desk: Desk) -> None:
    """A summariser writes a section of the report out of the context and the answers."""
    topic = desk.topic
    context = topic.id("context")
    seen = desk.store.look(context, *desk.store.ids(f"answer/{topic.key}-"))
    remark = await desk.think()
    desk.save(
        f"section/{topic.key}-{desk.job.number + 1}",
        lambda now: {"text": f"{now[context].value['title']}: {remark}", "answers": len(now) - 1, "context": context},
        seen=seen,
        how=How.WHOLE,
    )


# ---- orchestration --------------------------------------------------------------------------------------------------


def merge_body(desk: Desk) -> None:
    """A merger makes the body of the report from the summary and the sections."""
    topic = desk.topic
    report, context = topic.id("report"), topic.id("context")
    seen = desk.store.look(report, context, *desk.store.ids(f"section/{topic.key}-"))
    desk.think_in_thread()

    def compose(now: View) -> Fields:
        sections = [kept.value["text"] for i, kept in now.items() if i.startswith("section/")]
        return {"body": "\n\n".join([now[context].value["summary"], *sections])}

    desk.save(report, compose, seen=seen, how=How.MERGE)


def merge_highlights(desk: Desk) -> None:
    """A merger picks the highlights of the report from the context."""
    report, context = desk.topic.id("report"), desk.topic.id("context")
    seen = desk.store.look(context)
    desk.think_in_thread()

    def pick(now: View) -> Fields:
        findings = now[context].value.get("findings", {})
        return {"highlights": [findings[name] for name in sorted(findings)][:3] or ["none"]}

    desk.save(report, pick, seen=seen, how=How.MERGE)


async def conclude(desk: Desk) -> None:
    """The orchestrator checks the answers against the plan, closes it, and seals the report."""
    topic = desk.topic
    plan_id, report = topic.id("plan"), topic.id("report")
    seen = desk.store.look(plan_id, report, *desk.store.ids(f"answer/{topic.key}-"))
    spent = desk.board["spent"]
    await desk.think()

    def close(now: View) -> Fields:
        answered = sum(i.startswith("answer/") for i in now)
        return {"status": "delivered", "answered": answered, "spent": spent}

    desk.save(plan_id, close, seen=seen)
    desk.store.seal(report)


def _constant(fields: Fields) -> Callable[[View], Fields]:
    return lambda _: fields


def _leaf(object_id: str) -> str:
    """A field name for an object: its id without the type."""
    return object_id.partition("/")[2]


#: The duties by name: those that run on the event loop, and those that run in a thread.
ON_LOOP: Final[dict[str, Callable[[Desk], Awaitable[None]]]] = {
    duty.__name__: duty for duty in (plan, link, annotate, edit, prune, compact, section, conclude)
}
IN_THREAD: Final[dict[str, Callable[[Desk], None]]] = {
    duty.__name__: duty for duty in (research, merge_body, merge_highlights)
}
