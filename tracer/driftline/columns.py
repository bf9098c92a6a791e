"""Queued events → one Arrow record batch, a column at a time.

Runs in the writer thread. The lists are built by comprehensions and handed to Arrow whole: an Arrow object per event
would cost more than everything else together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest

from driftline.recorder import Event
from driftline.schema import EVENT, FIELD, INPUT, OPERATIONS, REFERENCE, VERSION
from driftline.values import ABSENT, encode_payloads, filled_leaves, text_of, version_of

_OP_CODE: Final = {op: code for code, op in enumerate(OPERATIONS)}
_OP_NAMES: Final = pa.array(OPERATIONS, pa.utf8())
_FIXED: Final = ("unit", "task", "object", "type", "version", "version_inferred", "base", "base_inferred", "depth")
_LISTS: Final = ("bases", "references", "inputs")
_VERSIONS: Final = frozenset({int, str, type(None)})
_RARE: Final = tuple(
    name
    for name in EVENT.names
    if name not in {"seq", "clock", "op", "branch", "fields", "label", "base_label", *_FIXED, *_LISTS}
)


def to_batch(events: Sequence[Event], first_seq: int, *, values: bool = True) -> pa.RecordBatch:
    """Encode queued events.

    Args:
        events: One or more, in order.
        first_seq: Sequence number of the first.
        values: Whether the values themselves are kept, or only their digest, size and leaves.

    Returns:
        A batch of `schema.EVENT`, one row an event.
    """
    ops, clocks, branches, *fixed, fields, rares = zip(*events, strict=True)
    columns: dict[str, pa.Array] = {
        "seq": pa.array(range(first_seq, first_seq + len(events)), pa.int64()),
        "clock": pa.array(clocks, pa.int64()),
        "op": pa.DictionaryArray.from_arrays(pa.array([_OP_CODE[op] for op in ops], pa.int8()), _OP_NAMES),
        "branch": _array("branch", branches),
    }
    for name, column in zip(_FIXED, fixed, strict=True):
        if name in {"version", "base"}:
            label = "label" if name == "version" else "base_label"
            columns[name], columns[label] = _versions(column)
        else:
            columns[name] = _array(name, column)
    columns["fields"] = _fields(fields, values=values)
    _add_rare(columns, rares)
    return pa.record_batch([columns[name] for name in EVENT.names], schema=EVENT)


def _array(name: str, column: Sequence[Any]) -> pa.Array:
    type_ = EVENT.field(name).type
    if column.count(None) == len(column):
        return pa.nulls(len(column), type_)
    return pa.array(column, type_)


def _versions(column: Sequence[int | str | None]) -> tuple[pa.Array, pa.Array]:
    """Split versions into the store's own numbers and labels."""
    kinds = set(map(type, column))
    if not kinds <= _VERSIONS:
        raise TypeError(f"a version is an int or a str, not {kinds - _VERSIONS}")
    numbers = column if str not in kinds else [v if type(v) is int else None for v in column]
    labels = None if str not in kinds else [v if type(v) is str else None for v in column]
    return (
        pa.array(numbers, pa.int64()),
        pa.nulls(len(column), pa.utf8()) if labels is None else pa.array(labels, pa.utf8()),
    )


def _fields(column: Sequence[Any], *, values: bool) -> pa.Array:
    offsets, flat = _flatten_lists(column)
    paths, payloads, bases = zip(*flat, strict=True) if flat else ((), (), ())
    # A removed field is encoded as nothing and masked out of every column but its path and base.
    absent = pa.array([p is ABSENT for p in payloads], pa.bool_()) if ABSENT in payloads else None
    encoded = encode_payloads(payloads)
    texts = pa.array(encoded, pa.utf8()) if values else pa.nulls(len(encoded), pa.utf8())
    structs = pa.StructArray.from_arrays(
        [
            pa.array(paths, FIELD.field("path").type),
            _unless(absent, pa.array(list(map(xxh3_64_intdigest, encoded)), pa.uint64())),
            _unless(absent, pa.array(list(map(len, encoded)), pa.int32())),
            _unless(absent, pa.array(list(map(filled_leaves, encoded)), pa.int32())),
            _unless(absent, texts),
            *_versions(bases),
        ],
        fields=list(FIELD),
    )
    return pa.ListArray.from_arrays(offsets, structs, type=EVENT.field("fields").type)


