"""Step 1, load: the trace's streams into the DuckDB tables `event` and `field`, names as numbers.

One pass over the streams, a batch at a time, so that memory stays bounded whatever the trace holds. Names are numbered
on the way, once for each dictionary rather than once for each row.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from driftline.errors import DriftlineError
from driftline.reader import ProcessTrace, Trace
from driftline.schema import EVENT, FIELD

#: Column of the trace format → the table of its names, and the column that its numbers become.
_NAMED: Final = {
    "branch": ("branch_name", "b"),
    "unit": ("unit_name", "u"),
    "task": ("task_name", "t"),
    "object": ("object_name", "o"),
    "type": ("type_name", "type"),
}
_FIRST: Final = ("seq", "clock", "op", *_NAMED)
_PLAIN: Final = tuple(name for name in EVENT.names if name not in {*_FIRST, "fields"})
_FIELD_MEMBERS: Final = tuple(member for member in FIELD if member.name != "path")
_DECODED_ROWS: Final = 16_384  # smaller batches, as a slow program's recorder writes them, are joined to so many
_DECODED_BYTES: Final = 64 << 20


def load(trace: Trace, connection: duckdb.DuckDBPyConnection) -> bool:
    """Load every whole batch of a trace.

    Makes the tables `event` (one row an event: `e`, its number in load order from 1, `p`, its process's number from 0,
    then the columns of the trace format but `fields`, with the numbers `b`, `u`, `t`, `o` and `type` for branch, unit,
    task, object and type), `field` (one row a field of an event: `e`, `f`, then the other members of the format's field
    struct), `branch_name`, `unit_name`, `task_name`, `object_name`, `type_name` and `path_name`, from number to name,
    and `process`, one row a process.

    Args:
        trace: The trace; its `missing` is known afterwards.
        connection: Where to.

    Returns:
        Whether the order of loading is the order of the clock.

    Raises:
        DriftlineError: If a segment is of a newer format, or none of Driftline's.
    """
    loader = _Loader(trace)
    with _spool(connection) as spool:
        try:
            _make(connection, "field", loader.fields(trace, spool))
        except duckdb.Error:
            if loader.refusal is not None:
                raise loader.refusal from None  # DuckDB knows it only as text
            raise
        events, unused = loader.events(spool)
        _make(connection, "event", events)
    for column in unused:  # made of nothing, they cost nothing
        connection.execute(f'ALTER TABLE event ADD COLUMN "{column.name}" {_sql_type(connection, column.type)}')
    for table, names in loader.names.items():
        _make(connection, table, names.as_reader())
    connection.execute(
        "CREATE TABLE process (p INTEGER, process VARCHAR, pid BIGINT, host VARCHAR, argv VARCHAR[], started BIGINT,"
        " ended BIGINT, closed BOOLEAN, events BIGINT, lost BIGINT, faults MAP(VARCHAR, BIGINT), missing VARCHAR[])",
    )
    for number, process in enumerate(trace.processes):
        connection.execute("INSERT INTO process VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(number, process))
    return loader.order.kept


@contextmanager
def _spool(connection: duckdb.DuckDBPyConnection) -> Iterator[Path]:
    """A file beside the database, for as long as the block runs.

    One pass over the trace gives two tables, and DuckDB is quickest when a table is made from one stream: so events
    wait here, as plain Arrow, while fields stream in.
    """
    ((folder,),) = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = Path(folder) / "events.arrows"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _make(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.RecordBatchReader) -> None:
    """Make a table of a stream of rows."""
    connection.register("rows_read", rows)
    try:
        connection.execute(f"CREATE TABLE {table} AS FROM rows_read")
    finally:
        connection.unregister("rows_read")


def _sql_type(connection: duckdb.DuckDBPyConnection, type_: pa.DataType) -> str:
    """What DuckDB makes of an Arrow type."""
    connection.register("typed", pa.table({"of": pa.nulls(0, _value_type(type_))}))
    ((name,),) = connection.execute("SELECT column_type FROM (DESCRIBE typed)").fetchall()
    connection.unregister("typed")
    return str(name)


def _joined(trace: Trace) -> Iterator[tuple[ProcessTrace, pa.RecordBatch]]:
    """The trace's batches, small ones joined to larger ones."""
    waiting: list[pa.RecordBatch] = []
    of: ProcessTrace | None = None
    rows = size = 0
    for process, batch in trace.batches():
        full = rows >= _DECODED_ROWS or size >= _DECODED_BYTES
        if of is not None and (full or process is not of or batch.schema != waiting[0].schema):
            yield of, _one(waiting)
            waiting, rows, size = [], 0, 0
        of = process
        waiting.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
    if of is not None:
        yield of, _one(waiting)


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same batches, each made while DuckDB stores the one before it."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = worker.submit(next, batches, None)
            yield batch


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    (joined,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return joined


class _Names:
    """Names and their numbers, from 1 in the order of first mention."""

    def __init__(self) -> None:
        self._numbers: dict[str | None, int | None] = {None: None}

    def numbers(self, names: pa.Array) -> pa.Array:
        """The numbers of an array of names."""
        encoded = names if pa.types.is_dictionary(names.type) else names.dictionary_encode()
        known = self._numbers
        own = [known.setdefault(name, len(known)) for name in encoded.dictionary.to_pylist()]
        return pa.array(own, pa.int32()).take(encoded.indices)

    def as_reader(self) -> pa.RecordBatchReader:
        """Every number with its name."""
        names = list(self._numbers)[1:]
        columns = [pa.array(range(1, len(names) + 1), pa.int32()), pa.array(names, pa.utf8())]
        return pa.table(columns, names=["number", "name"]).to_reader()


class _Loader:
    """Turns batches of the trace format into rows of `event` and `field`."""

    def __init__(self, trace: Trace) -> None:
        self.order = _Order()
        self.refusal: DriftlineError | OSError | None = None  # what ended the reading, if anything did
        self.names = {table: _Names() for table in (*(table for table, _ in _NAMED.values()), "path_name")}
        self._processes = {process.process: number for number, process in enumerate(trace.processes)}
        self._loaded = 0
        self._used = {"e"}  # columns of `event` with a value anywhere
        numbers = [pa.field(number, pa.int32()) for _, number in _NAMED.values()]
        plain = [pa.field(name, EVENT.field(name).type) for name in ("seq", "clock", "op")]
        rest = [pa.field(name, _decoded(EVENT.field(name).type)) for name in _PLAIN]
        own = [pa.field("e", pa.int64()), pa.field("p", pa.int32())]
        self._event = pa.schema([*own, *plain, *numbers, *rest])
        self._field = pa.schema([pa.field("e", pa.int64()), pa.field("f", pa.int32()), *_FIELD_MEMBERS])

    def fields(self, trace: Trace, spool: Path) -> pa.RecordBatchReader:
        """The rows of `field`; those of `event` go to the spool on the way."""
        return pa.RecordBatchReader.from_batches(self._field, _ahead(self._fields(trace, spool)))

    def _fields(self, trace: Trace, spool: Path) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(str(spool), "wb") as file, pa.ipc.new_stream(file, self._event) as stream:
            try:
                for process, batch in _joined(trace):
                    event, field = self._split(process, batch)
                    stream.write_batch(event)
                    yield field
            except (DriftlineError, OSError) as fault:
                self.refusal = fault
                raise

    def events(self, spool: Path) -> tuple[pa.RecordBatchReader, list[pa.Field]]:
        """The rows of `event`, once those of `field` have all been read, and the columns that are null in all."""
        used = [number for number, item in enumerate(self._event) if item.name in self._used]
        options = pa.ipc.IpcReadOptions(included_fields=used)
        unused = [item for item in self._event if item.name not in self._used]
        return pa.ipc.open_stream(pa.OSFile(str(spool)), options=options), unused  # mapped, all of it would be resident

    def _split(self, process: ProcessTrace, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """The rows of `event` and of `field` that a batch makes."""
        rows = batch.num_rows
        self.order.watch(batch.column("clock"))
        e = pa.arange(self._loaded + 1, self._loaded + rows + 1)
        self._loaded += rows
        made = {
            "e": e,
            "p": pa.repeat(pa.scalar(self._processes[process.process], pa.int32()), rows),
            **{number: self.names[table].numbers(batch.column(name)) for name, (table, number) in _NAMED.items()},
        }
        event = [
            made[item.name] if item.name in made else batch.column(item.name).cast(item.type) for item in self._event
        ]
        lists = batch.column("fields")
        items = pc.list_flatten(lists)
        field = [
            e.take(pc.list_parent_indices(lists)),
            self.names["path_name"].numbers(items.field("path")),
            *(items.field(member.name).cast(member.type) for member in _FIELD_MEMBERS),
        ]
        self._used.update(
            item.name for item, column in zip(self._event, event, strict=True) if column.null_count < rows
        )
        return pa.record_batch(event, schema=self._event), pa.record_batch(field, schema=self._field)


def _decoded(type_: pa.DataType) -> pa.DataType:
    """A column's type as DuckDB gets it: top-level dictionaries stay, those inside lists are decoded."""
    if pa.types.is_list(type_):
        return pa.list_(pa.struct([(f.name, _value_type(f.type)) for f in type_.value_type]))
    return type_


def _value_type(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


class _Order:
    """Whether the clock never ran backwards from one loaded event to the next."""

    def __init__(self) -> None:
        self.kept = True
        self._last = -(2**63)

    def watch(self, clock: pa.Array) -> None:
        rows = len(clock)
        backwards = clock[0].as_py() < self._last
        if rows > 1:
            backwards = backwards or pc.any(pc.less(clock.slice(1), clock.slice(0, rows - 1))).as_py()
        self.kept = self.kept and not backwards
        self._last = clock[rows - 1].as_py()


def _row(number: int, process: ProcessTrace) -> list[object]:
    record = process.record
    if record is None:
        return [number, process.process, *[None] * 5, False, process.events, 0, {}, process.missing]
    return [
        number,
        process.process,
        record.pid,
        record.host,
        record.argv,
        record.started,
        record.ended,
        record.closed,
        process.events,
        record.lost,
        record.faults,
        process.missing,
    ]
