"""Makes the golden trace of format 1, which every later version must keep reading.

    python tests/golden/make_trace_v1.py

What it made with Driftline 0.1.0 is committed, in `trace-v1/`, and what that holds in `trace-v1.json`. Neither is made
again: a later format gets a script and a trace of its own.

Process `p1-00000a` was recorded by the tracer, in two segments. Process `other` is what someone else might write by
docs/trace-format.md: text without dictionaries, no compression, a column that nobody knows, many columns missing, the
stream cut off in the middle of its second batch.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pyarrow as pa
from opentelemetry.trace import NonRecordingSpan, SpanContext, use_span

import driftline as dl
from driftline import clock, recorder, session, writer
from driftline.header import Header, ProcessRecord
from driftline.reader import Trace
from driftline.schema import EVENT, segment_name
from driftline.writer import Writer

HERE = Path(__file__).parent
FOLDER = HERE / "trace-v1"
RENDERING = HERE / "trace-v1.json"
START = 1_767_225_600_000_000_000  # the first nanosecond of 2026


def small_writer(*args: Any, **kwargs: Any) -> Writer:
    return Writer(*args, **{**kwargs, "segment_bytes": 1})  # every flush ends a segment


@contextlib.contextmanager
def fixed_ids() -> Iterator[None]:
    """Ids and times that do not depend on who runs this, nor when or where."""
    header = Header(
        format=1,
        run="0123456789abcdef" * 2,
        created=START,
        depth=2,
        argv=["make_trace_v1.py"],
        host="golden",
        versions={"driftline": "0.1.0"},
        policy='[phases]\norder = ["reasoning"]\n',
    )
    process = ProcessRecord(process="p1-00000a", pid=1, host="golden", argv=["make_trace_v1.py"], started=START)
    ticks = itertools.count(START, 1_000)
    with (
        patch.object(Header, "of_this_run", lambda **_: header),
        patch.object(ProcessRecord, "of_this_process", lambda **_: process),
        patch.object(session, "Writer", small_writer),
        patch.object(clock, "time_ns", lambda: next(ticks)),
        patch.object(recorder, "time_ns", lambda: next(ticks), create=True),
        patch.object(writer, "time", SimpleNamespace(time_ns=lambda: next(ticks))),
        patch.object(Writer, "_run", lambda _self: None),  # only `flush` writes
    ):
        yield


def every_call() -> None:
    """Every operation, with everything that can be said of it."""
    dl.write(
        "context/42", {"summary": "", "facts": ["f1"], "meta": {"lang": "en", "é~/": None}}, version=1, type="context"
    )
    dl.write("plan/1", "go", type="plan")
    with dl.branch("researcher", phase="reasoning"), dl.task("research", inputs={"doc": 1}):
        dl.read("context/42", {"summary": "", "facts": ["f1"], "meta": {"lang": "en", "é~/": None}}, version=1)
        dl.read("plan/1", "go")
        dl.patch("context/42", {"/facts": ["f1", "f2"]}, version=2, base=1, confidence=0.8, fidelity=1, source="web")
    with dl.branch("writer", phase="compression"), dl.unit("two steps"):
        dl.read("context/42", {"facts": ["f1"], "gone": dl.ABSENT}, version=1, partial=True)
        dl.patch("context/42", {"/summary": "one fact", "/meta": {"lang": dl.ABSENT}})
        dl.write(
            "plan/1", {"owner": "agent/1"}, refs={"/owner": "agent/1"}, inputs=[("context/42", 3), ("doc/x", "rev-b")]
        )
        with contextlib.suppress(ZeroDivisionError), dl.unit("inner"):
            dl.delete("plan/1")
            raise ZeroDivisionError
    dl.merge("context/42", {"summary": "two", "odd": [float("nan")]}, bases=[2, 3, "x"], version=4, strategy="union")
    with contextlib.suppress(ZeroDivisionError), dl.branch("failing"), dl.task("failing"):
        dl.write("doc/x", {"a": 1}, version="rev-c", base="rev-b")
        dl.read("doc/x", {"a": 1}, version="rev-d")
        dl.write("doc/x", {"a": {"b": {"c": 2}}}, version="rev-e")
        raise ZeroDivisionError
    dl.snapshot("context/42", version=4)
    dl.promote("context/42", phase="orchestration")
    dl.quarantine("doc/x", version="rev-e", reason="odd")
    dl.reject("doc/nowhere", reason="nowhere")


def other_process() -> None:
    """A second process, written without the tracer."""
    columns = {
        "branch": ["other", "other", "researcher#2"],
        "op": ["branch-start", "read", "write"],
        "seq": [0, 1, 2],
        "clock": [START + 500, START + 501, START + 10_000_000],
        "object": [None, "context/42", "context/42"],
        "version": [None, 1, 7],
        "whole": [None, None, None],
        "name": ["other", None, None],
        "later": [1.5, 2.5, 3.5],
        "trace_id": [None, "0af7651916cd43dd8448eb211c80319c", None],
        "span_id": [None, "b7ad6b7169203331", None],
    }
    types = {name: EVENT.field(name).type for name in columns if name in EVENT.names}
    arrays = {
        name: pa.array(
            values, pa.large_utf8() if pa.types.is_dictionary(types.get(name, pa.null())) else types.get(name)
        )
        for name, values in columns.items()
    }
    table = pa.table(arrays).replace_schema_metadata({"driftline.format": "1"})
    path = FOLDER / segment_name("other", 0)
    with pa.OSFile(str(path), "wb") as file:
        stream = pa.ipc.new_stream(file, table.schema)
        for batch in table.to_batches(max_chunksize=2):
            whole = file.tell()
            stream.write_batch(batch)
    path.write_bytes(path.read_bytes()[: whole + 60])
    (FOLDER / "other.json").write_text('{"process": "other", "pid": 0, "unknown": true}\n')


def rendering() -> dict[str, Any]:
    """Everything that the trace says, as plain JSON values."""
    trace = Trace(FOLDER)
    events = [
        {"process": process.process, **{name: value for name, value in row.items() if value is not None}}
        for process, batch in trace.batches()
        for row in batch.to_pylist()
    ]
    header = {name: getattr(trace.header, name) for name in Header.__struct_fields__}
    return {"header": header, "missing": trace.missing, "events": events}


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    span = NonRecordingSpan(SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, is_remote=False))
    with fixed_ids(), dl.record(FOLDER) as recording:
        every_call()
        recording.flush()
        with use_span(span):
            dl.write("plan/1", "stop")
    other_process()
    RENDERING.write_text(json.dumps(rendering(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
