"""The golden trace of format 1 is read as it was written, by this version and every later one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from driftline.reader import Trace

HERE = Path(__file__).parent
FOLDER = HERE / "trace-v1"


@pytest.fixture(scope="module")
def said() -> Any:
    return json.loads((HERE / "trace-v1.json").read_text())


def read() -> tuple[list[dict[str, Any]], Trace]:
    trace = Trace(FOLDER)
    events = [
        {"process": process.process, **{name: value for name, value in row.items() if value is not None}}
        for process, batch in trace.batches()
        for row in batch.to_pylist()
    ]
    return events, trace


def test_every_event_is_read_as_it_was_written(said: Any) -> None:
    events, _ = read()

    for event, expected in zip(events, said["events"], strict=True):
        assert {name: event.get(name) for name in expected} == expected  # a later version may know more columns
        assert set(event) == set(expected)


def test_the_header_is_read_as_it_was_written(said: Any) -> None:
    _, trace = read()

    assert {name: getattr(trace.header, name) for name in said["header"]} == said["header"]


def test_the_records_are_read_as_they_were_written() -> None:
    _, trace = read()

    other, ours = trace.processes
    assert ours.record is not None
    assert (ours.record.process, ours.record.pid, ours.record.closed, ours.record.segments) == ("p1-00000a", 1, True, 2)
    assert (ours.record.events, ours.record.lost, ours.record.faults) == (len(said_events(ours.process)), 0, {})
    assert ours.complete
    assert other.record is not None
    assert not other.complete


def said_events(process: str) -> list[dict[str, Any]]:
    return [event for event in read()[0] if event["process"] == process]


def test_what_is_missing_is_said(said: Any) -> None:
    _, trace = read()

    assert [text.partition(" (")[0] for text in trace.missing] == [text.partition(" (")[0] for text in said["missing"]]
    assert len(trace.missing) == 2


FORMAT_1 = {
    "ops": "read write patch delete merge snapshot promote quarantine reject branch-start branch-end unit-begin"
    " unit-commit unit-abort task-start task-end",
    "columns": "seq clock op branch unit task object type version label version_inferred base base_label base_inferred"
    " bases depth whole fields confidence fidelity source references inputs strategy reason name parent phase status"
    " signature trace_id span_id",
    "fields": "path digest size leaves value base base_label",
    "bases": "version label",
    "inputs": "object version label",
    "references": "path object",
}


def test_it_holds_every_operation_column_and_member_of_format_1() -> None:
    events, _ = read()

    assert {event["op"] for event in events} == set(FORMAT_1["ops"].split())
    assert {name for event in events for name in event} == {"process", *FORMAT_1["columns"].split()}
    for column in ("fields", "bases", "inputs", "references"):
        items = [item for event in events for item in event.get(column, ())]
        for member in FORMAT_1[column].split():
            assert any(item[member] is not None for item in items), (column, member)
    assert any(item["digest"] is None for event in events for item in event.get("fields", ()))


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 50_000
