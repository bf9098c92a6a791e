"""The queue is bounded, in calls and in bytes: callers wait, or what finds no room is dropped and counted."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tape import Tape

import driftline as dl
from driftline import session
from driftline.backlog import Backlog
from driftline.writer import Writer


@pytest.fixture
def cramped(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make the queues of recordings that begin from now on smaller than usual."""

    def shrink(**bounds: int) -> None:
        monkeypatch.setattr(session, "Backlog", functools.partial(Backlog, **bounds))

    return shrink


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[Backlog]:
    """The backlog, once for each time that somebody asked for room in it."""
    asked: list[Backlog] = []
    make_room = Writer.make_room

    def watched(self: Writer, *, may_drop: bool = True) -> bool:
        asked.append(self.backlog)
        return make_room(self, may_drop=may_drop)

    monkeypatch.setattr(Writer, "make_room", watched)
    return asked


@contextmanager
def held(recording: dl.Recording) -> Iterator[None]:
    """Nothing is written while the block runs."""
    recording.writer.pause()
    try:
        yield
    finally:
        recording.writer.resume()


# ---- waiting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [lambda n: dl.write("doc/1", n), lambda n: dl.patch("doc/1", {"/n": n})])
def test_callers_wait_while_the_queue_is_full(
    tape: Tape, cramped: Callable[..., None], monkeypatch: pytest.MonkeyPatch, write: Callable[[int], object]
) -> None:
    cramped(calls=64)
    threads, writes = 4, 1000
    lengths: list[int] = []
    settle = session.Ledger.settle

    def watched(self: session.Ledger, rows: list[object], count: int, fault: Callable[..., None]) -> object:
        lengths.append(count)
        return settle(self, rows, count, fault)

    monkeypatch.setattr(session.Ledger, "settle", watched)

    def work() -> None:
        for n in range(writes):
            write(n)

    with tape.record():
        running = [threading.Thread(target=work) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    assert 64 <= max(lengths) < 64 + 2 * threads, "each thread may have been between looking and queueing"
    assert len(tape.events("write", "patch")) == threads * writes
    assert tape.trace().complete


def test_a_queue_of_large_values_is_bounded_in_bytes(
    tape: Tape, cramped: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cramped(weight=100_000)
    waiting = threading.Event()
    make_room = Writer.make_room

    def watched(self: Writer, *, may_drop: bool = True) -> bool:
        waiting.set()
        return make_room(self, may_drop=may_drop)

    monkeypatch.setattr(Writer, "make_room", watched)

    def work() -> None:
        for n in range(50):
            dl.patch("doc/1", {"/text": f"{n:x>30000}"}, version=n)

    with tape.record() as recording:
        thread = threading.Thread(target=work)
        with held(recording):
            thread.start()
            assert waiting.wait(30)
            assert 100_000 <= recording.writer.backlog.weight < 130_000
        thread.join()
        recording.flush()
        assert recording.writer.backlog.weight == 0

    assert [event["version"] for event in tape.events("patch")] == list(range(50))
    assert tape.trace().complete


def test_small_values_weigh_nothing(tape: Tape, cramped: Callable[..., None], waits: list[Backlog]) -> None:
    cramped(weight=10_000)
    with tape.record():
        for _ in range(1000):
            dl.write("doc/1", {"text": "x" * 1000, "number": 10**300})

    assert waits == []
    assert len(tape.events("write")) == 1000


def test_whoever_writes_does_not_wait_for_itself(
    tape: Tape, cramped: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cramped(calls=4)
    handled = threading.Event()

    class Recorded(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            for n in range(20):
                dl.write("log/1", n)
            handled.set()

    logger, handler = logging.getLogger("driftline"), Recorded()
    logger.addHandler(handler)
    monkeypatch.setattr(logger, "propagate", False)
    try:
        with tape.record():
            dl.quarantine("doc/1", version=1, reason=ValueError("odd"))  # type: ignore[arg-type]
            assert handled.wait(30)
    finally:
        logger.removeHandler(handler)

    assert len(tape.events("write")) == 20
    assert tape.trace().complete


# ---- dropping -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        lambda n: dl.write("doc/1", n, version=n),
        lambda n: dl.patch("doc/1", {"/n": n}, version=n),
        lambda n: dl.read("doc/1", n, version=n),
        lambda n: dl.promote("doc/1", version=n),
    ],
)
def test_what_finds_no_room_is_dropped_and_counted(
    tape: Tape, cramped: Callable[..., None], caplog: pytest.LogCaptureFixture, write: Callable[[int], object]
) -> None:
    cramped(calls=64)
    with tape.record(overflow="drop") as recording:
        dl.patch("doc/1", {"/n": 0}, version=0)
        recording.flush()
        with held(recording):
            for n in range(1, 1001):
                write(n)
        recording.flush()
        write(2000)

    kept = [event["version"] for event in tape.events() if "version" in event]
    assert kept == [0, *range(1, 65), 2000]
    record = tape.record_of_process()
    assert (record.dropped, record.lost, record.faults) == (1000 - 64, 0, {})
    assert [event["seq"] for event in tape.events()] == list(range(record.events))
    trace = tape.trace()
    assert [text.partition(": ")[2] for text in trace.missing] == [
        "936 events were dropped while recording: the queue was full"
    ]
    assert caplog.text.count("driftline could not record (overflow)") == 1


def test_a_dropped_write_still_makes_its_version(tape: Tape, cramped: Callable[..., None]) -> None:
    cramped(calls=8)
    with tape.record(overflow="drop") as recording:
        with held(recording):
            made = [dl.write("doc/1", n) for n in range(20)]
            assert dl.write("doc/2", 1, version=9) == 9
        recording.flush()
        made += [dl.write("doc/1", 20), dl.write("doc/2", 2)]

    assert made == [*range(1, 22), 10]


def test_a_read_of_what_a_dropped_write_made_is_recorded(tape: Tape, cramped: Callable[..., None]) -> None:
    cramped(calls=8)
    with tape.record(overflow="drop") as recording:
        with held(recording):
            for n in range(20):
                dl.write("doc/1", n, version=n)
            dl.read("doc/1", 19, version=19)
        recording.flush()
        dl.read("doc/1", 19, version=19)
        dl.read("doc/1", 19, version=19)

    assert [event["version"] for event in tape.events("read")] == [19]


def test_branches_units_and_tasks_are_never_dropped(tape: Tape, cramped: Callable[..., None]) -> None:
    cramped(calls=8)
    with tape.record(overflow="drop"):
        for n in range(50):
            with dl.branch("b"), dl.unit("u"), dl.task("t"):
                for m in range(10):
                    dl.write("doc/1", m, version=10 * n + m)

    ends = ("branch-start", "branch-end", "unit-begin", "unit-commit", "task-start", "task-end")
    assert [len(tape.events(op)) for op in ends] == [51, 51, 50, 50, 50, 50]
    assert len(tape.events("write")) + tape.record_of_process().dropped == 500


def test_a_forked_child_drops_for_itself(tape: Tape, cramped: Callable[..., None]) -> None:
    cramped(calls=8)
    with tape.record(overflow="drop") as recording:
        for n in range(20):
            dl.write("doc/1", n)
        child = recording.writer.backlog.empty_copy()

    assert (child.limit, child.overflow, child.dropped) == (recording.writer.backlog.limit, "drop", 0)
