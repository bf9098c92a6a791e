"""Write a trace folder out of events that do not happen here and now: simulated ones, imported ones.

The folder appears whole or not at all. Batches are written as they come, so memory stays bounded.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pyarrow as pa

from driftline.errors import DriftlineError
from driftline.header import Header, ProcessRecord
from driftline.schema import EVENT, FORMAT, HEADER_FILE, segment_name

_SEGMENT: Final = 64 << 20  # bytes


@contextmanager
def new_trace(folder: Path, header: Header, *, overwrite: bool = False) -> Iterator[Path]:
    """A new trace folder.

    Args:
        folder: Where it is to be.
        header: Its header.
        overwrite: Replace an earlier trace there; anything else there is left alone.

    Yields:
        Another folder, to write streams into; it becomes `folder` at the end of the block, or is removed if that fails.

    Raises:
        DriftlineError: If something is there already, or the folder cannot be written.
    """
    folder = folder.absolute()
    if folder.exists() and not (overwrite and (folder / HEADER_FILE).is_file()):
        raise DriftlineError(
            f"{folder} is there already" + (", and is no trace" if overwrite else ""),
            "choose another name" + ("" if overwrite else ", or --overwrite the trace that is there"),
        )
    making = folder.with_name(f".{folder.name}.making")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        header.save(making)
        yield making
        if folder.exists():
            shutil.rmtree(folder)
        making.replace(folder)
    except OSError as fault:
        raise DriftlineError(
            f"{folder} cannot be written: {fault.strerror or fault}", "name a folder in one that you may write to"
        ) from fault
    finally:
        shutil.rmtree(making, ignore_errors=True)


class ProcessStream:
    """The stream of one process, in segments; closed at the end of its block.

    Args:
        folder: What `new_trace` yields.
        run: The run's id.
        record: What the process says of itself; completed here.

    Attributes:
        process: Its id.
        written: How many events it has so far.
    """

    def __init__(self, folder: Path, run: str, record: ProcessRecord) -> None:
        self._folder = folder
        self._record = record
        self._schema = EVENT.with_metadata(
            {"driftline.format": str(FORMAT), "driftline.run": run, "driftline.process": record.process},
        )
        self._options = pa.ipc.IpcWriteOptions(compression="zstd")
        self._file: pa.NativeFile | None = None
        self._writer: pa.RecordBatchWriter | None = None
        self.process = record.process
        self.written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch of `schema.EVENT`; its `seq` goes on from `written`."""
        if self._writer is None:
            path = self._folder / segment_name(self.process, self._record.segments)
            self._file = pa.OSFile(str(path), "wb")
            self._writer = pa.ipc.new_stream(self._file, self._schema, options=self._options)
            self._record.segments += 1
        self._writer.write_batch(batch)
        self.written += batch.num_rows
        self._record.ended = batch.column("clock")[batch.num_rows - 1].as_py()
        if self._file is not None and self._file.tell() >= _SEGMENT:
            self._end_segment()

    def _end_segment(self) -> None:
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._file.close()
        self._writer = self._file = None

    def close(self) -> None:
        """End the stream, and write the record of the process."""
        self._end_segment()
        self._record.events, self._record.closed = self.written, True
        self._record.ended = self._record.ended or self._record.started
        self._record.save(self._folder)
