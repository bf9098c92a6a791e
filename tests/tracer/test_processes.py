"""Processes that are killed, forked, or end on their own terms."""

from __future__ import annotations

import signal

import pytest
from tape import Tape, run_python

import driftline as dl

KILLED = """
import os, signal, sys
import driftline as dl
recording = dl.start(sys.argv[1])
with dl.branch("worker"), dl.unit("two-step"):
    for n in range(1000):
        dl.write("doc/1", n)
    recording.flush()
    if sys.argv[2] == "more":
        for n in range(1000):
            dl.write("doc/2", n)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("more", ["no", "more"])
def test_what_was_flushed_survives_kill_9(tape: Tape, more: str) -> None:
    ran = run_python(KILLED, str(tape.path), more)

    assert ran.returncode == -signal.SIGKILL
    assert [event["version"] for event in tape.events("write") if event["object"] == "doc/1"] == list(range(1, 1001))
    trace = tape.trace()
    (process,) = trace.processes
    assert process.record is not None
    assert (process.record.closed, process.record.ended) == (False, None)
    assert not trace.complete
    assert trace.missing[-1] == (
        f"{process.process}: the process did not end its recording: events after the last flush are missing"
    )
    assert tape.events("unit-commit", "unit-abort", "branch-end") == []


ENDS = """
import sys
import driftline as dl
dl.start(sys.argv[1])
dl.write("doc/1", 1)
"""


@pytest.mark.parametrize(
    ("ending", "status"),
    [("", 0), ("sys.exit(3)", 3), ("raise RuntimeError", 1), ("raise KeyboardInterrupt", -signal.SIGINT)],
)
def test_a_process_that_ends_without_stopping_is_complete(tape: Tape, ending: str, status: int) -> None:
    ran = run_python(ENDS + ending, str(tape.path))

    assert ran.returncode == status
    assert "driftline" not in ran.stderr
    assert tape.trace().complete
    assert tape.lines("branch-end") == ["main#1 branch-end status=ok"]


FORKS = """
import os, sys
import driftline as dl
with dl.record(sys.argv[1]):
    dl.write("doc/1", "before", version=1)
    with dl.branch("parent"):
        child = os.fork()
        if not child:
            dl.patch("doc/1", {"/a": "child"})
            dl.stop()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        dl.write("doc/1", "after", version=9)
"""


def test_a_forked_child_is_a_process_and_a_branch_of_its_own(tape: Tape) -> None:
    ran = run_python(FORKS, str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    trace = tape.trace()
    assert trace.complete
    assert len(trace.processes) == 2
    writes = {event["fields"][0]["value"]: event for event in tape.events("write", "patch")}
    assert [writes[value]["branch"] for value in ('"before"', '"after"')] == ["main#1", "parent#2"]
    child = writes['"child"']
    (start,) = (event for event in tape.events("branch-start") if event["branch"] == child["branch"])
    assert start["parent"] == "parent#2"
    assert (child["base"], child["base_inferred"]) == (1, True)
    assert child["process"] not in {writes['"before"']["process"], writes['"after"']["process"]}


WORKERS = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import driftline as dl

def work(n):
    dl.write(f"doc/{n}", n)

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with dl.record(sys.argv[1]):
        workers = [context.Process(target=work, args=(n,)) for n in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            list(pool.map(work, range(3, 13)))
"""


def test_a_worker_of_multiprocessing_loses_nothing(tape: Tape) -> None:
    ran = run_python(WORKERS, str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert sorted(event["object"] for event in tape.events("write")) == sorted(f"doc/{n}" for n in range(13))
    assert tape.trace().complete


BECOMES = """
import os, subprocess, sys
import driftline as dl
with dl.record(sys.argv[1]):
    subprocess.run(["true"], preexec_fn=lambda: None, check=True)
    child = os.fork()
    if not child:
        os.execvp("true", ["true"])
    os.waitpid(child, 0)
    dl.write("doc/1", 1)
"""


def test_a_child_that_becomes_another_program_leaves_no_trace(tape: Tape) -> None:
    ran = run_python(BECOMES, str(tape.path), PATH="/usr/bin:/bin")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(tape.trace().processes) == 1
    assert tape.trace().complete


def test_nothing_is_left_of_a_process_that_records_nothing(tape: Tape) -> None:
    with tape.record():
        ran = run_python("import driftline", DRIFTLINE_TRACE=str(tape.path))
        assert (ran.returncode, ran.stderr) == (0, "")

    assert len(tape.trace().processes) == 2
    assert tape.trace().complete
    assert tape.events() == []
    assert dl.current() is None
