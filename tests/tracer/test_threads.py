"""Threads and jobs: each is a branch of its own, forked where it was created, unless it is given one to carry."""

from __future__ import annotations

import asyncio
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


def test_a_thread_is_a_branch_of_its_own_from_its_start_to_its_end(tape: Tape) -> None:
    def work() -> None:
        dl.write("doc/1", 1)
        dl.write("doc/2", 1)

    with tape.record(), dl.branch("a"):
        in_thread(work)
        in_thread(dl.write, "doc/3", 1)

    assert tape.lines(without=("depth",)) == [
        "main#1 branch-start name=main",
        "a#2 branch-start name=a parent=main#1",
        "worker#3 branch-start name=worker parent=a#2",
        "worker#3 write doc/1@1? <-? =1",
        "worker#3 write doc/2@1? <-? =1",
        "worker#3 branch-end status=ok",
        "worker#4 branch-start name=worker parent=a#2",
        "worker#4 write doc/3@1? <-? =1",
        "worker#4 branch-end status=ok",
        "a#2 branch-end status=ok",
        "main#1 branch-end status=ok",
    ]


def test_a_branch_opened_in_a_thread_that_did_nothing_else_forks_from_the_threads_creator(tape: Tape) -> None:
    def work() -> None:
        with dl.branch("b"):
            dl.write("doc/1", 1)

    with tape.record():
        dl.write("doc/1", 0)
        in_thread(work)

    assert tape.lines(without=("depth",))[2:4] == [
        "b#2 branch-start name=b parent=main#1",
        "b#2 write doc/1@2? <1? =1",
    ]


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


def test_each_job_of_a_pool_is_a_child_of_whoever_submitted_it(tape: Tape) -> None:
    with tape.record(), ThreadPoolExecutor(1) as pool, dl.unit("u"):
        with dl.branch("a", phase="reasoning"):
            dl.write("doc/1", 0)
            pool.submit(dl.write, "doc/1", 1).result()
            dl.write("doc/1", 2)
        with dl.branch("b"):
            assert list(pool.map(lambda n: dl.patch("doc/1", {"n": n}), [0])) == [4]
            assert list(pool.map(lambda n: dl.patch("doc/1", {"n": n}), [1])) == [5]
            assert list(pool.map(abs, [-1])) == [1]

    assert tape.lines("branch-start", "branch-end", "write", "patch", without=("depth",)) == [
        "main#1 branch-start name=main",
        "a#3 branch-start name=a parent=main#1 phase=reasoning",
        "a#3 write doc/1@1? <-? unit=u#2 =0",
        "a#4 branch-start name=a parent=a#3 phase=reasoning",
        "a#4 write doc/1@2? <1? unit=u#2 =1",
        "a#4 branch-end status=ok",
        "a#3 write doc/1@3? <2? unit=u#2 =2",
        "a#3 branch-end status=ok",
        "b#5 branch-start name=b parent=main#1",
        "b#6 branch-start name=b parent=b#5",
        "b#6 patch doc/1@4? <3? unit=u#2 /n=0",
        "b#6 branch-end status=ok",
        "b#7 branch-start name=b parent=b#5",
        "b#7 patch doc/1@5? <3? unit=u#2 /n=1<4?",
        "b#7 branch-end status=ok",
        "b#5 branch-end status=ok",
        "main#1 branch-end status=ok",
    ]


def test_a_job_that_raises_fails_its_branch_and_its_error_is_the_callers(tape: Tape) -> None:
    def work() -> None:
        dl.write("doc/1", 1)
        raise KeyError("x")

    with tape.record(), ThreadPoolExecutor(1) as pool:
        with pytest.raises(KeyError, match="x"):
            pool.submit(work).result()
        dl.write("doc/1", 2)

    assert tape.lines("branch-end")[0] == "main#2 branch-end reason=KeyError status=failed"
    assert tape.facts() == ["main#2 write doc/1@1? <-? =1", "main#1 write doc/1@2? <-? =2"]


def test_a_thread_that_raises_fails_its_branch(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(args.exc_value))

    def work(fault: BaseException) -> None:
        dl.write("doc/1", 1)
        raise fault

    with tape.record():
        in_thread(work, ValueError("x"), name="broken")
        in_thread(work, SystemExit(), name="done")

    assert [type(fault) for fault in raised] == [ValueError, SystemExit]
    assert tape.lines("branch-end")[:2] == [
        "broken#2 branch-end reason=ValueError status=failed",
        "done#3 branch-end status=ok",
    ]


def test_a_thread_has_seen_what_its_creator_had_when_it_started_however_late_it_acts(tape: Tape) -> None:
    go = threading.Event()

    def work() -> None:
        go.wait()
        dl.write("doc/1", "late")

    with tape.record():
        dl.read("doc/1", 1, version=1)
        thread = threading.Thread(target=work, name="late")
        thread.start()
        with dl.branch("other"):
            dl.write("doc/1", "other", version=2)
        go.set()
        thread.join()
        dl.write("doc/1", "after")

    assert tape.facts()[1:] == [
        'other#2 write doc/1@2 <1? ="other"',
        'late#3 write doc/1@3? <1? ="late"',
        'main#1 write doc/1@4? <3? ="after"',
    ]


