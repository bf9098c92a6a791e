"""`driftline run`: the program notices nothing, and what it recorded is all there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from driftline.header import Header
from driftline.reader import Trace
from driftline.settings import SETTINGS, Settings, from_environment, resolve
from driftline_cli.commands import run as command
from driftline_cli.recording import Launch

Run = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = """
import json, sys
import driftline as dl
print(json.dumps([sys.argv, __name__, globals().get("__file__"), sys.path[0]]))
print(sorted({name.partition(".")[0] for name in sys.modules} & {"driftline_cli", "driftline_analyzer", "typer"}))
with dl.branch("worker"):
    dl.write("doc/1", {"a": 1, "password": "hunter2"}, version=1)
    dl.read("doc/2", {"a": 1}, version=1)
sys.exit(int(sys.argv[-1]))
"""

WAITING = """
import signal, sys, time
import driftline as dl
dl.write("doc/1", {"a": 1}, version=1)
if sys.argv[1] == "handles":
    def handle(number, _frame):
        dl.write("doc/1", {"a": number}, version=2)
        sys.exit(40 + number)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, handle)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with some programs."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DRIFTLINE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "waiting.py").write_text(WAITING)
    return tmp_path


def events(folder: Path, *ops: str) -> list[dict[str, Any]]:
    rows = [row for _, batch in Trace(folder).batches() for row in batch.to_pylist()]
    return [row for row in rows if not ops or row["op"] in ops]


# ---- the program --------------------------------------------------------------------------------------------------


def test_a_script_runs_as_python_would_run_it(here: Path, run: Run) -> None:
    ran = run("run", "-o", "out.drift", "program.py", "-h", "--", "--output", "x", 7)
    plain = subprocess.run(
        [sys.executable, "program.py", "-h", "--", "--output", "x", "7"], capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stdout) == (plain.returncode, plain.stdout) == (7, ran.stdout)
    said, loaded = ran.stdout.splitlines()
    assert json.loads(said) == [
        ["program.py", "-h", "--", "--output", "x", "7"],
        "__main__",
        str(here / "program.py"),
        str(here),
    ]
    assert loaded == "[]"


def test_what_was_recorded_is_said_with_the_next_command(here: Path, run: Run) -> None:
    ran = run("run", "-o", "out.drift", "program.py", 0)

    assert ran.stderr == "driftline: recorded 6 events in out.drift; next: driftline analyze out.drift\n"
    assert [event["op"] for event in events(here / "out.drift")] == [
        "branch-start", "branch-start", "write", "read", "branch-end", "branch-end",
    ]  # fmt: skip
    assert run("analyze", "out.drift").returncode == 0
    header = Header.load(here / "out.drift")
    assert header.argv == ["program.py", "0"]
    trace = Trace(here / "out.drift")
    assert (list(trace.batches()) != [], trace.missing) == (True, [])


@pytest.mark.parametrize("words", [["-m", "program", "-v", "3"], ["-mprogram", "-v", "3"]])
def test_a_module(here: Path, run: Run, words: list[str]) -> None:
    ran = run("run", "-q", "-o", "out.drift", *words)

    assert (ran.returncode, ran.stderr) == (3, "")
    said = json.loads(ran.stdout.splitlines()[0])
    assert said == [[str(here / "program.py"), "-v", "3"], "__main__", str(here / "program.py"), str(here)]
    assert len(events(here / "out.drift")) == 6


def test_code(here: Path, run: Run) -> None:
    ran = run("run", "-q", "-o", "out.drift", "-c", PROGRAM, "--quiet", "5")

    assert (ran.returncode, ran.stderr) == (5, "")
    assert json.loads(ran.stdout.splitlines()[0])[0] == ["-c", "--quiet", "5"]
    assert Header.load(here / "out.drift").argv == ["-c", "--quiet", "5"]


def test_the_default_name_says_which_run_it_was(here: Path, run: Run) -> None:
    ran = run("run", "program.py", 0)

    (made,) = here.glob("*.drift")
    assert re.fullmatch(r"driftline-program\.\d+\.drift", made.name)
    assert made.name in ran.stderr
    run("run", "-m", "program", 0)
    assert len(list(here.glob("driftline-program.*.drift"))) == 2


def test_the_environment_names_the_trace_and_the_settings(here: Path, run: Run) -> None:
    run(
        "run",
        "--values",
        "none",
        "program.py",
        0,
        DRIFTLINE_TRACE="env.drift",
        DRIFTLINE_VALUES="digest",
        DRIFTLINE_DEPTH="2",
    )

    header = Header.load(here / "env.drift")
    assert (header.values, header.depth) == ("none", 2)
    assert all(item["value"] is None for event in events(here / "env.drift", "write") for item in event["fields"])


