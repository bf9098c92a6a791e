"""The branches of all processes that use a SQLite file."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable

from driftline.discipline.lines import Line, Lines
from driftline.store.sqlite.file import StoreFile, is_alive
from driftline.store.sqlite.packing import pack, unpack


class StoredLines(Lines):
    """`Lines` that are in a file.

    A process that died has ended none of its branches: they hold nothing open once it is gone.

    Args:
        file: The file.
    """

    def __init__(self, file: StoreFile) -> None:
        super().__init__()
        self._file = file
        self._host = socket.gethostname()

    def forget(self) -> None:
        """What is remembered may not be so any more."""
        self._lines.clear()

    def bury(self) -> None:
        """End the branches of processes that are gone."""
        for (process,) in self._file.rows("SELECT DISTINCT process FROM line WHERE NOT ended AND host = ?", self._host):
            if not is_alive(process):
                which = "host = ? AND process = ?"
                self._file.run(
                    f"DELETE FROM writer WHERE line IN (SELECT id FROM line WHERE NOT ended AND {which})",  # noqa: S608 - a constant
                    self._host, process,
                )  # fmt: skip
                self._file.run(f"UPDATE line SET ended = 1 WHERE NOT ended AND {which}", self._host, process)  # noqa: S608 - a constant

    def get(self, branch_id: str) -> Line | None:
        """See `Lines`, as for the others."""
        found = self._lines.get(branch_id)
        if found is None:
            row = self._file.row("SELECT name, phase, above, ended, failed FROM line WHERE id = ?", branch_id)
            if row is None:
                return None
            name, phase, above, ended, failed = row
            found = Line(name, phase, frozenset(unpack(above)), bool(ended), bool(failed))
            self._lines[branch_id] = found
        return found

    def begin(self, branch_id: str, name: str, phase: str | None, parent: str | None) -> None:
        """See `Lines`."""
        super().begin(branch_id, name, phase, parent)
        self._file.run(
            "INSERT INTO line (id, name, phase, above, host, process) VALUES (?, ?, ?, ?, ?, ?)",
            branch_id, name, phase, pack(sorted(self._lines[branch_id].above)), self._host, os.getpid(),
        )  # fmt: skip

    def end(self, branch_id: str, *, failed: bool) -> None:
        """See `Lines`."""
        line = self.get(branch_id)
        if line is not None:
            line.ended = True
            line.failed = line.failed or failed
            self._file.run("UPDATE line SET ended = 1, failed = ? WHERE id = ?", line.failed, branch_id)
            self._file.run("DELETE FROM writer WHERE line = ?", branch_id)

    def fail(self, branch_id: str) -> None:
        """See `Lines`."""
        super().fail(branch_id)
        self._file.run("UPDATE line SET failed = 1 WHERE id = ?", branch_id)

    def wrote(self, branch_id: str, object_id: str) -> None:
        """See `Lines`."""
        line = self.get(branch_id)
        if line is not None and not line.ended and object_id not in line.writes:
            line.writes.add(object_id)
            self._file.run("INSERT OR IGNORE INTO writer VALUES (?, ?)", object_id, branch_id)

    def writers(self, object_id: str) -> Iterable[str]:
        """See `Lines`."""
        rows = self._file.rows(
            "SELECT line, host, process FROM writer JOIN line ON line.id = writer.line WHERE object = ?", object_id
        )
        own = os.getpid()
        return [
            line for line, host, process in rows if process == own or host != self._host or is_alive(process)
        ]  # fmt: skip
