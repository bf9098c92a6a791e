"""What is no trace, or only part of one: said in one line, with what to do about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pyarrow as pa
import pytest
from reference.event_lists import write_trace
from traces import record_trace

import driftline as dl
from driftline import DriftlineError
from driftline.schema import EVENT
from driftline_analyzer import analyze

TRACE: Final = "M: write doc/1 {n: 0} @1\nA: patch doc/1 {n: 1} base 1\nB: patch doc/1 {n: 2} base 1"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    folder = tmp_path / "run.drift"
    record_trace(TRACE, folder)
    return folder


def refused(folder: Path) -> tuple[str, str]:
    with pytest.raises(DriftlineError) as caught, analyze(folder):
        pass
    return caught.value.message, caught.value.hint


def test_nothing_there(tmp_path: Path) -> None:
    message, hint = refused(tmp_path / "no.drift")
    assert message == f"no trace at {tmp_path / 'no.drift'}"
    assert "driftline demo" in hint


def test_an_empty_folder(tmp_path: Path) -> None:
    message, hint = refused(tmp_path)
    assert message.startswith(f"{tmp_path} is not a Driftline trace: trace.json cannot be read")
    assert "NAME.drift" in hint
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert "is not a Driftline trace" in refused(tmp_path)[0]
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "run.drift"
    file.write_text("mine")
    assert "is not a Driftline trace" in refused(file)[0]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format": "one"}', '{"format": 1}', '{"run": 1}', "\0", "[" * 99_999]
)
def test_a_damaged_header(trace: Path, text: str) -> None:
    (trace / "trace.json").write_text(text)
    message, hint = refused(trace)
    assert message.startswith(f"{trace / 'trace.json'} is damaged")
    assert "another copy" in hint


def test_a_newer_header(trace: Path) -> None:
    (trace / "trace.json").write_text('{"format": 99, "whatever": {}}')
    message, hint = refused(trace)
    assert "has trace format 99; this Driftline reads up to format 1" in message
    assert "upgrade" in hint


def rewrite(trace: Path, table: pa.Table) -> None:
    (segment,) = trace.glob("*.arrows")
    with pa.OSFile(str(segment), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)


def read(trace: Path) -> pa.Table:
    (segment,) = trace.glob("*.arrows")
    with pa.OSFile(str(segment), "rb") as file:
        return pa.ipc.open_stream(file).read_all()


def test_a_newer_segment(trace: Path) -> None:
    table = read(trace)
    rewrite(trace, table.replace_schema_metadata({"driftline.format": "2"}))
    assert "has trace format 2" in refused(trace)[0]


def test_a_segment_of_something_else(trace: Path) -> None:
    rewrite(trace, pa.table({"a": [1]}))
    message, hint = refused(trace)
    assert "is an Arrow stream, but not one of Driftline's" in message
    assert "remove it" in hint


def test_a_segment_without_a_column_that_it_must_have(trace: Path) -> None:
    rewrite(trace, read(trace).drop_columns(["clock"]))
    assert "lacks the column 'clock'" in refused(trace)[0]


def test_a_segment_with_a_column_of_another_type(trace: Path) -> None:
    table = read(trace)
    at = table.schema.get_field_index("clock")
    rewrite(trace, table.set_column(at, pa.field("clock", pa.utf8()), pa.array(["x"] * table.num_rows)))
    assert "column 'clock' is string, not int64" in refused(trace)[0]


def test_a_refused_trace_has_no_analysis_left_in_it(trace: Path) -> None:
    rewrite(trace, pa.table({"a": [1]}))
    refused(trace)
    assert not list(trace.glob(".cache/*"))


def test_a_segment_without_the_columns_that_it_may_lack_is_read(trace: Path) -> None:
    optional = [
        field.name for field in EVENT if field.nullable and field.name not in {"object", "version", "fields", "base"}
    ]
    events = read(trace)
    rewrite(trace, events.drop_columns([name for name in optional if name in events.column_names]))
    with analyze(trace) as analysis:
        assert [finding.code for finding in analysis.findings()] == ["DRF101"]


def test_a_segment_cut_short_is_analysed_up_to_its_last_whole_batch(trace: Path) -> None:
    (segment,) = trace.glob("*.arrows")
    segment.write_bytes(segment.read_bytes()[:-200])
    with analyze(trace) as analysis:
        assert not analysis.summary.complete
        assert "in the middle of a batch" in " ".join(analysis.summary.missing)
        assert analysis.summary.events == 0
        assert analysis.findings() == []


def test_a_missing_segment_is_said(trace: Path) -> None:
    (segment,) = trace.glob("*.arrows")
    segment.unlink()
    with analyze(trace) as analysis:
        assert analysis.summary.missing == (f"{segment.name.partition('.')[0]}: 9 of 9 events are missing",)


def test_a_missing_process_record_is_said_and_its_events_count(trace: Path) -> None:
    (record,) = [path for path in trace.glob("*.json") if path.name != "trace.json"]
    record.unlink()
    with analyze(trace) as analysis:
        assert analysis.summary.missing == (f"{record.stem}: {record.name} is missing",)
        assert [finding.code for finding in analysis.findings()] == ["DRF101"]


def test_a_process_that_was_killed_is_said(trace: Path) -> None:
    (record,) = [path for path in trace.glob("*.json") if path.name != "trace.json"]
    record.write_text(json.dumps({**json.loads(record.read_text()), "closed": False}))
    with analyze(trace) as analysis:
        assert not analysis.summary.complete
        assert "did not end its recording" in analysis.summary.missing[0]


def test_a_trace_with_no_event_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "empty.drift"
    write_trace(folder, [])
    with analyze(folder) as analysis:
        assert analysis.findings() == []
        summary = analysis.summary
    assert (summary.events, summary.objects, summary.branches, summary.processes) == (0, 0, 0, 0)
    assert (summary.started, summary.ended, summary.complete) == (0, 0, True)


def test_a_recording_in_which_nothing_happened(tmp_path: Path) -> None:
    with dl.record(tmp_path / "run.drift"):
        pass
    with analyze(tmp_path / "run.drift") as analysis:
        assert (analysis.summary.events, analysis.summary.processes, analysis.summary.complete) == (0, 1, True)
        assert analysis.findings() == []
