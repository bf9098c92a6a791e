"""The writer thread: drains the queue into this process's Arrow stream, flushed at least every second.

Whatever goes wrong here is counted; the traced program never hears of it except by one log line.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from driftline.calls import WIDTH, op_name
from driftline.canonical import NO_LIMIT
from driftline.columns import mend, to_columns
from driftline.header import ProcessRecord
from driftline.ledger import Ledger, Settled
from driftline.recorder import log_fault
from driftline.segments import Segments

_BATCH: Final = 8_192  # events; what is made of them stays in the processor's cache and in memory that is used again
_IDLE_SECONDS: Final = 0.25


class Writer:
    """Owns the queue and the thread of this process.

    Args:
        folder: The trace folder; it exists.
        record: This process's record of itself, rewritten when the writer closes or rotates.
        run: Id of the run, written into every segment.
        ledger: Makes events of the calls that are queued.
        values: Whether values are kept, or only their digests.
        value_limit: Bytes of a value's JSON above which only its beginning is kept.
        segment_bytes: A segment is closed and the next one begun above this size.
        queue_limit: Callers wait while this many events are queued.
        announce: Whether the process's record is written at once, rather than with the first events.
    """

    def __init__(
        self,
        folder: Path,
        record: ProcessRecord,
        *,
        run: str,
        ledger: Ledger,
        values: bool = True,
        value_limit: int = NO_LIMIT,
        segment_bytes: int = 64 << 20,
        queue_limit: int = 131_072,
        announce: bool = True,
    ) -> None:
        self.rows: list[Any] = []
        self.row_limit = queue_limit * WIDTH
        self.objects = ledger.objects
        self._folder = folder
        self._record = record
        self._values = values
        self._value_limit = value_limit
        self._segment_bytes = segment_bytes
        self._run_id = run
        self._ledger = ledger
        self._segments = Segments(folder, record, run=run, limit=segment_bytes, fault=self.fault, announce=announce)
        self._inherited: list[Any] = []  # what was queued when this process was forked
        self.observe: Callable[[list[str]], None] | None = None  # told the operations of each batch
        self._taken = 0  # events taken from the queue and dealt with
        self._wake = threading.Event()
        self._drained = threading.Event()
        self._flush_lock = threading.RLock()  # a signal handler may stop the recording while its thread flushes
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="driftline-writer", daemon=True)
        self._thread.start()

    @property
    def record(self) -> ProcessRecord:
        """What this process says of itself."""
        return self._record

    def for_child(self, record: ProcessRecord) -> Writer:
        """A writer like this one for a forked child, with a queue, a stream and a thread of its own.

        The child inherits the ledger; what was still queued is the parent's to write, and brings the ledger up to the
        fork once the child has something to write itself. Until then it says nothing of itself: many a child only
        becomes another program.
        """
        child = Writer(
            self._folder,
            record,
            run=self._run_id,
            ledger=self._ledger,
            values=self._values,
            value_limit=self._value_limit,
            segment_bytes=self._segment_bytes,
            queue_limit=self.row_limit // WIDTH,
            announce=False,
        )
        child._inherited = self.rows
        return child

    def pause(self) -> None:
        """Wait until no batch is being written, and begin none until `resume`."""
        self._flush_lock.acquire()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._flush_lock.release()

    # ---- called from the program's threads ------------------------------------------------------------------------

    def drain_below_limit(self) -> None:
        """Wait until the queue is short again: memory stays bounded and nothing is lost."""
        while len(self.rows) >= self.row_limit and self._thread.is_alive():
            self._drained.clear()
            self._wake.set()
            self._drained.wait(0.05)

    def flush(self) -> None:
        """Write everything queued so far to the operating system before returning."""
        with self._flush_lock:
            goal = self._taken + len(self.rows) // WIDTH
        while self._taken < goal:  # not until the queue is empty: the program may fill it for ever
            with self._flush_lock:
                self._write_some()

    def seal(self) -> None:
        """Flush, and say that nothing is missing should the process be gone from here on, until `unseal`."""
        self.flush()
        with self._flush_lock:
            if self._segments.announced:
                self._record.closed = True
                self._segments.save_record()

    def unseal(self) -> None:
        """Take back what `seal` said, before anything else is recorded."""
        with self._flush_lock:
            if self._record.closed:
                self._record.closed = False
                self._segments.save_record()

    def fault(self, kind: str, fault: Exception, lost: int = 0) -> None:
        """Count a fault and the events that it lost; log the first of its kind."""
        faults = self._record.faults
        if kind not in faults:
            log_fault(kind, fault)
        faults[kind] = faults.get(kind, 0) + 1
        self._record.lost += lost

    def close(self) -> None:
        """Drain the queue, end the stream and save the process's final record."""
        self._closing = True
        self._wake.set()
        self._thread.join()
        self.flush()
        self._segments.end()
        self._record.closed = True
        self._record.ended = time.time_ns()
        self._segments.save_record()

    # ---- the writer thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(_IDLE_SECONDS)
            self._wake.clear()
            try:
                while self.rows and not self._closing:
                    self.flush()
            except Exception as fault:  # noqa: BLE001 - the thread outlives whatever it meets
                self.fault(f"writer: {type(fault).__name__}", fault)

    def _write_some(self) -> None:
        if self._inherited:
            inherited, self._inherited = self._inherited, []
            self._ledger.settle(inherited, len(inherited) // WIDTH, _ignore)  # the parent counts the faults
        rows = self.rows
        count = min(len(rows) // WIDTH, _BATCH)
        try:
            try:
                events = self._ledger.settle(rows, count, self._lost)
            finally:
                del rows[: count * WIDTH]  # slicing and deletion are atomic; the program only ever adds to the end
                self._drained.set()
            if len(events):
                self._encode_and_write(events)
                if self.observe is not None:
                    self.observe(events.ops)
        finally:
            self._taken += count

    def _lost(self, op: str, fault: Exception) -> None:
        """An event could not be recorded: counted; the trace says how many."""
        self.fault(f"{op}: {type(fault).__name__}", fault, lost=1)

    def _encode_and_write(self, events: Settled) -> None:
        try:
            columns = self._encode(events)
        except Exception as fault:  # noqa: BLE001 - what the program passed may be anything
            self.fault(f"encode: {type(fault).__name__}", fault)
            self._mend_and_write(mend(events))
        else:
            self._segments.write(columns)

    def _mend_and_write(self, events: Settled) -> None:
        """Write what can be encoded of these, halving the batch until what cannot be is alone."""
        try:
            columns = self._encode(events)
        except Exception as fault:  # noqa: BLE001 - counted, below
            if len(events) == 1:
                self._lost(f"encode {op_name(events.ops[0])}", fault)
                return
            half = len(events) // 2
            self._mend_and_write(events.part(0, half))
            self._mend_and_write(events.part(half, len(events)))
        else:
            self._segments.write(columns)

    def _encode(self, events: Settled) -> dict[str, pa.Array]:
        first = self._record.events + self._record.lost
        return to_columns(events, first, values=self._values, limit=self._value_limit)


def _ignore(_op: str, _fault: Exception) -> None:
    pass
