"""Beginning and ending a recording."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

import pytest
from tape import Tape, run_python

import driftline as dl
from driftline.discipline import load, loads
from driftline.errors import DriftlineError
from driftline.header import Header
from driftline.session import ENVIRONMENT, start_from_environment

# ---- nothing records ----------------------------------------------------------------------------------------------


def test_every_call_does_nothing_while_nothing_records(tmp_path: Path) -> None:
    @dl.branch("a")
    def decorated() -> int:
        return 1

    def plain() -> int:
        return 1

    headers = {"x": "y"}
    with dl.branch("a"), dl.unit("u"), dl.task("t", inputs={1: 2}), dl.extract({"baggage": "driftline.branch=a%231"}):
        assert dl.write("doc/1", 1, version=5) is None
        assert dl.patch("doc/1", {"/a": 1}) is None
        assert dl.merge("doc/1", 1, bases=[1]) is None
        assert dl.delete("doc/1") is None
        dl.read("doc/1", 1)
        dl.snapshot("doc/1")
        dl.promote("doc/1")
        dl.quarantine("doc/1")
        dl.reject("doc/1")
        assert dl.current() is None
        assert dl.inject(headers) is headers
        assert dl.propagate(plain) is plain
        assert decorated() == 1
    dl.stop()

    assert headers == {"x": "y"}
    assert list(tmp_path.iterdir()) == []


def test_a_policy_that_is_wrong_begins_no_recording(tape: Tape) -> None:
    with (
        pytest.raises(DriftlineError, match=r"gate\.orphan: there is no action 'shout'"),
        tape.record(policy='[gate]\norphan = "shout"'),
    ):
        raise AssertionError
    assert not tape.path.exists()


def test_a_policy_from_a_file_is_kept_whole_in_itself(tape: Tape, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"const": null}')
    (tmp_path / "driftline.toml").write_text('[types.a]\nschema = "a.json"\n[gate]\nschema = "reject"')
    with tape.record(policy=tmp_path / "driftline.toml"):
        pass
    policy = loads(str(Header.load(tape.path).policy))
    assert policy == load(tmp_path / "driftline.toml")
    assert policy.types["a"].schema == {"const": None}


# ---- the folder ---------------------------------------------------------------------------------------------------


def test_a_trace_is_a_header_a_record_and_a_stream(tape: Tape) -> None:
    with tape.record(policy="[gate]\n") as recording:
        dl.write("doc/1", 1)

    (process,) = tape.trace().processes
    names = {path.name for path in tape.path.iterdir()}
    assert names == {"trace.json", f"{process.process}.json", f"{process.process}.00000.arrows"}
    header = json.loads((tape.path / "trace.json").read_text())
    assert recording.path == tape.path
    assert header["run"] == recording.run
    assert len(header["run"]) == 32
    assert (header["format"], header["ordered"], header["depth"], header["values"]) == (1, True, 3, "full")
    assert header["policy"] == "[gate]\n"
    assert header["argv"] == sys.argv
    assert set(header["versions"]) == {"driftline", "python", "pyarrow", "platform"}
    record = json.loads((tape.path / f"{process.process}.json").read_text())
    assert record["process"].startswith(f"p{os.getpid()}-")
    assert (record["pid"], record["closed"], record["segments"], record["events"]) == (os.getpid(), True, 1, 3)
    assert (record["lost"], record["faults"]) == (0, {})
    assert header["created"] <= record["started"] <= record["ended"]


def test_a_recording_without_an_event_has_no_stream(tape: Tape) -> None:
    with tape.record():
        pass

    assert sorted(path.suffix for path in tape.path.iterdir()) == [".json", ".json"]


def test_start_and_stop_are_a_recording_too(tape: Tape) -> None:
    recording = dl.start(tape.path)
    dl.write("doc/1", 1)
    dl.stop()
    dl.stop()
    dl.write("doc/1", 2)

    assert isinstance(recording, dl.Recording)
    assert len(tape.events("write")) == 1


def test_a_recording_may_be_stopped_inside_its_block(tape: Tape) -> None:
    second = Tape(tape.path.with_name("second.drift"))
    with tape.record():
        dl.stop()
        dl.start(second.path)
        dl.write("doc/1", 1)
    dl.write("doc/1", 2)
    dl.stop()

    assert tape.events() == []
    assert len(second.events("write")) == 2


def test_flush_makes_what_was_recorded_readable(tape: Tape) -> None:
    with tape.record() as recording:
        dl.write("doc/1", 1)
        recording.flush()
        assert len(tape.events("write")) == 1
        dl.write("doc/1", 2)
        recording.flush()
        recording.flush()
        trace = tape.trace()

    (process,) = trace.processes
    assert not trace.complete
    assert process.missing == ["the process did not end its recording: events after the last flush are missing"]
    assert process.events == 3
    assert tape.trace().complete


def test_an_exception_ends_the_recording_in_order(tape: Tape) -> None:
    with contextlib.suppress(ZeroDivisionError), tape.record():
        dl.write("doc/1", 1)
        raise ZeroDivisionError

    assert tape.trace().complete
    assert tape.lines("branch-end") == ["main#1 branch-end status=ok"]


def test_the_program_may_change_its_folder(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tape.path.parent)
    with dl.record("run.drift"):
        dl.write("doc/1", 1)
        monkeypatch.chdir("/")

    assert tape.trace().complete
    assert len(tape.events("write")) == 1


@pytest.mark.parametrize("before", [None, "elsewhere.drift"])
def test_an_exported_recording_is_joined_by_every_python_that_this_one_starts(
    tape: Tape, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is not None:
        monkeypatch.setenv(ENVIRONMENT, before)
    with tape.record(export=True):
        dl.write("doc/1", 1)
        ran = run_python("import driftline as dl; dl.write('doc/1', 2)", **os.environ)
    assert os.environ.get(ENVIRONMENT) == before

    assert (ran.returncode, ran.stderr) == (0, "")
    assert tape.trace().complete
    assert len({event["process"] for event in tape.events("write")}) == 2


def test_what_the_program_says_meanwhile_in_its_environment_stays(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    with tape.record(export=True):
        monkeypatch.setenv(ENVIRONMENT, "changed.drift")
    assert os.environ[ENVIRONMENT] == "changed.drift"


# ---- errors -------------------------------------------------------------------------------------------------------


def refused(path: Path, said: str, **options: object) -> None:
    with pytest.raises(DriftlineError) as caught:
        dl.start(path, **options)  # type: ignore[arg-type]
    assert said in caught.value.message
    assert caught.value.hint
    assert dl.current() is None


def test_a_trace_is_not_replaced_unless_asked(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", 1)

    refused(tape.path, "holds a trace already")
    assert tape.trace().complete


def test_what_is_no_trace_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    refused(tmp_path, "exists and is not a Driftline trace")
    refused(tmp_path, "exists and is not a Driftline trace", overwrite=True)
    refused(tmp_path, "exists and is not a Driftline trace", join=True)
    refused(tmp_path / "notes.txt", "exists and is not a Driftline trace")

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    with dl.record(tmp_path):
        dl.write("doc/1", 1)

    assert Tape(tmp_path).trace().complete


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file" / "run.drift", "cannot be written")
    refused(tmp_path / ("x" * 300), "cannot be written")


def test_a_folder_that_cannot_be_written_is_an_error(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    refused(tape.path, f"{tape.path} cannot be written: Permission denied")


def test_options_that_make_no_sense_are_errors(tape: Tape) -> None:
    refused(tape.path, "argument depth: 0 is less than 1", depth=0)
    refused(tape.path, "argument values: 'some' is none of its words", values="some")
    assert not tape.path.exists()


def test_a_process_records_once_at_a_time(tape: Tape) -> None:
    with tape.record():
        with pytest.raises(DriftlineError, match="already recording to"):
            dl.start(tape.path.with_name("second.drift"))
        dl.write("doc/1", 1)

    assert tape.trace().complete
    assert not tape.path.with_name("second.drift").exists()


# ---- overwriting --------------------------------------------------------------------------------------------------


def test_overwrite_replaces_the_trace_and_nothing_else(tape: Tape) -> None:
    for value in ("old", "older"):
        with tape.record(join=True):
            dl.write("doc/1", value)
    mine = {
        "notes.txt": "mine",
        "config.json": '{"a": 1}',
        "list.json": "[]",
        "data.arrows": "mine",
        "p.json": "broken",
    }
    for name, text in mine.items():
        (tape.path / name).write_text(text)
    (tape.path / ".cache").mkdir()
    (tape.path / ".cache" / "analysis").write_text("old")
    (tape.path / "sub").mkdir()
    old = tape.path.glob("p*-*.json")
    next(old).write_text("{")  # damaged, but ours

    with tape.record(overwrite=True):
        dl.write("doc/1", "new")

    names = {path.name for path in tape.path.iterdir()}
    assert {name: (tape.path / name).read_text() for name in mine} == mine
    assert len(names - set(mine)) == 4
    assert names - set(mine) >= {"trace.json", "sub"}
    assert "old" not in "".join(path.name for path in tape.path.glob("*.arrows"))


def test_overwrite_of_nothing_is_a_recording(tape: Tape) -> None:
    with tape.record(overwrite=True):
        dl.write("doc/1", 1)

    assert tape.trace().complete


# ---- several processes --------------------------------------------------------------------------------------------

JOINING = """
import driftline as dl
with dl.branch("child"):
    dl.write("doc/1", 1)
