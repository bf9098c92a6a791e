"""The analysed database of a trace, made once and found again by content.

The name of the file is a digest of every byte of the trace and of the code that analyses it, then one of the policy, so
a cache that is stale is never found rather than trusted. It lies inside the trace (`NAME.drift/.cache/`), or in the
user's cache folder when the trace cannot be written to. It is built under another name and renamed when whole.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Final

import duckdb
from xxhash import xxh3_64_hexdigest, xxh3_128

from driftline.errors import DriftlineError
from driftline.reader import Trace
from driftline.schema import CACHE_FOLDER
from driftline_analyzer.database import open_database, sql, sql_names
from driftline_analyzer.pipeline import AFTER, STEPS, Progress, run
from driftline_analyzer.policies import InForce

_CHUNK: Final = 1 << 20
_KEPT: Final = 3  # analyses of one trace, each under a policy of its own
_ABANDONED_AFTER: Final = 3600  # seconds


def analysed(trace: Trace, policy: InForce, progress: Progress) -> Path:
    """The database of a trace, analysed now if it was not yet.

    Args:
        trace: The trace.
        policy: The policy to analyse it under.
        progress: Told of each step if there is work to do.

    Returns:
        Path of a DuckDB file to open read-only.

    Raises:
        DriftlineError: If there is nowhere to write it.
    """
    name = f"{_digest(trace)}.{xxh3_64_hexdigest(policy.key())}.duckdb"
    places = _places(trace)
    for place in places:
        if _whole(place / name):
            return place / name
    fault: Exception | None = None
    for place in places:
        try:
            return _build(trace, policy, place, name, progress)
        except (OSError, duckdb.IOException) as own:
            fault = own
        except duckdb.OutOfMemoryException as own:
            raise DriftlineError(
                f"the analysis of {trace.path} does not fit into its memory: {str(own).partition(chr(10))[0]}",
                "record digests instead of values (values='digest'), or fewer fields at once",
            ) from own
    raise DriftlineError(
        f"nowhere to write the analysis of {trace.path}: {fault}",
        "free some disk space, or point XDG_CACHE_HOME to a folder with room",
    ) from fault


def _places(trace: Trace) -> list[Path]:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [trace.path / CACHE_FOLDER, home / "driftline", Path(tempfile.gettempdir()) / f"driftline-{os.getuid()}"]


def _whole(path: Path) -> bool:
    """Whether a finished database is there; one that cannot be opened is removed."""
    if not path.is_file():
        return False
    try:
        with open_database(path, read_only=True) as connection:
            connection.execute("SELECT count(*) FROM finding").fetchall()
    except duckdb.Error:
        with contextlib.suppress(OSError):
            path.unlink()
        return False
    return True


def _build(trace: Trace, policy: InForce, place: Path, name: str, progress: Progress) -> Path:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(place)
    building = place / f".{name}.{os.getpid()}-{threading.get_ident()}.building"
    try:
        with open_database(building, read_only=False) as connection:
            run(trace, policy.policy, connection, progress)
        building.replace(place / name)
    finally:
        for left in place.glob(f"{building.name}*"):
            _remove(left)
    if place.name == CACHE_FOLDER:
        _forget(place, name)
    return place / name


def _forget(place: Path, name: str) -> None:
    """Remove analyses of what the trace held before, and all but the newest few of it under other policies."""
    content = name.partition(".")[0]
    others = [path for path in place.glob("*.duckdb") if path.name != name]
    kept = sorted(
        (path for path in others if path.name.startswith(f"{content}.")), key=lambda path: path.stat().st_mtime
    )[-(_KEPT - 1) :]
    for old in others:
        if old not in kept:
            _remove(old)


def _sweep(place: Path) -> None:
    """Remove what an interrupted analysis left behind."""
    for left in [*place.glob(".*.building*"), *place.glob("*.spill")]:
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED_AFTER:
                _remove(left)


def _remove(left: Path) -> None:
    """Remove a file, or a folder that DuckDB spilled into, if it is there."""
    with contextlib.suppress(OSError):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def _digest(trace: Trace) -> str:
    digest = xxh3_128()
    for text in _code():
        digest.update(text)
    for path in sorted([*trace.path.glob("*.json"), *trace.segments]):
        digest.update(path.name.encode())
        for chunk in _chunks(path):
            digest.update(chunk)
    return digest.hexdigest()


def _code() -> Iterator[bytes]:
    """Everything that decides what the tables hold."""
    yield version("driftline").encode()
    yield duckdb.__version__.encode()
    for name in ("renumber", *STEPS, *AFTER):
        yield sql("steps", name).encode()
    for name in sql_names("detectors"):
        yield sql("detectors", name).encode()
    for module in ("load.py", "pipeline.py", "policies.py", "forks.py", "blast.py"):
        yield (files("driftline_analyzer") / module).read_bytes()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