def test_every_setting_is_an_option_and_counts_over_file_and_environment(here: Path, run: Run) -> None:
    (here / "pyproject.toml").write_text("[tool.driftline]\ndepth = 5\nvalues = 'digest'\nsecrets = ['iban']\n")
    (here / "policy.toml").write_text("[phases]\norder = ['one']\n")
    said = {
        "values": "full", "capture": "doc#/x=none", "secrets": "ssn", "redact": "a:b", "max-value-bytes": "100",
        "sample": "objects=1,branches=1", "overflow": "drop", "depth": "1", "ordered": "no", "policy": "policy.toml",
    }  # fmt: skip
    words = [word for name, text in said.items() for word in (f"--{name}", text)]
    ran = run("run", "-o", "out.drift", *words, "program.py", 0)

    assert ran.returncode == 0
    header = Header.load(here / "out.drift")
    assert (header.values, header.depth, header.ordered) == ("full", 1, False)
    assert (header.capture.rules, header.capture.secrets) == ({"doc#/x": "none"}, ["iban", "ssn"])
    assert (header.capture.redact, header.capture.max_value_bytes) == ("a:b", 100)
    assert header.policy is not None
    assert "one" in header.policy
    assert {name.replace("-", "_") for name in said} == set(SETTINGS) - {"trace"}


def test_input_and_output_are_the_programs(here: Path, driftline: str) -> None:
    ran = subprocess.run(
        [driftline, "run", "-q", "-c", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"],
        input=b"\x00abc\xff", capture_output=True, check=False,
    )  # fmt: skip

    assert (ran.stdout, ran.stderr) == (b"\xffcba\x00", b"")
    assert list(here.glob("*.drift")) == []


# ---- how it ends --------------------------------------------------------------------------------------------------


def test_nothing_recorded_is_said_and_leaves_nothing(here: Path, run: Run) -> None:
    ran = run("run", "-c", "raise SystemExit(9)")

    assert ran.returncode == 9
    assert ran.stderr.startswith("driftline: nothing was recorded; the program made no call: begin with ")
    assert ran.stderr.count("\n") == 1
    assert list(here.glob("*.drift")) == []


@pytest.mark.usefixtures("here")
def test_an_exception_is_the_programs(run: Run) -> None:
    ran = run("run", "-o", "out.drift", "-c", "import driftline as dl; dl.write('doc/1', 1); 1/0")

    assert ran.returncode == 1
    assert "ZeroDivisionError" in ran.stderr
    assert ran.stderr.splitlines()[-1] == "driftline: recorded 3 events in out.drift; next: driftline analyze out.drift"
    assert "driftline_cli" not in ran.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1], ids=lambda n: n.name)
def test_a_signal_reaches_the_program(here: Path, driftline: str, number: signal.Signals) -> None:
    process = started(driftline, "handles")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 40 + number
    assert said == "driftline: recorded 4 events in out.drift; next: driftline analyze out.drift\n"
    assert [event["fields"][0]["value"] for event in events(here / "out.drift", "write")] == ["1", str(int(number))]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1], ids=lambda n: n.name)
@pytest.mark.usefixtures("here")
def test_death_by_a_signal_is_passed_on(driftline: str, number: signal.Signals) -> None:
    process = started(driftline, "dies")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)

    assert process.returncode == -number
    assert said.startswith("driftline: ")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not show the signals of threads")
@pytest.mark.usefixtures("here")
def test_no_other_thread_takes_a_signal_that_is_meant_for_the_program(driftline: str) -> None:
    process = started(driftline, "dies")
    first, *others = sorted(Path(f"/proc/{process.pid}/task").iterdir(), key=lambda task: int(task.name))
    held_back = [
        int(line.split()[1], 16)
        for task in others
        for line in (task / "status").read_text().splitlines()
        if line.startswith("SigBlk")
    ]
    process.terminate()
    process.communicate(timeout=60)

    assert int(first.name) == process.pid
    assert held_back  # else there is nothing to see here, and no need for this test
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        assert all(mask >> (number - 1) & 1 for mask in held_back)


@pytest.mark.usefixtures("here")
def test_a_killed_program_is_passed_on_too(driftline: str) -> None:
    program = (
        "import os, signal, driftline as dl\n"
        "dl.write('doc/1', 1)\n"
        "from driftline.session import RECORDING; RECORDING.recording.flush()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ran = subprocess.run(
        [driftline, "run", "-o", "out.drift", "-c", program], capture_output=True, text=True, check=False, timeout=60
    )

    assert ran.returncode == -signal.SIGKILL
    assert ran.stderr == "driftline: recorded 2 events in out.drift; next: driftline analyze out.drift\n"


TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"

INTERRUPTED = """
import signal
import driftline as dl
dl.write("doc/1", 1)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
print("ready", flush=True)
signal.sigwait([signal.SIGINT])
again = signal.sigtimedwait([signal.SIGINT], 0.5)
print("once" if again is None else "twice", flush=True)
"""


