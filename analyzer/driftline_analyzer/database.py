"""DuckDB behind one helper: its settings, its lifetime, and SQL files by name.

DuckDB 2 streams results, so every caller fetches whole answers through a cursor of its own; connections are closed in
`finally`, because one that dies open prints noise at exit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import duckdb

_SETTINGS: Final = {
    "asof_loop_join_threshold": "0",  # it believes guesses of how many rows there are, and loops over all pairs
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "1200MB",  # Arrow's buffers are outside it; the bar is 2 GB resident
    "preserve_insertion_order": "false",
}


@contextmanager
def open_database(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with Driftline's settings, closed at the end.

    Args:
        path: The database file.
        read_only: Whether to open an existing one for reading; several processes may do so at once.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        **_SETTINGS,
        # Its own for each process: DuckDB names the files in it alike in all of them.
        "temp_directory": f"{path}.{os.getpid()}.spill",
    }
    connection = duckdb.connect(str(path), read_only=read_only, config=config)
    try:
        connection.execute("SET enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


@cache
def sql(folder: str, name: str) -> str:
    """The text of `FOLDER/NAME.sql` in this package."""
    return (files("driftline_analyzer") / folder / f"{name}.sql").read_text(encoding="utf-8")


def sql_names(folder: str) -> list[str]:
    """The names of all SQL files in a folder of this package, sorted."""
    found = (entry.name for entry in (files("driftline_analyzer") / folder).iterdir())
    return sorted(name.removesuffix(".sql") for name in found if name.endswith(".sql"))
