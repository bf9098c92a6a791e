"""What goes wrong around the writer costs nothing, or is counted to the event."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tape import Tape, run_python

import driftline as dl
from driftline.ledger import Ledger
from driftline.reader import Trace
from driftline.writer import Writer

# ---- disks --------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("cannot mount a file system")
    command = [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a file system")
    yield disk
    subprocess.run([umount, "--lazy", str(disk)], check=True)


def test_a_disk_that_is_full_for_a_while_costs_what_it_did_not_take(small_disk: Path) -> None:
    tape = Tape(small_disk / "run.drift")
    filler = small_disk / "filler"
    filler.write_bytes(bytes(128 << 10))
    noise = random.Random(0)  # noqa: S311 - need not be a secret
    with tape.record() as recording:
        for n in range(300):
            dl.write("doc/1", noise.randbytes(700).hex())
            if n % 5 == 4:
                recording.flush()
        filler.unlink()
        dl.write("doc/1", "again")

    record = tape.record_of_process()
    assert record.closed
    assert record.lost > 0
    assert record.events + record.lost == 303
    events = tape.events()
    assert len(events) == record.events
    assert [event["op"] for event in events[-2:]] == ["write", "branch-end"]
    missing = {event["seq"] for event in events} ^ set(range(303))
    assert len(missing) == record.lost


def test_a_disk_that_stays_full_leaves_what_it_took(small_disk: Path) -> None:
    tape = Tape(small_disk / "run.drift")
    noise = random.Random(0)  # noqa: S311 - need not be a secret
    with tape.record() as recording:
        for n in range(1000):
            dl.write("doc/1", noise.randbytes(700).hex())
            if n % 5 == 4:
                recording.flush()
        written, lost = recording.writer.record.events, recording.writer.record.lost

    assert written + lost == 1001
    assert len(tape.events()) >= written > 100
    assert not tape.trace().complete


# ---- the writer ---------------------------------------------------------------------------------------------------


def test_a_writer_thread_that_dies_is_replaced(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Writer._run
    started: list[Writer] = []

    def die_first(self: Writer) -> None:
        started.append(self)
        if len(started) > 1:
            run(self)

    monkeypatch.setattr(Writer, "_run", die_first)
    with tape.record() as recording:
        recording.writer._thread.join()
        recording.writer.backlog.limit = 640
        for n in range(1000):
            dl.write("doc/1", n)

    assert len(started) == 2
    assert len(tape.events("write")) == 1000
    assert tape.record_of_process().faults == {"writer: died": 1}
    assert tape.trace().complete


def test_where_no_thread_can_be_started_the_caller_writes(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Writer, "_run", lambda _writer: None)
    with tape.record() as recording:
        recording.writer._thread.join()
        recording.writer.backlog.limit = 640

        def refuse(_writer: Writer) -> None:
            raise RuntimeError("can't create new thread at interpreter shutdown")

        monkeypatch.setattr(Writer, "_start", refuse)
        for n in range(1000):
            dl.write("doc/1", n)

    assert len(tape.events("write")) == 1000
    assert tape.trace().complete


class Stop(BaseException):
    """Nothing that an `except Exception` catches."""


@pytest.mark.parametrize("fault", [MemoryError, Stop])
def test_what_the_writer_meets_costs_the_batch_and_not_the_thread(
    tape: Tape, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    settle = Ledger.settle
    faults: list[BaseException] = []

    def fail_once(self: Ledger, rows: list[Any], count: int, told: Callable[[str, Exception], None]) -> Any:
        if not faults and count == 10:
            faults.append(fault())
            raise faults[0]
        return settle(self, rows, count, told)

    with tape.record() as recording:
        dl.write("doc/1", 0)
        recording.flush()
        monkeypatch.setattr(Ledger, "settle", fail_once)
        recording.writer.pause()
        for n in range(10):
            dl.write("doc/1", n)
        recording.writer.resume()
        recording.writer._wake.set()
        while not faults:
            recording.writer._thread.join(0.01)
        dl.write("doc/1", 10)

    record = tape.record_of_process()
    assert (record.events, record.lost) == (4, 10)
    assert record.faults == {f"writer: {fault.__name__}": 1}
    assert [event["seq"] for event in tape.events()] == [0, 1, 12, 13]


KILLED = """
import os, signal, sys
import driftline as dl
from driftline import session
from driftline.backlog import Backlog
session.Backlog = lambda overflow: Backlog(calls=10, overflow=overflow)
with dl.record(sys.argv[1], overflow="drop") as recording:
    recording.writer.pause()
    for n in range(100):
        dl.write("doc/1", n)
    recording.writer.resume()
    while recording.writer._told != (0, 91, 0):
        recording.writer._thread.join(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_has_said_what_it_dropped(tape: Tape) -> None:
    ran = run_python(KILLED, str(tape.path))

    assert ran.returncode == -9
    record = tape.record_of_process()
    assert (record.closed, record.dropped) == (False, 91)
    assert len(tape.events("write")) == 9


# ---- forks, signals and shutdown ----------------------------------------------------------------------------------

FORKS = """
import os, sys, threading
import driftline as dl
children, writes = 6, 300
stop = threading.Event()
counts = []

def work(name):
    count = 0
    while not stop.is_set():
        dl.patch(name, {"/n": count})
        dl.write(name, {"n": count, "list": [count]})
        count += 2
    counts.append(count)

with dl.record(sys.argv[1]):
    threads = [threading.Thread(target=work, args=(f"parent/{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    pids = []
    for number in range(children):
        pid = os.fork()
        if not pid:
            for n in range(writes):
                dl.patch(f"child/{number}", {"/n": n})
            dl.stop()
            os._exit(0)
        pids.append(pid)
    ended = [os.waitpid(pid, 0)[1] for pid in pids]
    stop.set()
    for thread in threads:
        thread.join()
print(ended == [0] * children, sum(counts))
"""


def test_forks_while_the_writer_writes_lose_nothing_on_either_side(tape: Tape) -> None:
    ran = run_python(FORKS, str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    good, written = ran.stdout.split()
    assert good == "True"
    trace = Trace(tape.path)
    written_by: dict[str, int] = {}
    seqs: dict[str, list[int]] = {}
    for process, batch in trace.batches():
        seqs.setdefault(process.process, []).extend(batch.column("seq").to_pylist())
        for name in batch.column("object").to_pylist():
            if name is not None:
                written_by[name] = written_by.get(name, 0) + 1
    assert trace.missing == []
    assert len(trace.processes) == 7
    assert all(found == list(range(len(found))) for found in seqs.values())
    assert sum(written_by.pop(f"parent/{n}") for n in range(3)) == int(written)
    assert written_by == {f"child/{n}": 300 for n in range(6)}


SHUTDOWN = """
import sys, threading
import driftline as dl

def last():
    main.join()
    for n in range(1000):
        dl.patch("last/1", {"/n": n})

def for_ever():
    while True:
        dl.patch("ever/1", {"/n": 0})

dl.start(sys.argv[1])
main = threading.current_thread()
threading.Thread(target=last).start()
threading.Thread(target=for_ever, daemon=True).start()
dl.write("doc/1", 1)
"""


def test_threads_that_outlive_the_program_are_recorded_to_their_end(tape: Tape) -> None:
    ran = run_python(SHUTDOWN, str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert tape.trace().missing == []
    assert sum(event["object"] == "last/1" for event in tape.events("patch")) == 1000


SIGNALLED = """
import faulthandler, signal, sys
import driftline as dl
faulthandler.dump_traceback_later(20, exit=True)  # rather than hang
stopped = []

def handler(*_):
    dl.stop()
    stopped.append(1)

signal.signal(signal.SIGALRM, handler)
for number in range(int(sys.argv[2])):
    recording = dl.start(f"{sys.argv[1]}/{number}.drift")
    stopped.clear()
    signal.setitimer(signal.ITIMER_REAL, 0.002 + number / 3000)
    while not stopped:
        dl.write("doc/1", {"list": [1, 2, 3]})
        recording.flush()
"""


def test_a_signal_handler_may_stop_the_recording_while_its_thread_writes(tmp_path: Path) -> None:
    ran = run_python(SIGNALLED, str(tmp_path), "20")

    assert (ran.returncode, ran.stderr) == (0, "")
    for number in range(20):
        tape = Tape(tmp_path / f"{number}.drift")
        assert tape.trace().missing == []
        assert [event["seq"] for event in tape.events()] == list(range(len(tape.events())))