@pytest.mark.usefixtures("here")
def test_ctrl_c_reaches_the_program_once(driftline: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", TERMINAL, driftline, "run", "-o", "out.drift", "-c", INTERRUPTED],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\r\n"
    process.stdin.write(b"\x03")
    process.stdin.flush()
    shown = process.stdout.read()
    process.stdin.close()
    process.stdout.close()

    assert process.wait(timeout=60) == 0
    assert shown.replace(b"^C", b"").startswith(b"once\r\n")
    assert b"recorded 3 events" in shown


def started(driftline: str, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [driftline, "run", "-o", "out.drift", "waiting.py", how],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


# ---- child processes ----------------------------------------------------------------------------------------------

CHILDREN = """
import multiprocessing, os, subprocess, sys
import driftline as dl

def work():
    dl.write("doc/1", {"password": "p", "n": 1})

if __name__ == "__main__":
    work()
    code = "import driftline as dl; dl.write('doc/1', {'password': 'p', 'n': 2})"
    subprocess.run([sys.executable, "-c", code], check=True)
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    child.join()
    if (pid := os.fork()) == 0:
        work()
        dl.stop()
        os._exit(0)
    os.waitpid(pid, 0)
"""


def test_the_pythons_that_it_starts_join(here: Path, run: Run) -> None:
    (here / "children.py").write_text(CHILDREN)
    ran = run("run", "-o", "out.drift", "children.py")

    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(r"driftline: recorded \d+ events of 4 processes in out\.drift; next: .*\n", ran.stderr)
    written = [{item["path"]: item for item in event["fields"]} for event in events(here / "out.drift", "write")]
    assert len(written) == 4
    assert len({item["/password"]["digest"] for item in written}) == 1, "one key"


def test_a_recording_of_the_programs_own_goes_to_the_same_trace(here: Path, run: Run) -> None:
    program = (
        "import driftline as dl\n"
        "for value in (1, 2):\n"
        "    with dl.record('own.drift', overwrite=True, capture={'doc#/secretly': 'none'}):\n"
        "        dl.write('doc/1', {'secretly': value}, version=value)\n"
        "dl.write('doc/1', {'outside': 1})\n"
    )
    ran = run("run", "-o", "out.drift", "-c", program)

    assert ran.stderr == "driftline: recorded 6 events of 2 processes in out.drift; next: driftline analyze out.drift\n"
    assert not (here / "own.drift").exists()
    assert [
        [item["path"], item["value"]] for event in events(here / "out.drift", "write") for item in event["fields"]
    ] == [["/secretly", '{"$type":"driftline.withheld"}']] * 2


def test_without_run_the_programs_own_recording_goes_where_it_says(here: Path) -> None:
    program = "import driftline as dl\nwith dl.record('own.drift'):\n    dl.write('doc/1', 1)\n"
    ran = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "DRIFTLINE_TRACE": "env.drift"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (ran.returncode, ran.stderr) == (0, "")
    assert [path.name for path in here.glob("*.drift")] == ["own.drift"]
    assert len(events(here / "own.drift", "write")) == 1


# ---- integrations -------------------------------------------------------------------------------------------------

HOOK = """
import importlib.machinery, pathlib, sys

class More:
    def find_spec(name, path, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path) if name == "driftline.integrations" else None
        if spec is not None:
            spec.submodule_search_locations.append(str(pathlib.Path(__file__).parent / "more"))
        return spec

sys.meta_path.insert(0, More)
"""

INTEGRATION = """
import driftline as dl

def instrument():
    import json
    original = json.dumps
    def dumps(value, **options):
        dl.write("json/1", {"text": original(value)})
        return original(value, **options)
    json.dumps = dumps
"""


@pytest.fixture
def integration(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An integration that records what json.dumps is given, found through a sitecustomize of the program's own."""
    (here / "more").mkdir()
    (here / "more" / "jsons.py").write_text(INTEGRATION)
    (here / "more" / "broken.py").write_text("def instrument():\n    raise ImportError('no such library')\n")
    (here / "more" / "other.py").write_text("def other():\n    pass\n")
    (here / "sitecustomize.py").write_text(HOOK)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(here), *filter(None, [os.environ.get("PYTHONPATH")])]))
    return here


def test_a_library_is_recorded_in_an_unmodified_program(integration: Path, run: Run) -> None:
    program = (
        "import json, subprocess, sys\n"
        "print(json.dumps([1]), 'site' in sys.path[1])\n"
        "code = 'import json; json.dumps([2])'\n"
        "subprocess.run([sys.executable, '-c', code], check=True)\n"
    )
    ran = run("run", "-o", "out.drift", "--instrument", "jsons", "-c", program)

    assert (ran.returncode, ran.stdout) == (0, "[1] False\n")
    assert ran.stderr.startswith("driftline: recorded 6 events of 2 processes in out.drift")
    values = [event["fields"][0]["value"] for event in events(integration / "out.drift", "write")]
    assert sorted(values) == ['"[1]"', '"[2]"']


