"""The whole discipline over time: reconcile → gate → promote, write by write, in the order in which things happened.

A deterministic machine: what it decides follows from the policy and from what it was told, in that order, and from
nothing else. The live store tells it as things happen, the replay as they were recorded; so what was decided live is
decided again in the replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

import msgspec

from driftline.discipline.candidates import Base, key
from driftline.discipline.definitions import Action
from driftline.discipline.drafts import SETTLED, Draft, draft
from driftline.discipline.gate import Failure, examine
from driftline.discipline.lines import Lines
from driftline.discipline.policy import Policy
from driftline.discipline.proposals import Proposal
from driftline.discipline.reconcile import Custom, FieldDecision
from driftline.discipline.world import KeptOut, World

#: `promoted`: as it was written; `merged`: reconciled with what stood, or only some of it; `discarded`: it had no say,
#: or its unit was aborted; `quarantined`: set aside; `rejected`: refused; `failed`: refused, and its branch with it;
#: `deferred`: it waits for its unit.
#: `undecided`: a rule or a check needs values that were not recorded (in a replay); it goes on as if it were set aside.
Verdict = Literal["promoted", "merged", "discarded", "quarantined", "rejected", "failed", "deferred", "undecided"]

_WORST: Final[tuple[Action, ...]] = ("fail", "reject", "quarantine")
_REFUSED: Final[dict[Action, Verdict]] = {"fail": "failed", "reject": "rejected", "quarantine": "quarantined"}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one write.

    Attributes:
        event: Id of the event that recorded the write.
        object: Id of the object.
        version: The version that it made, as text.
        branch: Name of the branch.
        verdict: What became of it.
        fields: What became of each field.
        failures: The checks that it did not pass, those that only warn included.
        reason: Why it was not promoted as written, as a sentence; else empty.
    """

    event: str
    object: str
    version: str
    branch: str
    verdict: Verdict
    fields: tuple[FieldDecision, ...] = ()
    failures: tuple[Failure, ...] = ()
    reason: str = ""


