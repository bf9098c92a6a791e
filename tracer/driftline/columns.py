"""Settled events → the columns of one Arrow record batch.

Runs in the writer thread. The lists are built by comprehensions and handed to Arrow whole: an Arrow object per event
would cost more than everything else together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from driftline.arrays import (
    count_from,
    digests,
    lines,
    names,
    numbers,
    optional,
    rare_names,
    small_numbers,
    spread,
    versions,
)
from driftline.calls import MANY, SET_FIELD
from driftline.canonical import NO_LIMIT, filled_leaves
from driftline.ledger import Settled
from driftline.objects import ObjectState, Place
from driftline.schema import EVENT, FIELD, INPUT, OPERATIONS, REFERENCE, VERSION
from driftline.scope import Branch, Scope
from driftline.sightings import Version
from driftline.values import ABSENT, Sealed, encode_payloads, seal, text_of, version_of

_OP_CODE: Final = {**{op: code for code, op in enumerate(OPERATIONS)}, SET_FIELD: OPERATIONS.index("patch")}
_OP_NAMES: Final = pa.array(OPERATIONS, pa.utf8())
_LISTS: Final = ("bases", "references", "inputs")
_ONE: Final = pa.scalar(1, pa.int32())
_CONTAINERS: Final = (b"[", b"{")
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


def to_columns(
    events: Settled, first_seq: int, *, values: bool = True, limit: int = NO_LIMIT,
) -> dict[str, pa.Array]:  # fmt: skip
    """Encode events.

    Args:
        events: One or more, in order.
        first_seq: Sequence number of the first.
        values: Whether the values themselves are kept, or only their digest, size and leaves.
        limit: Bytes of a value's JSON above which only its beginning is kept.

    Returns:
        The columns of `schema.EVENT`, one row an event, by name; without those in which there is nothing.
    """
    columns: dict[str, pa.Array] = {
        "seq": count_from(first_seq, len(events)),
        "clock": numbers(events.clocks, pa.int64()),
        "op": _operations(events.ops),
        "base_inferred": optional(events.base_inferred, pa.bool_()),
        "depth": small_numbers(events.depths),
        "confidence": numbers(events.confidences, pa.float64()),
        "source": names(events.sources),
        "fields": _fields(events, values=values, limit=limit),
    }
    columns["version"], columns["label"] = versions(events.versions)
    columns["base"], columns["base_label"] = versions(events.bases)
    _add_places(columns, events)
    _add_rare(columns, events.rares)
    return {name: column for name, column in columns.items() if column.null_count < len(events)}


def _operations(ops: Sequence[str]) -> pa.Array:
    if ops.count(ops[0]) == len(ops):
        codes = bytes((_OP_CODE[ops[0]],)) * len(ops)
    else:
        codes = bytes(map(_OP_CODE.__getitem__, ops))
    return pa.DictionaryArray.from_arrays(
        pa.Array.from_buffers(pa.int8(), len(codes), [None, pa.py_buffer(codes)]), _OP_NAMES
    )


def _add_places(columns: dict[str, pa.Array], events: Settled) -> None:
    """What the events' places say: looked up once a place, not once an event."""
    number = {place: number for number, place in enumerate(dict.fromkeys(events.places))}
    rows = small_numbers(list(map(number.__getitem__, events.places)))
    scopes = [place.scope for place in number]
    columns["branch"] = spread([scope.branch.id for scope in scopes], rows)
    columns["unit"] = spread([scope.unit for scope in scopes], rows)
    columns["task"] = spread([scope.task for scope in scopes], rows)
    columns["object"] = spread([place.object.id for place in number], rows)
    if events.types is None:
        columns["type"] = spread([place.object.settled_type for place in number], rows)
    else:
        columns["type"] = names(events.types)


def _fields(events: Settled, *, values: bool, limit: int) -> pa.Array:
    lists, paths, payloads, bases = _flattened(events)
    encoded, text = encode_payloads(payloads, scalars=events.single)
    texts = pa.array(encoded, pa.utf8()) if text is None else lines(text, len(encoded))
    sizes = pc.binary_length(texts)
    measures = [
        digests(encoded),
        sizes,
        _filled(texts, encoded, text),
        texts if values else pa.nulls(len(encoded), pa.utf8()),
    ]
    sealed: dict[int, Sealed] = {}
    if text is None:
        # A removed field is encoded as nothing and masked out of every column but its path and base.
        absent = pa.array([p is ABSENT for p in payloads], pa.bool_()) if ABSENT in payloads else None
        measures = [_unless(absent, column) for column in measures]
        sealed = {row: payload for row, payload in enumerate(payloads) if type(payload) is Sealed}
    if encoded and pc.max(sizes).as_py() > limit:
        sealed |= {
            row: seal(text, limit) for row, text in enumerate(encoded) if len(text) > limit and row not in sealed
        }
    if sealed:
        measures = [
            _with(column, sealed, member) for column, member in zip(measures, Sealed.__struct_fields__, strict=True)
        ]
    structs = pa.StructArray.from_arrays([names(paths), *measures, *versions(bases)], fields=list(FIELD))
    return pa.ListArray.from_arrays(lists[0], structs, type=EVENT.field("fields").type, mask=lists[1])


