"""What was set aside, in a SQLite file."""

from __future__ import annotations

from driftline.discipline.proposals import Proposal
from driftline.discipline.quarantine import Entry, Quarantine
from driftline.store.sqlite.file import StoreFile
from driftline.store.sqlite.packing import pack_entry, pack_held, unpack_entry, unpack_held


class StoredQuarantine(Quarantine):
    """A `Quarantine` whose entries are in a file, too.

    Args:
        file: The file.
    """

    def __init__(self, file: StoreFile) -> None:
        super().__init__(
            held=[
                (unpack_entry(entry), unpack_held(proposal))
                for entry, proposal in file.rows("SELECT entry, proposal FROM quarantine ORDER BY number")
            ]
        )
        self._file = file

    def is_current(self) -> bool:
        """Whether no other process has added to it. Nothing is ever taken away."""
        (newest,) = self._file.row("SELECT coalesce(max(number), 0) FROM quarantine")
        return bool(newest == len(self.entries))

    def _append(self, entry: Entry, proposal: Proposal | None) -> None:
        super()._append(entry, proposal)
        if hasattr(self, "_file"):  # else it comes from there
            self._file.run(
                "INSERT INTO quarantine VALUES (?, ?, ?)", entry.number, pack_entry(entry), pack_held(proposal)
            )
