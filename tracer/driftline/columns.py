"""Settled events → one Arrow record batch, a column at a time.

Runs in the writer thread. The lists are built by comprehensions and handed to Arrow whole: an Arrow object per event
would cost more than everything else together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest

from driftline.calls import MANY, SET_FIELD
from driftline.canonical import NO_LIMIT, filled_leaves
from driftline.ledger import Settled
from driftline.objects import ObjectState, Place
from driftline.schema import EVENT, FIELD, INPUT, NAME, OPERATIONS, REFERENCE, VERSION
from driftline.scope import Branch, Scope
from driftline.sightings import Version
from driftline.values import ABSENT, Sealed, encode_payloads, seal, text_of, version_of

_OP_CODE: Final = {**{op: code for code, op in enumerate(OPERATIONS)}, SET_FIELD: OPERATIONS.index("patch")}
_OP_NAMES: Final = pa.array(OPERATIONS, pa.utf8())
_LISTS: Final = ("bases", "references", "inputs")
_VERSIONS: Final = frozenset({int, str, type(None)})
_EMPTY: Final = pa.array(["null", '""'])
_RARE: Final = tuple(
    name
    for name in EVENT.names
    if name
    not in {
        *("seq", "clock", "op", "branch", "unit", "task", "object", "type", "version", "label", "base", "base_label"),
        *("base_inferred", "depth", "fields", "confidence", "source"),
        *_LISTS,
    }
)


def to_batch(events: Settled, first_seq: int, *, values: bool = True, limit: int = NO_LIMIT) -> pa.RecordBatch:
    """Encode events.

    Args:
        events: One or more, in order.
        first_seq: Sequence number of the first.
        values: Whether the values themselves are kept, or only their digest, size and leaves.
        limit: Bytes of a value's JSON above which only its beginning is kept.

    Returns:
        A batch of `schema.EVENT`, one row an event.
    """
    columns: dict[str, pa.Array] = {
        "seq": pa.array(range(first_seq, first_seq + len(events)), pa.int64()),
        "clock": pa.array(events.clocks, pa.int64()),
        "op": pa.DictionaryArray.from_arrays(
            pa.array(list(map(_OP_CODE.__getitem__, events.ops)), pa.int8()), _OP_NAMES
        ),
        "base_inferred": _array("base_inferred", events.base_inferred),
        "depth": _array("depth", events.depths),
        "confidence": _array("confidence", events.confidences),
        "source": _names(events.sources),
        "fields": _fields(events, values=values, limit=limit),
    }
    columns["version"], columns["label"] = _versions(events.versions)
    columns["base"], columns["base_label"] = _versions(events.bases)
    _add_places(columns, events)
    _add_rare(columns, events.rares)
    return pa.record_batch([columns[name] for name in EVENT.names], schema=EVENT)


def _array(name: str, column: Sequence[Any]) -> pa.Array:
    type_ = EVENT.field(name).type
    if column.count(None) == len(column):
        return pa.nulls(len(column), type_)
    return pa.array(column, type_)


def _names(column: Sequence[str | None]) -> pa.Array:
    """A column of few distinct names."""
    first = column[0]
    if column.count(first) == len(column):
        if first is None:
            return pa.nulls(len(column), NAME)
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), len(column)), pa.array([first]))
    return pa.array(column, NAME)


def _add_places(columns: dict[str, pa.Array], events: Settled) -> None:
    """What the events' places say: looked up once a place, not once an event."""
    number = {place: number for number, place in enumerate(dict.fromkeys(events.places))}
    rows = pa.array(list(map(number.__getitem__, events.places)), pa.int32())
    columns["branch"] = _spread([place.scope.branch.id for place in number], rows)
    columns["unit"] = _spread([place.scope.unit for place in number], rows)
    columns["task"] = _spread([place.scope.task for place in number], rows)
    columns["object"] = _spread([place.object.id for place in number], rows)
    if events.types is None:
        columns["type"] = _spread([place.object.settled_type for place in number], rows)
    else:
        columns["type"] = _names(events.types)


def _spread(names: Sequence[str | None], rows: pa.Array) -> pa.Array:
    """A column of names, of which the row says which."""
    if names.count(None) == len(names):
        return pa.nulls(len(rows), NAME)
    distinct = pa.array(names, NAME)
    return pa.DictionaryArray.from_arrays(distinct.indices.take(rows), distinct.dictionary)


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


