"""Processes that are killed, forked, or end on their own terms."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from tape import Tape, run_python, run_script

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


FORK_IN_BLOCKS = """
import os, sys
import driftline as dl
with dl.record(sys.argv[1]), dl.branch("a"), dl.unit("u"):
    child = os.fork()
    dl.write(f"doc/{'parent' if child else 'child'}", 1)
    if not child:
        with dl.branch("inner"):
            dl.write("doc/inner", 1)
    else:
        assert os.waitpid(child, 0)[1] == 0
"""


def test_blocks_that_were_open_at_a_fork_end_in_the_parent_only(tape: Tape) -> None:
    ran = run_python(FORK_IN_BLOCKS, str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert tape.trace().complete
    lines = [re.sub(r"#\w+\.", "#x.", line) for line in tape.lines(without=("depth",))]
    mine = [line for line in lines if "#x." not in line.split()[0]]
    theirs = [line for line in lines if "#x." in line.split()[0]]
    assert mine == [
        "main#1 branch-start name=main",
        "a#2 branch-start name=a parent=main#1",
        "a#2 unit-begin unit=u#3 name=u",
        "a#2 write doc/parent@1? <-? unit=u#3 =1",
        "a#2 unit-commit unit=u#3 status=ok",
        "a#2 branch-end status=ok",
        "main#1 branch-end status=ok",
    ]
    assert theirs == [
        "process-1#x.4 branch-start name=process-1 parent=a#2",
        "process-1#x.4 write doc/child@1? <-? unit=u#3 =1",
        "inner#x.5 branch-start name=inner parent=process-1#x.4",
        "inner#x.5 write doc/inner@1? <-? unit=u#3 =1",
        "inner#x.5 branch-end status=ok",
        "process-1#x.4 branch-end status=ok",
    ]


# ---- workers ------------------------------------------------------------------------------------------------------

WORKERS = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import driftline as dl

def work(n):
    dl.write(f"doc/{n}", n)
    return n

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    with dl.record(sys.argv[1]), dl.branch("lead", phase="reasoning"), dl.unit("u"):
        worker = context.Process(target=work, args=(0,), name="crew")
        worker.start()
        worker.join()
        with dl.branch("researcher"), ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(work, range(1, 7))) == list(range(1, 7))
        with dl.branch("writer"), context.Pool(2) as pool:
            assert pool.map(work, range(7, 13), chunksize=2) == list(range(7, 13))
            assert pool.apply(work, (13,)) == 13
            assert list(pool.imap_unordered(work, [14])) == [14]
            assert pool.starmap(work, [(15,)]) == [15]
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_lose_nothing_and_descend_from_whoever_gave_them_work(tape: Tape, tmp_path: Path, method: str) -> None:
    ran = run_script(tmp_path, WORKERS, str(tape.path), method)

    assert (ran.returncode, ran.stderr) == (0, "")
    trace = tape.trace()
    assert trace.complete, trace.missing
    assert len(trace.processes) >= 4
    starts = {event["branch"]: event for event in tape.events("branch-start")}
    found = []
    for event in tape.events("write"):
        start = starts[event["branch"]]
        assert (event["unit"], start["phase"]) == ("u#3", "reasoning")
        found.append((int(event["object"].removeprefix("doc/")), start["name"], start["parent"]))
    names = ["crew", *["researcher"] * 6, *["writer"] * 9]
    parents = ["lead#2", *["researcher#4"] * 6, *["writer#5"] * 9]
    assert sorted(found) == list(zip(range(16), names, parents, strict=True))
    ends = [event["branch"] for event in tape.events("branch-end") if event["status"] == "ok"]
    assert sorted(ends) == sorted(starts)


LATE = """
import multiprocessing, sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
import driftline as dl

def work(n):
    dl.write(f"doc/{n}", n)

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as processes, ThreadPool(1) as threads:
        with dl.record(sys.argv[1]), dl.branch("a"):
            processes.map(work, [0])
            threads.map(work, [1, 2], chunksize=1)
        processes.map(work, [3])
        with dl.record(sys.argv[2]), dl.branch("b"):
            processes.map(work, [4])
            threads.apply(work, (5,))
"""


def test_a_pool_that_is_older_than_the_recording_joins_it_with_its_first_job(tape: Tape, tmp_path: Path) -> None:
    second = Tape(tmp_path / "second.drift")
    ran = run_script(tmp_path, LATE, str(tape.path), str(second.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    for trace, name, objects in (
        (tape, "a", {"doc/0", "doc/1", "doc/2"}),
        (second, "b", {"doc/4", "doc/5"}),
    ):
        writes = {event["object"]: event["branch"].partition("#")[0] for event in trace.events("write")}
        assert {key: value for key, value in writes.items() if key != "doc/3"} == dict.fromkeys(objects, name)
        assert trace.trace().complete


OWN = """
import multiprocessing, sys
import driftline as dl

