"""What a store remembers of each write that was ever proposed to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from driftline.discipline.pipeline import Verdict
from driftline.discipline.proposals import WriteOp


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One proposed write, and what became of it.

    Attributes:
        object: Id of the object.
        version: The number that it was given.
        op: What kind of write.
        type: Type of the object, or None.
        base: The version that its writer had seen; 0 for none.
        parents: The versions that the one it made was made of; empty if it made none, or the first.
        depth: Mutation depth.
        time: When it was decided, nanoseconds since 1970.
        branch: Name of the branch.
        line: The branch's id in this store.
        phase: The phase of the branch, or None.
        verdict: What became of it; in modes other than `enforce`, what would have become of it.
        landed: Whether it made a version that can be read.
        reason: Why it was not promoted as written; else empty.
        confidence: As declared, or None.
        fidelity: As declared, or None.
        source: Who vouches for it, or None.
        fields: What was proposed, by JSON Pointer; `ABSENT` removes.
        references: JSON Pointer → id of the object that the field names, as declared.
        releases: The version that was set aside and that this one lets stand, or None.
    """

    object: str
    version: int
    op: WriteOp
    type: str | None
    base: int
    parents: tuple[int, ...]
    depth: int
    time: int
    branch: str
    line: str
    phase: str | None
    verdict: Verdict
    landed: bool
    reason: str = ""
    confidence: float | None = None
    fidelity: float | None = None
    source: str | None = None
    fields: Mapping[str, Any]
    references: Mapping[str, str]
    releases: int | None = None
