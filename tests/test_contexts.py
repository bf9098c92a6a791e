"""From a program that runs in tasks, threads and jobs to its findings, without a word about contexts in it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import driftline as dl
from driftline_analyzer import analyze

STATE = {"a": 0, "b": 0}


def step(name: str) -> None:
    """Count a field up, from what stands: right only if nobody does so at the same time."""
    dl.read("doc/1", STATE)
    STATE[name] += 1
    dl.patch("doc/1", {name: STATE[name]})


async def in_tasks() -> None:
    async def work(name: str) -> None:
        await asyncio.sleep(0)
        step(name)

    for name in ("a", "b", "a"):
        await asyncio.create_task(work(name))
    await asyncio.gather(work("a"))
    async with asyncio.TaskGroup() as group:
        group.create_task(work("a"))
    await asyncio.wait_for(work("a"), 60)
    await asyncio.to_thread(step, "a")
    await asyncio.get_running_loop().run_in_executor(None, step, "a")
    step("a")


def in_loop() -> None:
    asyncio.run(in_tasks())


def in_threads() -> None:
    for name in ("a", "b", "a"):
        thread = threading.Thread(target=step, args=(name,))
        thread.start()
        thread.join()
    step("a")


def in_pool() -> None:
    with ThreadPoolExecutor(2) as pool:
        for name in ("a", "b", "a"):
            pool.submit(step, name).result()
        assert list(pool.map(step, ["a"])) == [None]
    step("a")


@pytest.mark.parametrize("program", [in_loop, in_threads, in_pool])
def test_a_program_that_waits_for_what_it_begins_is_clean(tmp_path: Path, program: Callable[[], None]) -> None:
    with dl.record(tmp_path / "run.drift"), dl.branch("researcher"):
        dl.write("doc/1", STATE)
        program()

    with analyze(tmp_path / "run.drift") as analysis:
        assert [(found.code, found.branch) for found in analysis.findings()] == []


def test_two_tasks_of_one_agent_that_overwrite_each_other_are_found(tmp_path: Path) -> None:
    async def work(value: str) -> None:
        dl.read("doc/1", {"a": ""}, version=1)
        await asyncio.sleep(0)
        dl.patch("doc/1", {"a": value})

    async def program() -> None:
        await asyncio.gather(work("one"), work("two"))

    with dl.record(tmp_path / "run.drift"), dl.branch("researcher"):
        dl.write("doc/1", {"a": ""}, version=1)
        asyncio.run(program())

    with analyze(tmp_path / "run.drift") as analysis:
        (found,) = analysis.findings()
        assert (found.code, found.branch, [other.branch for other in found.others]) == (
            "DRF101",
            "researcher",
            ["researcher"],
        )