class Pipeline:
    """Decides every write under one policy.

    Args:
        policy: The policy.
        customs: Functions that the strategy `custom` may call, by the name in the policy; others are imported.
        world: What has been promoted before; None for nothing.
        lines: The branches known before; None for none.

    Attributes:
        world: What has been promoted.
        lines: The branches.

    Example:
        >>> pipeline = Pipeline(Policy())
        >>> decision = pipeline.write(Proposal(
        ...     event="p:0", op="write", object="doc/1", type="doc", version="1", position=1, order=0, branch="a",
        ...     branch_id="a#1", fields={"/n": 1},
        ... ))
        >>> decision.verdict, pipeline.world.get("doc/1").values()
        ('promoted', {'/n': 1})
    """

    def __init__(
        self,
        policy: Policy,
        customs: Mapping[str, Custom] | None = None,
        *,
        world: World | None = None,
        lines: Lines | None = None,
    ) -> None:
        self.world = World() if world is None else world
        self.lines = Lines() if lines is None else lines
        self._policy = policy
        self._customs = customs
        self._units: dict[str, list[Proposal]] = {}

    # ---- what happens ---------------------------------------------------------------------------------------------

    def begin_branch(self, branch_id: str, name: str, phase: str | None, parent: str | None) -> None:
        """A branch begins."""
        self.lines.begin(branch_id, name, phase, parent)

    def end_branch(self, branch_id: str, *, failed: bool) -> None:
        """A branch ends; it holds no phase open any more."""
        self.lines.end(branch_id, failed=failed)

    def finish_task(self, signature: int, branch_id: str) -> None:
        """A branch has done a task."""
        self.world.task_done(signature, branch_id)

    def write(self, proposal: Proposal) -> Decision:
        """A write is proposed. One that is part of a unit is deferred until the unit ends."""
        if proposal.unit is None:
            (decision,) = self._decide([proposal])
            return decision
        self._units.setdefault(proposal.unit, []).append(proposal)
        self._keep_out(proposal)
        return _decision(proposal, "deferred", reason="its unit has not ended")

    def judge(self, proposal: Proposal) -> Decision:
        """What would become of a write, if it were proposed now and outside any unit. Nothing is changed by asking."""
        if self._has_failed(proposal):
            return _decision(proposal, "failed", reason="its branch has failed before")
        return self._try([proposal])[1][0]

    def commit_unit(self, unit: str) -> list[Decision]:
        """A unit ends well: its writes are decided as one, all of them or none."""
        return self._decide(self._units.pop(unit, []))

    def abort_unit(self, unit: str) -> list[Decision]:
        """A unit is aborted: none of its writes ever was."""
        return [
            _decision(proposal, "discarded", reason="its unit was aborted") for proposal in self._units.pop(unit, [])
        ]

    def release(self, proposal: Proposal) -> Decision:
        """Somebody answers for a write that was set aside: its fields stand now, whatever the gate says of them.

        Args:
            proposal: The write that was set aside, as a new version; what it had seen and how sure it was do not count.

        Returns:
            What was decided; if it is neither promoted nor merged (a field that may be written once, say), it is as if
            nobody had asked.
        """
        standing = self.world.get(proposal.object)
        seen = {} if standing is None else {
            path: Base(state.value, state.version) for path, state in standing.fields.items()
        }  # fmt: skip
        drafted = draft(self._policy, self.world, replace(proposal, seen=seen, confidence=None), self._customs)
        decision = _passed(drafted, ())
        if decision.verdict in {"promoted", "merged"}:
            self.world.put(proposal.object, drafted.after)
            self._note(proposal, decision)
        return decision

    def finish(self) -> list[Decision]:
        """Nothing follows: writes of units that never ended are torn, and the gate's atomicity check says what then."""
        decisions = []
        for unit in list(self._units):
            decisions += self._torn(self._units.pop(unit))
        return decisions

    # ---- deciding -------------------------------------------------------------------------------------------------

    def _torn(self, proposals: list[Proposal]) -> list[Decision]:
        action = self._policy.gate["atomicity"].action
        failure = Failure(check="atomicity", action=action, reason="its unit never ended")
        if action in _REFUSED:
            return [
                _decision(proposal, _REFUSED[action], failures=(failure,), reason=failure.reason)
                for proposal in proposals
            ]
        decided = self._decide(proposals)
        if action == "warn":
            return [msgspec.structs.replace(one, failures=(failure, *one.failures)) for one in decided]
        return decided

    def _decide(self, proposals: list[Proposal]) -> list[Decision]:
        """Draft all, gate all, then promote all or none."""
        if any(self._has_failed(proposal) for proposal in proposals):
            for proposal in proposals:
                self._keep_out(proposal)
            return [_decision(proposal, "failed", reason="its branch has failed before") for proposal in proposals]
        tried, decisions, holds = self._try(proposals)
        if holds:
            tried.settle()
        for proposal, decision in zip(proposals, decisions, strict=True):
            self._note(proposal, decision)
        return decisions

    def _try(self, proposals: list[Proposal]) -> tuple[World, list[Decision], bool]:
        """What the world would be, the decisions, and whether the gate lets them pass; nothing is changed."""
        tried = self.world.overlay()
        drafts = []
        for proposal in proposals:
            tried.keep_out(proposal.object, proposal.position, None)
            drafted = draft(self._policy, tried, proposal, self._customs)
            if drafted.settled or drafted.before is not None:
                tried.put(proposal.object, drafted.after)
            drafts.append(drafted)
        # References are judged with the whole unit in place: what it makes and removes last counts, not its order.
        failures = [
            examine(self._policy, tried, drafted, out_of_phase=self._out_of_phase(drafted.proposal))
            for drafted in drafts
        ]
        every = [one for some in failures for one in some]
        worst = _worst(every) or _unsure(every)
        if worst is None:
            return tried, [_passed(drafted, own) for drafted, own in zip(drafts, failures, strict=True)], True
        return tried, [_refused(drafted, own, worst) for drafted, own in zip(drafts, failures, strict=True)], False

    def _note(self, proposal: Proposal, decision: Decision) -> None:
        if self.lines.get(proposal.branch_id) is None:
            self.lines.begin(proposal.branch_id, proposal.branch, proposal.phase, None)
        if decision.verdict in {"promoted", "merged"}:
            self.lines.wrote(proposal.branch_id, proposal.object)
            self.world.keep_out(proposal.object, proposal.position, None)
            return
        self._keep_out(proposal)
        if decision.verdict == "failed":
            self.lines.fail(proposal.branch_id)

    def _keep_out(self, proposal: Proposal) -> None:
        maker = KeptOut(proposal.branch, proposal.phase)
        self.world.keep_out(proposal.object, proposal.position, maker)

    def _has_failed(self, proposal: Proposal) -> bool:
        """Whether a check has failed the branch of a write. A branch that ended by itself is past that."""
        line = self.lines.get(proposal.branch_id)
        return line is not None and line.failed and not line.ended

    def _out_of_phase(self, proposal: Proposal) -> tuple[str, ...]:
        """Why a write breaks the order of the phases."""
        rank = self._policy.phases.rank(proposal.phase)
        if rank is None:
            return ()
        own = self.lines.get(proposal.branch_id)
        kin = {proposal.branch_id} | (own.above if own is not None else frozenset())
        objects = [proposal.object, *(used.object for used in proposal.inputs)]
        reasons = []
        for object_id in dict.fromkeys(objects):
            for writer in sorted(self.lines.writers(object_id)):
                line = self.lines.get(writer)
                theirs = None if line is None else self._policy.phases.rank(line.phase)
                if line is None or theirs is None or theirs >= rank:
                    continue
                if writer not in kin and proposal.branch_id not in line.above:
                    reasons.append(f"{line.name} is still in {line.phase} on {object_id}")
        for used in proposal.inputs:
            maker = self.world.kept_out(used.object, used.position)
            theirs = None if maker is None else self._policy.phases.rank(maker.phase)
            if maker is not None and theirs is not None and theirs < rank:
                reasons.append(f"it was derived from what {maker.branch} made of {used.object}, which was not promoted")
        standing = self.world.get(proposal.object)
        if standing is not None and standing.rank > rank:
            later = self._policy.phases.order[standing.rank - 1]
            reasons.append(f"{proposal.phase} of {proposal.object} closed when {later} wrote it")
        return tuple(reasons)


