"""What is proposed to the shared state: one write, with what its writer had seen of each field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from driftline.discipline.candidates import Base

WriteOp = Literal["write", "patch", "merge", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A version of another object that a write was derived from.

    Attributes:
        object: Id of the object.
        position: Place of the version in the order of its object's versions.
        time: When it was made, nanoseconds since 1970; None if that is not known.
    """

    object: str
    position: int
    time: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A write, before anything is decided.

    Attributes:
        event: Id of the event that recorded it; unique.
        op: What kind of write.
        object: Id of the object.
        type: Its type, or None.
        version: The version that it makes, as text.
        position: Place of that version in the order of the object's versions.
        order: Place of the write in the order of all commits.
        branch: Name of the branch.
        branch_id: Its id.
        phase: Its phase, or None.
        time: Nanoseconds since 1970.
        fields: JSON Pointer → value; `ABSENT` removes the field. A full write removes all that it does not list.
        seen: What the writer had seen of each field that it sets or removes, its own earlier writes included; of one
            that is missing here, nothing.
        confidence: As declared, 0 to 1, or None.
        fidelity: As declared, 0 to 1, or None.
        source: Who vouches for it, or None.
        references: JSON Pointer → id of the object that the field names.
        inputs: Versions of other objects that it was derived from.
        unit: Id of the outermost unit that it is part of, or None.
        depth: Its mutation depth, or None.
        signature: Signature of the task that it was written in, or None.
    """

    event: str
    op: WriteOp
    object: str
    type: str | None
    version: str
    position: int
    order: int
    branch: str
    branch_id: str
    phase: str | None = None
    time: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Base] = field(default_factory=dict)
    confidence: float | None = None
    fidelity: float | None = None
    source: str | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    unit: str | None = None
    depth: int | None = None
    signature: int | None = None
