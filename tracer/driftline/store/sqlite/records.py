"""The versions of all objects, in a SQLite file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from driftline.store.entry import HistoryEntry
from driftline.store.records import exists
from driftline.store.sqlite.file import StoreFile
from driftline.store.sqlite.packing import pack_history, pack_value, unpack_history, unpack_value
from driftline.values import ABSENT

_PROMOTED: Final = frozenset({"promoted", "merged"})


class StoredRecords:
    """`Records` in a file. The newest version of each object that was asked for is remembered.

    Args:
        file: The file.
    """

    def __init__(self, file: StoreFile) -> None:
        self._file = file
        self._heads: dict[str, HistoryEntry | None] = {}
        self._standing: dict[str, dict[str, Any]] = {}
        self._numbers: dict[str, int] = {}
        self._own: dict[tuple[str, str], int] = {}  # the newest version that a branch made of an object

    def forget(self) -> None:
        """What is remembered may not be so any more."""
        for known in (self._heads, self._standing, self._numbers, self._own):
            known.clear()

    def number(self, object_id: str) -> int:
        """See `Records`, as for the others."""
        found = self._numbers.get(object_id)
        if found is None:
            row = self._file.row("SELECT number FROM object WHERE id = ?", object_id)
            found = self._numbers[object_id] = 0 if row is None else row[0]
        return found

    def head(self, object_id: str) -> HistoryEntry | None:
        """See `Records`."""
        if object_id not in self._heads:
            row = self._file.row(
                "SELECT entry FROM object JOIN version ON version.object = id AND version.version = head WHERE id = ?",
                object_id,
            )
            self._heads[object_id] = None if row is None else unpack_history(row[0])
        return self._heads[object_id]

    def standing(self, object_id: str) -> Mapping[str, Any]:
        """See `Records`."""
        found = self._standing.get(object_id)
        if found is None:
            found = self._standing[object_id] = dict(self.state(object_id, self.number(object_id)))
        return found

    def add(self, entry: HistoryEntry, changes: Mapping[str, Any] | None) -> None:
        """See `Records`."""
        run, object_id, version = self._file.run, entry.object, entry.version
        own = changes is not None and entry.releases is None
        standing = dict(self.standing(object_id)) if changes is not None else {}
        run(
            "INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?)",
            object_id, version, changes is not None, None if entry.verdict in _PROMOTED else entry.branch, entry.phase,
            entry.line if own else None, pack_history(entry),
        )  # fmt: skip
        run(
            "INSERT INTO object (id, number, head) VALUES (?1, ?2, ?3)"
            " ON CONFLICT (id) DO UPDATE SET number = ?2, head = coalesce(?3, head)",
            object_id, version, version if changes is not None else None,
        )  # fmt: skip
        self._numbers[object_id] = version
        if changes is None:
            return
        for path, value in changes.items():
            run("INSERT INTO change VALUES (?, ?, ?, ?)", object_id, path, version, pack_value(value))
            if value is ABSENT:
                standing.pop(path, None)
            else:
                standing[path] = value
        self._standing[object_id] = standing
        self._heads[object_id] = entry
        if own:
            self._own[object_id, entry.line] = version

    def landed(self, object_id: str, version: int) -> HistoryEntry | None:
        """See `Records`."""
        head = self.head(object_id)
        if head is not None and head.version <= version:
            return head
        row = self._file.row(
            "SELECT entry FROM version WHERE object = ? AND version <= ? AND landed ORDER BY version DESC LIMIT 1",
            object_id, version,
        )  # fmt: skip
        return None if row is None else unpack_history(row[0])

    def value(self, object_id: str, path: str, version: int) -> Any:
        """See `Records`."""
        row = self._file.row(
            "SELECT value FROM change WHERE object = ? AND path = ? AND version <= ? ORDER BY version DESC LIMIT 1",
            object_id, path, version,
        )  # fmt: skip
        return ABSENT if row is None else unpack_value(row[0])

    def state(self, object_id: str, version: int) -> Mapping[str, Any]:
        """See `Records`."""
        head = self.head(object_id)
        if object_id in self._standing and head is not None and head.version <= version:
            return dict(self._standing[object_id])
        rows = self._file.rows(  # with max() SQLite gives the other columns of the row that has it
            "SELECT path, value, max(version) FROM change WHERE object = ? AND version <= ? GROUP BY path",
            object_id, version,
        )  # fmt: skip
        return {path: unpack_value(value) for path, value, _ in rows if value is not None}

    def own(self, object_id: str, line: str, after: int) -> Sequence[HistoryEntry]:
        """See `Records`."""
        newest = self._own.get((object_id, line))
        if newest is None:
            row = self._file.row("SELECT max(version) FROM version WHERE object = ? AND line = ?", object_id, line)
            newest = self._own[object_id, line] = row[0] or 0
        if newest <= after:
            return ()
        rows = self._file.rows(
            "SELECT entry FROM version WHERE object = ? AND line = ? AND version > ? ORDER BY version",
            object_id, line, after,
        )  # fmt: skip
        return [unpack_history(packed) for (packed,) in rows]

    def entries(self, object_id: str) -> Sequence[HistoryEntry]:
        """See `Records`."""
        rows = self._file.rows("SELECT entry FROM version WHERE object = ? ORDER BY version", object_id)
        return [unpack_history(packed) for (packed,) in rows]

    def ids(self, prefix: str) -> list[str]:
        """See `Records`."""
        rows = self._file.rows(
            "SELECT id FROM object WHERE head IS NOT NULL AND substr(id, 1, ?) = ? ORDER BY id", len(prefix), prefix
        )
        return [object_id for (object_id,) in rows if self._exists(object_id)]

    def _exists(self, object_id: str) -> bool:
        head = self.head(object_id)
        return head is not None and (head.op != "delete" or exists(head, self.standing(object_id)))
