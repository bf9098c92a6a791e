"""Step 1, load: the trace's streams into two DuckDB tables, `loaded_event` and `loaded_field`.

Two passes over the streams, each batch by batch, so that memory stays bounded by one batch whatever the trace holds.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from driftline.errors import DriftlineError
from driftline.reader import ProcessTrace, Trace
from driftline.schema import EVENT

_FIELD_COLUMNS = ("fields",)
_EVENT_COLUMNS = tuple(name for name in EVENT.names if name not in _FIELD_COLUMNS)


def load(trace: Trace, connection: duckdb.DuckDBPyConnection) -> bool:
    """Load every whole batch of a trace.

    Makes the tables `loaded_event` (one row an event: `e`, its number in load order from 1, `p`, its process's number
    from 0, then the columns of the trace format but `fields`) and `loaded_field` (one row a field of an event: `e`,
    then the members of the format's field struct), and `process`, one row a process.

    Args:
        trace: The trace; its `missing` is known afterwards.
        connection: Where to.

    Returns:
        Whether the order of loading is the order of the clock.

    Raises:
        DriftlineError: If a segment is of a newer format, or none of Driftline's.
    """
    order = _Order()
    _pour(connection, trace, order, table="loaded_event", select="SELECT * FROM batches", columns=_EVENT_COLUMNS)
    _pour(
        connection,
        trace,
        _Order(),
        table="loaded_field",
        select="SELECT e, unnest(fields, max_depth := 2) FROM batches WHERE len(fields) > 0",
        columns=_FIELD_COLUMNS,
    )
    connection.execute(
        "CREATE TABLE process (p INTEGER, process VARCHAR, pid BIGINT, host VARCHAR, argv VARCHAR[], started BIGINT,"
        " ended BIGINT, closed BOOLEAN, events BIGINT, lost BIGINT, faults MAP(VARCHAR, BIGINT), missing VARCHAR[])",
    )
    for number, process in enumerate(trace.processes):
        connection.execute("INSERT INTO process VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(number, process))
    return order.kept


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


def _pour(
    connection: duckdb.DuckDBPyConnection,
    trace: Trace,
    order: _Order,
    *,
    table: str,
    select: str,
    columns: tuple[str, ...],
) -> None:
    """`CREATE TABLE table AS select`, where `batches` is the stream of the trace's batches."""
    refused: list[DriftlineError] = []
    batches = _refusing(_numbered(trace, columns, order), refused)
    reader = pa.RecordBatchReader.from_batches(_schema(columns), batches)
    cursor = connection.cursor()
    try:
        cursor.register("batches", reader)
        cursor.execute(f"CREATE TABLE {table} AS {select}")
        cursor.unregister("batches")
    except duckdb.Error:
        if refused:
            raise refused[0] from None
        raise
    finally:
        cursor.close()


def _refusing(batches: Iterator[pa.RecordBatch], refused: list[DriftlineError]) -> Iterator[pa.RecordBatch]:
    """The same batches; an error for the user is kept, since DuckDB passes on no more than its text."""
    try:
        yield from batches
    except DriftlineError as fault:
        refused.append(fault)
        raise


def _schema(columns: tuple[str, ...]) -> pa.Schema:
    chosen = [pa.field(name, _decoded(EVENT.field(name).type)) for name in columns]
    return pa.schema([pa.field("e", pa.int64()), pa.field("p", pa.int32()), *chosen])


def _decoded(type_: pa.DataType) -> pa.DataType:
    """A column's type as DuckDB gets it: top-level dictionaries stay, those inside lists are decoded."""
    if pa.types.is_list(type_):
        return pa.list_(pa.struct([(f.name, _value_type(f.type)) for f in type_.value_type]))
    return type_


def _value_type(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _numbered(trace: Trace, columns: tuple[str, ...], order: _Order) -> Iterator[pa.RecordBatch]:
    schema = _schema(columns)
    numbers = {process.process: number for number, process in enumerate(trace.processes)}
    loaded = 0
    for process, batch in trace.batches():
        rows = batch.num_rows
        order.watch(batch.column("clock"))
        number = pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), rows), start=pa.scalar(loaded, pa.int64()))
        own = pa.repeat(pa.scalar(numbers[process.process], pa.int32()), rows)
        chosen = [batch.column(name).cast(schema.field(name).type) for name in columns]
        loaded += rows
        yield pa.record_batch([number, own, *chosen], schema=schema)
