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

from driftline.backlog import Backlog
from driftline.calls import WIDTH, op_name
from driftline.canonical import NO_LIMIT
from driftline.columns import mend, to_columns
from driftline.header import ProcessRecord
from driftline.ledger import Ledger, Settled
from driftline.recorder import log_fault
from driftline.segments import Segments
from driftline.turn import Turn

_BATCH: Final = 8_192  # events; what is made of them stays in the processor's cache and in memory that is used again
_IDLE_SECONDS: Final = 0.25
_LOOK_AGAIN_SECONDS: Final = 0.05


class _Thread(threading.Thread):
    """A thread that is none of the program's: no branch follows into it, and nothing is queued when it starts.

    In a forked child the recorder's lock may still be held by a thread that is not there any more.
    """

    start = threading.Thread.start  # as it was when this was loaded, whatever `propagation.py` has put in its place


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
        backlog: The queue.
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
        backlog: Backlog | None = None,
        announce: bool = True,
    ) -> None:
        self.backlog = Backlog() if backlog is None else backlog  # an empty one is falsy
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
        self._turn = Turn()  # to write
        self._closing = False
        self._closes_after = False
        self._told: object = None  # what the process's record said of losses when it was last saved
        self._thread = self._start()

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
            backlog=self.backlog.empty_copy(),
            announce=False,
        )
        child._inherited = self.backlog.rows
        return child

    def pause(self) -> None:
        """Wait until no batch is being written, and begin none until `resume`."""
        self._turn.take()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._turn.give()

    # ---- called from the program's threads ------------------------------------------------------------------------

    def make_room(self, *, may_drop: bool = True) -> bool:
        """Whether a call may be queued. If it may later, wait: memory stays bounded and nothing is lost."""
        backlog = self.backlog
        if may_drop and backlog.overflow == "drop":
            return not backlog.is_full
        if self._turn.is_mine:
            return True  # it cannot wait for itself; what it calls (a log handler, the text of an object) may record
        while backlog.is_full and not self._closing:
            self._drained.clear()
            self._wake.set()
            if not self._thread.is_alive():
                self._replace_thread()
            self._drained.wait(_LOOK_AGAIN_SECONDS)
        return True

    def drop(self) -> None:
        """Count a call for which there was no room."""
        if not self.backlog.dropped:
            log_fault("overflow", BufferError("the queue is full"))
        self.backlog.dropped += 1

    def flush(self) -> None:
        """Write everything queued so far to the operating system before returning."""
        if self._turn.is_mine:
            return  # called out of its own writing, by a signal handler say: that will go on
        with self._turn:
            goal = self._taken + len(self.backlog)
        while self._taken < goal:  # not until the queue is empty: the program may fill it for ever
            with self._turn:
                self._write_some()
            if self._closes_after:
                self._closes_after = False
                self._finish()

    def seal(self) -> None:
        """Flush, and say that nothing is missing should the process be gone from here on, until `unseal`."""
        self.flush()
        with self._turn:
            if self._segments.announced:
                self._record.closed = True
                self._save_record()

    def unseal(self) -> None:
        """Take back what `seal` said, before anything else is recorded."""
        with self._turn:
            if self._record.closed:
                self._record.closed = False
                self._save_record()

    def fault(self, kind: str, fault: BaseException, lost: int = 0) -> None:
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
        if self._turn.is_mine:
            self._closes_after = True
            return
        self._thread.join()
        self._finish()

    def _finish(self) -> None:
        self.flush()
        self._segments.end()
        self._record.closed = True
        self._record.ended = time.time_ns()
        self._save_record()

    def _save_record(self) -> None:
        self._record.dropped = self.backlog.dropped
        self._told = self._losses()
        self._segments.save_record()

    def _losses(self) -> object:
        return self._record.lost, self.backlog.dropped, sum(self._record.faults.values())

    # ---- the writer thread ----------------------------------------------------------------------------------------

    def _start(self) -> threading.Thread:
        self._told = self._losses()
        thread = _Thread(target=self._run, name="driftline-writer", daemon=True)
        thread.start()
        return thread

    def _replace_thread(self) -> None:
        """The thread has died: another one takes over, or, if there can be none, the caller."""
        self.fault("writer: died", RuntimeError("the writer thread has died"))
        try:
            self._thread = self._start()
        except RuntimeError:  # the interpreter shuts down
            self.flush()

    def _run(self) -> None:
        while not self._closing:
            try:
                self._wake.wait(_IDLE_SECONDS)
                self._wake.clear()
                while self.backlog.rows and not self._closing:
                    self.flush()
                if self._segments.announced and self._told != self._losses():
                    self._save_record()  # a process that is killed says so, too
            except Exception as fault:  # noqa: BLE001 - the thread outlives whatever it meets
                self.fault(f"writer: {type(fault).__name__}", fault)
            except BaseException:  # noqa: BLE001, S112 - that too; what it cost has been counted
                continue

    def _write_some(self) -> None:
        if self._inherited:
            inherited, self._inherited = self._inherited, []
            self._ledger.settle(inherited, len(inherited) // WIDTH, _ignore)  # the parent counts the faults
        count = min(len(self.backlog), _BATCH)
        try:
            self._settle_and_write(count)
        finally:
            self._taken += count

    def _settle_and_write(self, count: int) -> None:
        """Turn calls into events on disk; whatever happens, each is one that was written, or one that was lost."""
        record, pending = self._record, count
        dealt_with = record.events + record.lost
        try:
            try:
                events = self._ledger.settle(self.backlog.rows, count, self._lost)
            finally:
                self.backlog.remove(count)
                self._drained.set()
            pending = record.lost + record.events - dealt_with + len(events)
            if len(events):
                self._encode_and_write(events)
                if self.observe is not None:
                    self.observe(events.ops)
        except BaseException as fault:
            lost = pending - (record.events + record.lost - dealt_with)
            self.fault(f"writer: {type(fault).__name__}", fault, lost)
            if not isinstance(fault, Exception):  # an interrupt, while the program's own thread flushes
                raise

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