"""


def test_a_second_process_joins_the_run_that_the_environment_names(tape: Tape) -> None:
    with tape.record(depth=1, values="digest"):
        dl.write("doc/1", {"a": {"b": 0}})
        ran = run_python(JOINING, DRIFTLINE_TRACE=str(tape.path))

    trace = tape.trace()
    assert (ran.returncode, ran.stderr) == (0, "")
    assert trace.complete
    assert len(trace.processes) == 2
    assert len(list(tape.path.glob("trace.json"))) == 1
    branches = {event["branch"] for event in tape.events()}
    assert len(branches) == 3, "main and child are told apart from the main of the other process"
    assert sorted(branch.partition("#")[0] for branch in branches) == ["child", "main", "main"]
    assert all("value" not in item for event in tape.events("write") for item in event["fields"])


def test_the_environment_begins_a_run_where_there_is_none(tape: Tape) -> None:
    ran = run_python(JOINING, DRIFTLINE_TRACE=str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert tape.trace().complete
    assert tape.lines(without=("depth",)) == [
        "main#1 branch-start name=main",
        "child#2 branch-start name=child parent=main#1",
        "child#2 write doc/1@1? <-? =1",
        "child#2 branch-end status=ok",
        "main#1 branch-end status=ok",
    ]


def test_a_program_runs_on_if_the_environment_names_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / ("x" * 300)):
        ran = run_python(JOINING + "print('ran on')", DRIFTLINE_TRACE=str(path))
        assert (ran.returncode, ran.stdout) == (0, "ran on\n")
        assert ran.stderr.startswith("driftline could not record (DRIFTLINE_TRACE): ")
        assert ran.stderr.count("\n") <= 2


def test_the_environment_does_not_disturb_a_recording(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLINE_TRACE", str(tape.path.with_name("second.drift")))
    with tape.record():
        start_from_environment()

    assert not tape.path.with_name("second.drift").exists()


def test_join_takes_over_what_the_header_says(tape: Tape) -> None:
    with tape.record(depth=1, ordered=False):
        pass
    header = Header.load(tape.path)
    with tape.record(join=True, depth=3, ordered=True):
        dl.write("doc/1", {"a": {"b": 1}})

    assert Header.load(tape.path) == header
    assert tape.facts() == [tape.facts()[0].partition(" ")[0] + ' write doc/1@1? <-? /a={"b":1}']
    assert len(tape.trace().processes) == 2


# ---- one recording after another ----------------------------------------------------------------------------------


def test_a_function_propagated_in_an_earlier_recording_acts_in_the_branch_of_its_caller(tape: Tape) -> None:
    second = Tape(tape.path.with_name("second.drift"))
    with tape.record(), dl.branch("a"):
        dl.read("doc/1", 1, version=7)
        carried = dl.propagate(dl.write)
    with second.record():
        carried("doc/1", 1)

    assert second.facts() == ["main#1 write doc/1@1? <-? =1"]


def test_a_block_left_open_by_an_earlier_recording_is_not_in_force(tape: Tape) -> None:
    second = Tape(tape.path.with_name("second.drift"))
    dl.start(tape.path)
    with dl.branch("a"):
        dl.read("doc/1", 1, version=7)
        dl.stop()
        dl.start(second.path)
        dl.write("doc/1", 1)
    dl.write("doc/1", 2)
    dl.stop()

    assert second.facts() == ["main#1 write doc/1@1? <-? =1", "main#1 write doc/1@2? <1? =2"]


def test_a_branch_of_an_earlier_recording_is_nobodys_parent(tape: Tape) -> None:
    second = Tape(tape.path.with_name("second.drift"))
    with tape.record():
        dl.read("doc/1", 1, version=7)
        old = dl.current()
    with second.record(), dl.branch("a", parent=old):
        dl.write("doc/1", 1)

    assert second.lines("branch-start", "write", without=("depth",))[-1] == "a#1 write doc/1@1? <-? =1"
