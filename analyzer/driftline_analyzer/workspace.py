"""Tables that one question makes beside an analysis: a database of its own, gone with it.

An analysis is open for reading alone and may be open in several processes. What a replay works out is attached to it
as a second database, on disk, so that it is bounded by no memory and several answers may stream out of it at once.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from driftline.errors import DriftlineError

_NUMBERS: Final = itertools.count(1)  # several replays of one process may have one analysis open
_FETCHED: Final = 2_000  # rows at a time


class Workspace:
    """A scratch database, and cursors that see it and the analysis as one."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, variables: Mapping[str, Any]) -> None:
        ((analysis,),) = connection.execute("SELECT current_database()").fetchall()
        self._connection = connection
        self._path = "'" + f'"{name}".main,"{analysis}".main' + "'"
        self._variables = variables

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._connection.cursor()
        cursor.execute(f"SET search_path = {self._path}")
        for name, value in self._variables.items():
            cursor.execute(f"SET VARIABLE {name} = ?", [value])
        return cursor

    def run(self, statements: str, parameters: Sequence[Any] = ()) -> None:
        """Run statements that give no rows."""
        cursor = self._cursor()
        try:
            cursor.execute(statements, list(parameters)) if parameters else cursor.execute(statements)
        finally:
            cursor.close()

    def fill(self, table: str, rows: pa.Table) -> None:
        """Make a table of rows that were worked out elsewhere."""
        cursor = self._cursor()
        try:
            cursor.register("rows_made", rows)
            cursor.execute(f"CREATE TABLE {table} AS FROM rows_made")
            cursor.unregister("rows_made")
        finally:
            cursor.close()

    def rows(self, query: str, parameters: list[Any] | None = None) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, as they come; several queries may be under way at once."""
        cursor = self._cursor()
        try:
            cursor.execute(query, parameters or [])
            while rows := cursor.fetchmany(_FETCHED):
                yield from rows
        finally:
            cursor.close()


@contextmanager
def workspace(connection: duckdb.DuckDBPyConnection, variables: Mapping[str, Any]) -> Iterator[Workspace]:
    """A scratch database for as long as the block runs.

    Args:
        connection: Of the analysis.
        variables: What its steps and queries may ask for by `getvariable`.

    Raises:
        DriftlineError: If there is no room for it.
    """
    name = f"workspace {next(_NUMBERS)}"
    try:
        folder = tempfile.mkdtemp(prefix="driftline-")
    except OSError as fault:
        raise _no_room(fault) from fault
    try:
        quoted = str(Path(folder) / "workspace.duckdb").replace("'", "''")
        connection.execute(f"ATTACH '{quoted}' AS \"{name}\" (READ_WRITE)")
        try:
            yield Workspace(connection, name, variables)
        finally:
            connection.execute(f'DETACH "{name}"')
    except (duckdb.IOException, duckdb.OutOfMemoryException) as fault:
        raise _no_room(fault) from fault
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _no_room(fault: Exception) -> DriftlineError:
    what = str(fault).partition("\n")[0]
    return DriftlineError(f"no room to work in: {what}", "free some space, or point TMPDIR to a folder with room")
