"""Tasks of an event loop: each has the branch that was in force where it was created."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from tape import Tape

import driftline as dl


def writers(tape: Tape) -> list[tuple[str, str]]:
    return sorted((event["branch"].partition("#")[0], event["object"]) for event in tape.events("write"))


async def work(name: str, *, turns: int = 20) -> None:
    async with dl.branch(name):
        for _ in range(turns):
            await asyncio.sleep(0)  # hands over to the others, does not wait
            dl.write(f"doc/{name}", name)


def test_gathered_coroutines_do_not_hear_each_other(tape: Tape) -> None:
    async def program() -> None:
        await asyncio.gather(*(work(name) for name in "abc"))

    with tape.record():
        asyncio.run(program())

    assert writers(tape) == [(name, f"doc/{name}") for name in "abc" for _ in range(20)]
    events = tape.events("write")
    assert [event["branch"][0] for event in events] != sorted(event["branch"][0] for event in events), "they interleave"
    assert all(event.get("base") == (event["version"] - 1 or None) for event in events)


def test_a_task_group_forks_from_the_branch_that_opened_it(tape: Tape) -> None:
    async def program() -> None:
        with dl.branch("outer"), dl.unit("u"):
            async with asyncio.TaskGroup() as group:
                for name in "ab":
                    group.create_task(work(name, turns=1))
            dl.write("doc/outer", 1)

    with tape.record():
        asyncio.run(program())

    assert writers(tape) == [("a", "doc/a"), ("b", "doc/b"), ("outer", "doc/outer")]
    assert {event["name"]: event.get("parent") for event in tape.events("branch-start")} == {
        "main": None,
        "outer": "main#1",
        "a": "outer#2",
        "b": "outer#2",
    }
    assert {event["unit"] for event in tape.events("write")} == {"u#3"}


def test_to_thread_carries_the_branch(tape: Tape) -> None:
    async def program() -> None:
        async with dl.branch("a"), dl.unit("u"):
            await asyncio.to_thread(dl.write, "doc/1", 1)

    with tape.record():
        asyncio.run(program())

    assert writers(tape) == [("a", "doc/1")]
    assert tape.events("write")[0]["unit"] == "u#3"


def test_run_in_executor_needs_propagate(tape: Tape) -> None:
    async def program() -> None:
        loop = asyncio.get_running_loop()
        async with dl.branch("a"):
            await loop.run_in_executor(None, dl.propagate(dl.write), "doc/1", 1)
            await loop.run_in_executor(None, dl.write, "doc/2", 1)

    with tape.record():
        asyncio.run(program())

    assert writers(tape) == [("a", "doc/1"), ("asyncio_0", "doc/2")]


def test_a_cancelled_task_fails_its_branch(tape: Tape) -> None:
    async def program() -> None:
        begun = asyncio.Event()

        async def forever() -> None:
            async with dl.branch("a"):
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(forever())
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with tape.record():
        asyncio.run(program())

    assert tape.lines("branch-end")[0] == "a#2 branch-end reason=CancelledError status=failed"


def test_a_task_outlives_the_block_that_created_it(tape: Tape) -> None:
    async def program() -> None:
        go = asyncio.Event()

        async def late() -> None:
            await go.wait()
            dl.write("doc/1", 1)

        async with dl.branch("a"):
            task = asyncio.create_task(late())
        go.set()
        await task

    with tape.record():
        asyncio.run(program())

    assert tape.lines("write", "branch-end", without=("depth",))[:2] == [
        "a#2 branch-end status=ok",
        "a#2 write doc/1@1? <-? =1",
    ]


def test_a_thousand_tasks_lose_nothing(tape: Tape) -> None:
    async def program() -> None:
        coroutines: list[Coroutine[Any, Any, None]] = [work(f"b{n}", turns=3) for n in range(1000)]
        await asyncio.gather(*coroutines)

    with tape.record():
        asyncio.run(program())

    assert len(tape.events("write")) == 3000
    assert len(tape.events("branch-start")) == 1001
    assert tape.trace().complete
