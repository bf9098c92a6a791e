"""The stream files of one process: begun, written batch by batch, rotated, and cut where a write failed.

What has been written survives `kill -9`: batches go to the operating system whole. A write that fails (full disk,
folder removed) costs its batch and is counted; the next batch begins a new segment.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from driftline.header import ProcessRecord
from driftline.schema import EVENT, FORMAT, segment_name

#: Columns that most programs fill sooner or later. A segment has these and those that its process has used so far: even
#: a column of nothing takes time, and an event has thirty.
_USUAL: Final = frozenset(
    {"seq", "clock", "op", "branch", "object", "type", "version", "version_inferred", "base", "base_inferred", "depth"}
    | {"whole", "fields", "name", "parent", "phase", "status"},
)


class Segments:
    """The open segment of a process, and what came before it.

    Args:
        folder: The trace folder; it exists.
        record: The process's record of itself, kept up to date here.
        run: Id of the run, written into every segment.
        limit: A segment is ended and the next one begun above this size in bytes.
        fault: Told the kind of each fault, the fault, and how many events it cost.
        announce: Whether the process's record is written at once, rather than with the first events.

    Attributes:
        announced: Whether the process's record is in the folder.
    """

    def __init__(
        self,
        folder: Path,
        record: ProcessRecord,
        *,
        run: str,
        limit: int,
        fault: Callable[[str, Exception, int], None],
        announce: bool,
    ) -> None:
        self._folder = folder
        self._record = record
        self._limit = limit
        self._fault = fault
        self._metadata = {"driftline.format": str(FORMAT), "driftline.run": run, "driftline.process": record.process}
        self._schema = pa.schema([column for column in EVENT if column.name in _USUAL], self._metadata)
        self._path = folder  # of the open segment
        self._file: Any = None
        self._stream: Any = None
        self._good = 0  # bytes of the open segment that hold whole batches
        self.announced = announce
        if announce:
            record.save(folder)

    def write(self, columns: Mapping[str, pa.Array]) -> None:
        """Write a batch of columns of `schema.EVENT`; what it leaves out is null."""
        if not columns.keys() <= set(self._schema.names):
            self._widen(columns)
        length = len(columns["seq"])
        batch = pa.record_batch(
            [columns[c.name] if c.name in columns else pa.nulls(length, c.type) for c in self._schema],
            schema=self._schema,
        )
        try:
            if self._stream is None:
                self._begin()
            self._stream.write_batch(batch)
        except (OSError, pa.ArrowException) as fault:
            self._fault(f"write: {type(fault).__name__}", fault, length)
            self._abandon()
            return
        self._record.events += length
        self._good = self._file.tell()
        if self._good >= self._limit:
            self.end()
            self.save_record()

    def _widen(self, columns: Mapping[str, pa.Array]) -> None:
        """Columns turn up that no segment of this process has had: the next one has them."""
        names = {*self._schema.names, *columns}
        self._schema = pa.schema([column for column in EVENT if column.name in names], self._metadata)
        if self._stream is not None:
            self.end()
            self.save_record()

    def _begin(self) -> None:
        if not self.announced:
            self._record.save(self._folder)
            self.announced = True
        path = self._folder / segment_name(self._record.process, self._record.segments)
        self._record.segments += 1
        self._good = 0
        self._path = path
        self._file = pa.OSFile(str(path), "wb")  # unbuffered: a written batch is the operating system's at once
        # Its own threads would cost the program half as much processor time again.
        options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
        self._stream = pa.ipc.new_stream(self._file, self._schema, options=options)

    def end(self) -> None:
        """End the open segment, if there is one."""
        if self._stream is None:
            return
        try:
            self._stream.close()
            self._file.close()
        except OSError as fault:
            self._fault(f"close: {type(fault).__name__}", fault, 0)
            self._abandon()
        self._stream = self._file = None

    def _abandon(self) -> None:
        """Cut a half-written batch off, so that the segment ends with a whole one, and go on in a new segment."""
        file, self._file, self._stream = self._file, None, None
        if file is None:
            return
        with contextlib.suppress(OSError):
            file.close()
        with contextlib.suppress(OSError):
            if self._good:
                os.truncate(self._path, self._good)
            else:
                self._path.unlink()

    def save_record(self) -> None:
        """Rewrite what the process says of itself."""
        try:
            self._record.save(self._folder)
        except OSError as fault:
            self._fault(f"save record: {type(fault).__name__}", fault, 0)
