"""`branch`, `unit` and `task`: as blocks, as asynchronous blocks, as decorators."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing, contextmanager, nullcontext

import pytest
from tape import Tape

import driftline as dl


class Failure(Exception):  # noqa: N818 - it stands for any exception of the program's
    """What a program fails with."""


@contextmanager
def failing() -> Iterator[None]:
    with pytest.raises(Failure):
        yield


# ---- branches -----------------------------------------------------------------------------------------------------


def test_a_branch_forks_from_the_branch_in_force(tape: Tape) -> None:
    with tape.record(), dl.branch("outer", phase="reasoning"):
        with dl.branch("inner"):
            dl.write("doc/1", 1)
        with dl.branch("inner", phase="enrichment"):
            pass

    assert tape.lines() == [
        "main#1 branch-start name=main",
        "outer#2 branch-start name=outer parent=main#1 phase=reasoning",
        "inner#3 branch-start name=inner parent=outer#2 phase=reasoning",
        "inner#3 write doc/1@1? <-? depth=1 =1",
        "inner#3 branch-end status=ok",
        "inner#4 branch-start name=inner parent=outer#2 phase=enrichment",
        "inner#4 branch-end status=ok",
        "outer#2 branch-end status=ok",
        "main#1 branch-end status=ok",
    ]


def test_an_exception_that_leaves_a_branch_fails_it(tape: Tape) -> None:
    with tape.record(), failing(), dl.branch("outer"), dl.branch("inner"):
        raise Failure

    assert tape.lines("branch-end") == [
        "inner#3 branch-end reason=Failure status=failed",
        "outer#2 branch-end reason=Failure status=failed",
        "main#1 branch-end status=ok",
    ]


def test_an_exception_caught_inside_does_not(tape: Tape) -> None:
    with tape.record(), dl.branch("a"), failing():
        raise Failure

    assert tape.lines("branch-end")[0] == "a#2 branch-end status=ok"


def test_a_branch_may_be_forked_from_a_given_one(tape: Tape) -> None:
    with tape.record():
        with dl.branch("a") as block:
            a = dl.current()
        with dl.branch("b"), dl.branch("c", parent=a):
            pass

    assert isinstance(block, dl.branch)
    assert a is not None
    assert (a.name, a.id, a.phase) == ("a", "a#2", None)
    assert "c#4 branch-start name=c parent=a#2" in tape.lines()


def test_the_branch_in_force_is_the_one_of_the_block(tape: Tape) -> None:
    seen = []
    with tape.record():
        seen.append(dl.current())
        with dl.branch("a"):
            seen.append(dl.current())
        seen.append(dl.current())

    assert [str(branch) for branch in seen] == ["<Branch main#1>", "<Branch a#2>", "<Branch main#1>"]


# ---- units --------------------------------------------------------------------------------------------------------


def test_a_unit_commits(tape: Tape) -> None:
    with tape.record(), dl.unit("two-step"):
        dl.write("doc/1", 1)
        dl.delete("doc/1")

    assert tape.lines("unit-begin", "write", "delete", "unit-commit") == [
        "main#1 unit-begin unit=two-step#2 name=two-step",
        "main#1 write doc/1@1? <-? unit=two-step#2 depth=1 =1",
        "main#1 delete doc/1@2? <1? unit=two-step#2 depth=2",
        "main#1 unit-commit unit=two-step#2 status=ok",
    ]


def test_an_exception_that_leaves_a_unit_aborts_it(tape: Tape) -> None:
    with tape.record(), failing(), dl.unit("outer"):
        with failing(), dl.unit("inner"):
            raise Failure
        raise Failure

    assert tape.lines("unit-begin", "unit-commit", "unit-abort") == [
        "main#1 unit-begin unit=outer#2 name=outer",
        "main#1 unit-begin unit=inner#3 name=inner parent=outer#2",
        "main#1 unit-abort unit=inner#3 reason=Failure status=failed",
        "main#1 unit-abort unit=outer#2 reason=Failure status=failed",
    ]


def test_a_unit_that_is_still_open_when_recording_stops_has_no_outcome(tape: Tape) -> None:
    dl.start(tape.path)
    block = dl.unit("open")
    block.__enter__()
    dl.stop()
    block.__exit__(None, None, None)

    assert tape.lines() == [
        "main#1 branch-start name=main",
        "main#1 unit-begin unit=open#2 name=open",
        "main#1 branch-end status=ok",
    ]


def test_what_a_unit_forks_is_part_of_it(tape: Tape) -> None:
    with tape.record():
        with dl.branch("elsewhere"):
            other = dl.current()
        with dl.unit("all"):
            with dl.branch("a"):
                dl.write("doc/1", 1)
            with dl.branch("b", parent=other):
                dl.write("doc/2", 1)
        dl.write("doc/3", 1)

    assert [event.get("unit") for event in tape.events("write")] == ["all#3", None, None]


# ---- tasks --------------------------------------------------------------------------------------------------------


def test_a_task_has_a_signature_of_its_name_and_inputs(tape: Tape) -> None:
    with tape.record():
        for name, inputs in [("t", {"a": 1, "b": 2}), ("t", {"b": 2, "a": 1}), ("t", {"a": 1}), ("u", {"a": 1})]:
            with dl.task(name, inputs=inputs):
                dl.write("doc/1", 1)
        with failing(), dl.task("t"):
            raise Failure

    same, as_well, other_inputs, other_name, none = (event["signature"] for event in tape.events("task-start"))
    assert same == as_well
    assert len({same, other_inputs, other_name, none}) == 4
    assert tape.lines("task-start", "task-end")[-2:] == [
        "main#1 task-start task=t#6 name=t",
        "main#1 task-end task=t#6 reason=Failure status=failed",
    ]


def test_tasks_nest_and_stay_out_of_each_others_way(tape: Tape) -> None:
    with tape.record(), dl.task("outer"), dl.unit("u"), dl.task("inner"):
        dl.write("doc/1", 1)

    assert tape.lines("task-start", "unit-begin", "write", "task-end", "unit-commit") == [
        "main#1 task-start task=outer#2 name=outer",
        "main#1 unit-begin unit=u#3 task=outer#2 name=u",
        "main#1 task-start unit=u#3 task=inner#4 name=inner parent=outer#2",
        "main#1 write doc/1@1? <-? unit=u#3 task=inner#4 depth=1 =1",
        "main#1 task-end unit=u#3 task=inner#4 status=ok",
        "main#1 unit-commit unit=u#3 task=outer#2 status=ok",
        "main#1 task-end task=outer#2 status=ok",
    ]


def test_a_branch_opened_in_a_task_does_not_work_on_it(tape: Tape) -> None:
    with tape.record(), dl.task("t"), dl.branch("a"):
        dl.write("doc/1", 1)

    assert "task" not in tape.events("write")[0]


# ---- asynchronous blocks and decorators ---------------------------------------------------------------------------


def test_every_block_is_an_asynchronous_one_too(tape: Tape) -> None:
    async def program() -> None:
        async with dl.branch("a"), dl.unit("u"), dl.task("t"):
            dl.write("doc/1", 1)
            raise Failure

    with tape.record(), failing():
        asyncio.run(program())

    assert tape.lines()[1:-1] == [
        "a#2 branch-start name=a parent=main#1",
        "a#2 unit-begin unit=u#3 name=u",
        "a#2 task-start unit=u#3 task=t#4 name=t",
        "a#2 write doc/1@1? <-? unit=u#3 task=t#4 depth=1 =1",
        "a#2 task-end unit=u#3 task=t#4 reason=Failure status=failed",
        "a#2 unit-abort unit=u#3 reason=Failure status=failed",
        "a#2 branch-end reason=Failure status=failed",
    ]


def test_each_call_of_a_decorated_function_is_a_block_of_its_own(tape: Tape) -> None:
    @dl.branch("worker", phase="reasoning")
    @dl.unit("step")
    @dl.task("work", inputs=[1])
    def work(n: int, *, down: int) -> int:
        """Work."""
        dl.write("doc/1", n)
        return work(n + 1, down=down - 1) if down else n

    with tape.record():
        assert work(5, down=1) == 6
        assert work(7, down=0) == 7

    assert work.__name__ == "work"
    assert work.__doc__ == "Work."
    assert [(event["branch"], event["unit"], event["task"]) for event in tape.events("write")] == [
        ("worker#2", "step#3", "work#4"),
        ("worker#5", "step#6", "work#7"),
        ("worker#8", "step#9", "work#10"),
    ]
    assert "worker#5 branch-start name=worker parent=worker#2 phase=reasoning" in tape.lines()


def test_a_decorated_coroutine_function_stays_one(tape: Tape) -> None:
    @dl.branch("worker")
    async def work(n: int) -> int:
        await asyncio.sleep(0)
        dl.write(f"doc/{n}", n)
        if n == 2:
            raise Failure
        return n

    async def program() -> list[object]:
        return await asyncio.gather(work(1), work(2), work(3), return_exceptions=True)

    assert asyncio.iscoroutinefunction(work)
    with tape.record():
        one, two, three = asyncio.run(program())

    assert (one, three) == (1, 3)
    assert isinstance(two, Failure)
    assert sorted(tape.lines("branch-end")) == [
        "main#1 branch-end status=ok",
        "worker#2 branch-end status=ok",
        "worker#3 branch-end reason=Failure status=failed",
        "worker#4 branch-end status=ok",
    ]


# ---- generators ---------------------------------------------------------------------------------------------------


def in_force() -> str:
    branch = dl.current()
    return "none" if branch is None else branch.name


@dl.branch("generator")
def echoes() -> Generator[str, str, str]:
    said = yield in_force()
    while said != "end":
        try:
            with dl.branch(said):
                said = yield in_force()
        except Failure:
            said = "failure"
    return in_force()


@dl.branch("generator")
async def async_echoes() -> AsyncGenerator[str, str]:
    said = yield in_force()
    while said != "end":
        await asyncio.sleep(0)
        try:
            async with dl.branch(said):
                said = yield in_force()
        except Failure:
            said = "failure"


def test_a_decorated_generator_runs_in_its_block_and_its_consumer_does_not(tape: Tape) -> None:
    seen = []
    with tape.record(), dl.branch("consumer"):
        generator = echoes()
        seen += [next(generator), in_force()]
        seen += [generator.send("inner"), in_force()]
        with dl.branch("elsewhere"):
            seen += [generator.throw(Failure()), in_force()]
        try:
            generator.send("end")
        except StopIteration as end:
            seen += [end.value, in_force()]

    assert seen == [
        *("generator", "consumer"),
        *("inner", "consumer"),
        *("failure", "elsewhere"),
        *("generator", "consumer"),
    ]
    assert tape.lines("branch-start", "branch-end")[1:-1] == [
        "consumer#2 branch-start name=consumer parent=main#1",
        "generator#3 branch-start name=generator parent=consumer#2",
        "inner#4 branch-start name=inner parent=generator#3",
        "elsewhere#5 branch-start name=elsewhere parent=consumer#2",
        "inner#4 branch-end reason=Failure status=failed",
        "failure#6 branch-start name=failure parent=generator#3",
        "elsewhere#5 branch-end status=ok",
        "failure#6 branch-end status=ok",
        "generator#3 branch-end status=ok",
        "consumer#2 branch-end status=ok",
    ]


def test_a_decorated_asynchronous_generator_does_the_same(tape: Tape) -> None:
    seen = []

    async def program() -> None:
        async with dl.branch("consumer"):
            generator = async_echoes()
            seen.extend([await anext(generator), in_force()])
            seen.extend([await generator.asend("inner"), in_force()])
            async with dl.branch("elsewhere"):
                seen.extend([await generator.athrow(Failure()), in_force()])
            with pytest.raises(StopAsyncIteration):
                await generator.asend("end")
            seen.append(in_force())
            async with aclosing(async_echoes()) as abandoned:
                async for name in abandoned:
                    seen.extend([name, in_force()])
                    break

    with tape.record():
        asyncio.run(program())

    assert seen == [
        *("generator", "consumer"),
        *("inner", "consumer"),
        *("failure", "elsewhere"),
        *("consumer", "generator", "consumer"),
    ]
    assert [line for line in tape.lines("branch-end") if "generator" in line] == [
        "generator#3 branch-end status=ok",
        "generator#7 branch-end status=ok",
    ]


@pytest.mark.parametrize("recording", [False, True])
def test_a_decorated_generator_is_still_one(tape: Tape, *, recording: bool) -> None:
    @dl.unit("u")
    def counts(n: int) -> Iterator[int]:
        """Count."""
        yield from range(n)

    assert inspect.isgeneratorfunction(counts)
    assert inspect.isasyncgenfunction(async_echoes)
    assert counts.__doc__ == "Count."
    with tape.record() if recording else nullcontext():
        assert list(counts(3)) == [0, 1, 2]
        counts(3).close()  # type: ignore[attr-defined]

    if recording:
        assert tape.lines("unit-begin", "unit-commit", "unit-abort") == [
            "main#1 unit-begin unit=u#2 name=u",
            "main#1 unit-commit unit=u#2 status=ok",
        ]


def test_whoever_takes_no_more_from_a_generator_does_not_fail_its_branch(tape: Tape) -> None:
    @dl.branch("b")
    @dl.unit("u")
    def numbers() -> Iterator[int]:
        yield 1
        yield 2

    with tape.record():
        for _ in numbers():
            break
        gc.collect()

    assert tape.lines("unit-abort", "branch-end")[:2] == [
        "b#2 unit-abort unit=u#3 reason=GeneratorExit status=failed",
        "b#2 branch-end status=ok",
    ]


def test_an_error_of_a_decorated_generator_is_the_consumers(tape: Tape) -> None:
    @dl.branch("b")
    def fails() -> Iterator[int]:
        yield 1
        raise Failure

    with tape.record(), failing():
        for _ in fails():
            assert in_force() == "main"

    assert tape.lines("branch-end")[0] == "b#2 branch-end reason=Failure status=failed"


def test_a_context_manager_made_of_a_generator_lends_its_block(tape: Tape) -> None:
    @contextmanager
    def lent() -> Iterator[None]:
        with dl.branch("lent"):
            yield

    with tape.record(), lent():
        dl.write("doc/1", 1)

    assert tape.facts() == ["lent#2 write doc/1@1? <-? =1"]


def test_blocks_may_end_out_of_turn(tape: Tape) -> None:
    def numbers() -> Iterator[int]:
        with dl.branch("generator"):
            yield 1

    seen = []
    with tape.record():
        generator = numbers()
        next(generator)
        with dl.branch("inner"):
            generator.close()  # type: ignore[attr-defined]
            seen.append(in_force())
        seen.append(in_force())

    assert seen == ["inner", "main"]
    assert tape.lines("branch-end") == [
        "generator#2 branch-end status=ok",
        "inner#3 branch-end status=ok",
        "main#1 branch-end status=ok",
    ]


def test_a_block_may_be_left_in_another_context_than_it_was_entered_in(tape: Tape) -> None:
    def numbers() -> Iterator[int]:
        with dl.branch("generator"):
            dl.write("doc/1", 1)
            yield 1

    with tape.record():
        open_in, close_in = contextvars.copy_context(), contextvars.copy_context()
        generator = numbers()
        open_in.run(next, generator)
        close_in.run(generator.close)  # type: ignore[attr-defined]
        close_in.run(dl.write, "doc/2", 1)
        dl.write("doc/3", 1)

    assert tape.lines("write", without=("depth",)) == [
        "generator#2 write doc/1@1? <-? =1",
        "main#1 write doc/2@1? <-? =1",
        "main#1 write doc/3@1? <-? =1",
    ]
    assert [event["branch"] for event in tape.events("branch-end")] == ["generator#2", "main#1"]


def test_a_block_that_began_before_recording_records_nothing(tape: Tape) -> None:
    block = dl.branch("early")
    with block:
        dl.start(tape.path)
        dl.write("doc/1", 1)
    dl.stop()

    assert tape.lines("write") == ["main#1 write doc/1@1? <-? depth=1 =1"]


def test_names_are_what_the_program_says_even_if_they_are_no_names(tape: Tape) -> None:
    with tape.record(), dl.branch(3), dl.unit(None), dl.task(("a", 1), inputs=object()):  # type: ignore[arg-type]
        dl.write("doc/1", 1)

    (event,) = tape.events("write")
    assert (event["branch"], event["unit"], event["task"]) == ("3#2", "None#3", "('a', 1)#4")
