"""Simulated events as plain tuples, and how many of them become one Arrow record batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Any, Final, NamedTuple

import pyarrow as pa
from xxhash import xxh3_64_intdigest

from driftline.canonical import filled_leaves
from driftline.schema import EVENT, FIELD, INPUT, OPERATIONS, REFERENCE, VERSION
from driftline.simulation.kinds import PATHS, Pool, Value

Version = int | str

#: A field of an event: number of its path, what it holds, its own base.
Field = tuple[int, Value, Version | None]


class Row(NamedTuple):
    """One event; the columns as docs/trace-format.md has them, the seldom ones in `rare`."""

    process: int
    op: str
    branch: str
    unit: str | None = None
    task: str | None = None
    object: str | None = None
    type: str | None = None
    version: Version | None = None
    base: Version | None = None
    base_inferred: bool | None = None
    depth: int | None = None
    whole: bool | None = None
    fields: list[Field] | None = None
    rare: dict[str, Any] | None = None


_OP_CODE: Final = {op: code for code, op in enumerate(OPERATIONS)}
_OP_NAMES: Final = pa.array(OPERATIONS, pa.utf8())
_PATH_NAMES: Final = pa.array(PATHS, pa.utf8())
_LISTS: Final = {"bases": VERSION, "references": REFERENCE, "inputs": INPUT}


def to_batch(rows: Sequence[Row], clocks: Sequence[int], first_seq: int, pool: Pool) -> pa.RecordBatch:
    """Encode events of one process.

    Args:
        rows: One or more, in order.
        clocks: The time of each.
        first_seq: Sequence number of the first.
        pool: What their values are numbers in.

    Returns:
        A batch of `schema.EVENT`.
    """
    _, ops, *names, versions, bases, inferred, depths, wholes, fields, rares = zip(*rows, strict=True)
    columns: dict[str, pa.Array] = {
        "seq": pa.array(range(first_seq, first_seq + len(rows)), pa.int64()),
        "clock": pa.array(clocks, pa.int64()),
        "op": pa.DictionaryArray.from_arrays(pa.array([_OP_CODE[op] for op in ops], pa.int8()), _OP_NAMES),
        "base_inferred": pa.array(inferred, pa.bool_()),
        "depth": pa.array(depths, pa.int32()),
        "whole": pa.array(wholes, pa.bool_()),
        "fields": _fields(fields, pool),
    }
    for name, column in zip(("branch", "unit", "task", "object", "type"), names, strict=True):
        columns[name] = pa.array(column, EVENT.field(name).type)
    columns["version"], columns["label"] = _versions(versions)
    columns["base"], columns["base_label"] = _versions(bases)
    seldom = _seldom(rares)
    for name in EVENT.names:
        if name not in columns:
            columns[name] = _rare(name, seldom.get(name), len(rows))
    return pa.record_batch([columns[name] for name in EVENT.names], schema=EVENT)


def _versions(column: Sequence[Version | None]) -> tuple[pa.Array, pa.Array]:
    """Numbers and labels apart."""
    if str not in set(map(type, column)):
        return pa.array(column, pa.int64()), pa.nulls(len(column), pa.utf8())
    return (
        pa.array([None if type(version) is str else version for version in column], pa.int64()),
        pa.array([version if type(version) is str else None for version in column], pa.utf8()),
    )


def _fields(column: Sequence[list[Field] | None], pool: Pool) -> pa.Array:
    flat = list(chain.from_iterable(filter(None, column)))
    paths, values, bases = zip(*flat, strict=True) if flat else ((), (), ())
    own: list[bytes] = []
    if bytes in set(map(type, values)):  # a value that is not in the pool gets the next number behind it
        own = [value for value in values if type(value) is bytes]
        numbers = iter(range(len(pool), len(pool) + len(own)))
        values = tuple(next(numbers) if type(value) is bytes else value for value in values)
    chosen = pa.array(values, pa.int32())
    structs = pa.StructArray.from_arrays(
        [
            pa.DictionaryArray.from_arrays(pa.array(paths, pa.int32()), _PATH_NAMES),
            _looked_up(pool.digests, list(map(xxh3_64_intdigest, own)), chosen),
            _looked_up(pool.sizes, list(map(len, own)), chosen),
            _looked_up(pool.leaves, list(map(filled_leaves, own)), chosen),
            _looked_up(pool.texts, own, chosen),
            *_versions(bases),
        ],
        fields=list(FIELD),
    )
    return pa.ListArray.from_arrays(_offsets(column), structs, type=EVENT.field("fields").type)


def _looked_up(of_pool: pa.Array, own: Sequence[object], chosen: pa.Array) -> pa.Array:
    known = pa.concat_arrays([of_pool, pa.array(own, of_pool.type)]) if own else of_pool
    return known.take(chosen)


def _offsets(column: Sequence[Sequence[Any] | None]) -> pa.Array:
    """Where each list begins; null where there is none."""
    ends = list(accumulate((len(items) if items else 0 for items in column), initial=0))
    starts = [None if items is None else start for items, start in zip(column, ends, strict=False)]
    return pa.array([*starts, ends[-1]], pa.int32())


def _seldom(rares: Sequence[dict[str, Any] | None]) -> dict[str, list[Any]]:
    """The columns that some event has, each as long as there are events."""
    columns: dict[str, list[Any]] = {}
    for at, rare in enumerate(rares):
        if rare is not None:
            for name, value in rare.items():
                if name not in columns:
                    columns[name] = [None] * len(rares)
                columns[name][at] = value
    return columns


def _rare(name: str, column: list[Any] | None, rows: int) -> pa.Array:
    type_ = EVENT.field(name).type
    if column is None:
        return pa.nulls(rows, type_)
    struct = _LISTS.get(name)
    if struct is None:
        return pa.array(column, type_)
    flat = list(chain.from_iterable(filter(None, column)))
    if name == "bases":
        parts = list(_versions(flat))
    else:
        firsts, seconds = zip(*flat, strict=True) if flat else ((), ())
        second = list(_versions(seconds)) if name == "inputs" else [pa.array(seconds, struct.field(1).type)]
        parts = [pa.array(firsts, struct.field(0).type), *second]
    return pa.ListArray.from_arrays(
        _offsets(column), pa.StructArray.from_arrays(parts, fields=list(struct)), type=type_
    )
