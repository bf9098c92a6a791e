"""The writer: nothing is lost under load, and what is lost for other reasons is counted."""

from __future__ import annotations

import errno
import functools
import itertools
import shutil
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from tape import Tape, run_python

import driftline as dl
from driftline import segments, session
from driftline.writer import Writer


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make the writers of recordings that begin from now on smaller than usual."""

    def shrink(**limits: int) -> None:
        monkeypatch.setattr(session, "Writer", functools.partial(Writer, **limits))

    return shrink


# ---- load ---------------------------------------------------------------------------------------------------------


def test_segments_are_rotated_by_size(tape: Tape, small: Callable[..., None]) -> None:
    small(segment_bytes=20_000)
    with tape.record() as recording:
        for n in range(40):
            dl.write("doc/1", n)
            recording.flush()

    (process,) = tape.trace().processes
    assert process.record is not None
    assert len(process.segments) == process.record.segments > 2
    assert [path.name for path in process.segments] == [
        f"{process.process}.{number:05d}.arrows" for number in range(len(process.segments))
    ]
    assert all(20_000 <= path.stat().st_size < 40_000 for path in process.segments[:-1])
    assert tape.trace().complete
    assert [event["seq"] for event in tape.events()] == list(range(42))


def test_every_segment_says_what_it_is(tape: Tape) -> None:
    with tape.record() as recording:
        dl.write("doc/1", 1)

    (process,) = tape.trace().processes
    with pa.ipc.open_stream(str(process.segments[0])) as stream:
        assert stream.schema.metadata == {
            b"driftline.format": b"1",
            b"driftline.run": recording.run.encode(),
            b"driftline.process": process.process.encode(),
        }


def test_a_column_that_turns_up_late_begins_a_segment_that_has_it(tape: Tape) -> None:
    with tape.record() as recording:
        for step in (lambda: dl.write("doc/1", 1), lambda: dl.write("doc/1", 2, source="planner"), lambda: None):
            step()
            recording.flush()
            dl.write("doc/2", 0)
            recording.flush()

    (process,) = tape.trace().processes
    assert process.record is not None
    columns = [set(pa.ipc.open_stream(str(path)).schema.names) for path in process.segments]
    assert len(columns) == process.record.segments == 2
    assert columns[1] - columns[0] == {"source"}
    assert tape.facts() == [
        "main#1 write doc/1@1? <-? =1",
        "main#1 write doc/2@1? <-? =0",
        "main#1 write doc/1@2? <1? source=planner =2",
        "main#1 write doc/2@2? <1? =0",
        "main#1 write doc/2@3? <2? =0",
    ]
    assert tape.trace().complete


def test_flush_returns_though_the_program_never_pauses(tape: Tape) -> None:
    enough, begun = threading.Event(), threading.Event()

    def work() -> None:
        while not enough.is_set():
            dl.write("doc/1", 1)
            begun.set()

    with tape.record() as recording:
        thread = threading.Thread(target=work)
        thread.start()
        begun.wait()
        for _ in range(3):
            recording.flush()
        enough.set()
        thread.join()

    assert tape.trace().complete


def test_what_is_queued_is_written_without_being_asked_for(tape: Tape) -> None:
    with tape.record() as recording:
        dl.write("doc/1", 1)
        for _ in range(1000):
            recording.writer._thread.join(0.01)  # the thread lives on: this only hands over to it
            if list(tape.path.glob("*.arrows")) and tape.events("write"):
                break
        assert len(tape.events("write")) == 1


SIGNALLED = """
import faulthandler, signal, sys
import driftline as dl
faulthandler.dump_traceback_later(5, exit=True)  # rather than hang
handled = []

def handler(*_):
    dl.write("signal/1", len(handled))
    handled.append(1)

signal.signal(signal.SIGALRM, handler)
with dl.record(sys.argv[1]):
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0005)
    while len(handled) < 300:
        dl.write("doc/1", 1)
    signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_a_signal_handler_may_record(tape: Tape) -> None:
    ran = run_python(SIGNALLED, str(tape.path))

    assert ran.returncode == 0
    assert tape.trace().complete
    assert sum(event["object"] == "signal/1" for event in tape.events("write")) >= 300


