"""The cures of docs/cures.md, plainly: lists of everything, looked through again at each step."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from reference.events import Event, Field
from reference.history import History

Cell = tuple[str, str]
TOUCHING = {"read", "write", "patch", "merge", "delete"}
GONE = Field(None)


@dataclass
class Counts:
    lost: int = 0
    wrong: int = 0
    unjudged: int = 0
    refused: int = 0
    retried: int = 0
    waited: int = 0
    decisions: int = 0


@dataclass(frozen=True)
class Update:
    """What a write does to one contested field."""

    path: str
    wrote: Field
    saw: Field
    base: float | None  # a position


@dataclass(frozen=True, eq=False)
class Write:
    event: Event
    position: float
    time: int
    since: int
    updates: list[Update] = field(default_factory=list)

    @property
    def branch(self) -> str:
        return self.event.branch

    def cell(self, update: Update) -> Cell:
        assert self.event.object is not None
        return self.event.object, update.path


# ---- what is contested --------------------------------------------------------------------------------------------


def contested(history: History) -> set[Cell]:
    return {
        (write.object, path)
        for write in history.writes
        for path in history.sets(write)
        if history.loses(write, path) or history.blind(write, path)
    }


def writes(history: History) -> list[Write]:
    """Every write that sets a contested field: by the clock, but those of one object in the order of versions."""
    cells = contested(history)
    listed = []
    for obj in {obj for obj, _ in cells}:
        order = [
            write
            for write in history.writes_in_order(obj)
            if not history.void(write) and any((obj, path) in cells for path in history.sets(write))
        ]
        for at, write in enumerate(order):
            first = min(history.rank[later] for later in order[at:])
            listed.append((first, at, write))
    found: list[Write] = []
    for _, _, event in sorted(listed, key=lambda item: item[:2]):
        time = max([event.clock, *(write.time for write in found)])
        touched = [
            other.clock
            for other in history.of_branch[event.branch]
            if other.object == event.object and other.op in TOUCHING and history.earlier(other, event)
        ]
        since = min(touched[-1] if touched else history.of_branch[event.branch][0].clock, event.clock)
        write = Write(event, history.position_of(event), time, since)
        for path, digest in history.sets(event).items():
            if (event.object, path) in cells:
                wrote = GONE if digest is None else event.fields[path]
                base = history.b(event, path)
                place = None if base is None else history.position(event, base)
                write.updates.append(Update(path, wrote, saw(history, event, path), place))
        found.append(write)
    return found


def saw(history: History, write: Event, path: str) -> Field:
    """What stood at the base, or what the branch itself had put there since."""
    base = history.b(write, path)
    own = [
        other
        for other in history.writes_before(write)
        if other.branch == write.branch and not history.void(other) and path in history.sets(other)
    ]
    if own and (base is None or history.position_of(own[-1]) > history.position(write, base)):
        last = own[-1]
        return GONE if history.sets(last)[path] is None else last.fields[path]
    standing = None if base is None else history.stood_at(write.object, history.position(write, base), path)
    return GONE if standing is None else standing.value


# ---- last write wins, and what is right ---------------------------------------------------------------------------


def last_write_wins(history: History) -> Counts:
    counts = Counts()
    by_cell: defaultdict[Cell, list[tuple[Write, Update]]] = defaultdict(list)
    for write in writes(history):
        for update in write.updates:
            by_cell[write.cell(update)].append((write, update))
    for made in by_cell.values():
        stands, changes = None, []
        for write, update in made:
            if update.wrote.digest != stands:
                changes.append((write, update))
                stands = update.wrote.digest
        lost = sum(
            before.branch != write.branch and (update.base is None or update.base < before.position)
            for (before, _), (write, update) in pairwise(changes)
        )
        if lost:
            counts.lost += lost
            verdict = wrong(made, stands)
            counts.wrong += verdict is True
            counts.unjudged += verdict is None
    return counts


UNRECORDED = ("?",)  # a value of which only the digest is known


class Open(Exception):  # noqa: N818 - an answer
    """Nobody can say without a person."""


def wrong(made: Iterable[tuple[Write, Update]], stands: int | None) -> bool | None:
    right: tuple[Any, ...] | str = ()  # nothing, or one value
    digest: int | None = None
    for write, update in made:
        if write.event.op == "merge" or (not isinstance(right, str) and update.saw.digest == digest):
            right, digest = value_of(update.wrote), update.wrote.digest
        elif isinstance(right, str) or update.wrote.digest in (update.saw.digest, digest):
            continue
        else:
            values = [right, value_of(update.saw), value_of(update.wrote)]
            if UNRECORDED in values:
                right = "unknown"
                continue
            try:
                right = combined(*values)
            except Open:
                right = "open"
            digest = digest_of(right) if not isinstance(right, str) else None
    if isinstance(right, str):
        return True if right == "open" else None
    return digest != stands


def is_known(known: Field) -> bool:
    return known.value is not None and not known.withheld and '"$type":"driftline.' not in known.value[:20]


def value_of(known: Field) -> tuple[Any, ...]:
    if known.digest is None:
        return ()
    return (json.loads(known.value),) if known.value is not None and is_known(known) else UNRECORDED


def digest_of(value: tuple[Any, ...]) -> int | None:
    from xxhash import xxh3_64_intdigest

    return xxh3_64_intdigest(text(value[0]).encode()) if value else None


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def combined(standing: tuple[Any, ...], before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[Any, ...]:
    """The change from before to after, made to what stands."""
    told = [text(value) for value in (standing, before, after)]
    if told[0] == told[1]:
        return after
    if told[2] in told[:2]:
        return standing
    kinds = {type(value[0]) for value in (standing, before, after) if value}
    if kinds <= {int, float} and before and standing and after:
        return (standing[0] + (after[0] - before[0]),)
    if not standing or not after:
        raise Open
    if kinds == {list}:
        was = [text(entry) for entry in before[0]] if before else []
        now = [text(entry) for entry in after[0]]
        out = [entry for entry in standing[0] if not (text(entry) in was and text(entry) not in now)]
        there = [text(entry) for entry in standing[0]]
        return (out + [entry for entry in after[0] if text(entry) not in was and text(entry) not in there],)
    if kinds == {dict}:
        out_map = {}
        for name in {*standing[0], *after[0], *(before[0] if before else {})}:
            members = [(value[0][name],) if value and name in value[0] else () for value in (standing, before, after)]
            member = combined(*members)
            if member:
                out_map[name] = member[0]
        return (out_map,)
    raise Open


# ---- the others ---------------------------------------------------------------------------------------------------


def rounds(history: History) -> list[tuple[set[str], int, int]]:
    """Branches of one parent and phase that were at work at one time: who, what they wait in all, until when."""
    groups: defaultdict[tuple[str | None, str | None], list[tuple[int, int, str]]] = defaultdict(list)
    for branch in history.branches:
        own = history.of_branch[branch]
        starts = [event for event in own if event.op == "branch-start"]
        ends = [event for event in own if event.op == "branch-end"]
        parent = starts[0].parent if starts and starts[0].parent in history.branches else None
        phase = starts[0].phase if starts else None
        groups[parent, phase].append((own[0].clock, (ends[-1] if ends else own[-1]).clock, branch))
    found = []
    for spans in groups.values():
        party: list[tuple[int, int, str]] = []
        for span in [*sorted(spans), None]:
            if span is None or (party and span[0] > max(ended for _, ended, _ in party)):
                if len(party) > 1:
                    until = max(ended for _, ended, _ in party)
                    found.append(({name for *_, name in party}, sum(until - ended for _, ended, _ in party), until))
                party = []
            if span is not None:
                party.append(span)
    return found


def barrier(history: History) -> Counts:
    counts = Counts()
    every = rounds(history)
    counts.waited = sum(waited for _, waited, _ in every)
    stands: dict[Cell, int | None] = {}
    kept: list[list[tuple[Cell, str, int | None, int | None]]] = [[] for _ in every]  # field, who, snapshot, wrote
    acts: list[tuple[int, int, int, Any]] = [(w.time, 0, at, w) for at, w in enumerate(writes(history))]
    acts += [(until, 1, number, None) for number, (_, _, until) in enumerate(every)]
    for time, _, number, write in sorted(acts, key=lambda act: act[:3]):
        if write is None:
            for cell in dict.fromkeys(cell for cell, *_ in kept[number]):
                own = [(who, before, wrote) for at, who, before, wrote in kept[number] if at == cell]
                words = {who: wrote for who, _, wrote in own}
                different = {*words.values(), stands.get(cell)} - {own[0][1]}
                counts.decisions += len(different) > 1
                if len(different) == 1:
                    (stands[cell],) = different
            continue
        mine = next((at for at, (names, _, until) in enumerate(every) if write.branch in names and until >= time), None)
        for update in write.updates:
            cell = write.cell(update)
            standing, before, wrote = stands.get(cell), update.saw.digest, update.wrote.digest
            if mine is not None:
                kept[mine].append((cell, write.branch, standing, wrote))
            elif wrote in {before, standing}:
                continue
            elif before == standing:
                stands[cell] = wrote
            else:
                counts.decisions += 1
    return counts


def sequencing(history: History) -> Counts:
    counts = Counts()
    free: dict[str, int] = {}
    late: defaultdict[str, int] = defaultdict(int)
    for write in writes(history):
        obj = str(write.event.object)
        wait = max(0, free.get(obj, 0) - (write.since + late[write.branch]))
        counts.waited += wait
        late[write.branch] += wait
        free[obj] = write.time + late[write.branch]
    return counts


def optimistic(history: History) -> Counts:
    counts = Counts()
    landed: list[tuple[Cell, str, float, int, bool, int | None]] = []  # field, who, position, when, anew, what

    def newest_by_others(cell: Cell, branch: str) -> tuple[float, int, bool] | None:
        others = [one for one in landed if one[0] == cell and one[1] != branch]
        return others[-1][2:5] if others else None

    def stands(cell: Cell) -> int | None:
        return next((one[5] for one in reversed(landed) if one[0] == cell), None)

    waiting = [(write.time, 0, at, write.since, write) for at, write in enumerate(writes(history))]
    number = len(waiting)
    while waiting:
        waiting.sort(key=lambda item: (item[0], item[1] > 0, item[2]))
        time, attempts, _, since, write = waiting.pop(0)
        updates = write.updates
        refused = False
        if attempts == 0:
            updates = [update for update in updates if update.wrote.digest != stands(write.cell(update))]
        for update in updates:
            newest = newest_by_others(write.cell(update), write.branch)
            if newest is not None:
                position, when, anew = newest
                if attempts or anew:
                    refused |= when > since
                else:
                    refused |= update.base is None or position > update.base
        if not refused:
            counts.retried += attempts > 0
            counts.waited += time - write.time
            landed += [
                (write.cell(u), write.branch, write.position, time, attempts > 0, u.wrote.digest) for u in updates
            ]
            continue
        counts.refused += 1
        if attempts == 7:
            counts.decisions += 1
            counts.waited += time - write.time
        else:
            number += 1
            waiting.append((time + max(write.time - write.since, 1), attempts + 1, number, time, write))
    return counts


@dataclass
class Standing:
    value: int | None
    base: int | None
    concurrent: list[int | None]


def three_way(history: History) -> Counts:
    counts = Counts()
    known: defaultdict[str, dict[str, Standing]] = defaultdict(dict)
    for write in writes(history):
        own = known[str(write.event.object)]
        after = dict(own)
        taken = False
        for update in write.updates:
            wrote, before, state = update.wrote.digest, update.saw.digest, own.get(update.path)
            value = None if state is None else state.value
            if state is None or before == value:
                base, party = value, [wrote]
            elif before == state.base:
                base, party = before, [*state.concurrent, wrote]
            else:
                base, party = before, [value, wrote]
            different = {one for one in party if one != base}
            if len(different) == 1:
                (value,) = different
                taken = True
            counts.decisions += len(different) > 1
            after[update.path] = Standing(value, base, party)
        if own or taken:
            known[str(write.event.object)] = after
    return counts


ALL = {
    "last-write-wins": last_write_wins,
    "barrier": barrier,
    "sequencing": sequencing,
    "optimistic": optimistic,
    "three-way": three_way,
}