def _with(column: pa.Array, sealed: Mapping[int, Sealed], member: str) -> pa.Array:
    """A column with what is said of the sealed values in their rows."""
    if member == "value" and column.null_count == len(column):
        return column  # of a trace that keeps none
    rows = pa.array([row in sealed for row in range(len(column))])
    return pc.replace_with_mask(column, rows, pa.array([getattr(s, member) for s in sealed.values()], column.type))


def _flattened(
    events: Settled,
) -> tuple[tuple[pa.Array, pa.Array | None], Sequence[str], Sequence[object], Sequence[Version | None]]:
    """Path, payload and base of each field of all events; first Arrow's list offsets, and which lists are null."""
    if events.single:
        offsets = count_from(0, len(events) + 1).cast(pa.int32())
        return (offsets, None), events.paths, events.payloads, events.field_bases
    paths: list[str] = []
    payloads: list[object] = []
    bases: list[Version | None] = []
    counts = [0, *[1] * len(events)]
    done = 0
    for row in [row for row, path in enumerate(events.paths) if type(path) is not str]:
        if done < row:
            paths += events.paths[done:row]
            payloads += events.payloads[done:row]
            bases += events.field_bases[done:row]
        done = row + 1
        counts[done] = 0
        if events.paths[row] is MANY:
            leaves, found = events.payloads[row], events.field_bases[row]
            counts[done] = len(leaves) // 2
            paths += leaves[0::2]
            payloads += leaves[1::2]
            bases += [None] * counts[done] if found is None else found
    paths += events.paths[done:]
    payloads += events.payloads[done:]
    bases += events.field_bases[done:]
    none = pa.array([path is None for path in events.paths], pa.bool_())
    return (pc.cumulative_sum(small_numbers(counts)), none), paths, payloads, bases


def _filled(texts: pa.Array, encoded: Sequence[bytes], text: bytes | None) -> pa.Array:
    """Filled leaves of each value: a scalar is one unless it is empty; what is in a container must be counted."""
    if text is not None and b"null" not in text and b'""' not in text:
        return pa.repeat(_ONE, len(texts))
    leaves = pc.invert(pc.is_in(texts, _EMPTY)).cast(pa.int32())
    if text is None:
        contained = pc.or_(pc.starts_with(texts, "["), pc.starts_with(texts, "{"))
        counts = [filled_leaves(value) for value in encoded if value[:1] in _CONTAINERS]
        leaves = pc.replace_with_mask(leaves, contained, pa.array(counts, pa.int32()))
    return leaves


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
    rows: list[int] = []
    if rares.count(None) < len(rares):
        rows = [row for row, rare in enumerate(rares) if rare is not None]
    given = [rares[row] or {} for row in rows]
    present = set(chain.from_iterable(given))
    for name in (*_RARE, *_LISTS):
        type_ = EVENT.field(name).type
        if name not in present:
            continue
        if pa.types.is_dictionary(type_) and len(rows) < len(rares):
            columns[name] = rare_names(rows, [rare.get(name) for rare in given], len(rares))
        else:
            column: list[Any] = [None] * len(rares)
            for row, rare in zip(rows, given, strict=True):
                column[row] = rare.get(name)
            columns[name] = _lists(name, column) if name in _LISTS else pa.array(column, type_)


def _lists(name: str, column: Sequence[Sequence[Any] | None]) -> pa.Array:
    offsets, flat = _flatten_lists(column)
    return pa.ListArray.from_arrays(offsets, _items(name, flat), type=EVENT.field(name).type)


def _items(name: str, flat: list[Any]) -> pa.Array:
    if name == "references":
        paths, objects = zip(*flat, strict=True) if flat else ((), ())
        parts = [pa.array(paths, REFERENCE.field(0).type), pa.array(objects, REFERENCE.field(1).type)]
        return pa.StructArray.from_arrays(parts, fields=list(REFERENCE))
    if name == "inputs":
        objects, known = zip(*flat, strict=True) if flat else ((), ())
        parts = [pa.array(objects, INPUT.field(0).type), *versions(known)]
        return pa.StructArray.from_arrays(parts, fields=list(INPUT))
    return pa.StructArray.from_arrays(list(versions(flat)), fields=list(VERSION))


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
