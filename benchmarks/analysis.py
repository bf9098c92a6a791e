"""How fast a trace is analysed: all detectors, cache included, beside one rule written by hand in Polars.

    python benchmarks/analysis.py [--events N] [--rounds N] [--seed N]

A trace is made first, straight as Arrow batches: an object for each 50 field events, the hottest with a quarter of the
events, 40 branches that read, patch and write whole objects, and about 2 % of the writes from a stale base. Each
measurement runs in a process of its own, so that its peak of resident memory is its own. Both sides read the same
files, and must find the same number of stale overwrites.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import pyarrow as pa
from xxhash import xxh3_64_intdigest

from driftline.header import Header, ProcessRecord
from driftline.reader import Trace
from driftline.schema import EVENT, FIELD, FORMAT, OPERATIONS, REFERENCE, segment_name

FIELD_EVENTS_PER_OBJECT: Final = 50
HOTTEST: Final = 0.25  # share of the events that the hottest object gets
BRANCHES: Final = 40
STALE: Final = 0.02
OPEN_UNITS: Final = 0.01  # share of the units that never end
PATHS: Final = ("/facts", "/summary", "/owner", "/status", "/meta/score", "/meta/source")
PROCESS: Final = "p1-bench"
BATCH: Final = 16_384  # events, as the recorder writes them
START: Final = 1_700_000_000_000_000_000

# ---- the trace ----------------------------------------------------------------------------------------------------

Value = tuple[int, int, int, str]  # digest, size, leaves, JSON text
Row = dict[str, Any]


class Shared:
    """One object: its newest version, and the last few (version, values, writer), oldest first."""

    __slots__ = ("id", "past", "type", "version")

    def __init__(self, number: int) -> None:
        self.type = ("context", "task", "entity", "document")[number % 4]
        self.id = f"{self.type}/{number}"
        self.version = 0
        self.past: list[tuple[int, list[Value], str]] = []


def value(rng: Random, path: str) -> Value:
    """A new value for a field: most are short, facts grow long and sometimes shrink."""
    text = json.dumps(f"{path[1:]} {rng.getrandbits(64):016x}" + " and more" * (rng.randrange(24) * (path == "/facts")))
    return xxh3_64_intdigest(text.encode()), len(text), 1, text


def rows(events: int, seed: int) -> Iterator[Row]:
    """The rows of a trace with so many field events."""
    rng = Random(seed)  # noqa: S311 - a workload, not a secret
    objects = max(1, events // FIELD_EVENTS_PER_OBJECT)
    shared = [Shared(number) for number in range(objects)]
    branches = [f"agent{number % 8}#{number}" for number in range(BRANCHES)]
    for branch in branches:
        yield {"op": "branch-start", "branch": branch, "name": branch.partition("#")[0], "phase": "reasoning"}
    weights = [HOTTEST, *(1 / rank for rank in range(2, objects + 1))]
    rest = (1 - HOTTEST) / sum(weights[1:])
    cumulative = list(itertools.accumulate([HOTTEST, *(weight * rest for weight in weights[1:])]))
    made, units, tasks = 0, itertools.count(1), itertools.count(1)
    while made < events:
        for obj in rng.choices(shared, cum_weights=cumulative, k=1024):
            for row in step(rng, obj, branches, shared, units, tasks):
                made += len(row.get("fields", ()))
                yield row
            if made >= events:
                break
    for branch in branches:
        yield {"op": "branch-end", "branch": branch, "status": "ok"}


def step(
    rng: Random,
    obj: Shared,
    branches: list[str],
    shared: list[Shared],
    units: Iterator[int],
    tasks: Iterator[int],
) -> Iterator[Row]:
    """What one branch does with one object: read it, and perhaps write it."""
    branch = rng.choice(branches)
    where: Row = {"branch": branch, "object": obj.id, "type": obj.type}
    if not obj.past:
        yield written(obj, {**where, "op": "write"}, {path: value(rng, path) for path in PATHS}, None)
        return
    back = rng.randrange(2, 5) if rng.random() < STALE else 1
    seen, values, _ = obj.past[max(0, len(obj.past) - back)]
    whole = rng.random() < 0.25  # noqa: PLR2004
    chosen = PATHS if whole else rng.sample(PATHS, rng.choice((1, 2)))
    fields = [field(path, values[PATHS.index(path)]) for path in chosen]
    yield {**where, "op": "read", "version": seen, "whole": whole, "fields": fields}
    kind = rng.random()
    if kind < 0.4:  # noqa: PLR2004 - read, and no more
        return
    unit = f"unit#{next(units)}" if rng.random() < 0.02 else None  # noqa: PLR2004
    task = f"task#{next(tasks)}" if rng.random() < 0.02 else None  # noqa: PLR2004
    where |= {"unit": unit, "task": task}
    if unit:
        yield {"op": "unit-begin", "branch": branch, "unit": unit, "name": "update"}
    if task:
        signature = rng.getrandbits(20)
        yield {"op": "task-start", "branch": branch, "task": task, "unit": unit, "name": "do", "signature": signature}
    if kind > 0.9995:  # noqa: PLR2004
        yield written(obj, {**where, "op": "delete"}, {}, seen)
    elif whole:
        changed = {path: value(rng, path) for path in rng.sample(PATHS, 2)}
        everything = {path: changed.get(path, old) for path, old in zip(PATHS, values, strict=True)}
        refs = [{"path": "/owner", "object": rng.choice(shared).id}] if rng.random() < 0.1 else None  # noqa: PLR2004
        yield written(obj, {**where, "op": "write", "references": refs}, everything, seen, declared=kind > 0.8)  # noqa: PLR2004
    else:
        changed = {path: value(rng, path) for path in chosen}
        yield written(obj, {**where, "op": "patch"}, changed, seen, declared=kind > 0.8)  # noqa: PLR2004
    if task:
        yield {"op": "task-end", "branch": branch, "task": task, "unit": unit, "status": "ok"}
    if unit and rng.random() > OPEN_UNITS:
        yield {"op": "unit-commit", "branch": branch, "unit": unit, "status": "ok"}


def written(obj: Shared, row: Row, changed: dict[str, Value], base: int | None, *, declared: bool = True) -> Row:
    """The row of a write; the object remembers it."""
    obj.version += 1
    if row["op"] == "delete":
        obj.past = []
    else:
        values = [changed.get(path) or obj.past[-1][1][at] for at, path in enumerate(PATHS)]
        obj.past = [*obj.past[-3:], (obj.version, values, row["branch"])]
    known = None if declared else base
    return {
        **row,
        "version": obj.version,
        "base": base if declared or row["op"] == "write" else None,
        "base_inferred": None if declared else True,
        "fields": [field(path, new, known) for path, new in changed.items()],
    }


def field(path: str, what: Value, base: int | None = None) -> tuple[Any, ...]:
    """One item of the column `fields`, in the order of `schema.FIELD`."""
    return (path, *what, base, None)


def make_trace(folder: Path, events: int, seed: int) -> int:
    """Write a trace with so many field events; returns how many events it has."""
    folder.mkdir()
    Header(format=FORMAT, run=f"{seed:032x}", created=START).save(folder)
    schema = EVENT.with_metadata({"driftline.format": str(FORMAT), "driftline.process": PROCESS})
    source, written_rows = rows(events, seed), 0
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with (
        pa.OSFile(str(folder / segment_name(PROCESS, 0)), "wb") as file,
        pa.ipc.new_stream(file, schema, options=options) as stream,
    ):
        while chunk := list(itertools.islice(source, BATCH)):
            stream.write_batch(batch(chunk, written_rows))
            written_rows += len(chunk)
    ProcessRecord(process=PROCESS, pid=1, closed=True, ended=START, segments=1, events=written_rows).save(folder)
    return written_rows


def batch(chunk: list[Row], first: int) -> pa.RecordBatch:
    """Rows as one Arrow batch."""
    columns: dict[str, pa.Array] = {}
    for name, type_ in zip(EVENT.names, EVENT.types, strict=True):
        if name == "seq":
            columns[name] = pa.array(range(first, first + len(chunk)), type_)
        elif name == "clock":
            columns[name] = pa.array((START + 1_000 * (first + at) for at in range(len(chunk))), type_)
        elif name == "op":
            codes = pa.array([OPERATIONS.index(row["op"]) for row in chunk], pa.int8())
            columns[name] = pa.DictionaryArray.from_arrays(codes, pa.array(OPERATIONS))
        elif name == "fields":
            columns[name] = lists(name, FIELD, [row.get(name) for row in chunk])
        elif name == "references":
            found = [row.get(name) for row in chunk]
            tuples = [None if items is None else [tuple(item.values()) for item in items] for items in found]
            columns[name] = lists(name, REFERENCE, tuples)
        else:
            columns[name] = pa.array([row.get(name) for row in chunk], type_)
    return pa.record_batch([columns[name] for name in EVENT.names], schema=EVENT)


def lists(name: str, struct: pa.StructType, column: list[list[tuple[Any, ...]] | None]) -> pa.Array:
    """A list column, built member by member: a Python dict for each item would take longer than all the rest."""
    lengths = [len(items) if items else 0 for items in column]
    starts = [*itertools.accumulate(lengths, initial=0)]
    offsets = [None if items is None else start for items, start in zip(column, starts, strict=False)]
    flat = [item for items in column if items for item in items]
    members = list(zip(*flat, strict=True)) if flat else [()] * struct.num_fields
    arrays = [pa.array(member, struct.field(at).type) for at, member in enumerate(members)]
    items = pa.StructArray.from_arrays(arrays, fields=list(struct))
    return pa.ListArray.from_arrays(pa.array([*offsets, starts[-1]], pa.int32()), items, type=EVENT.field(name).type)


# ---- what is measured ---------------------------------------------------------------------------------------------


def driftline(folder: Path) -> dict[str, Any]:
    """Analyse the trace, or open its analysis; count the findings of each rule."""
    from driftline_analyzer import analyze

    marks: list[tuple[str, float]] = []
    begun = time.perf_counter()
    with analyze(folder, progress=lambda step, _share: marks.append((step, time.perf_counter()))) as analysis:
        analysed = time.perf_counter()
        counts = analysis.rows("SELECT code, count(*) FROM finding GROUP BY code ORDER BY code")
    # Before the first step the trace is digested; after the last the database is closed, renamed and opened again.
    marks = [("digest", begun), *marks] if marks else [("digest and open", begun)]
    ends = [at for _, at in marks[1:]] + [analysed]
    steps = {
        step if step != "done" else "close and open": end - at for (step, at), end in zip(marks, ends, strict=True)
    }
    return {"seconds": analysed - begun, "steps": steps, "counts": dict(counts)}


def polars(folder: Path) -> dict[str, Any]:
    """The rule stale-overwrite alone, as one would write it in Polars for this trace.

    It leans on what the whole analysis must not assume: one process, numbered versions, no aborted unit, no merge, and
    objects that always have all of `PATHS`.
    """
    import polars as pl

    begun = time.perf_counter()
    columns = ["op", "branch", "object", "version", "base", "base_inferred", "fields"]
    tables = [pa.Table.from_batches([each]).select(columns) for _, each in Trace(folder).batches()]
    events = pl.concat([pl.from_arrow(table) for table in tables], how="vertical").with_row_index("e")  # type: ignore[type-var]
    writes = events.filter(pl.col("op").cast(pl.String).is_in(["write", "patch", "delete"]))
    writes = writes.with_columns(pl.col("op", "branch", "object").cast(pl.String).cast(pl.Categorical))
    listed = writes.rename({"base": "declared"}).explode("fields").unnest("fields")
    removed = writes.filter(pl.col("op") == "delete").rename({"base": "declared"}).drop("fields")
    paths = pl.DataFrame({"path": PATHS})
    cell, order = ["object", "path"], ["object", "path", "version", "e"]
    keep = ["e", "op", "branch", "object", "path", "version", "base", "digest", "size", "leaves"]
    base = pl.when(pl.col("base_inferred").is_null()).then(pl.col("declared")).otherwise(pl.col("base")).alias("base")
    settings = pl.concat(
        [
            listed.filter(pl.col("op") != "delete").with_columns(base, pl.col("path").cast(pl.String)).select(keep),
            removed.join(paths, how="cross").with_columns(pl.col("declared").alias("base")).select(
                *(pl.col(name) if name in {"base", "path", *removed.columns} else pl.lit(None).alias(name)
                  for name in keep),
            ),
        ],
        how="vertical_relaxed",
    ).sort(order)  # fmt: skip
    digest_before = pl.col("digest").shift(1).over(cell)
    changes = (
        settings.filter(pl.col("digest").ne_missing(digest_before))
        .with_columns(pl.col("version", "branch", "size", "leaves").shift(1).over(cell).name.prefix("last_"))
        .with_columns(
            pl.when(pl.col("last_branch") != pl.col("branch")).then(pl.col("last_version"))
            .forward_fill().over(cell).alias("by_other"),
        )
    )  # fmt: skip
    # by_other: the newest earlier change by a branch other than this row's own.
    lost = changes.filter(pl.col("by_other") > pl.col("base")).with_columns(
        (
            (pl.col("last_size") >= 64)  # noqa: PLR2004
            & ((2 * pl.col("size") < pl.col("last_size")) | (2 * pl.col("leaves") < pl.col("last_leaves")))
        ).alias("poorer"),
    )
    at_base = settings.select(*cell, pl.col("version").alias("base"), pl.col("digest").alias("digest_at_base"))
    lost = lost.sort("base").join_asof(
        at_base.sort("base"), on="base", by=cell, strategy="backward", check_sortedness=False
    )
    reverted = (pl.col("op") == "write") & pl.col("digest").eq_missing(pl.col("digest_at_base"))
    overwritten = lost.filter((pl.col("op") == "delete") | ~(pl.col("poorer").fill_null(value=False) | reverted))
    count = overwritten["e"].n_unique()
    return {"seconds": time.perf_counter() - begun, "counts": {"DRF101": count}}


SIDES: Final[dict[str, Callable[[Path], dict[str, Any]]]] = {"driftline": driftline, "polars": polars}


def measured(side: str, folder: Path) -> dict[str, Any]:
    """Run one side in a process of its own."""
    command = [sys.executable, __file__, "--measure", side, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def forget(folder: Path) -> None:
    """Remove the analysis of a trace."""
    for path in (folder / ".cache").glob("*"):
        path.unlink()


# ---- the report ---------------------------------------------------------------------------------------------------


def benchmark(events: int, rounds: int, seed: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "bench.drift"
        begun = time.perf_counter()
        rows_made = make_trace(folder, events, seed)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{events:,} field events in {rows_made:,} events, {size / 1e6:.0f} MB,", end=" ")
        print(f"made in {time.perf_counter() - begun:.0f} s\n")
        first, second, plain = [], [], []
        for _ in range(rounds):
            forget(folder)
            first.append(measured("driftline", folder))
            second.append(measured("driftline", folder))
            plain.append(measured("polars", folder))
        found = {run["counts"]["DRF101"] for run in (*first, *second, *plain)}
        assert len(found) == 1, f"the two sides disagree on the stale overwrites: {found}"
        database = sum(path.stat().st_size for path in (folder / ".cache").iterdir())
        table(events, {"first analysis": first, "second analysis": second, "polars, one rule": plain})
        print(f"\nthe analysis takes {database / 1e6:.0f} MB on disk; findings: {first[0]['counts']}")
        split(first)


def table(events: int, measurements: dict[str, list[dict[str, Any]]]) -> None:
    """One line a measurement: the median of its rounds."""
    reference = statistics.median(run["seconds"] for run in measurements["polars, one rule"])
    print(f"{'':18}{'seconds':>9}{'spread':>16}{'field events/s':>16}{'peak MB':>9}{'against polars':>16}")
    for name, runs in measurements.items():
        seconds = [run["seconds"] for run in runs]
        middle, peak = statistics.median(seconds), statistics.median(run["peak"] for run in runs)
        spread = f"{min(seconds):.2f} - {max(seconds):.2f}"
        print(f"{name:18}{middle:9.2f}{spread:>16}{events / middle:16,.0f}{peak:9.0f}{middle / reference:15.2f}x")


def split(runs: list[dict[str, Any]]) -> None:
    """Where the first analysis spends its time."""
    print("\nof the first analysis")
    total = statistics.median(run["seconds"] for run in runs)
    for step in runs[0]["steps"]:
        seconds = statistics.median(run["steps"][step] for run in runs)
        print(f"  {step:16}{seconds:7.2f} s{seconds / total:6.0%}")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000, help="field events in the trace")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measure", nargs=2, metavar=("SIDE", "TRACE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure is None:
        benchmark(given.events, given.rounds, given.seed)
        return
    side, folder = given.measure
    found = SIDES[side](Path(folder))
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = used.ru_maxrss / 1024  # kilobytes on Linux
    print(json.dumps({**found, "peak": peak, "cpu": used.ru_utime + used.ru_stime}))


if __name__ == "__main__":
    main()
