"""What a batch would take is known before anything of it is decoded; what its metadata states is checked first."""

from __future__ import annotations

import contextlib
import json
import struct
from pathlib import Path
from typing import Final

import pyarrow as pa
import pytest
from bounded import ask

from driftline import messages
from driftline.messages import LARGEST, Gauge, TooLargeError
from driftline.reader import Trace

SCHEMA: Final = pa.schema(
    [("seq", pa.int64()), ("clock", pa.int64()), ("op", pa.utf8()), ("branch", pa.utf8()), ("source", pa.utf8())],
    metadata={"driftline.format": "1"},
)


def batch(first: int, rows: int, source: pa.Array | None = None) -> pa.RecordBatch:
    numbers = list(range(first, first + rows))
    names = source if source is not None else pa.array(["x"] * rows)
    return pa.record_batch([numbers, numbers, ["read"] * rows, ["b#1"] * rows, names], schema=SCHEMA)


def zeros(size: int) -> pa.Array:
    """One text of so many zero bytes, which takes no memory until somebody looks."""
    offsets = struct.pack("<ii", 0, size)
    return pa.Array.from_buffers(pa.utf8(), 1, [None, pa.py_buffer(offsets), pa.py_buffer(bytes(size))])


def written(folder: Path, *batches: pa.RecordBatch, compression: str | None = "zstd") -> Path:
    folder.mkdir()
    (folder / "trace.json").write_text(json.dumps({"format": 1, "run": "r", "created": 0}))
    segment = folder / "p.00000.arrows"
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.OSFile(str(segment), "wb") as file, pa.ipc.new_stream(file, SCHEMA, options=options) as stream:
        for each in batches:
            stream.write_batch(each)
    return segment


def read(folder: Path) -> tuple[int, list[str]]:
    trace = Trace(folder)
    rows = sum(each.num_rows for _, each in trace.batches())
    return rows, [sentence for sentence in trace.missing if "p.json is missing" not in sentence]


def test_a_small_file_that_asks_for_gigabytes_gets_none(tmp_path: Path) -> None:
    segment = written(tmp_path / "run.drift", batch(0, 3), batch(3, 1, zeros(LARGEST + 1)), batch(4, 3))
    assert segment.stat().st_size < 1 << 17
    (answer,) = ask(("info", tmp_path / "run.drift"), seconds=30)
    assert answer.status == 0
    assert answer.peak < 400
    rows, (damage,) = read(tmp_path / "run.drift")
    assert rows == 3
    assert "ends in a batch that is too large" in damage
    assert "it would take 0.5 GiB of memory" in damage


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_whole_batches_are_read_however_they_are_compressed(tmp_path: Path, compression: str | None) -> None:
    written(tmp_path / "run.drift", batch(0, 3), batch(3, 4000), batch(4003, 1), compression=compression)
    assert read(tmp_path / "run.drift") == (4004, [])


@pytest.mark.parametrize(("grows", "read_batches"), [(True, 2), (False, 4)])
def test_a_dictionary_that_grows_counts_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, grows: bool, read_batches: int
) -> None:
    """One that is replaced leaves nothing behind."""
    monkeypatch.setattr(messages, "LARGEST", 25_000)
    path = tmp_path / "stream.arrows"
    schema = pa.schema([("name", pa.dictionary(pa.int32(), pa.utf8()))])
    options = pa.ipc.IpcWriteOptions(compression="zstd", emit_dictionary_deltas=grows)
    texts: list[str] = []
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema, options=options) as stream:
        for number in range(4):
            texts = [*(texts if grows else []), f"{number}" + "0" * 9_999]
            column = pa.DictionaryArray.from_arrays(pa.array([len(texts) - 1], pa.int32()), pa.array(texts))
            stream.write_batch(pa.record_batch([column], schema=schema))
    done = 0
    with pa.OSFile(str(path), "rb") as file:
        stream, gauge = pa.ipc.open_stream(file), Gauge(file)
        with contextlib.suppress(TooLargeError):
            for _ in range(4):
                gauge.check(file.tell())
                stream.read_next_batch()
                done += 1
    assert done == read_batches