def _fields(events: Settled, *, values: bool, limit: int) -> pa.Array:
    offsets, paths, payloads, bases = _flattened(events)
    # A removed field is encoded as nothing and masked out of every column but its path and base.
    absent = pa.array([p is ABSENT for p in payloads], pa.bool_()) if ABSENT in payloads else None
    encoded = encode_payloads(payloads)
    texts = pa.array(encoded, pa.utf8())
    measures = [
        pa.array(list(map(xxh3_64_intdigest, encoded)), pa.uint64()),
        pc.binary_length(texts),
        _leaves(texts, encoded),
        texts if values else pa.nulls(len(encoded), pa.utf8()),
    ]
    sealed = _sealed(payloads, encoded, limit)
    if sealed:
        measures = [
            _with(column, sealed, member) for column, member in zip(measures, Sealed.__struct_fields__, strict=True)
        ]
    structs = pa.StructArray.from_arrays(
        [
            pa.array(paths, FIELD.field("path").type),
            *(_unless(absent, column) for column in measures),
            *_versions(bases),
        ],
        fields=list(FIELD),
    )
    return pa.ListArray.from_arrays(offsets, structs, type=EVENT.field("fields").type)


def _sealed(payloads: Sequence[object], encoded: Sequence[bytes], limit: int) -> dict[int, Sealed]:
    """The fields whose values are not recorded whole, by row."""
    sealed = {}
    if Sealed in set(map(type, payloads)):
        sealed = {row: payload for row, payload in enumerate(payloads) if type(payload) is Sealed}
    if max(map(len, encoded), default=0) > limit:
        sealed |= {
            row: seal(text, limit) for row, text in enumerate(encoded) if len(text) > limit and row not in sealed
        }
    return sealed


def _with(column: pa.Array, sealed: Mapping[int, Sealed], member: str) -> pa.Array:
    """A column with what is said of the sealed values in their rows."""
    if member == "value" and column.null_count == len(column):
        return column  # of a trace that keeps none
    rows = pa.array([row in sealed for row in range(len(column))])
    return pc.replace_with_mask(column, rows, pa.array([getattr(s, member) for s in sealed.values()], column.type))


def _flattened(events: Settled) -> tuple[pa.Array, Sequence[str], Sequence[object], Sequence[Version | None]]:
    """Arrow list offsets (null where an event has no fields); path, payload and base of every field of every event."""
    if events.ops.count(SET_FIELD) == len(events):
        return pa.array(range(len(events) + 1), pa.int32()), events.paths, events.payloads, events.field_bases
    offsets: list[int | None] = []
    paths: list[str] = []
    payloads: list[object] = []
    bases: list[Version | None] = []
    for path, payload, base in zip(events.paths, events.payloads, events.field_bases, strict=True):
        offsets.append(None if path is None else len(paths))
        if path is MANY:
            paths += payload[0::2]
            payloads += payload[1::2]
            bases += [None] * (len(payload) // 2) if base is None else base
        elif path is not None:
            paths.append(path)
            payloads.append(payload)
            bases.append(base)
    offsets.append(len(paths))
    return pa.array(offsets, pa.int32()), paths, payloads, bases


def _leaves(texts: pa.Array, encoded: Sequence[bytes]) -> pa.Array:
    """Filled leaves of each value: a scalar is one unless it is empty; what is in a container must be counted."""
    contained = pc.starts_with(texts, "[")
    contained = pc.or_(contained, pc.starts_with(texts, "{"))
    if contained.true_count:
        return pa.array(list(map(filled_leaves, encoded)), pa.int32())
    return pc.invert(pc.is_in(texts, _EMPTY)).cast(pa.int32())


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


def _add_rare(columns: dict[str, pa.Array], rares: Sequence[Mapping[str, Any] | None]) -> None:
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


def mend(events: Settled) -> Settled:
    """Events that Arrow takes, out of some whose arguments were of other types than they should be.

    Names become text, numbers numbers, versions the number or else the label that they stand for; what cannot is null.
    Only a batch that Arrow refused comes here.
    """
    mended = events.part(0, len(events))
    mended.versions = list(map(version_of, events.versions))
    mended.bases = list(map(version_of, events.bases))
    mended.field_bases = [
        [*map(version_of, base)] if type(base) is list else version_of(base) for base in events.field_bases
    ]
    mended.confidences = list(map(_number, events.confidences))
    mended.sources = list(map(text_of, events.sources))
    mended.places = [_mend_place(place) for place in events.places]
    mended.types = [text_of(type_) for type_ in mended.types or [p.object.settled_type for p in events.places]]
    mended.paths = [path if path is MANY else text_of(path) for path in events.paths]
    mended.payloads = [
        tuple(chain.from_iterable((text_of(p), v) for p, v in zip(payload[0::2], payload[1::2], strict=True)))
        if path is MANY
        else payload
        for path, payload in zip(events.paths, events.payloads, strict=True)
    ]
    mended.rares = [
        None if rare is None else {name: _mend_rare(name, value) for name, value in rare.items()}
        for rare in events.rares
    ]
    return mended


def _mend_place(place: Place) -> Place:
    scope, state = place.scope, place.object
    branch = Branch(str(text_of(scope.branch.id)), "", None, None, None)
    return Place(Scope(branch, text_of(scope.unit), text_of(scope.task)), ObjectState(text_of(state.id), None))


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
