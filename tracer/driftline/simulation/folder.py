"""The trace folder of a simulated run, written as its events come, and the file of its ground truth beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
from xxhash import xxh3_128_hexdigest

from driftline.errors import DriftlineError
from driftline.header import Header, ProcessRecord
from driftline.schema import EVENT, FORMAT, HEADER_FILE, segment_name
from driftline.simulation.events import Row, to_batch
from driftline.simulation.kinds import Pool

#: When a simulated run begins: nanoseconds since 1970, the first moment of 2026.
START: Final = 1_767_225_600_000_000_000
_BATCH: Final = 16_384  # events
_SEGMENT: Final = 64 << 20  # bytes
_HOST: Final = "simulated"


class _Stream:
    """The events of one process, in segments."""

    def __init__(self, folder: Path, number: int, run: str, pool: Pool) -> None:
        self._folder = folder
        self._pool = pool
        self._record = ProcessRecord(process=f"sim-{number}", pid=0, host=_HOST, started=START)
        self._schema = EVENT.with_metadata(
            {"driftline.format": str(FORMAT), "driftline.run": run, "driftline.process": self._record.process},
        )
        self._options = pa.ipc.IpcWriteOptions(compression="zstd")
        self._file: pa.NativeFile | None = None
        self._writer: pa.RecordBatchWriter | None = None
        self.process = self._record.process
        self.rows: list[Row] = []
        self.clocks: list[int] = []
        self.written = 0

    def flush(self) -> None:
        """Write the events that wait."""
        if not self.rows:
            return
        if self._writer is None:
            path = self._folder / segment_name(self.process, self._record.segments)
            self._file = pa.OSFile(str(path), "wb")
            self._writer = pa.ipc.new_stream(self._file, self._schema, options=self._options)
            self._record.segments += 1
        self._writer.write_batch(to_batch(self.rows, self.clocks, self.written, self._pool))
        self.written += len(self.rows)
        self._record.ended = self.clocks[-1]
        self.rows, self.clocks = [], []
        if self._file is not None and self._file.tell() >= _SEGMENT:
            self.end_segment()

    def end_segment(self) -> None:
        """Close the file in use, if any; the next event begins another."""
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._file.close()
        self._writer = self._file = None

    def close(self) -> None:
        """Write what waits, and the record of the process."""
        self.flush()
        self.end_segment()
        self._record.events, self._record.closed = self.written, True
        self._record.ended = self._record.ended or START
        self._record.save(self._folder)


class Recording:
    """A simulated recording in progress.

    Attributes:
        events: How many events there are so far.
    """

    def __init__(self, folder: Path, truth: Path, header: Header, processes: int, pool: Pool) -> None:
        header.save(folder)
        self._streams = [_Stream(folder, number, header.run, pool) for number in range(1, processes + 1)]
        self._truth = truth.open("wb")
        self._clock = START
        self.events = 0

    def emit(self, row: Row, after: int) -> tuple[str, int]:
        """Record an event.

        Args:
            row: The event.
            after: Nanoseconds since the one before, 1 or more.

        Returns:
            The process and sequence number that it got: together its id.
        """
        stream = self._streams[row.process]
        self._clock += after
        stream.rows.append(row)
        stream.clocks.append(self._clock)
        self.events += 1
        seq = stream.written + len(stream.rows) - 1
        if len(stream.rows) >= _BATCH:
            stream.flush()
        return stream.process, seq

    def tell(self, truth: dict[str, object]) -> None:
        """Add a line to the ground truth."""
        self._truth.write(msgspec.json.encode(truth) + b"\n")

    def close(self) -> None:
        """Write what waits."""
        self._truth.close()
        for stream in self._streams:
            stream.close()


def truth_path(folder: Path) -> Path:
    """Where the ground truth of a simulated trace lies: beside it.

    Example:
        >>> truth_path(Path("runs/big.drift")).as_posix()
        'runs/big.truth.ndjson'
    """
    return folder.with_name(f"{folder.name.removesuffix('.drift')}.truth.ndjson")


@contextmanager
def recording(
    folder: Path, argv: list[str], processes: int, pool: Pool, *, policy: str | None, overwrite: bool
) -> Iterator[Recording]:
    """A new trace folder, complete at the end of the block; if that fails, there is none.

    Args:
        folder: The trace folder to make.
        argv: What stands in its header for the command line; the run's id follows from it.
        processes: How many processes the run has.
        pool: What the values of the events are numbers in.
        policy: The text of the policy in force.
        overwrite: Replace an earlier trace there.

    Raises:
        DriftlineError: If something else is there, or the folder cannot be written.
    """
    folder = folder.absolute()
    if folder.exists() and not (overwrite and (folder / HEADER_FILE).is_file()):
        raise DriftlineError(
            f"{folder} is there already" + (", and is no trace" if overwrite else ""),
            "choose another name" + ("" if overwrite else ", or --overwrite the trace that is there"),
        )
    truth = truth_path(folder)
    header = Header(
        format=FORMAT,
        run=xxh3_128_hexdigest("\n".join(argv).encode()),
        created=START,
        argv=argv,
        host=_HOST,
        versions={"driftline": version("driftline")},
        policy=policy,
    )
    making = folder.with_name(f".{folder.name}.making")
    making_truth = truth.with_name(f".{truth.name}.making")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        made = Recording(making, making_truth, header, processes, pool)
        try:
            yield made
        finally:
            made.close()
        if folder.exists():
            shutil.rmtree(folder)
        making.replace(folder)
        making_truth.replace(truth)
    except OSError as fault:
        raise DriftlineError(
            f"{folder} cannot be written: {fault.strerror or fault}", "name a folder in one that you may write to"
        ) from fault
    finally:
        shutil.rmtree(making, ignore_errors=True)
        with suppress(OSError):
            making_truth.unlink()
