"""Reading what is there, and saying what is not."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tape import Tape

import driftline as dl
from driftline.errors import DriftlineError
from driftline.reader import Trace
from driftline.schema import EVENT, HEADER_FILE

BATCHES = 6


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """A trace of one process and one segment, of several batches."""
    tape = Tape(tmp_path_factory.mktemp("reader") / "run.drift")
    with tape.record() as recording:
        for n in range(BATCHES):
            dl.write("doc/1", {"n": n, "text": "x" * n})
            recording.flush()
    return tape


@pytest.fixture
def copy(whole: Tape, tmp_path: Path) -> Tape:
    """A copy of it, to damage."""
    shutil.copytree(whole.path, tmp_path / "copy.drift")
    return Tape(tmp_path / "copy.drift")


def stream(tape: Tape) -> Path:
    (path,) = tape.path.glob("*.arrows")
    return path


def record(tape: Tape) -> Path:
    (path,) = tape.path.glob("p*.json")
    return path


def missing(tape: Tape) -> list[str]:
    """What is missing, without the name of the process."""
    return [text.partition(": ")[2] for text in tape.trace().missing]


def rewrite(tape: Tape, change: Callable[[pa.Table], pa.Table], metadata: dict[str, str] | None = None) -> None:
    """Write the stream again, with other columns."""
    with pa.ipc.open_stream(stream(tape).read_bytes()) as source:
        said = source.schema.metadata
        table = change(source.read_all())
    table = table.replace_schema_metadata(said if metadata is None else metadata)
    with pa.OSFile(str(stream(tape)), "wb") as file, pa.ipc.new_stream(file, table.schema) as sink:
        sink.write_table(table)


# ---- truncation ---------------------------------------------------------------------------------------------------


def boundaries(tape: Tape) -> list[int]:
    """Where in the stream each batch ends."""
    ends = []
    with pa.OSFile(str(stream(tape)), "rb") as file:
        source = pa.ipc.open_stream(file)
        for _ in range(BATCHES + 1):
            source.read_next_batch()
            ends.append(file.tell())
    return ends


def test_a_stream_cut_off_anywhere_is_read_to_its_last_whole_batch(whole: Tape, copy: Tape) -> None:
    content = stream(whole).read_bytes()
    ends = boundaries(whole)
    near = {end + distance for end in (*ends, len(content)) for distance in (-9, -8, -1, 0, 1, 4, 7, 8)}
    positions = {*range(0, len(content), 251), *near} & {*range(len(content) + 1)}
    for position in sorted(positions):
        stream(copy).write_bytes(content[:position])
        trace = Trace(copy.path)
        read = [seq for _, batch in trace.batches() for seq in batch.column("seq").to_pylist()]
        batches = sum(end <= position for end in ends)
        assert read == list(range(batches + 1 if batches else 0)), position
        assert trace.complete == (position in {ends[-1], len(content)}), position
        if position not in {*ends, len(content)}:
            assert " ends in the middle of a batch, " in trace.missing[0] or " holds no whole batch" in trace.missing[0]


def test_a_cut_off_stream_says_what_is_missing(copy: Tape) -> None:
    name, ends = stream(copy).name, boundaries(copy)
    content = stream(copy).read_bytes()

    stream(copy).write_bytes(content[: ends[2]])
    assert missing(copy) == ["4 of 8 events are missing"]

    stream(copy).write_bytes(content[: ends[2] + 100])
    first, second = missing(copy)
    assert first.startswith(f"{name} ends in the middle of a batch, at byte {ends[2]} of {ends[2] + 100} (")
    assert second == "4 of 8 events are missing"

    stream(copy).write_bytes(content[:50])
    assert missing(copy) == [f"{name} holds no whole batch (50 bytes)", "8 of 8 events are missing"]

    stream(copy).write_bytes(b"")
    assert missing(copy) == [f"{name} holds no whole batch (0 bytes)", "8 of 8 events are missing"]


def test_any_damage_is_survived(whole: Tape, copy: Tape) -> None:
    content = stream(whole).read_bytes()
    choose = random.Random(7)  # noqa: S311 - which bytes are damaged need not be a secret
    for _ in range(250):
        damaged = bytearray(content)
        for _ in range(choose.choice((1, 1, 4, 64))):
            damaged[choose.randrange(len(damaged))] = choose.randrange(256)
        stream(copy).write_bytes(damaged)
        try:
            copy.trace()
        except DriftlineError as fault:
            assert str(stream(copy)) in fault.message  # noqa: PT017 - either way is right


# ---- what is not there --------------------------------------------------------------------------------------------


def three_segments(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    from driftline import session
    from driftline.writer import Writer

    monkeypatch.setattr(session, "Writer", lambda *args, **kwargs: Writer(*args, **kwargs, segment_bytes=1))
    with tape.record() as recording:
        for n in range(3):
            dl.write("doc/1", n)
            recording.flush()
    return sorted(tape.path.glob("*.arrows"))


def test_a_missing_segment_is_missed(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = three_segments(tape, monkeypatch)
    assert tape.trace().complete
    paths[1].unlink()

    assert [event["seq"] for event in tape.events()] == [0, 1, 3, 4]
    assert missing(tape) == [
        f"the segment before {paths[2].name} is missing",
        "1 events before sequence 3 are missing",
        "1 of 5 events are missing",
    ]


def test_a_missing_last_segment_is_missed(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    three_segments(tape, monkeypatch)[-1].unlink()

    assert missing(tape) == ["1 of 5 events are missing"]


def test_a_missing_stream_is_missed(copy: Tape) -> None:
    stream(copy).unlink()

    assert copy.events() == []
    assert missing(copy) == ["8 of 8 events are missing"]


def test_without_the_record_of_the_process_its_events_are_read(whole: Tape, copy: Tape) -> None:
    record(copy).unlink()

    assert copy.events() == whole.events()
    assert missing(copy) == [f"{record(whole).name} is missing"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"process": 5}', "\0" * 100, '{"process": "p", "pid": "x"}'])
def test_a_damaged_record_of_the_process_is_said(whole: Tape, copy: Tape, text: str) -> None:
    record(copy).write_text(text)

    assert copy.events() == whole.events()
    assert f"{record(copy)} is damaged: " in missing(copy)[0]


def test_an_open_recording_is_said(copy: Tape) -> None:
    said = json.loads(record(copy).read_text())
    record(copy).write_text(json.dumps({**said, "closed": False, "ended": None, "events": 0}))

    assert missing(copy) == ["the process did not end its recording: events after the last flush are missing"]


def test_a_second_reading_says_the_same(copy: Tape) -> None:
    content = stream(copy).read_bytes()
    stream(copy).write_bytes(content[:-200])
    trace = Trace(copy.path)
    said = []
    for _ in range(2):
        assert sum(batch.num_rows for _, batch in trace.batches())
        said.append(list(trace.missing))

    assert said[0] == said[1]


# ---- headers ------------------------------------------------------------------------------------------------------


def unreadable(path: Path, said: str) -> None:
    with pytest.raises(DriftlineError) as caught:
        Tape(path).trace()
    assert said in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "5", '{"run": "x"}', '{"format": "1"}', '{"format": 1}', "\0\0", "[" * 100_000,
     '{"format": 1, "run": 5, "created": 0}'],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_a_damaged_header_is_an_error(copy: Tape, text: str) -> None:
    (copy.path / HEADER_FILE).write_text(text)

    unreadable(copy.path, "is damaged: ")


def test_a_header_that_says_more_is_read(copy: Tape) -> None:
    said = json.loads((copy.path / HEADER_FILE).read_text())
    (copy.path / HEADER_FILE).write_text(json.dumps({**said, "later": {"a": 1}}))
    said = json.loads(record(copy).read_text())
    record(copy).write_text(json.dumps({**said, "later": [1]}))

    assert copy.trace().complete


def test_a_header_that_says_only_what_it_must_is_read(copy: Tape) -> None:
    (copy.path / HEADER_FILE).write_text('{"format": 1, "run": "x", "created": 0}')
    (process,) = copy.trace().processes
    record(copy).write_text(json.dumps({"process": process.process, "pid": 1, "closed": True}))

    assert copy.trace().complete
    assert (copy.trace().header.ordered, copy.trace().header.depth, copy.trace().header.values) == (True, 3, "full")


def test_a_newer_format_is_refused(copy: Tape) -> None:
    said = json.loads((copy.path / HEADER_FILE).read_text())
    (copy.path / HEADER_FILE).write_text(json.dumps({**said, "format": 2, "run": {"id": 5}}))

    unreadable(copy.path, "has trace format 2; this Driftline reads up to format 1")


def test_a_newer_stream_is_refused(copy: Tape) -> None:
    rewrite(copy, lambda table: table, {"driftline.format": "2"})

    with pytest.raises(DriftlineError, match="has trace format 2; this Driftline reads up to format 1"):
        copy.trace()


def test_what_is_no_trace_is_an_error(tmp_path: Path) -> None:
    unreadable(tmp_path / "nowhere", "no trace at ")
    unreadable(tmp_path, "is not a Driftline trace: trace.json cannot be read")
    (tmp_path / "file").write_text("x")
    unreadable(tmp_path / "file", "is not a Driftline trace: trace.json cannot be read (Not a directory)")


# ---- streams that others wrote ------------------------------------------------------------------------------------


def test_columns_that_are_not_known_are_left_out(whole: Tape, copy: Tape) -> None:
    def change(table: pa.Table) -> pa.Table:
        names = ["later", *reversed(table.column_names)]
        table = table.append_column("later", pa.array([1] * table.num_rows))
        return table.select(names)

    rewrite(copy, change)

    assert copy.events() == whole.events()
    assert all(batch.schema.names == EVENT.names for _, batch in Trace(copy.path).batches())


def test_columns_that_may_be_null_may_be_missing(copy: Tape) -> None:
    needed = [column.name for column in EVENT if not column.nullable]
    rewrite(copy, lambda table: table.select(needed))

    assert needed == ["seq", "clock", "op", "branch"]
    assert [set(event) for event in copy.events()] == [{"process", *needed}] * 8
    assert copy.trace().complete


@pytest.mark.parametrize("name", ["seq", "clock", "op", "branch"])
def test_columns_that_every_event_has_may_not(copy: Tape, name: str) -> None:
    rewrite(copy, lambda table: table.drop_columns([name]))

    with pytest.raises(DriftlineError, match=f"lacks the column '{name}'"):
        copy.trace()


def test_dictionary_encoding_is_the_writers_choice(whole: Tape, copy: Tape) -> None:
    rewrite(copy, lambda table: table.cast(pa.schema([(column.name, plain(column.type)) for column in table.schema])))

    assert copy.events() == whole.events()


def plain(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(type_):
        return pa.large_utf8()
    if pa.types.is_list(type_):
        return pa.list_(plain(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([(member.name, plain(member.type)) for member in type_])
    return type_


@pytest.mark.parametrize(
    ("name", "type_"),
    [("seq", pa.int32()), ("clock", pa.float64()), ("version", pa.utf8()), ("fields", pa.list_(pa.utf8())),
     ("signature", pa.int64()), ("whole", pa.int8())],
)  # fmt: skip
def test_a_column_of_another_type_is_an_error(copy: Tape, name: str, type_: pa.DataType) -> None:
    def change(table: pa.Table) -> pa.Table:
        kept = [column for column in table.column_names if column != name]
        return table.select(kept).append_column(name, pa.nulls(table.num_rows, type_))

    rewrite(copy, change)

    with pytest.raises(DriftlineError, match=f"column '{name}' is "):
        copy.trace()


def test_a_stream_of_someone_elses_is_an_error(copy: Tape) -> None:
    for metadata in ({}, {"driftline.format": "one"}):
        rewrite(copy, lambda table: table, metadata)
        with pytest.raises(DriftlineError, match=r"is an Arrow stream, but not one of Driftline's"):
            copy.trace()


def foreign_name(tape: Tape) -> None:
    shutil.copy(stream(tape), tape.path / "foreign.arrows")


def foreign_number(tape: Tape) -> None:
    shutil.copy(stream(tape), tape.path / "foreign.one.arrows")


def null_sequence(tape: Tape) -> None:
    rewrite(tape, lambda table: table.set_column(0, "seq", pa.nulls(table.num_rows, pa.int64())))


def not_a_file(tape: Tape) -> None:
    (tape.path / "p1-ffffff.00000.arrows").mkdir()


@pytest.mark.parametrize("damage", [foreign_name, foreign_number, null_sequence, not_a_file])
def test_a_folder_that_someone_else_meddled_with_is_read_or_refused(copy: Tape, damage: Callable[[Tape], None]) -> None:
    damage(copy)
    try:
        assert copy.trace().missing
    except DriftlineError:
        return


def test_what_others_put_beside_is_left_alone(whole: Tape, copy: Tape) -> None:
    (copy.path / "notes.txt").write_text("mine")
    (copy.path / ".trace.json.123.tmp").write_text("{")
    (copy.path / ".cache").mkdir()

    assert copy.events() == whole.events()
    assert copy.trace().complete


def test_segments_are_listed_by_process_and_number(tape: Tape) -> None:
    for _ in range(3):
        with tape.record(join=True):
            dl.write("doc/1", 1)

    trace: Any = tape.trace()
    assert [path.name.partition(".")[0] for path in trace.segments] == [process.process for process in trace.processes]
    assert len(trace.segments) == 3
