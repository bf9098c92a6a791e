"""Threads: each is a branch of its own unless it is given one to carry."""

from __future__ import annotations

import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from tape import Tape

import driftline as dl


def in_thread(function: Any, *args: Any, name: str = "worker") -> None:
    thread = threading.Thread(target=function, args=args, name=name)
    thread.start()
    thread.join()


def test_a_thread_that_carries_nothing_is_a_branch_of_its_own(tape: Tape) -> None:
    def work() -> None:
        dl.write("doc/1", 1)
        dl.write("doc/2", 1)

    with tape.record(), dl.branch("a"):
        in_thread(work)
        in_thread(dl.write, "doc/3", 1)

    assert tape.lines(without=("depth",)) == [
        "main#1 branch-start name=main",
        "a#2 branch-start name=a parent=main#1",
        "worker#3 branch-start name=worker",
        "worker#3 write doc/1@1? <-? =1",
        "worker#3 write doc/2@1? <-? =1",
        "worker#4 branch-start name=worker",
        "worker#4 write doc/3@1? <-? =1",
        "a#2 branch-end status=ok",
        "main#1 branch-end status=ok",
        "worker#3 branch-end status=ok",
        "worker#4 branch-end status=ok",
    ]


def test_a_branch_opened_in_such_a_thread_forks_from_none(tape: Tape) -> None:
    def work() -> None:
        with dl.branch("b"):
            dl.write("doc/1", 1)

    with tape.record():
        dl.write("doc/1", 0)
        in_thread(work)

    assert tape.lines(without=("depth",))[2:4] == ["b#2 branch-start name=b", "b#2 write doc/1@2? <-? =1"]


def test_a_branch_in_a_thread_may_fork_from_a_given_one(tape: Tape) -> None:
    def work(parent: Any) -> None:
        with dl.branch("b", parent=parent):
            dl.write("doc/1", 1)

    with tape.record():
        dl.write("doc/1", 0)
        in_thread(work, dl.current())
        dl.write("doc/1", 2)

    assert tape.facts() == [
        "main#1 write doc/1@1? <-? =0",
        "b#2 write doc/1@2? <1? =1",
        "main#1 write doc/1@3? <2? =2",
    ]


def test_propagate_carries_branch_unit_and_task_into_a_thread(tape: Tape) -> None:
    with tape.record(), dl.branch("a"), dl.unit("u"), dl.task("t"):
        in_thread(dl.propagate(dl.write), "doc/1", 1)

    (event,) = tape.events("write")
    assert (event["branch"], event["unit"], event["task"]) == ("a#2", "u#3", "t#4")


def test_propagate_takes_the_branch_in_force_when_it_is_called(tape: Tape) -> None:
    with tape.record():
        with dl.branch("a"):
            carried = dl.propagate(dl.write)
        with dl.branch("b"):
            carried("doc/1", 1)
            dl.write("doc/2", 1)

    assert [event["branch"] for event in tape.events("write")] == ["a#2", "b#3"]


def test_propagate_keeps_what_a_function_is_called_and_returns(tape: Tape) -> None:
    def work(n: int) -> int:
        """Work."""
        return n + 1

    with tape.record():
        carried = dl.propagate(work)
        assert carried(1) == 2
        assert (carried.__name__, carried.__doc__) == ("work", "Work.")


def test_an_executor_works_in_the_branch_of_whoever_submits(tape: Tape) -> None:
    with tape.record(), dl.propagate(ThreadPoolExecutor(2)) as pool:
        for name in "abcd":
            with dl.branch(name):
                pool.submit(dl.write, f"doc/{name}", name).result()
                assert list(pool.map(dl.current, ())) == []
                assert [str(found) for found in pool.map(lambda _: dl.current(), range(3))] == [str(dl.current())] * 3

    assert [(event["branch"][0], event["object"]) for event in tape.events("write")] == [
        (name, f"doc/{name}") for name in "abcd"
    ]


def test_an_executor_that_is_not_propagated_works_in_its_own_threads(tape: Tape) -> None:
    with tape.record(), ThreadPoolExecutor(1, thread_name_prefix="pool") as pool, dl.branch("a"):
        pool.submit(dl.write, "doc/1", 1).result()
        pool.submit(dl.write, "doc/2", 1).result()

    assert [event["branch"] for event in tape.events("write")] == ["pool_0#3", "pool_0#3"]


def test_a_pool_of_processes_is_refused() -> None:
    with ProcessPoolExecutor(1) as pool, pytest.raises(TypeError, match=r"another process with a message: inject\(\)"):
        dl.propagate(pool)


def test_threads_do_not_hear_each_other(tape: Tape) -> None:
    threads, writes = 8, 200
    ready = threading.Barrier(threads)

    def work(number: int) -> None:
        with dl.branch(f"b{number}"):
            ready.wait()
            for n in range(writes):
                with dl.unit(f"u{number}"):
                    dl.read(f"doc/{number}", n, version=n)
                    dl.write(f"doc/{number}", n + 1, version=n + 1)

    with tape.record():
        running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    events = tape.events("write")
    assert len(events) == threads * writes
    for event in events:
        number = event["object"].removeprefix("doc/")
        assert event["branch"].startswith(f"b{number}#")
        assert event["unit"].startswith(f"u{number}#")
        assert event["version"] == event["base"] + 1


def test_versions_that_threads_make_at_once_are_all_different(tape: Tape) -> None:
    threads, writes = 8, 200
    ready = threading.Barrier(threads)
    made: list[int | str | None] = []

    def work() -> None:
        ready.wait()
        made.extend([dl.write("doc/1", 0) for _ in range(writes)])

    with tape.record():
        running = [threading.Thread(target=work) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    assert sorted(made) == list(range(1, threads * writes + 1))  # type: ignore[type-var]
    events = tape.events()
    assert [event["version"] for event in events if event["op"] == "write"] == sorted(made)  # type: ignore[type-var]
    assert [event["clock"] for event in events] == sorted({event["clock"] for event in events})
    assert [event["seq"] for event in events] == list(range(len(events)))


def test_a_thread_may_still_write_when_the_recording_stops(tape: Tape) -> None:
    stopped, done = threading.Event(), threading.Event()

    def work() -> None:
        dl.write("doc/1", 1)
        done.set()
        stopped.wait()
        dl.write("doc/1", 2)

    thread = threading.Thread(target=work, name="late")
    with tape.record():
        thread.start()
        done.wait()
    stopped.set()
    thread.join()

    assert tape.lines("write", "branch-end", without=("depth",)) == [
        "late#1 write doc/1@1? <-? =1",
        "late#1 branch-end status=ok",
    ]
    assert tape.trace().complete
