"""The whole public surface in use, as type checkers see it: `mypy --strict` reads this, and a test runs it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, assert_type

import driftline as dl


def redactor(path: str, value: object, _object: str, _type: str | None) -> object:
    return dl.REDACTED if path == "/email" else value


def recordings(folder: Path) -> None:
    with dl.record(folder / "a.drift") as recording:
        assert_type(recording, dl.Recording)
        assert_type(recording.path, Path)
        assert_type(recording.run, str)
        recording.flush()
    with dl.record(str(folder / "a.drift"), ordered=False, depth=1, values="digest", overwrite=True, policy="[phases]"):
        pass
    with dl.record(
        folder / "a.drift",
        overwrite=True,
        capture={"context#/notes": "digest", "user": "none"},
        secrets=["iban", "!page_token"],
        redact=redactor,
        max_value_bytes=1024,
        sample={"objects": 0.5},
        overflow="drop",
    ):
        pass
    with dl.record(folder / "a.drift", overwrite=True, secrets=False, redact="package.module:function"):
        pass
    started = dl.start(folder / "b.drift", join=True)
    assert_type(started, dl.Recording)
    dl.stop()


def operations() -> None:
    made = dl.write(
        "context/42",
        {"summary": "…"},
        version=8,
        base=7,
        type="context",
        confidence=0.8,
        fidelity=1,
        source="planner",
        refs={"/owner": "agent/1"},
        inputs=[("plan/1", 3), ("plan/2", "rev-b")],
    )
    assert_type(made, int | str | None)
    assert_type(dl.patch("context/42", {"/summary": "…", "gone": dl.ABSENT}, base="rev-b"), int | str | None)
    assert_type(dl.merge("context/42", 5, bases=(7, "rev-b"), strategy="union"), int | str | None)
    assert_type(dl.delete("context/42", version=9, base=8), int | str | None)
    dl.read("context/42", [1], version=7, type="context", partial=False)
    dl.read("context/42")
    dl.snapshot("context/42", version=8)
    dl.promote("context/42", version=8, phase="enrichment")
    dl.quarantine("context/42", reason="owner is gone")
    dl.reject("context/42", version="rev-b", reason="schema")


def blocks() -> None:
    with dl.branch("researcher", phase="reasoning") as branch:
        assert_type(branch, dl.branch)
        here = dl.current()
    with dl.branch("writer", parent=here), dl.unit("two steps") as unit, dl.task("write", inputs={"doc": 1}) as task:
        assert_type(unit, dl.unit)
        assert_type(task, dl.task)
        found = dl.current()
        if found is not None:
            assert_type(found.id, str)
            assert_type(found.name, str)
            assert_type(found.phase, str | None)


async def asynchronous_blocks() -> None:
    async with dl.branch("a") as branch, dl.unit("u"), dl.task("t"):
        assert_type(branch, dl.branch)
    assert_type(await decorated_coroutine(1), str)


@dl.branch("decorated", phase="reasoning")
@dl.unit("step")
@dl.task("work", inputs=[1])
def decorated(number: int, *, text: str = "") -> str:
    return text * number


@dl.branch("decorated")
async def decorated_coroutine(number: int) -> str:
    return str(number)


def threads() -> None:
    assert_type(decorated(2, text="a"), str)
    carried = dl.propagate(decorated)
    assert_type(carried(2, text="a"), str)
    with dl.propagate(ThreadPoolExecutor(1)) as pool:
        assert_type(pool, Executor)
        assert_type(pool.submit(decorated, 2, text="a").result(), str)


def processes() -> None:
    headers: dict[str, str] = {}
    assert_type(dl.inject(headers), dict[str, str])
    with dl.extract(headers):
        pass


def tracked() -> None:
    context = dl.track({"n": 1}, id="context/42", type="context", references=["/owner"])
    assert_type(context, dl.TrackedMapping[str, int])
    context["n"] = context["n"] + 1
    assert_type(context.get("n"), int | None)
    assert_type(context.copy(), dict[str, int])
    context.update(n=3)
    context.replace({"m": 1})
    plain: Mapping[str, int] = context
    assert_type(list(plain), list[str])
    assert_type(context.object_id, str)
    assert_type(context.object_type, str | None)


@dataclass
class Order:
    number: int
    lines: list[str] = field(default_factory=list)


@dl.tracked(type="note", id="name", references=["/about"])
class Note:
    def __init__(self, name: str) -> None:
        self.name = name


@dl.tracked
@dataclass
class Plan:
    steps: list[str] = field(default_factory=list)


def tracked_objects() -> None:
    order = dl.track(Order(7), id="order/7", type="order", references=["/customer"], depth=2)
    assert_type(order, Order)
    order.lines.append("pen")
    assert_type(order.lines, list[str])
    facts = dl.track(["f1"], id="facts/1")
    assert_type(facts, dl.TrackedList[str])
    facts.append("f2")
    assert_type(facts[0], str)
    assert_type(facts.object_id, str)
    nested = dl.track({"a": {"b": [1]}})
    assert_type(nested["a"]["b"], list[int])
    assert_type(Note("n"), Note)
    assert_type(Note("n").name, str)
    assert_type(Plan().steps, list[str])


def stores(folder: Path) -> None:
    with dl.Store(policy='[types.note]\nrequired = ["/text"]', mode="enforce") as store:
        decision = store.write("note/1", {"text": "a", "tags": []}, base=0, confidence=0.9, source="planner")
        assert_type(decision.object, str)
        seen = store.read("note/1")
        assert_type(seen.version, int)
        assert_type(seen.parent, int | None)
        assert_type(seen["text"], Any)
        store.patch("note/1", {"/text": "b"}, base=seen)
        store.append("note/1", "/tags", "t")
        store.derive("note/2", [seen, ("note/1", 1)], {"text": "c"})
        with store.unit("both") as unit:
            store.delete("note/2")
        assert_type([one.reason for one in unit.decisions], list[str])
        assert_type(store.snapshot("note/1").depth, int)
        assert_type([one.version for one in store.history("note/1")], list[int])
        for entry in store.quarantined():
            store.release(entry, by="me", why="it is right")
        try:
            store.write("note/1", {"text": ""})
        except dl.RefusedError as refused:
            assert_type(refused.decision.reason, str)
    assert folder.exists()


def guards() -> None:
    rows: dict[str, dict[str, int]] = {}
    guarded = dl.guard(rows, policy=None, mode="warn")
    guarded["doc/1"] = {"n": 1}
    assert_type(guarded["doc/1"], Any)
    assert_type(guarded.write("doc/1", {"n": 2}, confidence=0.5).reason, str)
    fields = dl.guard(dl.track({"n": 1}, id="doc/2"))
    fields["n"] = fields["n"] + 1
    assert_type(list(fields), list[str])


async def asynchronous_stores() -> None:
    async with dl.AsyncStore() as store:
        await store.write("note/1", {"text": "a"})
        assert_type((await store.read("note/1")).branch, str)
        async with store.unit("one"):
            await store.patch("note/1", {"text": "b"})


def errors(folder: Path) -> None:
    try:
        dl.start(folder / "nowhere", depth=0)
    except dl.DriftlineError as fault:
        assert_type(fault.message, str)
        assert_type(fault.hint, str)
