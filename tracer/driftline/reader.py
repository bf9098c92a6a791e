"""Read a trace folder: every whole batch of every process, and what is missing.

A stream that was cut off (a killed process, a full disk) is read up to its last whole batch; a damaged one up to the
damage. What could not be read is said, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa

from driftline.errors import DriftlineError
from driftline.header import Header, ProcessRecord
from driftline.messages import Gauge, TooLargeError
from driftline.schema import EVENT, FORMAT, HEADER_FILE, segment_name

_TOLD: Final = 20  # damages of one process
_REQUIRED: Final = tuple(column.name for column in EVENT if not column.nullable)
_REQUIRED_MEMBERS: Final = {
    column.name: members
    for column in EVENT
    if pa.types.is_list(column.type)
    and (members := tuple(member.name for member in column.type.value_type if not member.nullable))
}


@dataclass
class ProcessTrace:
    """The segments of one process, and what is known of its end.

    Attributes:
        process: Id of the process.
        record: What it said of itself, or None if that file is missing or damaged.
        segments: Its files, in order.
        events: How many events were read from them (after `Trace.batches` is exhausted).
        last_seq: Sequence number of the last event read, or -1.
        absent: What is missing of its own record or its files, in words.
        damage: What was found missing when its events were read (after `Trace.batches` is exhausted), in words.
    """

    process: str
    record: ProcessRecord | None
    segments: list[Path]
    events: int = 0
    last_seq: int = -1
    absent: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    def note(self, damage: str) -> None:
        """Say what was found missing; of very many, the first few."""
        if len(self.damage) < _TOLD:
            self.damage.append(damage if len(self.damage) < _TOLD - 1 else "more is missing")

    @property
    def missing(self) -> list[str]:
        """Everything that is missing, in words; empty if nothing is."""
        return self.absent + self.damage

    @property
    def complete(self) -> bool:
        """Whether everything that this process recorded is here."""
        return not self.missing


class Trace:
    """A trace folder opened for reading.

    Attributes:
        path: The folder.
        header: Its `trace.json`.
        processes: One entry a process, by id.

    Example:
        >>> import tempfile, driftline as dl
        >>> with dl.record(tempfile.mkdtemp() + "/run.drift") as recording:
        ...     _ = dl.write("o/1", {"n": 1}, type="o")
        >>> trace = Trace(recording.path)
        >>> [batch.column("op").to_pylist() for _, batch in trace.batches()], trace.complete
        ([['branch-start', 'write', 'branch-end']], True)
    """

    def __init__(self, path: str | Path) -> None:
        """Open a trace.

        Raises:
            DriftlineError: If there is no trace at `path`, or its header is damaged or of a newer format.
        """
        self.path = Path(path)
        if not self.path.exists():
            raise DriftlineError(f"no trace at {self.path}", "name a folder NAME.drift; `driftline demo` records one")
        self.header = Header.load(self.path)
        self.processes = self._find_processes()

    def _find_processes(self) -> list[ProcessTrace]:
        found: dict[str, ProcessTrace] = {}
        for path in sorted(self.path.glob("*.json")):
            if path.name == HEADER_FILE or path.name.startswith("."):
                continue
            try:
                record = ProcessRecord.load(path)
            except DriftlineError as fault:
                found[path.stem] = ProcessTrace(path.stem, None, [], absent=[fault.message])
            else:
                found[path.stem] = ProcessTrace(path.stem, record, [])
        for path in sorted(self.path.glob("*.arrows")):
            process = path.name.rpartition(".arrows")[0].rpartition(".")[0]
            if process not in found:
                found[process] = ProcessTrace(process, None, [], absent=[f"{process}.json is missing"])
            found[process].segments.append(path)
        return [found[name] for name in sorted(found)]

    @property
    def segments(self) -> list[Path]:
        """Every stream of the trace, by process and number."""
        return [segment for process in self.processes for segment in process.segments]

    @property
    def complete(self) -> bool:
        """Whether everything that was recorded is here; known once `batches` is exhausted."""
        return all(process.complete for process in self.processes)

    @property
    def missing(self) -> list[str]:
        """What is missing, one sentence each; known once `batches` is exhausted."""
        return [f"{process.process}: {what}" for process in self.processes for what in process.missing]

    def batches(self) -> Iterator[tuple[ProcessTrace, pa.RecordBatch]]:
        """Every whole batch, by process and in order, with the columns of `schema.EVENT`.

        Columns that the file lacks are null, columns that it has beyond those are left out.

        Raises:
            DriftlineError: If a segment is of a newer format, or lacks the columns that every event has.
        """
        for process in self.processes:
            process.events, process.last_seq, process.damage = 0, -1, []
            for number, segment in enumerate(process.segments):
                if segment.name != segment_name(process.process, number) and not process.missing:
                    process.damage.append(f"the segment before {segment.name} is missing")
                for batch in _segment_batches(segment, process):
                    yield process, batch
            _check_record(process)


def _segment_batches(path: Path, process: ProcessTrace) -> Iterator[pa.RecordBatch]:
    try:
        file = pa.OSFile(str(path), "rb")
    except OSError as fault:
        process.damage.append(f"{path.name} cannot be read: {fault}")
        return
    with file:
        size = file.size()
        try:
            stream = pa.ipc.open_stream(file)
            _check_schema(path, stream.schema)
        except (pa.ArrowException, OSError, ValueError):  # a name that is not UTF-8 is a ValueError
            process.damage.append(f"{path.name} holds no whole batch ({size} bytes)")
            return
        gauge = Gauge(file)
        while True:
            start = file.tell()
            try:
                gauge.check(start)
                batch = _conform(stream.read_next_batch())
            except StopIteration:
                return
            except (pa.ArrowException, OSError, ValueError, KeyError, IndexError) as fault:
                reason = str(fault).partition("\n")[0][:120]
                what = "a batch that is too large" if isinstance(fault, TooLargeError) else "the middle of a batch"
                where = f"{path.name} ends in {what}, at byte {start} of {size}"
                process.damage.append(f"{where} ({reason})")
                return
            if batch.num_rows:
                _count(batch, path, process)
                yield batch


def _count(batch: pa.RecordBatch, path: Path, process: ProcessTrace) -> None:
    """Follow the sequence numbers, and say where they do not follow one another."""
    numbers = batch.column("seq")
    first, last = numbers[0].as_py(), numbers[batch.num_rows - 1].as_py()
    if first > process.last_seq + 1:
        process.note(f"{first - process.last_seq - 1} events before sequence {first} are missing")
    elif first <= process.last_seq:
        process.note(f"{path.name} goes back from sequence {process.last_seq} to {first}")
    within = last - first + 1 - batch.num_rows
    if within > 0:
        process.note(f"{within} events between sequence {first} and {last} are missing")
    elif within < 0:
        process.note(f"{path.name} goes back between sequence {first} and {last}")
    process.events += batch.num_rows
    process.last_seq = max(process.last_seq, last)


def _check_schema(path: Path, schema: pa.Schema) -> None:
    stated = (schema.metadata or {}).get(b"driftline.format", b"")
    if not stated.isdigit():
        raise DriftlineError(
            f"{path} is an Arrow stream, but not one of Driftline's",
            "remove it from the trace folder",
        )
    if int(stated) > FORMAT:
        raise DriftlineError(
            f"{path} has trace format {int(stated)}; this Driftline reads up to format {FORMAT}",
            "pip install --upgrade driftline",
        )
    for column in EVENT:
        if column.name not in schema.names:
            if not column.nullable:
                raise DriftlineError(f"{path} lacks the column {column.name!r}", "record the trace again")
        elif _plain(schema.field(column.name).type) != _plain(column.type):
            raise DriftlineError(
                f"{path}: column {column.name!r} is {schema.field(column.name).type}, not {column.type}",
                "record the trace again, or write it as docs/trace-format.md says",
            )


def _plain(type_: pa.DataType) -> pa.DataType:
    """A type without the choice of dictionary encoding, which a writer is free to make."""
    if pa.types.is_dictionary(type_):
        return _plain(type_.value_type)
    if pa.types.is_large_string(type_):
        return pa.utf8()
    if pa.types.is_list(type_):
        return pa.list_(_plain(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([(f.name, _plain(f.type)) for f in type_])
    return type_


def _conform(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with exactly the columns of `EVENT`; what it lacks is null."""
    batch.validate(full=True)  # offsets and dictionary indices come from a file: check before anything trusts them
    for name in _REQUIRED:
        if batch.column(name).null_count:
            raise pa.ArrowInvalid(f"column {name!r} has nulls")
    for name, members in _REQUIRED_MEMBERS.items():
        if name in batch.schema.names:
            items = batch.column(name).flatten()
            if items.null_count or any(items.field(member).null_count for member in members):
                raise pa.ArrowInvalid(f"column {name!r} has nulls in {' or '.join(members)}")
    if batch.num_columns == len(EVENT) and batch.schema.names == EVENT.names:
        return batch
    columns = [
        batch.column(column.name) if column.name in batch.schema.names else pa.nulls(batch.num_rows, column.type)
        for column in EVENT
    ]
    return pa.record_batch(columns, names=EVENT.names)


def _check_record(process: ProcessTrace) -> None:
    record = process.record
    if record is None:
        return
    if not record.closed:
        process.damage.append("the process did not end its recording: events after the last flush are missing")
    elif record.events > process.events:
        process.damage.append(f"{record.events - process.events} of {record.events} events are missing")
    if record.dropped:
        process.damage.append(f"{record.dropped} events were dropped while recording: the queue was full")
    if record.lost:
        process.damage.append(f"{record.lost} events could not be written while recording")
