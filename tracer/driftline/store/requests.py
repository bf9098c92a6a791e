"""From what a program asks for to what is proposed: numbered, with what its writer had seen of each field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from driftline.discipline.candidates import Base
from driftline.discipline.proposals import Input, Proposal, WriteOp
from driftline.errors import DriftlineError
from driftline.scope import Branch, Scope
from driftline.store.contents import shaped
from driftline.store.entry import HistoryEntry
from driftline.store.records import Records
from driftline.store.version import Version
from driftline.values import ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks.

    Attributes:
        branch: The branch.
        line: Its id in the store.
        scope: Where in it.
    """

    branch: Branch
    line: str
    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A write that a program asks for.

    Attributes:
        actor: Who asks.
        op: What kind of write.
        object: Id of the object.
        fields: What to set, by JSON Pointer, in copies of its own; `ABSENT` removes.
        base: The version that it was derived from; 0 for none.
        type: Type of the object, or None.
        confidence: As declared.
        fidelity: As declared.
        source: As declared.
        references: As declared.
        inputs: As declared: (object, version); None if not.
        time: When it was asked for, nanoseconds since 1970.
    """

    actor: Actor
    op: WriteOp
    object: str
    fields: Mapping[str, Any]
    base: int
    type: str | None
    confidence: float | None = None
    fidelity: float | None = None
    source: str | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[tuple[str, int]] | None = None


def number_of(version: int | Version) -> int:
    """The number of a version, however it was named.

    Raises:
        DriftlineError: If it is neither a version nor a number.
    """
    if isinstance(version, Version):
        return version.version
    if isinstance(version, int) and not isinstance(version, bool):
        return version
    raise DriftlineError(
        f"{version!r} is no version of a store",
        "pass a Version that the store gave, or its number (.version)",
    )


def inputs_of(records: Records, inputs: Iterable[Version | tuple[str, int | Version]] | None) -> list[tuple[str, int]]:
    """The inputs that a program declares, checked.

    Raises:
        DriftlineError: If one names a version that never was.
    """
    found = []
    for one in inputs or ():
        object_id, version = (one.id, one.version) if isinstance(one, Version) else (one[0], number_of(one[1]))
        if records.head(object_id) is not None:  # one of another store is not this store's to check
            check_version(records, object_id, version, "the input")
        found.append((object_id, version))
    return found


def check_version(records: Records, object_id: str, version: int, what: str) -> None:
    """See that a version exists.

    Raises:
        DriftlineError: If it does not.
    """
    newest = records.number(object_id)
    if not 0 < version <= newest:
        raise DriftlineError(
            f"{object_id}: {what} {version} never existed: its newest version is {newest or 'none'}",
            "pass the version that was read: `base=ctx.version`",
        )


class Drafter:
    """Makes proposals of requests, in order: those of one unit know of each other.

    Args:
        records: What landed.
        time: Now, nanoseconds since 1970.
        order: Place of the first in the order of all commits.
        unit: Id of the unit that they are part of, or None.
    """

    def __init__(self, records: Records, time: int, order: int, unit: str | None) -> None:
        self._records = records
        self._time = time
        self._order = order
        self._unit = unit
        self._earlier: list[Proposal] = []

    def proposal(self, request: Request) -> Proposal:
        """What is proposed."""
        records, object_id, base, line = self._records, request.object, request.base, request.actor.line
        number = records.number(object_id) + 1
        mine: list[Proposal] = []
        for earlier in self._earlier:
            if earlier.object == object_id:
                number = earlier.position + 1
                mine.append(earlier)
        fields = request.fields
        standing = self._standing(object_id, mine)
        if request.op == "patch" and not all(path in standing for path in fields):
            fields = shaped(fields, standing)
        branch = request.actor.branch
        seen = self._seen(object_id, base, line, fields if request.op == "patch" else {**fields, **standing})
        for earlier in mine:
            if earlier.branch_id == line:
                _own(seen, earlier.op, earlier.fields, earlier.version)
        proposal = Proposal(
            event=f"{object_id}@{number}", op=request.op, object=object_id, type=request.type, version=str(number),
            position=number, order=self._order + len(self._earlier), branch=branch.name, branch_id=line,
            phase=branch.phase, time=self._time, fields=fields, seen=seen, confidence=request.confidence,
            fidelity=request.fidelity, source=request.source, references=request.references,
            inputs=self._inputs(request), unit=self._unit, depth=self._depth(request),
            signature=request.actor.scope.signature,
        )  # fmt: skip
        self._earlier.append(proposal)
        return proposal

    def _standing(self, object_id: str, mine: Sequence[Proposal]) -> Mapping[str, Any]:
        """What would stand before the write, if all that its unit did before it were to land."""
        standing = self._records.standing(object_id)
        if mine:
            standing = dict(standing)
            for earlier in mine:
                if earlier.op != "patch":
                    standing.clear()
                standing.update(earlier.fields)
            return {path: value for path, value in standing.items() if value is not ABSENT}
        return standing

    def _seen(self, object_id: str, base: int, line: str, paths: Iterable[str]) -> dict[str, Base]:
        """What the writer had seen of each field: what stood at the base, and what it has proposed itself since."""
        if not base:
            seen = {}
        else:
            records, version = self._records, str(base)
            head = records.head(object_id)
            if head is not None and head.version <= base:
                standing = records.standing(object_id)
                seen = {path: Base(standing.get(path, ABSENT), version) for path in paths}
            else:
                seen = {path: Base(records.value(object_id, path, base), version) for path in paths}
        for entry in self._records.own(object_id, line, base):
            _own(seen, entry.op, entry.fields, str(entry.version), paths)
        return seen

    def _inputs(self, request: Request) -> tuple[Input, ...]:
        if not request.inputs:
            return ()
        found = []
        for object_id, version in request.inputs:
            made = self._records.landed(object_id, version)
            found.append(Input(object=object_id, position=version, time=None if made is None else made.time))
        return tuple(found)

    def _depth(self, request: Request) -> int:
        """1 more than the deepest version that it is made or derived from."""
        records = self._records
        head = records.head(request.object)
        deepest = 0 if head is None else head.depth
        for object_id, version in ((request.object, request.base), *(request.inputs or ())):
            made = records.landed(object_id, version) if version else None
            if made is not None and made is not head:
                deepest = max(deepest, made.depth)
        return deepest + 1


def _own(
    seen: dict[str, Base],
    op: WriteOp,
    fields: Mapping[str, Any],
    version: str,
    paths: Iterable[str] = (),
) -> None:
    """A writer has seen what it proposed itself: not what that was merged into."""
    wanted = {*paths, *seen}
    if op != "patch":
        for path in wanted:
            seen[path] = Base(ABSENT, version)
    for path, value in fields.items():
        if path in wanted or not paths:
            seen[path] = Base(value, version)


def parents_of(entry: HistoryEntry | None, base: int) -> tuple[int, ...]:
    """The versions that a new one is made of: the one that stands, and the one that it was derived from."""
    standing = 0 if entry is None else entry.version
    return tuple(dict.fromkeys(version for version in (standing, base) if version))


def said_of(
    confidence: float | None, fidelity: float | None, source: str | None, refs: Mapping[str, str] | None
) -> dict[str, Any]:
    """What a writer declares, checked."""
    for name, share in (("confidence", confidence), ("fidelity", fidelity)):
        if share is not None and not (isinstance(share, (int, float)) and 0 <= share <= 1):
            raise DriftlineError(f"the {name} {share!r} is no number from 0 to 1", f"leave {name} out, or mend it")
    return {"confidence": confidence, "fidelity": fidelity, "source": source, "references": dict(refs or {})}


def type_of(object_id: str) -> str | None:
    """What stands before the first slash of an id.

    Example:
        >>> type_of("context/42"), type_of("lonely")
        ('context', None)
    """
    type_, slash, _ = object_id.partition("/")
    return type_ if slash and type_ else None
