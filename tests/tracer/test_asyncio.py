"""Tasks of an event loop: each is a line of execution of its own, forked where it was created."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Coroutine
from typing import Any

import pytest
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


def test_run_in_executor_is_a_child_or_with_propagate_the_branch_itself(tape: Tape) -> None:
    async def program() -> None:
        loop = asyncio.get_running_loop()
        async with dl.branch("a"):
            await loop.run_in_executor(None, dl.propagate(dl.write), "doc/1", 1)
            await loop.run_in_executor(None, dl.write, "doc/1", 2)
            dl.write("doc/1", 3)

    with tape.record():
        asyncio.run(program())

    assert tape.facts() == [
        "a#2 write doc/1@1? <-? =1",
        "a#3 write doc/1@2? <1? =2",
        "a#2 write doc/1@3? <2? =3",
    ]


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
        "a#3 write doc/1@1? <-? =1",
    ]


def test_a_task_is_a_child_with_the_name_of_its_creator(tape: Tape) -> None:
    async def work(value: int) -> None:
        await asyncio.sleep(0)
        dl.write("doc/1", value)

    async def program() -> None:
        async with dl.branch("a", phase="reasoning"), dl.unit("u"):
            dl.write("doc/1", 0)
            await asyncio.gather(work(1), work(2))
            dl.write("doc/1", 3)

    with tape.record():
        asyncio.run(program())

    assert tape.lines("branch-start", "write", "branch-end", without=("depth",))[1:-1] == [
        "a#2 branch-start name=a parent=main#1 phase=reasoning",
        "a#2 write doc/1@1? <-? unit=u#3 =0",
        "a#4 branch-start name=a parent=a#2 phase=reasoning",
        "a#4 write doc/1@2? <1? unit=u#3 =1",
        "a#4 branch-end status=ok",
        "a#5 branch-start name=a parent=a#2 phase=reasoning",
        "a#5 write doc/1@3? <1? unit=u#3 =2",
        "a#5 branch-end status=ok",
        "a#2 write doc/1@4? <3? unit=u#3 =3",
        "a#2 branch-end status=ok",
    ]


async def ensured(coroutine: Coroutine[Any, Any, Any]) -> None:
    await asyncio.ensure_future(coroutine)


async def grouped(coroutine: Coroutine[Any, Any, Any]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(coroutine, name="named")


async def created(coroutine: Coroutine[Any, Any, Any]) -> None:
    task = asyncio.create_task(coroutine, name="named")
    assert task.get_name() == "named"
    await task


async def shielded(coroutine: Coroutine[Any, Any, Any]) -> None:
    await asyncio.shield(coroutine)


async def from_a_thread(coroutine: Coroutine[Any, Any, Any]) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(coroutine, loop).result())


@pytest.mark.parametrize("run", [ensured, grouped, created, shielded, from_a_thread])
def test_however_a_task_is_created(tape: Tape, run: Any) -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        dl.write("doc/1", 1)

    async def program() -> None:
        async with dl.branch("a"):
            await run(work())

    with tape.record():
        asyncio.run(program())

    assert tape.lines("branch-start")[2:] == ["a#3 branch-start name=a parent=a#2"]
    assert tape.facts() == ["a#3 write doc/1@1? <-? =1"]


async def in_turn() -> None:
    await step(1)
    await step(2)


async def in_tasks() -> None:
    for n in (1, 2):
        await asyncio.create_task(step(n))


async def in_time() -> None:
    for n in (1, 2):
        await asyncio.wait_for(step(n), 60)


async def in_threads() -> None:
    for n in (1, 2):
        await asyncio.to_thread(dl.patch, "doc/1", {"n": n})


async def step(n: int) -> None:
    dl.patch("doc/1", {"n": n})


@pytest.mark.parametrize("program", [in_turn, in_tasks, in_time, in_threads])
def test_what_waits_for_each_step_has_seen_what_that_did(tape: Tape, program: Any) -> None:
    async def whole() -> None:
        dl.write("doc/1", {"n": 0})
        await program()
        dl.patch("doc/1", {"n": 3})

    with tape.record():
        asyncio.run(whole())

    fields = [event["fields"][0] for event in tape.events("patch")]
    assert [(item["value"], item["base"]) for item in fields] == [("1", 1), ("2", 2), ("3", 3)]


def test_whoever_sees_a_task_done_has_seen_what_it_did(tape: Tape) -> None:
    """`asyncio.wait` hands out every task that is done, also one whose callbacks have not been called."""

    async def work(name: str, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        dl.write(f"doc/{name}", 1)

    async def program() -> None:
        running = {asyncio.create_task(work(f"{n}", n % 4)): f"doc/{n}" for n in range(40)}
        waiting = set(running)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done |= {task for task in waiting if task.done()}
            waiting -= done
            for task in done:
                dl.write(running[task], 2)

    with tape.record():
        asyncio.run(program())

    events = tape.events("write")
    assert len(events) == 80
    assert all(event.get("base") == (event["version"] - 1 or None) for event in events)


def test_a_task_that_is_told_to_stop_has_not_failed(tape: Tape) -> None:
    async def program() -> None:
        begun = asyncio.Event()

        async def forever() -> None:
            dl.write("doc/1", 1)
            begun.set()
            await asyncio.Event().wait()

        async def broken() -> None:
            dl.write("doc/2", 1)
            raise ValueError("x")

        task = asyncio.create_task(forever())
        await begun.wait()
        task.cancel()
        results = await asyncio.gather(task, broken(), return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError, ValueError]

    with tape.record():
        asyncio.run(program())

    assert tape.lines("branch-end")[:2] == [
        "main#2 branch-end status=ok",
        "main#3 branch-end reason=ValueError status=failed",
    ]


def test_a_task_that_never_ran_is_cancelled_without_a_word(tape: Tape) -> None:
    async def work() -> None:
        dl.write("doc/1", 1)

    async def program() -> None:
        task = asyncio.create_task(work())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with tape.record():
        asyncio.run(program())

    assert tape.events() == []


def test_a_context_given_to_a_task_says_where_it_belongs(tape: Tape) -> None:
    async def work() -> None:
        dl.write("doc/1", 1)

    async def program() -> None:
        async with dl.branch("a"):
            context = contextvars.copy_context()
        async with dl.branch("b"):
            await asyncio.create_task(work(), context=context)

    with tape.record():
        asyncio.run(program())

    assert writers(tape) == [("a", "doc/1")]


def test_a_task_factory_gets_the_program_and_no_context(tape: Tape) -> None:
    made: list[str] = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any) -> asyncio.Task[Any]:
        made.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop)

    async def program() -> None:
        asyncio.get_running_loop().set_task_factory(factory)  # type: ignore[arg-type]
        async with dl.branch("a"):
            await asyncio.gather(work("b", turns=1), step(1))

    with tape.record():
        asyncio.run(program())

    assert made[:2] == ["work", "step"]
    assert tape.lines("branch-start")[2:] == [
        "b#3 branch-start name=b parent=a#2",
        "a#4 branch-start name=a parent=a#2",
    ]


def test_a_followed_task_shows_the_programs_own_coroutine(tape: Tape) -> None:
    shown: list[Any] = []

    async def work() -> str:
        task = asyncio.current_task()
        assert task is not None
        coroutine = task.get_coro()
        assert coroutine is not None
        shown.append((coroutine.__qualname__, inspect.getcoroutinestate(coroutine)))  # type: ignore[arg-type]
        shown.append([frame.f_code.co_name for frame in task.get_stack()])
        shown.append("work() running at" in repr(task))
        return "done"

    async def program() -> None:
        assert await asyncio.create_task(work()) == "done"

    with tape.record():
        asyncio.run(program())

    assert shown[0][0].endswith("work")
    assert shown[0][1] == inspect.CORO_RUNNING
    assert shown[1][-1] == "work"
    assert shown[2]


@pytest.mark.parametrize("wrong", [None, 3, "coroutine", asyncio.sleep])
def test_what_is_no_coroutine_is_refused_as_ever(tape: Tape, wrong: Any) -> None:
    async def program() -> None:
        with pytest.raises(TypeError, match="a coroutine was expected"):
            await asyncio.create_task(wrong)

    with tape.record():
        asyncio.run(program())


def test_a_thousand_tasks_lose_nothing(tape: Tape) -> None:
    async def program() -> None:
        coroutines: list[Coroutine[Any, Any, None]] = [work(f"b{n}", turns=3) for n in range(1000)]
        await asyncio.gather(*coroutines)

    with tape.record():
        asyncio.run(program())

    assert len(tape.events("write")) == 3000
    assert len(tape.events("branch-start")) == 1001
    assert tape.trace().complete