def work(path):
    with dl.record(path):
        dl.write("doc/1", "own")

if __name__ == "__main__":
    with dl.record(sys.argv[1]):
        worker = multiprocessing.get_context(sys.argv[3]).Process(target=work, args=(sys.argv[2],))
        worker.start()
        worker.join()
        assert worker.exitcode == 0
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_may_begin_a_recording_of_its_own(tape: Tape, tmp_path: Path, method: str) -> None:
    own = Tape(tmp_path / "own.drift")
    ran = run_script(tmp_path, OWN, str(tape.path), str(own.path), method)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert own.facts() == ['main#1 write doc/1@1? <-? ="own"']
    assert tape.facts() == []
    assert tape.trace().complete
    assert own.trace().complete


UNPICKLED = """
import multiprocessing, sys
import driftline as dl

class Shy(multiprocessing.get_context("spawn").Process):
    def __reduce__(self):
        raise TypeError("not me")

if __name__ == "__main__":
    with dl.record(sys.argv[1]):
        try:
            Shy().start()
        except TypeError as fault:
            dl.write("doc/1", str(fault))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            try:
                pool.apply(lambda: None)
            except Exception as fault:
                dl.write("doc/2", "lambda" in str(fault))
"""


def test_what_cannot_be_pickled_fails_as_ever(tape: Tape, tmp_path: Path) -> None:
    ran = run_script(tmp_path, UNPICKLED, str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert tape.facts() == ['main#1 write doc/1@1? <-? ="not me"', "main#1 write doc/2@1? <-? =true"]
    assert tape.trace().complete


SUBPROCESS = """
import os, subprocess, sys
import driftline as dl
CHILD = "import driftline as dl; dl.write('doc/1', 'child'); b = dl.branch('inner')(dl.write); b('doc/2', 'child')"
with dl.record(sys.argv[1]), dl.branch("a", phase="reasoning"):
    subprocess.run([sys.executable, "-c", CHILD], env=dl.inject(dict(os.environ)), check=True)
    dl.write("doc/3", "parent")
"""


def test_another_python_joins_with_an_injected_environment_and_no_code(tape: Tape) -> None:
    ran = run_python(SUBPROCESS, str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert tape.trace().complete
    lines = [re.sub(r"#\w+\.", "#x.", line) for line in tape.lines("branch-start", "write", without=("depth",))]
    assert lines == [
        "main#1 branch-start name=main",
        "a#2 branch-start name=a parent=main#1 phase=reasoning",
        'a#2 write doc/3@1? <-? ="parent"',
        "main#x.1 branch-start name=main parent=a#2 phase=reasoning",
        'main#x.1 write doc/1@1? <-? ="child"',
        "inner#x.2 branch-start name=inner parent=main#x.1 phase=reasoning",
        'inner#x.2 write doc/2@1? <-? ="child"',
    ]
    clocks = {event["fields"][0]["value"] + event["object"]: event["clock"] for event in tape.events("write")}
    assert clocks['"child"doc/1'] < clocks['"child"doc/2'] < clocks['"parent"doc/3']


PREFORK = """
import os, signal, sys
import driftline as dl

def work(number, ready):
    with dl.branch(f"worker-{number}"):
        for n in range(500):
            dl.write(f"doc/{number}", n)
        recording.flush()
        os.write(ready, b"x")
        while True:
            signal.pause()

with dl.record(sys.argv[1]) as recording:
    workers = []
    for number in range(3):
        ready, writing = os.pipe()
        child = os.fork()
        if not child:
            work(number, writing)
        workers.append((child, ready))
    for (child, ready), how in zip(workers, (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM)):
        assert os.read(ready, 1) == b"x"
        os.kill(child, how)
        assert os.waitpid(child, 0)[1] == how
"""


def test_a_server_that_forks_its_workers_first_keeps_what_they_flushed_before_they_are_killed(tape: Tape) -> None:
    ran = run_python(PREFORK, str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    trace = tape.trace()
    assert len(trace.processes) == 4
    assert sum("did not end its recording" in missing for missing in trace.missing) == 3
    starts = {event["branch"]: event for event in tape.events("branch-start")}
    for number in range(3):
        writes = [event for event in tape.events("write") if event["object"] == f"doc/{number}"]
        assert [event["version"] for event in writes] == list(range(1, 501))
        assert starts[writes[0]["branch"]]["parent"] == "main#1"


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
