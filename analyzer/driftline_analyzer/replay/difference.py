"""Where the reconciled state differs from what really happened, field by field: who was right, and why."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from driftline.discipline.candidates import key
from driftline.discipline.pipeline import Decision, Verdict
from driftline.discipline.proposals import Proposal
from driftline.discipline.reconcile import FieldDecision
from driftline.discipline.world import FieldState, World
from driftline.values import ABSENT
from driftline_analyzer.replay import records

_DECIDED: Final = frozenset({"taken", "merged", "base"})


@dataclass(frozen=True, slots=True)
class Side:
    """What a field holds at the end.

    Attributes:
        value: A JSON value.
        version: The version that set it, as text.
        branch: Name of the branch that did.
    """

    value: Any
    version: str
    branch: str

    def as_json(self) -> dict[str, Any]:
        """As `driftline replay --format json` prints it."""
        return {"value": records.value(self.value), "version": self.version, "branch": self.branch}


@dataclass(frozen=True, slots=True)
class Note:
    """The last decision on a field that did more than take it as it was written.

    Attributes:
        event: Id of the event of the write that was decided.
        verdict: On the write.
        rule: The strategy that decided the field, or the check that held the write back; None if its unit did.
        right: Names of the branches whose values stand for it; none if nobody could decide.
        why: In a sentence without a full stop.
    """

    event: str
    verdict: Verdict
    rule: str | None
    right: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not what it really came to be.

    Attributes:
        object: Id of the object.
        path: JSON Pointer of the field.
        recorded: What it really holds; None if it is absent.
        reconciled: What it holds by the replay; None if it is absent.
        note: The decision by which it differs.
    """

    object: str
    path: str
    recorded: Side | None
    reconciled: Side | None
    note: Note

    def as_json(self) -> dict[str, Any]:
        """As `driftline replay --format json` prints it."""
        return {
            "object": self.object,
            "path": self.path,
            "recorded": None if self.recorded is None else self.recorded.as_json(),
            "reconciled": None if self.reconciled is None else self.reconciled.as_json(),
            "event": self.note.event,
            "verdict": self.note.verdict,
            "rule": self.note.rule,
            "right": list(self.note.right),
            "why": self.note.why,
        }


_KEPT: Final = 3  # decisions on one field
_FOLLOWS: Final = Note("", "promoted", None, (), "it follows from what became of earlier writes")


class Notes:
    """For each field the last decisions that did more than take it as it was written."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, str], deque[tuple[str, Note]]] = {}

    def watch(self, proposal: Proposal, decision: Decision, world: World) -> None:
        """Remember a decision, where it says something of a field."""
        if decision.verdict == "deferred" or (decision.verdict == "discarded" and not decision.fields):
            return
        refused = decision.verdict not in {"promoted", "merged"}
        held = any(one.action != "warn" for one in decision.failures)
        by_field = {one.path: one for one in decision.fields}
        paths = by_field or dict.fromkeys(proposal.fields)
        standing = world.get(proposal.object)
        for path in paths:
            one = by_field.get(path)
            state = None if standing is None else standing.fields.get(path)
            if refused and (one is None or held or one.outcome in _DECIDED):
                note = _kept_out(decision, state)
            elif one is not None and len(one.candidates) > 1:
                note = _reconciled(decision, one, state)
            else:
                continue
            self._notes.setdefault((proposal.object, path), deque(maxlen=_KEPT)).append((decision.version, note))

    def on(self, object_id: str, path: str, version: str | None) -> Note:
        """What is remembered of a field: of the write of this version, else the last."""
        known = self._notes.get((object_id, path), ())
        last = known[-1][1] if known else _FOLLOWS
        return next((note for made, note in reversed(known) if made == version), last)


def _kept_out(decision: Decision, state: FieldState | None) -> Note:
    """Of a write that was not promoted: what stands is right."""
    check = next((one.check for one in decision.failures if one.action != "warn"), None)
    right = () if state is None or decision.verdict == "undecided" else (state.candidate.branch,)
    return Note(decision.event, decision.verdict, check, right, decision.reason)


def _reconciled(decision: Decision, one: FieldDecision, state: FieldState | None) -> Note:
    """Of a field that was reconciled: those who won it."""
    if one.outcome in {"conflict", "undecided"}:
        return Note(decision.event, decision.verdict, one.rule, (), one.reason or "it is for a person to decide")
    branches = {candidate.version: candidate.branch for candidate in one.candidates}
    winners = tuple(dict.fromkeys(branches[version] for version in one.winners if version in branches))
    if not winners and state is not None and one.outcome != "base":
        winners = (state.candidate.branch,)
    by = one.fallback or one.rule
    ties = f", tie broken by {' and '.join(one.tie_break)}" if one.tie_break else ""
    told = {
        "rejected": one.reason,
        "kept": "the others had nothing to say of it",
        "base": f"{by}: what all of them started from stays",
        "merged": f"{by}: both stand",
    }.get(one.outcome)
    own = next((candidate for candidate in one.candidates if candidate.version == decision.version), None)
    if own is not None and key(own.value) == key(one.base.value):
        told = "the other write only repeats what its writer had seen"
    elif told is None:
        told = "the only one of them to change it" if one.rule == "only-change" else f"{by}{ties}"
    return Note(decision.event, decision.verdict, one.rule, winners, told)


def differences(
    recorded: Iterator[tuple[str, str, Side]], world: World, notes: Notes, objects: frozenset[str]
) -> Iterator[Difference]:
    """The fields that differ, by object and path.

    Args:
        recorded: What every field of these objects really holds, in the order of the objects' ids.
        world: The reconciled state.
        notes: What was decided.
        objects: The objects to look at.
    """
    groups = groupby(recorded, key=lambda row: row[0])
    ahead = next(groups, None)
    for object_id in sorted(objects):
        own: dict[str, Side] = {}
        if ahead is not None and ahead[0] == object_id:
            own = {path: side for _, path, side in ahead[1]}
            ahead = next(groups, None)
        state = world.get(object_id)
        fields = {} if state is None else state.fields
        for path in sorted({*own, *fields}):
            one = fields.get(path)
            side = own.get(path)
            reconciled = None if one is None or one.value is ABSENT else one
            if key(ABSENT if side is None else side.value) != key(ABSENT if reconciled is None else reconciled.value):
                yield Difference(
                    object_id, path, side,
                    None if reconciled is None else Side(
                        reconciled.value, reconciled.version, reconciled.candidate.branch
                    ),
                    notes.on(object_id, path, None if side is None else side.version),
                )  # fmt: skip