# ---- odd arguments ------------------------------------------------------------------------------------------------


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_arguments_of_other_types_cost_no_event(tape: Tape, caplog: pytest.LogCaptureFixture) -> None:
    odd: Any = [
        lambda: dl.write(3, 1, version=1),  # type: ignore[arg-type]
        lambda: dl.write("\ud800", 1, version=True, type=5),  # type: ignore[arg-type]
        lambda: dl.write("doc/1", 1, version=2**70),
        lambda: dl.write("doc/2", 1, version=1.5, base=Unspeakable()),  # type: ignore[arg-type]
        lambda: dl.write("doc/3", 1, version=1, confidence="high", source=4),  # type: ignore[arg-type]
        lambda: dl.write("doc/4", 1, version=1, fidelity="0.5", refs={"/a": None, "/b": 3}),  # type: ignore[dict-item]
        lambda: dl.write("doc/5", 1, version=1, inputs=[("a", 1.5), (2, "\ud800")]),  # type: ignore[list-item]
        lambda: dl.merge("doc/6", 1, version=1, bases=[None, 1.5, 3]),  # type: ignore[list-item]
        lambda: dl.quarantine("doc/7", version=1, reason=ValueError("why")),  # type: ignore[arg-type]
        lambda: dl.patch("doc/8", {"/\ud800": 1}, version=1, base=0),
    ]
    with tape.record():
        for call in odd:
            call()

    assert tape.facts(without=("depth",)) == [
        "main#1 write 3@1 <-? =1",
        "main#1 write \\ud800@1 <-? type=5 =1",
        "main#1 write doc/1@1180591620717411303424 <-? =1",
        "main#1 write doc/2@1.5 <<str raised RuntimeError> =1",
        "main#1 write doc/3@1 <-? source=4 =1",
        "main#1 write doc/4@1 <-? fidelity=0.5 ref:/b=3 =1",
        "main#1 write doc/5@1 <-? from:a@1.5 from:2@\\ud800 =1",
        "main#1 merge doc/6@1 <[-,1.5,3] =1",
        "main#1 quarantine doc/7@1 reason=why",
        "main#1 patch doc/8@1 <0 /\\ud800=1",
    ]
    assert tape.trace().complete
    assert sum(tape.record_of_process().faults.values()) == 1
    assert caplog.text.count("driftline could not record (encode: ") == 1


class Index:
    """A number of someone else's, as numpy has them."""

    def __index__(self) -> int:
        return 5


