"""What a write to a store costs, beside what else there is.

    python benchmarks/store.py [--writes 2000] [--rounds 5]

Each alternative sets one field of an object of five from what stands there; they take turns in one process, in another
order each round. Microseconds of processor time a write: medians and quartiles. A plain dict with a lock keeps the
newest version and its number; raw SQLite one row a version, a transaction a write, with the settings of the store's own
file.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

import driftline as dl

FIELDS: Final = {f"field{number}": number for number in range(5)}
POLICY: Final = """
[types.doc]
required = ["/field0"]
references = { "/owner" = "agent" }
[types.doc.fields]
"/field1" = "counter"
"/field4" = { minimum = 0 }
[gate]
read-set = "reject"
base-version = "reject"
"""
Alternative = Callable[[Path, int], float]


def timed(write: Callable[[int], Any], writes: int) -> float:
    """Microseconds of processor time a write."""
    write(0)
    started = time.process_time()
    for number in range(1, writes + 1):
        write(number)
    return (time.process_time() - started) / writes * 1e6


def plain(_folder: Path, writes: int) -> float:
    """A dict with a lock; whoever comes last wins."""
    lock, objects = threading.Lock(), {"doc/1": (1, dict(FIELDS))}

    def write(number: int) -> None:
        with lock:
            version, value = objects["doc/1"]
            objects["doc/1"] = version + 1, {**value, "field0": number}

    return timed(write, writes)


def checked(_folder: Path, writes: int) -> float:
    """The same with every version kept, and a check that the base is the newest."""
    lock = threading.Lock()
    versions = [dict(FIELDS)]

    def write(number: int) -> None:
        with lock:
            if len(versions) - 1 == number:
                versions.append({**versions[-1], "field0": number})

    return timed(write, writes)


def raw_sqlite(folder: Path, writes: int) -> float:
    """A row a version, with a check that the base is the newest."""
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(
        "CREATE TABLE version (object TEXT, version INTEGER, value BLOB, PRIMARY KEY (object, version)) WITHOUT ROWID"
    )
    connection.execute("INSERT INTO version VALUES ('doc/1', 0, ?)", (msgspec.json.encode(FIELDS),))

    def write(number: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        newest, packed = connection.execute(
            "SELECT version, value FROM version WHERE object = 'doc/1' ORDER BY version DESC LIMIT 1"
        ).fetchone()
        if newest == number:
            value = msgspec.json.encode({**msgspec.json.decode(packed), "field0": number})
            connection.execute("INSERT INTO version VALUES ('doc/1', ?, ?)", (newest + 1, value))
        connection.execute("COMMIT")

    try:
        return timed(write, writes)
    finally:
        connection.close()


def store_at(path: str | None, policy: str | None, *, recorded: bool = False, stale: bool = False) -> Alternative:
    """A `dl.Store`."""

    def run(folder: Path, writes: int) -> float:
        def measure() -> float:
            with dl.Store(None if path is None else folder / path, policy=policy) as store, dl.branch("writer"):
                store.write("doc/1", FIELDS, base=0)
                first = store.read("doc/1")

                def write(number: int) -> None:
                    if stale and number % 2:  # from the version before the newest, and another field
                        store.patch("doc/1", {"field2": number}, base=max(1, number))
                    else:
                        store.patch("doc/1", {"field0": number}, base=number + 1)

                took = timed(write, writes)
                assert set(store.counts) <= {"promoted", "merged"}
                assert store.read("doc/1").version == first.version + writes + 1
                return took

        if not recorded:
            return measure()
        with dl.record(folder / "run.drift"):
            return measure()

    return run


ALTERNATIVES: Final[dict[str, Alternative]] = {
    "a dict with a lock, the newest version": plain,
    "the same, every version, base checked": checked,
    "**store in memory, default policy**": store_at(None, None),
    "store in memory, a policy with rules": store_at(None, POLICY),
    "the same, half of the bases stale": store_at(None, POLICY, stale=True),
    "store in memory, recorded": store_at(None, None, recorded=True),
    "raw SQLite, a row a version, base checked": raw_sqlite,
    "**store in a file, default policy**": store_at("store.db", None),
}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--writes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found: dict[str, list[float]] = {name: [] for name in ALTERNATIVES}
    order = random.Random(0)  # noqa: S311 - which comes first need not be a secret
    for number in range(options.rounds + 1):  # the first round warms up and is forgotten
        for name in order.sample(list(ALTERNATIVES), len(ALTERNATIVES)):
            with tempfile.TemporaryDirectory() as folder:
                took = ALTERNATIVES[name](Path(folder), options.writes if number else options.writes // 10)
            if number:
                found[name].append(took)
    print("| a write of one field of five | µs | quartiles | of raw SQLite |")
    print("|---|---|---|---|")
    raw = statistics.median(found["raw SQLite, a row a version, base checked"])
    for name, took in found.items():
        low, middle, high = statistics.quantiles(took, n=4, method="inclusive")
        print(f"| {name} | {middle:.1f} | {low:.1f}–{high:.1f} | {middle / raw:.2f} |")  # noqa: RUF001 - a range


if __name__ == "__main__":
    main()