def test_a_library_that_is_not_there_is_a_fault_and_the_program_runs(integration: Path, run: Run) -> None:
    ran = run("run", "-o", "out.drift", "--instrument", "broken,jsons", "-c", "import json; json.dumps([1])")

    assert ran.returncode == 0
    assert "driftline could not record (instrument broken: ImportError): no such library" in ran.stderr
    (process,) = Trace(integration / "out.drift").processes
    assert process.record is not None
    assert process.record.faults == {"instrument broken: ImportError": 1}


def test_an_unknown_integration_is_an_error_with_what_there_is(integration: Path, run: Run) -> None:
    ran = run("run", "-o", "out.drift", "--instrument", "jsons, other", "program.py", 0)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: there is no integration 'other'\n  try: use broken, jsons")
    assert not (integration / "out.drift").exists()


def test_a_site_of_the_programs_own_is_loaded_and_may_fail(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "sitecustomize.py").write_text("import no_such_module_at_all\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")]))
    plain = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True, check=False)
    site = Path(sys.modules["driftline"].__file__ or "").parent / "site"
    hooked = subprocess.run(
        [sys.executable, "-c", "print(1)"],
        env={**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{os.environ['PYTHONPATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (hooked.stdout, hooked.stderr) == (plain.stdout, plain.stderr)
    assert "no_such_module_at_all" in plain.stderr


# ---- what is wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "there is no program"),
        (["absent.py"], "there is no script absent.py"),
        (["-m", "program", "-c", "1"], ""),
        (["--depth", "0", "program.py", "0"], "--depth: 0 is less than 1"),
        (["--values", "some", "program.py", "0"], "--values: 'some' is none of its words"),
        (["--capture", "x", "program.py", "0"], "--capture: 'x' has no level"),
        (["--instrument", "zzz", "program.py", "0"], "there is no integration 'zzz'"),
        (["--policy", "absent.toml", "program.py", "0"], "the policy"),
        (["--no-such-option", "program.py", "0"], "no such option: --no-such-option"),
    ],
)
def test_what_is_wrong_is_said_before_the_program_starts(here: Path, run: Run, words: list[str], said: str) -> None:
    ran = run("run", "-o", "out.drift", *words)

    if words[:2] == ["-m", "program"]:  # what follows -m is the module's
        assert ran.returncode == 1
        return
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"error: {said}")
    assert not (here / "out.drift").exists()


def test_a_bad_setting_of_file_or_environment_is_named(here: Path, run: Run) -> None:
    ran = run("run", "program.py", 0, DRIFTLINE_DEPTH="x")
    assert (ran.returncode, ran.stderr.splitlines()[0]) == (2, "error: DRIFTLINE_DEPTH: 'x' is no whole number")

    (here / "pyproject.toml").write_text("[tool.driftline]\nvalue = 1\n")
    ran = run("run", "program.py", 0)
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"error: {here / 'pyproject.toml'}: tool.driftline.value: there is no such setting")


def test_an_earlier_trace_is_left_alone_unless_forced(here: Path, run: Run) -> None:
    run("run", "-q", "-o", "out.drift", "program.py", 0)
    before = {path: path.read_bytes() for path in (here / "out.drift").iterdir()}

    ran = run("run", "-o", "out.drift", "program.py", 0)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        f"error: {here / 'out.drift'} holds a trace already\n  try: name another with -o, or replace it with --force\n"
    )
    assert {path: path.read_bytes() for path in (here / "out.drift").iterdir()} == before

    ran = run("run", "--force", "-o", "out.drift", "program.py", 0)
    assert ran.returncode == 0
    assert len(Trace(here / "out.drift").processes) == 1
    (here / "notes").mkdir()
    (here / "notes" / "mine.txt").write_text("mine")
    ran = run("run", "--force", "-o", "notes", "program.py", 0)
    assert ran.returncode == 2
    assert (here / "notes" / "mine.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_an_error(here: Path, run: Run) -> None:
    (here / "file").write_text("")
    ran = run("run", "-o", "file/out.drift", "program.py", 0)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "cannot be written: Not a directory" in ran.stderr


def test_two_programs_are_one_too_many() -> None:
    from driftline.errors import DriftlineError

    with pytest.raises(DriftlineError, match="two programs"):
        Launch.of([], module="a", code="b", options={}, instrument=None, force=False)
    assert command.PARSER.settings == {"allow_interspersed_args": False}
    assert resolve([from_environment({})]) == Settings()
