"""A simulated run as it is written: the events of each process, and the ground truth beside the trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from xxhash import xxh3_128_hexdigest

from driftline.header import Header, ProcessRecord
from driftline.offline import ProcessStream, new_trace
from driftline.schema import FORMAT
from driftline.simulation.events import Row, to_batch
from driftline.simulation.kinds import Pool

#: When a simulated run begins: nanoseconds since 1970, the first moment of 2026.
START: Final = 1_767_225_600_000_000_000
_BATCH: Final = 16_384  # events
_HOST: Final = "simulated"


class _Waiting:
    """The events of one process that have not been written yet."""

    def __init__(self, stream: ProcessStream, pool: Pool) -> None:
        self.stream = stream
        self._pool = pool
        self._rows: list[Row] = []
        self._clocks: list[int] = []

    def add(self, row: Row, clock: int) -> int:
        """Add an event; returns its sequence number."""
        self._rows.append(row)
        self._clocks.append(clock)
        seq = self.stream.written + len(self._rows) - 1
        if len(self._rows) >= _BATCH:
            self.flush()
        return seq

    def flush(self) -> None:
        """Write them."""
        if self._rows:
            self.stream.write(to_batch(self._rows, self._clocks, self.stream.written, self._pool))
            self._rows, self._clocks = [], []


class Recording:
    """A simulated recording in progress.

    Attributes:
        events: How many events there are so far.
    """

    def __init__(self, waiting: list[_Waiting], truth: BinaryIO) -> None:
        self._waiting = waiting
        self._truth = truth
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
        self._clock += after
        self.events += 1
        waiting = self._waiting[row.process]
        return waiting.stream.process, waiting.add(row, self._clock)

    def tell(self, truth: dict[str, object]) -> None:
        """Add a line to the ground truth."""
        self._truth.write(msgspec.json.encode(truth) + b"\n")

    def flush(self) -> None:
        """Write what waits."""
        for waiting in self._waiting:
            waiting.flush()


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
    """A new trace folder with its truth beside it, both whole at the end of the block; if it fails, there is neither.

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
    header = Header(
        format=FORMAT,
        run=xxh3_128_hexdigest("\n".join(argv).encode()),
        created=START,
        argv=argv,
        host=_HOST,
        versions={"driftline": version("driftline")},
        policy=policy,
    )
    truth = truth_path(folder)
    making_truth = truth.with_name(f".{truth.name}.making")
    records = [
        ProcessRecord(process=f"sim-{number}", pid=0, host=_HOST, started=START) for number in range(1, processes + 1)
    ]
    try:
        with new_trace(folder, header, overwrite=overwrite) as making, making_truth.open("wb") as lines:
            with ExitStack() as streams:
                opened = [streams.enter_context(ProcessStream(making, header.run, record)) for record in records]
                made = Recording([_Waiting(stream, pool) for stream in opened], lines)
                yield made
                made.flush()
            lines.flush()
            making_truth.replace(truth)
    finally:
        with suppress(OSError):
            making_truth.unlink()