def test_metadata_that_states_what_cannot_be_is_damage(tmp_path: Path) -> None:
    segment = written(tmp_path / "run.drift", batch(0, 3), compression=None)
    whole = segment.read_bytes()
    with pa.OSFile(str(segment), "rb") as file:
        pa.ipc.open_stream(file)
        start = file.tell()
    for length in (-5, 2**31 - 1, len(whole)):
        segment.write_bytes(whole[: start + 4] + struct.pack("<i", length) + whole[start + 8 :])
        rows, (damage,) = read(tmp_path / "run.drift")
        assert rows == 0
        assert f"its metadata of {length} bytes is not all there" in damage


def test_every_flipped_byte_of_the_metadata_is_survived(tmp_path: Path) -> None:
    segment = written(tmp_path / "run.drift", batch(0, 3))
    whole = segment.read_bytes()
    with pa.OSFile(str(segment), "rb") as file:
        pa.ipc.open_stream(file)
        start = file.tell()
        (length,) = struct.unpack("<i", whole[start + 4 : start + 8])
        outcomes = set()
        for at in range(start, start + 8 + length):
            for value in (0x00, 0x7F, 0xFF):
                with pa.BufferReader(whole[:at] + bytes([value]) + whole[at + 1 :]) as damaged:
                    try:
                        Gauge(damaged).check(start)
                    except TooLargeError:
                        outcomes.add("too large")
                    except pa.ArrowInvalid:
                        outcomes.add("invalid")
                    else:
                        outcomes.add("passed on")
    assert {"invalid", "passed on"} <= outcomes


# ---- sequence numbers and what must be there ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "damage"),
    [
        ([[0, 1], [2, 3]], []),
        ([[0, 1], [4, 5]], ["p: 2 events before sequence 4 are missing"]),
        ([[0, 1], [0, 1]], ["p: p.00000.arrows goes back from sequence 1 to 0"]),
        ([[0, 3]], ["p: 2 events between sequence 0 and 3 are missing"]),
        ([[0, 0, 0]], ["p: p.00000.arrows goes back between sequence 0 and 0"]),
        ([[2**63 - 1, -(2**63)]], [
            f"p: {2**63 - 1} events before sequence {2**63 - 1} are missing",
            f"p: p.00000.arrows goes back between sequence {2**63 - 1} and {-(2**63)}",
        ]),
    ],
)  # fmt: skip
def test_sequence_numbers_that_do_not_follow_one_another(
    tmp_path: Path, numbers: list[list[int]], damage: list[str]
) -> None:
    batches = [batch(0, len(each)).set_column(0, "seq", pa.array(each)) for each in numbers]
    written(tmp_path / "run.drift", *(each.replace_schema_metadata(SCHEMA.metadata) for each in batches))
    assert read(tmp_path / "run.drift") == (sum(map(len, numbers)), damage)


def test_of_very_many_gaps_the_first_few_are_told(tmp_path: Path) -> None:
    written(tmp_path / "run.drift", *(batch(10 * number, 1) for number in range(500)))
    rows, damage = read(tmp_path / "run.drift")
    assert (rows, len(damage), damage[-1]) == (500, 20, "p: more is missing")


@pytest.mark.parametrize(
    ("column", "members", "item"),
    [
        ("fields", "path", {"path": None, "digest": 1}),
        ("fields", "path", None),
        ("references", "path or object", {"path": "/a", "object": None}),
        ("inputs", "object", {"object": None, "version": 1}),
    ],
)
def test_nothing_where_a_member_must_be_is_damage(tmp_path: Path, column: str, members: str, item: object) -> None:
    from driftline.reader import _plain
    from driftline.schema import EVENT

    def loose(type_: pa.DataType) -> pa.DataType:
        """The same without saying what must not be null: as a careless writer declares it."""
        return pa.list_(pa.struct([(member.name, _plain(member.type)) for member in type_.value_type]))

    segment = written(tmp_path / "run.drift")
    schema = pa.schema([*list(SCHEMA)[:4], (column, loose(EVENT.field(column).type))], metadata=SCHEMA.metadata)
    row = {"seq": 0, "clock": 0, "op": "write", "branch": "b#1", column: [item]}
    with pa.OSFile(str(segment), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        stream.write_batch(pa.RecordBatch.from_pylist([row], schema=schema))
    rows, (damage,) = read(tmp_path / "run.drift")
    assert rows == 0
    assert f"column '{column}' has nulls in {members}" in damage