def test_a_version_that_stands_for_a_number_is_one(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", 1, version=Index(), base=Index())  # type: ignore[arg-type]
        dl.write("doc/1", 2)

    assert tape.facts() == ["main#1 write doc/1@5 <5 =1", "main#1 write doc/1@6? <5? =2"]


def test_an_event_that_cannot_be_encoded_costs_no_other(tape: Tape) -> None:
    damaged = msgspec.Raw(b"[" + b"x" * 100)  # says of itself that it is JSON
    with tape.record():
        for n in range(20):
            dl.write(f"doc/{n}", damaged if n in {3, 4, 11} else n)

    assert [event["object"] for event in tape.events("write")] == [f"doc/{n}" for n in range(20) if n not in {3, 4, 11}]
    trace = tape.trace()
    assert [text.partition(": ")[2] for text in trace.missing] == [
        "2 events before sequence 6 are missing",
        "1 events before sequence 13 are missing",
        "3 events could not be written while recording",
    ]
    record = tape.record_of_process()
    assert (record.events, record.lost) == (19, 3)
    assert record.faults == {"encode: DecodeError": 1, "encode write: DecodeError": 3}


def test_a_call_that_could_not_be_recorded_makes_the_trace_incomplete(tape: Tape) -> None:
    with tape.record():
        dl.merge("doc/1", 1, bases=5)  # type: ignore[arg-type]

    assert tape.record_of_process().faults == {"merge: TypeError": 1}
    assert not tape.trace().complete


# ---- disks --------------------------------------------------------------------------------------------------------


class Disk:
    """A disk that can be full, for the writer's files only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        monkeypatch.setattr(segments, "pa", types.SimpleNamespace(**{**vars(pa), "OSFile": self.open}))

    def open(self, path: str, _mode: str) -> pa.PythonFile:
        disk = self

        class File:
            def __init__(self) -> None:
                self.file = Path(path).open("wb", buffering=0)  # noqa: SIM115 - Arrow closes it
                self.closed = False

            def write(self, data: bytes) -> int:
                if disk.full:
                    self.file.write(bytes(data)[: len(data) // 2])  # half of it still fits
                    raise OSError(errno.ENOSPC, "No space left on device")
                return self.file.write(data)

            def tell(self) -> int:
                return self.file.tell()

            def flush(self) -> None:
                self.file.flush()

            def close(self) -> None:
                self.closed = True
                self.file.close()

        return pa.PythonFile(File(), "w")


def test_a_full_disk_costs_what_it_does_not_take(
    tape: Tape,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = Disk(monkeypatch)
    with tape.record() as recording:
        for full in (False, True, True, False, False):
            disk.full = full
            dl.write("doc/1", full)
            recording.flush()

    assert [event["seq"] for event in tape.events()] == [0, 1, 4, 5, 6]
    trace = tape.trace()
    (process,) = trace.processes
    assert [text.partition(": ")[2] for text in trace.missing] == [
        f"the segment before {process.process}.00002.arrows is missing",
        "2 events before sequence 4 are missing",
        "2 events could not be written while recording",
    ]
    record = tape.record_of_process()
    assert (record.closed, record.events, record.lost, record.segments) == (True, 5, 2, 3)
    assert record.faults == {"write: OSError": 2}
    assert caplog.text.count("could not record") == 1


def test_a_disk_that_is_full_from_the_start_leaves_no_stream(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    disk.full = True
    with tape.record():
        dl.write("doc/1", 1)

    assert list(tape.path.glob("*.arrows")) == []
    assert tape.record_of_process().lost == 3
    assert not tape.trace().complete


FULL_DISK = """
import random, resource, signal, sys
import driftline as dl
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
noise = random.Random(0)
with dl.record(sys.argv[1]) as recording:
    for n in range(200):
        dl.write("doc/1", noise.randbytes(500).hex())
        if n % 10 == 0:
            recording.flush()
print("ran on")
"""


def test_a_process_out_of_disk_runs_on_and_says_what_it_lost(tape: Tape) -> None:
    ran = run_python(FULL_DISK, str(tape.path))

    assert (ran.returncode, ran.stdout) == (0, "ran on\n")
    assert ran.stderr.count("\n") == 1
    assert "could not record (write: OSError)" in ran.stderr
    record = tape.record_of_process()
    assert record.closed
    assert record.lost > 0
    assert record.events + record.lost == 202
    assert len(tape.events()) == record.events
    sizes = [path.stat().st_size for path in tape.trace().processes[0].segments]
    assert max(sizes) <= 30_000


# ---- folders ------------------------------------------------------------------------------------------------------


def test_a_folder_removed_and_made_again_says_what_was_lost(tape: Tape, caplog: pytest.LogCaptureFixture) -> None:
    with tape.record() as recording:
        shutil.rmtree(tape.path)
        dl.write("doc/1", 1)
        recording.flush()
        tape.path.mkdir()
        dl.write("doc/1", 2)

    assert "write: FileNotFoundError" in caplog.text
    (record,) = tape.path.glob("p*.json")
    said = msgspec.json.decode(record.read_bytes())
    assert (said["closed"], said["events"], said["lost"]) == (True, 2, 2)


def test_a_folder_removed_for_good_leaves_only_a_warning(tape: Tape, caplog: pytest.LogCaptureFixture) -> None:
    with tape.record() as recording:
        dl.write("doc/1", 1)
        recording.flush()
        shutil.rmtree(tape.path)
        dl.write("doc/1", 2)

    assert not tape.path.exists()
    assert "save record: FileNotFoundError" in caplog.text
    with dl.record(tape.path):
        dl.write("doc/1", 3)
    assert tape.trace().complete


def test_nothing_but_its_own_files_is_ever_in_the_folder(tape: Tape, small: Callable[..., None]) -> None:
    small(segment_bytes=10_000)
    with tape.record() as recording:
        for _ in range(10):
            dl.write("doc/1", 1)
            recording.flush()

    suffixes = itertools.groupby(sorted(path.suffix for path in tape.path.iterdir()))
    assert [suffix for suffix, _ in suffixes] == [".arrows", ".json"]