def _worst(failures: list[Failure]) -> Failure | None:
    """The failure that keeps a draft out, if one does."""
    for action in _WORST:
        for failure in failures:
            if failure.action == action and not failure.undecided:
                return failure
    return None


def _unsure(failures: list[Failure]) -> Failure | None:
    """A check that might keep a draft out and could not be made, if there is one."""
    return next((failure for failure in failures if failure.undecided and failure.action in _REFUSED), None)


def _passed(drafted: Draft, failures: tuple[Failure, ...]) -> Decision:
    """The verdict on a draft that the gate lets through."""
    proposal, fields = drafted.proposal, drafted.decisions
    if all(_as_written(proposal, decision) for decision in fields):
        return _decision(proposal, "promoted", fields, failures)
    undecided = [decision for decision in fields if decision.outcome in {"conflict", "rejected", "undecided"}]
    settled = [decision for decision in fields if decision.outcome in SETTLED]
    reason = next((decision.reason for decision in undecided), "")
    if settled:
        return _decision(proposal, "merged", fields, failures, reason or "it was reconciled with concurrent writes")
    if any(decision.outcome == "conflict" for decision in undecided):
        return _decision(proposal, "quarantined", fields, failures, reason)
    if any(decision.outcome == "undecided" for decision in undecided):
        return _decision(proposal, "undecided", fields, failures, reason)
    if undecided:
        return _decision(proposal, "rejected", fields, failures, reason)
    return _decision(proposal, "discarded", fields, failures, "its confidence is below the floor")


def _as_written(proposal: Proposal, decision: FieldDecision) -> bool:
    """Whether a field is afterwards what the write said."""
    own = next(one for one in decision.candidates if one.version == proposal.version and one.order == proposal.order)
    return decision.outcome not in {"conflict", "undecided"} and key(own.value) == key(decision.value)


def _refused(drafted: Draft, own: tuple[Failure, ...], worst: Failure) -> Decision:
    """The verdict on a draft that the gate keeps out, by its own failure or by that of another write of its unit."""
    mine = _worst(list(own)) or worst
    reason = mine.reason if mine in own else f"another write of its unit did not pass: {mine.reason}"
    verdict = "undecided" if mine.undecided else _REFUSED[mine.action]
    return _decision(drafted.proposal, verdict, drafted.decisions, own, reason)


def _decision(
    proposal: Proposal,
    verdict: Verdict,
    fields: tuple[FieldDecision, ...] = (),
    failures: tuple[Failure, ...] = (),
    reason: str = "",
) -> Decision:
    return Decision(
        event=proposal.event, object=proposal.object, version=proposal.version, branch=proposal.branch, verdict=verdict,
        fields=fields, failures=failures, reason=reason,
    )  # fmt: skip