def test_a_line_that_acts_after_a_branch_opened_in_it_knows_what_that_saw(tape: Tape) -> None:
    def work() -> None:
        with dl.branch("inner"):
            dl.write("doc/1", 1)
        dl.write("doc/1", 2)

    with tape.record():
        in_thread(work)
        dl.write("doc/1", 3)

    assert tape.lines("branch-start", "write", without=("depth",)) == [
        "main#1 branch-start name=main",
        "inner#2 branch-start name=inner parent=main#1",
        "inner#2 write doc/1@1? <-? =1",
        "worker#3 branch-start name=worker parent=main#1",
        "worker#3 write doc/1@2? <1? =2",
        "main#1 write doc/1@3? <2? =3",
    ]


def test_a_thread_of_a_thread_starts_both_branches_when_it_acts(tape: Tape) -> None:
    def outer() -> None:
        in_thread(dl.write, "doc/1", 1, name="inner")
        dl.write("doc/1", 2)

    with tape.record(), dl.branch("a", phase="reasoning"):
        in_thread(outer, name="outer")

    assert tape.lines("branch-start", "write", "branch-end", without=("depth",))[2:] == [
        "outer#3 branch-start name=outer parent=a#2 phase=reasoning",
        "inner#4 branch-start name=inner parent=outer#3 phase=reasoning",
        "inner#4 write doc/1@1? <-? =1",
        "inner#4 branch-end status=ok",
        "outer#3 write doc/1@2? <1? =2",
        "outer#3 branch-end status=ok",
        "a#2 branch-end status=ok",
        "main#1 branch-end status=ok",
    ]


def test_a_timer_is_a_thread_too(tape: Tape) -> None:
    with tape.record(), dl.branch("a"):
        timer = threading.Timer(0, dl.write, ("doc/1", 1))
        timer.name = "alarm"
        timer.start()
        timer.join()

    assert "alarm#3 branch-start name=alarm parent=a#2" in tape.lines()


def test_a_thread_class_with_a_run_of_its_own_stays_what_it_is(tape: Tape) -> None:
    class Worker(threading.Thread):
        def run(self) -> None:
            dl.write("doc/1", sorted(vars(self).keys() & {"run"}))

    with tape.record():
        worker = Worker(name="w")
        worker.start()
        worker.join()
        with pytest.raises(RuntimeError, match="once"):
            worker.start()

    assert tape.facts() == ["w#2 write doc/1@1? <-? =[]"]
    assert "run" not in vars(worker)


def test_a_thread_that_ran_before_the_recording_is_a_root(tape: Tape) -> None:
    go, done, stopped = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        go.wait()
        dl.write("doc/1", 1)
        with dl.branch("inner"):
            pass
        done.set()
        stopped.wait()

    thread = threading.Thread(target=work, name="early")
    thread.start()
    with tape.record(), dl.branch("a"):
        go.set()
        done.wait()
    stopped.set()
    thread.join()

    assert tape.lines("branch-start", "branch-end")[2:] == [
        "early#3 branch-start name=early",
        "inner#4 branch-start name=inner parent=early#3",
        "inner#4 branch-end status=ok",
        "a#2 branch-end status=ok",
        "early#3 branch-end status=ok",
        "main#1 branch-end status=ok",
    ]


def test_a_branch_opened_in_a_foreign_thread_that_did_nothing_else_is_a_root(tape: Tape) -> None:
    go = threading.Event()

    def work() -> None:
        go.wait()
        with dl.branch("inner"):
            dl.write("doc/1", 1)

    thread = threading.Thread(target=work, name="early")
    thread.start()
    with tape.record():
        go.set()
        thread.join()

    assert tape.lines("branch-start", "write", without=("depth",)) == [
        "inner#1 branch-start name=inner",
        "inner#1 write doc/1@1? <-? =1",
    ]


def test_threads_that_never_touch_shared_state_leave_no_trace(tape: Tape) -> None:
    with tape.record(), ThreadPoolExecutor(2) as pool:
        in_thread(len, ())
        assert list(pool.map(abs, range(3))) == [0, 1, 2]

    assert tape.events() == []


# ---- what is replaced is put back ---------------------------------------------------------------------------------


def replaced() -> list[Any]:
    return [threading.Thread.start, ThreadPoolExecutor.submit, asyncio.BaseEventLoop.create_task]


def test_everything_replaced_is_put_back(tape: Tape) -> None:
    before = replaced()
    with tape.record() as recording:
        during = replaced()
        assert [function.__qualname__ for function in during] == [function.__qualname__ for function in before]
        recording.propagation.end()
        assert replaced() == before
    assert replaced() == before
    assert not set(during) & set(before)


def test_a_function_that_someone_else_replaced_meanwhile_is_left_to_them(
    tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = Tape(tape.path.with_name("second.drift"))
    original = threading.Thread.start
    with tape.record():
        ours = threading.Thread.start

        def start(thread: threading.Thread) -> None:
            ours(thread)

        monkeypatch.setattr(threading.Thread, "start", start)
        theirs = threading.Thread.start
        in_thread(dl.write, "doc/1", 1)
    assert threading.Thread.start is theirs
    in_thread(dl.write, "doc/1", 2)
    with second.record():
        in_thread(dl.write, "doc/1", 3)
    assert threading.Thread.start is theirs
    monkeypatch.undo()

    assert threading.Thread.start is not original
    assert "worker#2 branch-start name=worker parent=main#1" in tape.lines()
    assert second.lines("branch-start") == [
        "main#1 branch-start name=main",
        "worker#2 branch-start name=worker parent=main#1",
    ]
    threading.Thread.start = original  # type: ignore[method-assign]


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
        "late#2 write doc/1@1? <-? =1",
        "late#2 branch-end status=ok",
        "main#1 branch-end status=ok",
    ]
    assert tape.trace().complete
