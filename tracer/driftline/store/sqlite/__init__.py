"""A store in a SQLite file, shared by threads and processes.

What the pipeline knows is the file's: an object's state is loaded when it is asked for, kept until another process
changes the file, and written before each commit. So a process that opens the file, and one that has waited for its
turn, decide by what all of them have done.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from driftline.session import RECORDING
from driftline.store.records import Records
from driftline.store.sqlite.file import StoreFile
from driftline.store.sqlite.lines import StoredLines
from driftline.store.sqlite.quarantine import StoredQuarantine
from driftline.store.sqlite.records import StoredRecords
from driftline.store.sqlite.world import StoredWorld


class SqliteBackend:
    """Keeps a store in a SQLite file.

    Args:
        path: The file; made if it is not there.

    Raises:
        DriftlineError: If it cannot be opened, or is no store.
    """

    waits = True

    def __init__(self, path: Path) -> None:
        self._file = StoreFile(path)
        self.world = StoredWorld(self._file)
        self.lines = StoredLines(self._file)
        self._records = StoredRecords(self._file)
        self.records: Records = self._records
        self._quarantine: StoredQuarantine | None = None
        self._is_unsure = False  # whether another process may have added to it
        self._orders = 0
        self._file.forget, self._file.flush, self._file.begun = self._forget, self._flush, self._begun
        try:
            with self.lock:
                self.lines.bury()
        except BaseException:
            self._file.close()
            raise

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """See `Backend`, as for the others."""
        return self._file.writing()

    @property
    def reading(self) -> AbstractContextManager[Any]:
        """See `Backend`."""
        return self._file.reading()

    @property
    def quarantine(self) -> StoredQuarantine:
        """See `Backend`."""
        if self._quarantine is None or (self._is_unsure and not self._quarantine.is_current()):
            self._quarantine = StoredQuarantine(self._file)
        self._is_unsure = False
        return self._quarantine

    def order(self) -> int:
        """See `Backend`."""
        self._orders += 1
        return self._orders

    def close(self) -> None:
        """See `Backend`."""
        self._file.close()

    def continue_in_child(self) -> None:
        """See `Backend`."""
        self._file.continue_in_child()

    # ---- what the file asks for -------------------------------------------------------------------------------------

    def _begun(self) -> None:
        """Nothing that follows is earlier than what other processes have done."""
        clock, self._orders = self._file.row("SELECT clock, orders FROM moment")
        tracker = RECORDING.tracker
        if tracker is not None:
            tracker.witness(clock)

    def _flush(self) -> None:
        self.world.flush()
        tracker = RECORDING.tracker
        if tracker is not None:
            self._file.run("UPDATE moment SET clock = ?, orders = ?", tracker.now(), self._orders)

    def _forget(self) -> None:
        self.world.forget()
        self.lines.forget()
        self._records.forget()
        self._is_unsure = True
