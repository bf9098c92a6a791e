"""The SQLite file of a store: opened, told from other files, and locked by transactions.

One connection a process, used under one lock; processes take turns by `BEGIN IMMEDIATE`, and readers go on meanwhile
(write-ahead log). What a process remembers of the file is forgotten when another has changed it (`data_version`).
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from driftline.errors import DriftlineError

APPLICATION: Final = 0x44524654  # "DRFT"
SCHEMA_VERSION: Final = 1
_TIMEOUT: Final = 30.0  # seconds to wait for another process
_CODES_OF_DAMAGE: Final = ("malformed", "not a database", "corrupt")

_SCHEMA: Final = """
CREATE TABLE object (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL, head INTEGER, type TEXT, live INTEGER NOT NULL DEFAULT 0, state BLOB
) WITHOUT ROWID;
CREATE TABLE version (
    object TEXT, version INTEGER, landed INTEGER NOT NULL, refused TEXT, phase TEXT, line TEXT, entry BLOB NOT NULL,
    PRIMARY KEY (object, version)
) WITHOUT ROWID;
CREATE INDEX own ON version (object, line, version) WHERE line IS NOT NULL;
CREATE TABLE change (
    object TEXT, path TEXT, version INTEGER, value BLOB, PRIMARY KEY (object, path, version)
) WITHOUT ROWID;
CREATE TABLE reference (target TEXT, object TEXT, path TEXT, PRIMARY KEY (target, object, path)) WITHOUT ROWID;
CREATE TABLE line (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, phase TEXT, above BLOB NOT NULL, ended INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0, host TEXT NOT NULL, process INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX at_work ON line (host, process) WHERE NOT ended;
CREATE TABLE writer (object TEXT, line TEXT, PRIMARY KEY (object, line)) WITHOUT ROWID;
CREATE INDEX writer_line ON writer (line);
CREATE TABLE task (signature TEXT PRIMARY KEY, line TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE quarantine (number INTEGER PRIMARY KEY, entry BLOB NOT NULL, proposal BLOB);
CREATE TABLE moment (one INTEGER PRIMARY KEY CHECK (one = 1), clock INTEGER NOT NULL, orders INTEGER NOT NULL);
INSERT INTO moment VALUES (1, 0, 0);
"""


#: The files that this process has open: a second store on one would wait for the first for ever.
_OPEN: Final[set[Path]] = set()


class StoreFile:
    """The file of a store, open.

    Args:
        path: Where it is; made if it is not there.

    Attributes:
        path: As above.
        forget: Called when another process has changed the file, or what was changed here was taken back.
        flush: Called before what was changed is committed.
        begun: Called when a transaction that writes has begun.

    Raises:
        DriftlineError: If it cannot be opened, or is no store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.forget: Callable[[], None] = lambda: None
        self.flush: Callable[[], None] = lambda: None
        self.begun: Callable[[], None] = lambda: None
        self._lock = threading.RLock()
        self._level = 0
        self._writes = False
        self._seen = -1
        self._closes = False
        self._left: list[sqlite3.Connection] = []  # of a parent process; closing them here is not ours
        if self.path in _OPEN:
            raise DriftlineError(
                f"{self.path} is open in this process already", "use that store: every thread may, and coroutines, too"
            )
        with self._told("opened"):
            self._connection = self._open()
        _OPEN.add(self.path)

    def close(self) -> None:
        """Close it, at once or when the transaction has ended that goes on."""
        self._closes = True
        _OPEN.discard(self.path)
        if not self._level:
            self._connection.close()

    def continue_in_child(self) -> None:
        """After a fork, in the child: a connection of its own, as SQLite demands."""
        self._left.append(self._connection)
        self._lock = threading.RLock()
        self._level = 0
        self._seen = -1
        self._connection = self._open()
        self.forget()

    # ---- opening ----------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=256
            )
        except sqlite3.OperationalError as fault:
            raise DriftlineError(
                f"{self.path} cannot be opened: {fault}", "name a file in a folder that exists and may be written to"
            ) from fault
        try:
            self._check(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        """See that it is a store of this version, or make it one if it is empty."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if not tables and application in (0, APPLICATION):
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            else:
                self._demand_ours(application, version)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _demand_ours(self, application: int, version: int) -> None:
        if application != APPLICATION:
            raise DriftlineError(
                f"{self.path} is a SQLite file, but no store of Driftline's", "name another file for the store"
            )
        if version != SCHEMA_VERSION:
            raise DriftlineError(
                f"{self.path} is a store of version {version}; this Driftline keeps stores of version {SCHEMA_VERSION}",
                "pip install --upgrade driftline, or name another file",
            )

    # ---- transactions -----------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What is changed in the block is kept whole, or not at all if an exception leaves it."""
        with self._lock, self._told("written"):
            if self._level and not self._writes:
                raise RuntimeError("a reader does not write")
            with self._transaction("BEGIN IMMEDIATE", writes=True):
                yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What is read in the block is of one moment."""
        with self._lock, self._told("read"), self._transaction("BEGIN", writes=False):
            yield

    @contextmanager
    def _transaction(self, begin: str, *, writes: bool) -> Iterator[None]:
        if self._level:
            self._level += 1
            try:
                yield
            finally:
                self._level -= 1
            return
        self._connection.execute(begin)
        self._level, self._writes = 1, writes
        try:
            self._look()
            if writes:
                self.begun()
            yield
            if writes:
                self.flush()
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if writes:
                self.forget()
            raise
        finally:
            self._level = 0
            if self._closes:
                self._connection.close()

    def _look(self) -> None:
        """Forget what is remembered if another process has changed the file."""
        # The first read of a deferred transaction is what fixes its moment, and it has to come before the question.
        self._connection.execute("SELECT 1 FROM moment").fetchone()
        (seen,) = self._connection.execute("PRAGMA data_version").fetchone()
        if seen != self._seen:
            self._seen = seen
            self.forget()

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Say in words what SQLite says."""
        try:
            yield
        except sqlite3.DatabaseError as fault:
            said = str(fault)
            if any(word in said for word in _CODES_OF_DAMAGE):
                raise DriftlineError(
                    f"{self.path} is damaged, or no SQLite file: {said}", "restore it from a copy, or name another file"
                ) from fault
            hint = "see that no other process holds it for long, that the disk has room, and that it may be written to"
            raise DriftlineError(f"{self.path} could not be {what}: {said}", hint) from fault

    # ---- statements -------------------------------------------------------------------------------------------------

    def run(self, statement: str, *values: Any) -> None:
        """Run a statement."""
        self._connection.execute(statement, values)

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """All rows of a query."""
        return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: Any) -> Any:
        """The first row of a query, or None."""
        return self._connection.execute(statement, values).fetchone()


def is_alive(process: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
