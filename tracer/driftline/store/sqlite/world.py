"""What has been promoted, in a SQLite file: loaded when it is asked for, written before each commit."""

from __future__ import annotations

from collections.abc import Iterator

from driftline.discipline.world import KeptOut, ObjectState, World
from driftline.store.sqlite.file import StoreFile
from driftline.store.sqlite.packing import pack_state, unpack_state


class StoredWorld(World):
    """A `World` whose objects are in a file.

    Args:
        file: The file.
    """

    def __init__(self, file: StoreFile) -> None:
        super().__init__()
        self._file = file
        self._none: set[str] = set()  # objects that are known not to exist
        self._changed: set[str] = set()

    def forget(self) -> None:
        """What is remembered may not be so any more."""
        for known in (self._objects, self._referrers, self._tasks, self._kept_out, self._none, self._changed):
            known.clear()

    def flush(self) -> None:
        """Write what has changed."""
        for object_id in self._changed:
            state = self._objects[object_id]
            self._file.run(
                "UPDATE object SET state = ?, type = ?, live = ? WHERE id = ?",
                pack_state(state), state.type, state.live, object_id,
            )  # fmt: skip
        self._changed.clear()

    def get(self, object_id: str) -> ObjectState | None:
        """See `World`, as for the others."""
        found = self._objects.get(object_id)
        if found is None and object_id not in self._none:
            row = self._file.row("SELECT state FROM object WHERE id = ? AND state IS NOT NULL", object_id)
            if row is None:
                self._none.add(object_id)
                return None
            found = self._objects[object_id] = unpack_state(row[0])
        return found

    def put(self, object_id: str, state: ObjectState) -> None:
        """See `World`."""
        before = self.get(object_id)
        held = set() if before is None or not before.live else set(before.references.items())
        holds = set(state.references.items()) if state.live else set()
        if held or holds:
            for path, target in held - holds:
                self._file.run(
                    "DELETE FROM reference WHERE target = ? AND object = ? AND path = ?", target, object_id, path
                )
            for path, target in holds - held:
                self._file.run("INSERT OR IGNORE INTO reference VALUES (?, ?, ?)", target, object_id, path)
        super().put(object_id, state)
        self._none.discard(object_id)
        self._changed.add(object_id)

    def referrers(self, object_id: str) -> frozenset[tuple[str, str]]:
        """See `World`."""
        found = self._referrers.get(object_id)
        if found is None:
            rows = self._file.rows("SELECT object, path FROM reference WHERE target = ?", object_id)
            found = self._referrers[object_id] = frozenset(rows)
        return found

    def task_done(self, signature: int, branch_id: str) -> None:
        """See `World`."""
        self._file.run("INSERT OR IGNORE INTO task VALUES (?, ?)", f"{signature:x}", branch_id)

    def who_did(self, signature: int) -> str | None:
        """See `World`."""
        row = self._file.row("SELECT line FROM task WHERE signature = ?", f"{signature:x}")
        return None if row is None else str(row[0])

    def kept_out(self, object_id: str, position: int) -> KeptOut | None:
        """See `World`: besides what this transaction says, whatever was refused."""
        if (object_id, position) in self._kept_out:
            return self._kept_out[object_id, position]
        row = self._file.row("SELECT refused, phase FROM version WHERE object = ? AND version = ?", object_id, position)
        return None if row is None or row[0] is None else KeptOut(row[0], row[1])

    def of_type(self, type_: str | None) -> Iterator[tuple[str, ObjectState]]:
        """See `World`."""
        self.flush()
        for (object_id,) in self._file.rows("SELECT id FROM object WHERE live AND type IS ?", type_):
            state = self.get(object_id)
            if state is not None:
                yield object_id, state

    def ids(self) -> list[str]:
        """See `World`."""
        self.flush()
        return [row[0] for row in self._file.rows("SELECT id FROM object WHERE state IS NOT NULL ORDER BY id")]