def _unless(absent: pa.Array | None, column: pa.Array) -> pa.Array:
    """The column, null where `absent`."""
    return column if absent is None else pc.if_else(absent, pa.scalar(None, column.type), column)


def _flatten_lists(column: Sequence[Sequence[Any] | None]) -> tuple[pa.Array, list[Any]]:
    """Arrow list offsets (null where the list is) and all items in one list."""
    offsets: list[int | None] = []
    total = 0
    for items in column:
        offsets.append(None if items is None else total)
        total += len(items) if items is not None else 0
    offsets.append(total)
    return pa.array(offsets, pa.int32()), list(chain.from_iterable(filter(None, column)))


def _add_rare(columns: dict[str, pa.Array], rares: Sequence[dict[str, Any] | None]) -> None:
    present = set(chain.from_iterable(filter(None, rares)))
    for name in _RARE:
        type_ = EVENT.field(name).type
        if name in present:
            columns[name] = pa.array([None if r is None else r.get(name) for r in rares], type_)
        else:
            columns[name] = pa.nulls(len(rares), type_)
    for name in _LISTS:
        type_ = EVENT.field(name).type
        if name not in present:
            columns[name] = pa.nulls(len(rares), type_)
            continue
        offsets, flat = _flatten_lists([None if r is None else r.get(name) for r in rares])
        columns[name] = pa.ListArray.from_arrays(offsets, _items(name, flat), type=type_)


def _items(name: str, flat: list[Any]) -> pa.Array:
    if name == "references":
        paths, objects = zip(*flat, strict=True) if flat else ((), ())
        parts = [pa.array(paths, REFERENCE.field(0).type), pa.array(objects, REFERENCE.field(1).type)]
        return pa.StructArray.from_arrays(parts, fields=list(REFERENCE))
    if name == "inputs":
        objects, versions = zip(*flat, strict=True) if flat else ((), ())
        parts = [pa.array(objects, INPUT.field(0).type), *_versions(versions)]
        return pa.StructArray.from_arrays(parts, fields=list(INPUT))
    return pa.StructArray.from_arrays(list(_versions(flat)), fields=list(VERSION))


# ---- mending ------------------------------------------------------------------------------------------------------


def mend(event: Event) -> Event:
    """An event that Arrow takes, out of one whose arguments were of other types than they should be.

    Names become text, numbers numbers, versions the number or else the label that they stand for; what cannot is null.
    Only a batch that Arrow refused comes here.
    """
    op, clock, *names, version, inferred, base, base_inferred, depth, fields, rare = event
    mended = None if fields is None else [(text_of(path), payload, version_of(b)) for path, payload, b in fields]
    return (
        op, clock, *map(text_of, names), version_of(version), inferred, version_of(base), base_inferred, depth, mended,
        None if rare is None else {name: _mend_rare(name, value) for name, value in rare.items()},
    )  # fmt: skip


def _mend_rare(name: str, value: Any) -> Any:
    if name == "references":
        return [(text_of(path), text_of(target)) for path, target in value if target is not None]
    if name == "inputs":
        return [(text_of(other), version_of(version)) for other, version in value]
    if name == "bases":
        return [version_of(version) for version in value]
    type_ = EVENT.field(name).type
    if pa.types.is_floating(type_):
        return _number(value)
    return text_of(value) if pa.types.is_dictionary(type_) else value


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except Exception:  # noqa: BLE001 - the conversion is the user's code
        return None
