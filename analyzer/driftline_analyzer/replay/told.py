"""What the discipline is told of a trace: its writes as proposed, and the ends of branches, tasks and units."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from xxhash import xxh3_64_intdigest

from driftline.canonical import decode
from driftline.discipline.candidates import Base, Unrecorded
from driftline.discipline.proposals import Input, Proposal
from driftline.values import ABSENT
from driftline_analyzer.database import sql
from driftline_analyzer.workspace import Workspace

#: The strategy of the merge by which somebody releases a version from quarantine.
RELEASE: Final = "driftline.release"


@dataclass(frozen=True, slots=True)
class Told:
    """A recorded write, as it was proposed.

    Attributes:
        e: Its event (`event.e`).
        ordinal: Its place among all writes as they are decided, from 1.
        proposal: The write.
        asked: Whether a live store recorded it as a proposal that did not land as it was.
        releases: The version that it releases from quarantine, or None.
        by: Who released it.
        why: What they said.
    """

    e: int
    ordinal: int
    proposal: Proposal
    asked: bool = False
    releases: str | None = None
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a branch, a task or a unit.

    Attributes:
        what: `branch`, `task` or `unit`.
        name: Id of the unit, or of the branch that ended, or did the task.
        signature: Of the task.
        badly: Whether the branch failed, or the unit was aborted.
    """

    what: str
    name: str
    signature: int | None
    badly: bool


def told(workspace: Workspace) -> Iterator[Told | Ended]:
    """Everything in the order in which the discipline is told of it."""
    writes = (_Placed((row[0], 1, row[1]), _told(row[2:])) for row in workspace.rows(sql("replay", "told")))
    ends = (
        _Placed((row[0], 0, number), Ended(*row[1:]))
        for number, row in enumerate(workspace.rows(sql("replay", "ends")))
    )
    for placed in heapq.merge(writes, ends, key=lambda placed: placed.place):
        yield placed.what


class _Placed(NamedTuple):
    """Something told, and its place."""

    place: tuple[int, int, int]
    what: Told | Ended


def _told(row: tuple[Any, ...]) -> Told:
    (e, ordinal, event, op, object_id, type_, version, position, branch, branch_id, phase, clock, confidence, fidelity,
     source, references, inputs, unit, depth, signature, strategy, reason, bases, asked, cells) = row  # fmt: skip
    releases = bases[-1] if strategy == RELEASE and bases else None  # what stood, if anything did, comes first
    proposal = Proposal(
        event=event, op=op, object=object_id, type=type_, version=version, position=position, order=ordinal,
        branch=branch, branch_id=branch_id, phase=phase, time=clock, fields=_written(op, cells or ()),
        seen=_seen(cells or ()), confidence=confidence, fidelity=fidelity, source=source,
        references={one["path"]: one["object"] for one in references or ()},
        inputs=tuple(Input(object=one["object"], position=one["position"], time=one["time"]) for one in inputs or ()),
        unit=unit, depth=depth, signature=signature,
    )  # fmt: skip
    return Told(e, ordinal, proposal, asked, releases, source or "", reason or "")


def _written(op: str, cells: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The fields that a write sets; a removal of the object needs none."""
    if op == "delete":
        return {}
    return {
        cell["path"]: value_of(cell["value"], cell["digest"], cell["size"], cell["leaves"])
        for cell in cells
        if cell["listed"]
    }


def _seen(cells: Iterable[dict[str, Any]]) -> dict[str, Base]:
    return {
        cell["path"]: Base(
            value_of(cell["seen_value"], cell["seen_digest"], cell["seen_size"], cell["seen_leaves"]), cell["version"]
        )
        for cell in cells
        if cell["known"]
    }


def value_of(text: str | None, digest: int | None, size: int | None, leaves: int | None) -> Any:
    """The value of a recorded field.

    Args:
        text: What was recorded of it.
        digest: Of the value; None if the field is absent.
        size: As recorded.
        leaves: As recorded.

    Returns:
        The value; `ABSENT`; or what stands for a value that was not recorded whole: its text has another digest.

    Example:
        >>> value_of("[1]", xxh3_64_intdigest(b"[1]"), 3, 1), value_of(None, None, None, None)
        ([1], driftline.ABSENT)
        >>> value_of('{"$type":"driftline.digest-only"}', 7, 3, 1)
        Unrecorded(digest=7, size=3, leaves=1)
    """
    if digest is None:
        return ABSENT
    if text is None or xxh3_64_intdigest(text.encode()) != digest:
        return Unrecorded(digest, size, leaves)
    return decode(text)
