"""Threads may share tracked objects: each mutation is one version, and the trace ends where the object does."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tape import Tape

import driftline as dl

THREADS = 4
STEPS = 60


@dataclass
class Board:
    n: int = 0
    facts: list[Any] = field(default_factory=list)
    by_name: dict[str, Any] = field(default_factory=dict)
    seen: set[Any] = field(default_factory=set)


@dataclass(slots=True)
class SlottedBoard:
    n: int = 0
    facts: list[Any] = field(default_factory=list)
    by_name: dict[str, Any] = field(default_factory=dict)
    seen: set[Any] = field(default_factory=set)


def together(work: Callable[[int], None]) -> None:
    """Run a function in several threads at once; what one of them raises is raised here."""
    ready = threading.Barrier(THREADS)
    raised: list[BaseException] = []

    def run(number: int) -> None:
        ready.wait()
        try:
            work(number)
        except BaseException as fault:  # noqa: BLE001 - told below
            raised.append(fault)

    running = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert raised == []


@pytest.mark.parametrize("kind", [Board, SlottedBoard])
def test_every_mutation_is_one_version(kind: Any, tape: Tape) -> None:
    def work(number: int) -> None:
        for step in range(STEPS):
            board.n = step
            board.facts.append((number, step))
            board.by_name.setdefault(f"t{number}", []).append(step)
            board.seen.add((number, step))

    with tape.record():
        board = dl.track(kind(), id="board/1")
        together(work)

    versions = [event["version"] for event in tape.events("write", "patch")]
    made_by_name = THREADS  # each name's list is put there first
    assert versions == list(range(1, 2 + 4 * THREADS * STEPS + made_by_name))
    assert sorted(board.facts) == sorted(board.seen)
    assert len(board.facts) == THREADS * STEPS
    assert board.by_name == {f"t{number}": list(range(STEPS)) for number in range(THREADS)}
    assert tape.record_of_process().faults == {}


def test_each_read_shows_what_stood_at_its_version(tape: Tape) -> None:
    def work(number: int) -> None:
        for step in range(STEPS):
            ctx["facts"].append(step)
            ctx["n"][f"t{number}"] = step
            list(ctx.values())
            len(ctx["facts"])

    with tape.record():
        ctx: Any = dl.track({"facts": [], "n": {"t": 0}}, id="doc/1")
        together(work)

    standing: dict[int, dict[str, str]] = {0: {}}
    for event in tape.events("write", "patch"):
        fields = dict(standing[event["version"] - 1])
        for item in event["fields"]:
            fields.pop(item["path"], None)
            if "value" in item:
                fields[item["path"]] = item["value"]
        standing[event["version"]] = fields
    for event in tape.events("read"):
        for item in event["fields"]:
            assert item.get("value") == standing[event["version"]].get(item["path"])


def test_one_list_in_two_objects_does_not_deadlock(tape: Tape) -> None:
    shared: list[int] = []

    def work(number: int) -> None:
        for step in range(STEPS):
            (a if number % 2 else b)["l"].append(step)
            held[number % 2].append(step)

    with tape.record():
        a, b = dl.track({"l": shared}, id="a/1"), dl.track({"l": shared}, id="b/1")
        held = a["l"], b["l"]
        together(work)

    assert len(shared) == 2 * THREADS * STEPS
    for name in ("a/1", "b/1"):
        versions = [event["version"] for event in tape.events("write", "patch") if event["object"] == name]
        assert versions == list(range(1, 2 + 2 * THREADS * STEPS))


def test_tracking_one_object_in_several_threads_at_once_tracks_it_once(tape: Tape) -> None:
    boards = [Board() for _ in range(STEPS)]

    def work(_number: int) -> None:
        for number, board in enumerate(boards):
            dl.track(board, id=f"board/{number}").n = 1

    with tape.record():
        together(work)

    assert sorted(event["object"] for event in tape.events("write")) == sorted(f"board/{n}" for n in range(STEPS))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_waits_for_no_lock_that_another_thread_held_when_it_was_forked() -> None:
    ctx = dl.track({"n": 0}, id="doc/1")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with ctx._root.lock:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # rather than wait for ever
        ctx["n"] = 1
        os._exit(7 if ctx["n"] == 1 else 1)
    _, status = os.waitpid(child, 0)
    done.set()
    thread.join()

    assert os.waitstatus_to_exitcode(status) == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
def test_after_a_fork_both_processes_say_that_they_number_the_versions_themselves(tape: Tape) -> None:
    with tape.record():
        ctx = dl.track({"n": 0}, id="doc/1")
        ctx["n"] = 1
        child = os.fork()
        if child == 0:
            ctx["n"] = 2
            dl.stop()
            os._exit(0)
        os.waitpid(child, 0)
        ctx["n"] = 3

    assert [
        (event["version"], event["fields"][0]["value"], event.get("version_inferred"))
        for event in sorted(tape.events("write", "patch"), key=lambda event: event["clock"])
    ] == [(1, "0", None), (2, "1", None), (3, "2", True), (3, "3", True)]
