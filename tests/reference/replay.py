"""The replay by the slowest obvious means: every event in turn, every notion looked up in the whole history.

It shares with the replay what decides, `Pipeline`, and nothing of how a trace becomes proposals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from xxhash import xxh3_64_intdigest

from driftline import ABSENT
from driftline.canonical import decode
from driftline.discipline import Policy
from driftline.discipline.candidates import Base, Unrecorded
from driftline.discipline.pipeline import Decision, Pipeline
from driftline.discipline.proposals import Input, Proposal
from reference.events import Event, Field
from reference.history import History


class PlainReplay:
    """A whole history, told to a pipeline.

    Args:
        history: An ordered one.
        policy: The policy.
    """

    def __init__(self, history: History, policy: Policy) -> None:
        self.history = history
        self.pipeline = Pipeline(policy)
        self.begun: set[str] = set()
        self.ended: dict[str, bool] = {}
        self.deferred: list[str] = []

    def decisions(self) -> Iterator[Decision]:
        """Every decision, in the order in which it is made."""
        writes = sorted(self.history.writes, key=lambda w: (self.told_at(w), self.history.position_of(w), self.rank(w)))
        order = {write: number for number, write in enumerate(self.committed(writes), 1)}
        turn = {write: number for number, write in enumerate(writes)}
        for event in sorted([*writes, *self.ends()], key=lambda e: (self.told_at(e), turn.get(e, -1))):
            if event.is_write:
                yield from self.write(event, order[event])
            else:
                yield from self.end(event)
        yield from self.pipeline.finish()

    def rank(self, event: Event) -> int:
        return self.history.rank[event]

    def told_at(self, event: Event) -> int:
        """The place of an event; of a write, that of the first recorded among it and those that come after it."""
        if not event.is_write or self.history.void(event):
            return self.rank(event)
        order = self.history.writes_in_order(event.object)
        return min(self.rank(write) for write in order[order.index(event) :] if not self.history.void(write))

    # ---- units ----------------------------------------------------------------------------------------------------

    def unit_of(self, write: Event) -> tuple[str | None, Event | None]:
        """The unit that a write is decided with, and how it ends; none if it had ended before."""
        if write.unit is None:
            return None, None
        around = [write.unit, *self.history.units_around(write.unit)]
        aborted = [unit for unit in around if self.history.outcome(unit) == "aborted"]
        if aborted:
            first = min(map(self.end_of, aborted), key=self.rank)
            return first.unit, first
        unknown = [unit for unit in around if self.history.outcome(unit) == "unknown"]
        if unknown:
            return unknown[-1], None
        end = self.end_of(around[-1])
        return (None, None) if self.told_at(write) > self.rank(end) else (around[-1], end)

    def end_of(self, unit: str) -> Event:
        """The end of a unit; the last, if it was ended again."""
        return [e for e in self.history.events if e.op in {"unit-commit", "unit-abort"} and e.unit == unit][-1]

    def committed(self, writes: list[Event]) -> list[Event]:
        """Writes in the order in which they are decided; what never is comes last, unit by unit."""
        first: dict[str, int] = {}

        def place(write: Event) -> tuple[Any, ...]:
            unit, end = self.unit_of(write)
            told = writes.index(write)
            if unit is None:
                return (0, self.told_at(write), told)
            if end is not None:
                return (0, max(self.told_at(write), self.rank(end)), told)
            return (1, first.setdefault(unit, told), told)

        return sorted(writes, key=place)

    def ends(self) -> list[Event]:
        """The ends that a pipeline is told of."""
        units = {end for _, end in map(self.unit_of, self.history.writes) if end is not None}
        return [e for e in self.history.events if e.op in {"branch-end", "task-end"} or e in units]

    # ---- telling --------------------------------------------------------------------------------------------------

    def write(self, write: Event, order: int) -> Iterator[Decision]:
        self.begin(write.branch)
        unit, end = self.unit_of(write)
        decision = self.pipeline.write(self.proposal(write, unit, order))
        if decision.verdict != "deferred":
            yield decision
        elif end is not None and self.rank(end) < self.told_at(write):
            yield from self.pipeline.abort_unit(unit)

    def begin(self, branch: str) -> None:
        if branch in self.begun:
            return
        self.begun.add(branch)
        start = next((e for e in self.history.events if e.op == "branch-start" and e.branch == branch), None)
        parent = None if start is None or start.parent not in self.history.branches else start.parent
        if parent is not None:
            self.begin(parent)
        self.pipeline.begin_branch(branch, name_of(branch), None if start is None else start.phase, parent)
        if branch in self.ended:
            self.pipeline.end_branch(branch, failed=self.ended[branch])

    def end(self, event: Event) -> Iterator[Decision]:
        if event.op == "branch-end":
            self.ended[event.branch] = event.status == "failed"
            self.pipeline.end_branch(event.branch, failed=event.status == "failed")
        elif event.op == "task-end":
            signature = self.signature(event)
            if event.status == "ok" and signature is not None:
                self.pipeline.finish_task(signature, event.branch)
        elif self.history.outcome(event.unit) == "aborted":
            yield from self.pipeline.abort_unit(event.unit)
        else:
            yield from self.pipeline.commit_unit(event.unit)

    def signature(self, event: Event) -> int | None:
        starts = [e for e in self.history.events if e.op == "task-start" and e.task == event.task is not None]
        return starts[0].signature if starts else None

    # ---- proposals ------------------------------------------------------------------------------------------------

    def proposal(self, write: Event, unit: str | None, order: int) -> Proposal:
        start = next((e for e in self.history.events if e.op == "branch-start" and e.branch == write.branch), None)
        return Proposal(
            event=write.id, op=write.op, object=write.object, type=self.history.type_of(write.object),
            version="" if write.version is None else str(write.version),
            position=whole(self.history.position_of(write)), order=order, branch=name_of(write.branch),
            branch_id=write.branch, phase=None if start is None else start.phase, time=write.clock,
            fields={} if write.op == "delete" else {path: value_of(field) for path, field in write.fields.items()},
            seen=self.seen(write), confidence=write.confidence, fidelity=write.fidelity,
            references=dict(write.references), inputs=tuple(self.inputs(write)), unit=unit,
            signature=self.signature(write),
        )  # fmt: skip

    def inputs(self, write: Event) -> Iterator[Input]:
        found = set()
        for target, version in write.inputs or ():
            known = target in self.history.objects
            if known:
                position = whole(self.history.position(replace(write, object=target), version))
            else:
                position = version if isinstance(version, int) else -1
            made = [
                w.clock for w in self.history.writes
                if known and w.object == target and not self.history.void(w) and self.history.position_of(w) == position
            ]  # fmt: skip
            found.add((target, position, min(made, default=None)))
        for target, position, time in sorted(found, key=lambda one: one[:2]):
            yield Input(object=target, position=position, time=time)

    def seen(self, write: Event) -> dict[str, Base]:
        paths = set(write.fields)
        if write.is_full:
            paths |= {path for other in self.history.writes if other.object == write.object for path in other.fields}
        found = {}
        for path in sorted(paths):
            base = self.history.b(write, path)
            place = None if base is None else self.history.position(write, base)
            own = self.said_since(write, path, place)
            if own is not None:
                digest = self.history.sets(own)[path]
                value = ABSENT if digest is None else value_of(own.fields[path])
                found[path] = Base(value, str(own.version))
            elif base is not None:
                stood = self.stood_at(write, place, path)
                if str(base) != "0" or self.was_set(write, place, path):
                    found[path] = Base(ABSENT if stood is None else value_of(stood), str(base))
            if path not in write.fields and path in found and found[path].value is ABSENT:
                del found[path]
        return found

    def said_since(self, write: Event, path: str, place: float | None) -> Event | None:
        """What the branch itself said of a field last, if it came after its base."""
        own = [
            w for w in self.history.writes_before(write)
            if w.branch == write.branch and not self.history.void(w) and path in self.history.sets(w)
        ]  # fmt: skip
        if not own or (place is not None and self.history.position_of(own[-1]) <= place):
            return None
        return own[-1]

    def stood_at(self, write: Event, place: float, path: str) -> Field | None:
        """What stood at a position; of a version that never was, what it held."""
        there = [w for w in self.history.writes_in_order(write.object) if self.history.position_of(w) == place]
        if there and all(map(self.history.void, there)):
            setting = [w for w in there if path in self.history.sets(w) and self.rank(w) < self.rank(write)]
            if setting:
                last = max(setting, key=self.rank)
                return None if self.history.sets(last)[path] is None else last.fields[path]
        upto = [w for w in self.history.writes_before(write) if self.history.position_of(w) <= place]
        stood = self.history.contents_after(upto).get(path)
        return None if stood is None else stood.value

    def was_set(self, write: Event, place: float, path: str) -> bool:
        return any(
            path in self.history.sets(w)
            for w in self.history.writes_in_order(write.object)
            if (
                not self.history.void(w)
                and w in self.history.writes_before(write)
                and self.history.position_of(w) <= place
            )
            or (self.history.position_of(w) == place and self.is_torn(w) and self.rank(w) < self.rank(write))
        )

    def is_torn(self, write: Event) -> bool:
        """Whether a version never was."""
        place = self.history.position_of(write)
        same = [w for w in self.history.writes_in_order(write.object) if self.history.position_of(w) == place]
        return all(map(self.history.void, same))


def value_of(field: Field) -> Any:
    if field.digest is None:
        return ABSENT
    if field.value is None or xxh3_64_intdigest(field.value.encode()) != field.digest:
        known = None if field.withheld else field.size
        return Unrecorded(field.digest, known, None if field.withheld else field.leaves)
    return decode(field.value)


def whole(position: float) -> int:
    return int(position) if position != float("-inf") else -1


def name_of(branch: str) -> str:
    return branch.rpartition("#")[0] if "#" in branch else branch
