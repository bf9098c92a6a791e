"""How a process may end: nothing is lost that need not be, and the trace says what is."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from tape import Tape, run_python

EXITING = """
import os, signal, sys, threading
import driftline as dl
recording = dl.start(sys.argv[1])
dl.write("doc/1", 1)
"""


def versions(tape: Tape, object_id: str = "doc/1") -> list[int]:
    return [event["version"] for event in tape.events("write") if event["object"] == object_id]


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("sys.exit(3)", 3),
        ("raise RuntimeError", 1),
        ("threading.Thread(target=dl.write, args=('doc/1', 2)).start()", 0),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); os.kill(os.getpid(), signal.SIGTERM)", 5),
        ("import atexit; atexit.register(dl.write, 'doc/1', 2)", 0),
        ("import atexit; atexit.register(sys.exit, 1)", 0),
        ("b = dl.branch('open'); b.__enter__(); dl.write('doc/1', 2); sys.exit()", 0),
    ],
)
def test_an_orderly_end_is_complete(tape: Tape, ending: str, status: int) -> None:
    ran = run_python(EXITING + ending, str(tape.path))

    assert ran.returncode == status
    assert "driftline" not in ran.stderr
    assert tape.trace().complete, tape.trace().missing
    assert versions(tape) == ([1, 2] if "doc/1', 2" in ending else [1])


BEFORE = """
import atexit, sys
atexit.register(lambda: print(dl.write("doc/1", 2)))
import driftline as dl
dl.start(sys.argv[1])
atexit.register(lambda: dl.write("doc/1", 1))
"""


def test_what_runs_at_exit_is_recorded_if_it_was_registered_after_driftline_was_imported(tape: Tape) -> None:
    ran = run_python(BEFORE, str(tape.path))

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "None\n", "")
    assert tape.trace().complete
    assert versions(tape) == [1]


DAEMONS = """
import sys, threading
import driftline as dl
dl.start(sys.argv[1])
begun = threading.Barrier(5)

def work(number):
    begun.wait()
    while True:
        dl.write(f"doc/{number}", number)

for number in range(4):
    threading.Thread(target=work, args=(number,), daemon=True).start()
begun.wait()
for n in range(2000):
    dl.write("doc/main", n)
"""


def test_daemon_threads_that_record_until_the_very_end_disturb_nothing(tape: Tape) -> None:
    ran = run_python(DAEMONS, str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert tape.trace().complete
    assert versions(tape, "doc/main") == list(range(1, 2001))
    for number in range(4):
        found = versions(tape, f"doc/{number}")
        assert found == list(range(1, len(found) + 1))


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("os._exit(4)", 4),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.abort()", -signal.SIGABRT),
    ],
)
def test_after_an_end_without_notice_what_was_flushed_is_there_and_the_trace_says_so(
    tape: Tape, ending: str, status: int
) -> None:
    flushed = (
        "[dl.write('doc/1', n) for n in range(99)]; recording.flush(); [dl.write('doc/1', n) for n in range(99)]; "
    )
    ran = run_python(EXITING + flushed + ending, str(tape.path))

    assert ran.returncode == status
    trace = tape.trace()
    found = versions(tape)
    assert found == list(range(1, len(found) + 1))
    assert 100 <= len(found) <= 199
    assert [missing.partition(": ")[2] for missing in trace.missing] == [
        "the process did not end its recording: events after the last flush are missing"
    ]


CHILDREN = """
import os, signal, sys, threading
import driftline as dl

def child(number):
    for n in range(10):
        dl.write(f"doc/{number}", n)
    if number % 4 == 0:
        dl.stop()
        os._exit(0)
    if number % 4 == 1:
        recording.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    if number % 4 == 2:
        recording.flush()
        for n in range(10):
            dl.write(f"doc/{number}", n)
        os._exit(0)
    sys.exit()

go_on = threading.Event()
def beside(number):
    count = 0
    while not go_on.wait(0.0002) or count < 500:
        dl.write(f"beside/{number}", number)
        count += 1
    counts[number] = count

counts = {}
with dl.record(sys.argv[1]) as recording:
    threads = [threading.Thread(target=beside, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for number in range(8):
        dl.write("doc/parent", number)
        pid = os.fork()
        if not pid:
            child(number)
        os.waitpid(pid, 0)
    go_on.set()
    for thread in threads:
        thread.join()
print(counts[0], counts[1])
"""


def test_parent_and_children_count_exactly_whatever_ends_them(tape: Tape) -> None:
    ran = run_python(CHILDREN, str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    trace = tape.trace()
    assert len(trace.processes) == 9
    assert len(trace.missing) == 4  # those that were killed, and those that left by os._exit
    counts = Counter(event["object"] for event in tape.events("write"))
    beside = {f"beside/{number}": int(count) for number, count in enumerate(ran.stdout.split())}
    assert {key: count for key, count in counts.items() if key in beside} == beside
    assert counts["doc/parent"] == 8
    for number in range(8):
        assert versions(tape, f"doc/{number}")[:10] == list(range(1, 11))
        assert number % 4 == 2 or counts[f"doc/{number}"] == 10


EXECS = """
import os, sys
import driftline as dl
dl.start(sys.argv[1])
dl.write("doc/1", 1)
try:
    os.execvp("/nothing/like/that", ["x"])
except OSError:
    dl.write("doc/1", 2)
if sys.argv[2] == "exec":
    os.execv(sys.executable, [sys.executable, "-c", "print('became')"])
os._exit(0)
"""


@pytest.mark.parametrize("how", ["exec", "exit"])
def test_becoming_another_program_loses_nothing_and_failing_to_changes_nothing(tape: Tape, how: str) -> None:
    ran = run_python(EXECS, str(tape.path), how)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == ("became\n" if how == "exec" else "")
    if how == "exec":
        assert versions(tape) == [1, 2]
    assert tape.trace().complete == (how == "exec")


# ---- signals, if asked for ----------------------------------------------------------------------------------------

SIGNALS = """
import os, signal, sys, time
import driftline as dl
from driftline.signals import end_on
dl.start(sys.argv[1])
end_on(signal.SIGTERM)
pid = os.fork() if "fork" in sys.argv else 0
if "own" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
if pid:
    status = os.waitpid(pid, 0)[1]
    sys.exit(0 if status == signal.SIGTERM else 1)
dl.write("doc/1", 1)
os.kill(os.getpid(), signal.SIGTERM)
while True:
    signal.pause()
"""


@pytest.mark.parametrize(
    ("how", "status", "complete"),
    [("plain", -signal.SIGTERM, True), ("fork", 0, True), ("own", 7, False)],
)
def test_a_recording_may_end_with_a_signal_and_the_process_still_dies_of_it(
    tape: Tape, how: str, status: int, *, complete: bool
) -> None:
    ran = run_python(SIGNALS, str(tape.path), how)

    assert (ran.returncode, ran.stderr) == (status, "")
    assert tape.trace().complete == complete
    if complete:
        assert versions(tape) == [1]
