"""How states, entries and proposals are kept in a SQLite file: MessagePack of plain lists, in which absent is empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from driftline.discipline.candidates import Base, Candidate
from driftline.discipline.proposals import Input, Proposal
from driftline.discipline.quarantine import Entry
from driftline.discipline.world import FieldState, ObjectState
from driftline.store.entry import HistoryEntry
from driftline.values import ABSENT

pack = msgspec.msgpack.encode
unpack = msgspec.msgpack.decode


def _boxed(value: Any) -> list[Any]:
    """A value, or nothing in its place."""
    return [] if value is ABSENT else [value]


def _unboxed(box: list[Any]) -> Any:
    return box[0] if box else ABSENT


def _box_all(values: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {path: _boxed(value) for path, value in values.items()}


def _unbox_all(boxes: Mapping[str, list[Any]]) -> dict[str, Any]:
    return {path: _unboxed(box) for path, box in boxes.items()}


# ---- values -------------------------------------------------------------------------------------------------------


def pack_value(value: Any) -> bytes | None:
    """One value; None of what is absent."""
    return None if value is ABSENT else pack(value)


def unpack_value(packed: bytes | None) -> Any:
    """The same again."""
    return ABSENT if packed is None else unpack(packed)


# ---- what stands --------------------------------------------------------------------------------------------------


def pack_state(state: ObjectState) -> bytes:
    """All that the pipeline knows of an object."""
    fields = {
        path: [
            _boxed(one.value), one.version, _candidate(one.candidate), _base(one.since),
            [_candidate(other) for other in one.concurrent],
        ]
        for path, one in state.fields.items()
    }  # fmt: skip
    return pack([
        state.type, state.version, state.position, state.time, state.live, state.branch, state.rank, fields,
        dict(state.references),
    ])  # fmt: skip


def unpack_state(packed: bytes) -> ObjectState:
    """The same again."""
    type_, version, position, time, live, branch, rank, fields, references = unpack(packed)
    return ObjectState(
        type=type_, version=version, position=position, time=time, live=live, branch=branch, rank=rank,
        fields={
            path: FieldState(
                value=_unboxed(value), version=own, candidate=_candidate_of(candidate), since=_base_of(since),
                concurrent=tuple(map(_candidate_of, concurrent)),
            )
            for path, (value, own, candidate, since, concurrent) in fields.items()
        },
        references=references,
    )  # fmt: skip


def _candidate(one: Candidate) -> list[Any]:
    return [
        _boxed(one.value), one.version, one.branch, one.order, one.confidence, one.fidelity, one.source, one.time,
        _boxed(one.valid_time), one.breaks_schema,
    ]  # fmt: skip


def _candidate_of(packed: list[Any]) -> Candidate:
    value, version, branch, order, confidence, fidelity, source, time, valid_time, breaks_schema = packed
    return Candidate(
        value=_unboxed(value), version=version, branch=branch, order=order, confidence=confidence, fidelity=fidelity,
        source=source, time=time, valid_time=_unboxed(valid_time), breaks_schema=breaks_schema,
    )  # fmt: skip


def _base(base: Base) -> list[Any]:
    return [_boxed(base.value), base.version]


def _base_of(packed: list[Any]) -> Base:
    return Base(_unboxed(packed[0]), packed[1])


# ---- what was proposed --------------------------------------------------------------------------------------------


def pack_history(entry: HistoryEntry) -> bytes:
    """What became of a write."""
    return pack({**msgspec.structs.asdict(entry), "fields": _box_all(entry.fields)})


def unpack_history(packed: bytes) -> HistoryEntry:
    """The same again."""
    said = unpack(packed)
    return msgspec.convert({**said, "fields": _unbox_all(said["fields"])}, HistoryEntry)


def pack_held(proposal: Proposal | None) -> bytes | None:
    """A write that was set aside; what its writer had seen was judged, and nobody asks for it again."""
    if proposal is None:
        return None
    said = {name: getattr(proposal, name) for name in Proposal.__dataclass_fields__}
    inputs = [(used.object, used.position, used.time) for used in proposal.inputs]
    return pack({**said, "fields": _box_all(proposal.fields), "seen": {}, "inputs": inputs})


def unpack_held(packed: bytes | None) -> Proposal | None:
    """The same again."""
    if packed is None:
        return None
    said = unpack(packed)
    inputs = tuple(Input(object=used, position=position, time=time) for used, position, time in said["inputs"])
    return Proposal(**{**said, "fields": _unbox_all(said["fields"]), "inputs": inputs})


def pack_entry(entry: Entry) -> bytes:
    """An entry of the quarantine."""
    return pack(entry)


def unpack_entry(packed: bytes) -> Entry:
    """The same again."""
    return msgspec.msgpack.decode(packed, type=Entry)
