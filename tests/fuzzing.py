"""Damage traces at random, and ask every question of what is left; run in a process of its own, within limits.

    python tests/fuzzing.py FOLDER FIRST COUNT

For each seed from FIRST on, one line: the seed, what was done to the trace, and what came of it. A traceback, an exit
status that is none of the command line's, a crash or a broken limit is a fault of Driftline's, whatever was done.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from driftline.reader import Trace
from driftline.schema import EVENT, OPERATIONS
from driftline.simulation import Settings, parse_faults, simulate

ABSURD: Final = (0, 1, -1, 2**31 - 1, -(2**31), 2**32 - 1, 2**62, 2**63 - 1, -(2**63))
SPACE: Final = 8 << 30  # bytes of addresses: Arrow and DuckDB reserve more than they use
SECONDS: Final = 30  # of processor time for each seed, on average

# ---- bytes --------------------------------------------------------------------------------------------------------


def flip(rng: Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 3, 20))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def overwrite_a_number(rng: Random, data: bytearray) -> None:
    width = rng.choice((4, 8))
    at = rng.randrange(0, len(data) - 8, 4)
    data[at : at + width] = (rng.choice(ABSURD) % (1 << 8 * width)).to_bytes(width, "little")


def cut(rng: Random, data: bytearray) -> None:
    del data[rng.randrange(len(data)) :]


def cut_out(rng: Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 4, 8, 64, 1000))]


def repeat(rng: Random, data: bytearray) -> None:
    at, length = rng.randrange(len(data)), rng.choice((1, 8, 64, 4096))
    data[at:at] = data[at : at + length]


def fill(rng: Random, data: bytearray) -> None:
    at, length = rng.randrange(len(data)), rng.choice((8, 64, 1024))
    data[at : at + length] = bytes([rng.choice((0, 255, rng.randrange(256)))]) * len(data[at : at + length])


BYTES: Final[tuple[Callable[[Random, bytearray], None], ...]] = (flip, overwrite_a_number, cut, cut_out, repeat, fill)

# ---- content ------------------------------------------------------------------------------------------------------


def shuffle_a_column(rng: Random, table: pa.Table) -> pa.Table:
    """What one event says of itself, another does."""
    name = rng.choice([name for name in EVENT.names if name != "seq"])
    order = pa.array(rng.sample(range(table.num_rows), table.num_rows))
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), table.column(at).take(order))


def replace_numbers(rng: Random, table: pa.Table) -> pa.Table:
    """Absurd numbers in some rows of a column."""
    name = rng.choice(["seq", "clock", "version", "base", "depth", "confidence", "fidelity", "signature"])
    type_ = table.schema.field(name).type
    odd = [float("nan"), float("inf"), -1.0, 1e308] if pa.types.is_floating(type_) else [
        number for number in ABSURD if _fits(number, type_)
    ]  # fmt: skip
    return _replaced(rng, table, name, odd)


def replace_names(rng: Random, table: pa.Table) -> pa.Table:
    """Names of other things, and names that are none."""
    name = rng.choice(
        ["op", "branch", "unit", "task", "object", "type", "label", "base_label", "name", "parent", "phase"]
    )
    known = [text for text in table.column(name).cast(pa.utf8()).unique().to_pylist() if text is not None]
    others = [*table.column("branch").cast(pa.utf8()).unique().to_pylist()[:5], *OPERATIONS]
    odd = [
        *rng.sample(known, min(3, len(known))),
        *rng.sample(others, 3),
        "",
        "#",
        "\x00",
        "\ud7ff\U0010ffff",
        "x" * 9999,
    ]
    return _replaced(rng, table, name, odd)


def remove_values(rng: Random, table: pa.Table) -> pa.Table:
    """Nothing where something stood."""
    name = rng.choice([field.name for field in EVENT if field.nullable])
    return _replaced(rng, table, name, [None])


def reorder_events(rng: Random, table: pa.Table) -> pa.Table:
    """Events that come in another order, twice, or not at all."""
    rows = list(range(table.num_rows))
    what = rng.randrange(3)
    if what == 0:
        rng.shuffle(rows)
    elif what == 1:
        at = rng.randrange(len(rows))
        rows[at:at] = rows[max(0, at - 50) : at]
    else:
        rows = sorted(rng.sample(rows, len(rows) * 2 // 3))
    return table.take(pa.array(rows))


def change_a_type(rng: Random, table: pa.Table) -> pa.Table:
    """A column of another type."""
    at = rng.randrange(table.num_columns)
    name = table.schema.field(at).name
    odd = rng.choice([
        pa.nulls(table.num_rows, pa.null()),
        pa.array([1.5] * table.num_rows),
        pa.array([b"\xff"] * table.num_rows, pa.binary()),
        pa.array([[["x"]]] * table.num_rows),
        pa.array([{"path": None, "digest": 1}] * table.num_rows),
        pa.array([True] * table.num_rows),
        pa.array([2**31] * table.num_rows, pa.uint32()),
    ])  # fmt: skip
    return table.set_column(at, name, odd)


def _fits(number: int, type_: pa.DataType) -> bool:
    try:
        pa.scalar(number, type_)
    except (OverflowError, pa.ArrowInvalid):
        return False
    return True


def _replaced(rng: Random, table: pa.Table, name: str, odd: list[Any]) -> pa.Table:
    field = table.schema.field(name)
    plain = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    share = rng.choice((0.01, 0.1, 0.5, 1.0))
    hit = pa.array([rng.random() < share for _ in range(table.num_rows)])
    new = pa.array([rng.choice(odd) for _ in range(table.num_rows)], plain)
    old = table.column(name)
    if pa.types.is_nested(plain):  # which `if_else` does not take in every form
        values = [None if each else value for each, value in zip(hit.to_pylist(), old.to_pylist(), strict=True)]
        changed: Any = pa.array(values, plain)
    else:
        changed = pc.if_else(hit, new, old.cast(plain))
    return table.set_column(table.schema.get_field_index(name), pa.field(name, plain), changed)


CONTENT: Final[tuple[Callable[[Random, pa.Table], pa.Table], ...]] = (
    shuffle_a_column,
    replace_numbers,
    replace_names,
    remove_values,
    reorder_events,
    change_a_type,
)

# ---- one round ----------------------------------------------------------------------------------------------------


def base_trace(folder: Path) -> None:
    """A small trace with something of everything."""
    simulate(folder, Settings(events=700, seed=11, faults=parse_faults("all"), processes=2), overwrite=True)


def damage(source: Path, target: Path, seed: int) -> str:
    """Copy a trace and damage the copy; returns what was done."""
    rng = Random(seed)  # noqa: S311 - the seed is the point
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".cache"))
    segment = rng.choice(sorted(target.glob("*.arrows")))
    done = []
    compression = rng.choice((None, "zstd", "lz4"))
    with pa.OSFile(str(segment), "rb") as file:
        table = pa.ipc.open_stream(file).read_all()
    if seed % 3 == 0:
        mutate = rng.choice(CONTENT)
        done.append(mutate.__name__)
        metadata = table.schema.metadata
        table = mutate(rng, table).replace_schema_metadata(metadata)
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.OSFile(str(segment), "wb") as file, pa.ipc.new_stream(file, table.schema, options=options) as stream:
        stream.write_table(table, max_chunksize=rng.choice((1, 50, 5000)))
    if seed % 3 == 1:
        segment = rng.choice([segment, segment, segment, *sorted(target.glob("*.json"))])
    if seed % 3:
        data = bytearray(segment.read_bytes())
        for mutate_bytes in rng.choices(BYTES, k=rng.choice((1, 1, 2))):
            if len(data) > 64:
                mutate_bytes(rng, data)
                done.append(mutate_bytes.__name__)
        segment.write_bytes(data)
    return f"{' and '.join(done)} in {segment.name} ({compression})"


def questions(trace: Path) -> list[tuple[str, ...]]:
    """Command lines that ask everything of a trace."""
    rows = [("object/none", "branch/none")]
    try:
        for _, batch in Trace(trace).batches():
            pairs = zip(batch.column("object").to_pylist(), batch.column("branch").to_pylist(), strict=True)
            rows += [(item, branch) for item, branch in pairs if item]
    except Exception:  # noqa: BLE001, S110 - what cannot be read is asked about nevertheless
        pass
    item, branch = rows[len(rows) // 2]
    path = str(trace)
    return [
        ("info", path),
        ("analyze", path, "--format", "json"),
        ("analyze", path, "--all"),
        ("log", path, item),
        ("blame", path, item),
        ("show", path, item, "--seen-by", branch),
        ("lineage", path, item, "--down"),
        ("lineage", path, item),
    ]


def ask(words: tuple[str, ...]) -> str:
    """Ask a question in this process; returns what is wrong with the answer, or nothing."""
    from typer.testing import CliRunner

    from driftline_cli.app import app

    result = CliRunner().invoke(app, list(words))
    if result.exit_code not in {0, 1, 2}:
        again = CliRunner().invoke(app, ["--debug", *words])
        return f"{words[0]}: {result.exit_code} {again.stderr.strip()[-900:]}"
    if result.exit_code == 2 and "error: " not in result.stderr:
        return f"{words[0]}: {result.stderr[:500]}"
    if "json" in words and result.exit_code != 2:
        json.loads(result.stdout)
    return ""


def main() -> None:
    folder, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (20 + SECONDS * count, 20 + SECONDS * count))
    source, target = folder / "source.drift", folder / "damaged.drift"
    base_trace(source)
    for seed in range(first, first + count):
        shutil.rmtree(target, ignore_errors=True)
        what = damage(source, target, seed)
        sys.stdout.write(f"{seed} {what}: ")
        sys.stdout.flush()  # if it crashes now, this says at what
        wrong = [fault for words in questions(target) if (fault := ask(words))]
        sys.stdout.write(f"{'; '.join(wrong) or 'well'}\n")


if __name__ == "__main__":
    main()
