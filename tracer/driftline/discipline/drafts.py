"""A draft: what an object would be if a proposal were promoted, field by field reconciled with what stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from driftline.discipline import pointers
from driftline.discipline.candidates import Base, Candidate, key
from driftline.discipline.policy import Policy
from driftline.discipline.proposals import Proposal
from driftline.discipline.reconcile import Custom, FieldDecision, reconcile_field
from driftline.discipline.world import FieldState, ObjectState, World
from driftline.values import ABSENT

#: Outcomes by which a field gets the value of the decision.
SETTLED: Final = frozenset({"taken", "merged", "base"})
#: Writes that share one base are remembered up to this many; of more, the last ones are reconciled with what stands.
CONCURRENT: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What would be promoted.

    Attributes:
        proposal: The write.
        before: The object's state now, or None.
        after: Its state if this is promoted.
        decisions: For each field that the write set or removed, what became of it.
        stale: The fields whose base was not what stands.
        settled: Whether anything would be promoted: a field, or an object without any.
    """

    proposal: Proposal
    before: ObjectState | None
    after: ObjectState
    decisions: tuple[FieldDecision, ...]
    stale: frozenset[str]
    settled: bool

    @property
    def changed(self) -> dict[str, Any]:
        """The fields that would change, with their new values."""
        return {
            decision.path: decision.value
            for decision in self.decisions
            if decision.outcome in SETTLED and key(decision.value) != key(self.standing(decision.path))
        }

    def standing(self, path: str) -> Any:
        """What stands in a field now."""
        state = None if self.before is None else self.before.fields.get(path)
        return ABSENT if state is None else state.value


def draft(policy: Policy, world: World, proposal: Proposal, customs: Mapping[str, Custom] | None = None) -> Draft:
    """Reconcile a proposal with what stands, without changing anything.

    Args:
        policy: The policy.
        world: What stands.
        proposal: The write.
        customs: As for `reconcile_field`.
    """
    before = world.get(proposal.object)
    standing = {} if before is None else before.fields
    written = dict(proposal.fields)
    if proposal.op != "patch":
        written |= {
            path: ABSENT for path, state in standing.items() if path not in written and state.value is not ABSENT
        }
    decisions: list[FieldDecision] = []
    states: dict[str, FieldState] = {}
    winners: dict[str, tuple[str, ...]] = {}
    stale = set()
    for path in _leaders_first(policy, proposal.type, written):
        seen = proposal.seen.get(path, Base())
        state = standing.get(path)
        candidate = _candidate(policy, proposal, path, written[path])
        shared = _shared(seen, state, candidate)
        if len(shared.candidates) > 1:
            stale.add(path)
        decision = reconcile_field(
            policy, proposal.type, path, shared.base, shared.candidates,
            standing=ABSENT if state is None else state.value, winner_of=winners, customs=customs,
        )  # fmt: skip
        decisions.append(decision)
        winners[path] = decision.winners
        states[path] = _next(proposal, decision, candidate, state, shared)
    settled = not decisions or any(decision.outcome in SETTLED for decision in decisions)
    if before is not None and not settled:
        after = replace(before, fields={**before.fields, **states})
    else:
        after = _after(policy, proposal, before, states)
    return Draft(
        proposal=proposal, before=before, after=after, decisions=tuple(decisions), stale=frozenset(stale),
        settled=settled,
    )  # fmt: skip


def _leaders_first(policy: Policy, type_: str | None, written: Mapping[str, Any]) -> list[str]:
    """The fields in an order in which each comes after the field that it follows; a policy has no cycles."""
    if len(written) == 1:
        return list(written)
    out: list[str] = []

    def visit(path: str) -> None:
        strategy = policy.strategy(type_, path)
        leader = strategy.options.get("field") if strategy.name == "follow-field" else None
        if isinstance(leader, str) and leader in written and leader not in out and leader != path:
            visit(leader)
        if path not in out:
            out.append(path)

    for path in sorted(written):
        visit(path)
    return out


def _candidate(policy: Policy, proposal: Proposal, path: str, value: Any) -> Candidate:
    valid_time = policy.strategy(proposal.type, path).options.get("valid_time")
    return Candidate(
        value=value, version=proposal.version, branch=proposal.branch, order=proposal.order,
        confidence=proposal.confidence, fidelity=proposal.fidelity, source=proposal.source, time=proposal.time,
        valid_time=None if valid_time is None else proposal.fields.get(valid_time),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Shared:
    """A base, and the candidates that started from it."""

    base: Base
    candidates: tuple[Candidate, ...]


def _shared(seen: Base, state: FieldState | None, candidate: Candidate) -> _Shared:
    """The base that a write shares with others, and all who share it.

    What the writer saw may be what stands (then it is alone), what the concurrent writes before it started from (then
    it is one of them), or anything else (then it and what stands are reconciled from what it saw). Values are compared,
    not versions: in a replay a writer may have seen a version that was never promoted.
    """
    standing = ABSENT if state is None else state.value
    if state is None or key(seen.value) == key(standing):
        return _Shared(Base(standing, None if state is None else state.version), (candidate,))
    if key(seen.value) == key(state.since.value) and len(state.concurrent) < CONCURRENT:
        return _Shared(state.since, (*state.concurrent, candidate))
    return _Shared(Base(seen.value, seen.version), (state.candidate, candidate))


def _next(
    proposal: Proposal,
    decision: FieldDecision,
    candidate: Candidate,
    state: FieldState | None,
    shared: _Shared,
) -> FieldState:
    """What stands after a decision. A field that stays as it was keeps who had set it."""
    if state is not None and key(decision.value) == key(state.value):
        return FieldState(
            value=state.value, version=state.version,
            candidate=state.candidate, since=shared.base, concurrent=shared.candidates,
        )  # fmt: skip
    own = candidate if key(candidate.value) == key(decision.value) else _merged(candidate, decision)
    return FieldState(
        value=decision.value, version=proposal.version, candidate=own, since=shared.base,
        concurrent=shared.candidates,
    )  # fmt: skip


def _merged(candidate: Candidate, decision: FieldDecision) -> Candidate:
    """A merged value as a candidate against later ones: as sure as the least sure of those that it was made of."""
    parts = [part for part in decision.candidates if part.version in decision.winners] or [candidate]
    sure = [part.confidence for part in parts if part.confidence is not None]
    return Candidate(
        value=decision.value, version=candidate.version, branch=candidate.branch, order=candidate.order,
        confidence=min(sure) if sure else None, source=candidate.source, time=candidate.time,
    )  # fmt: skip


def _after(
    policy: Policy, proposal: Proposal, before: ObjectState | None, states: Mapping[str, FieldState]
) -> ObjectState:
    fields = {**({} if before is None else before.fields), **states}
    kept = {} if before is None else before.references
    references = {path: target for path, target in kept.items() if path not in states}
    references |= {path: target for path, target in _referred(policy, proposal).items() if path in states}
    live = proposal.op != "delete" or any(state.value is not ABSENT for state in fields.values())
    return ObjectState(
        type=proposal.type or (None if before is None else before.type),
        version=proposal.version,
        position=proposal.position if before is None else max(before.position, proposal.position),
        time=proposal.time,
        live=live,
        branch=proposal.branch,
        rank=max(0 if before is None else before.rank, policy.phases.rank(proposal.phase) or 0),
        fields=fields,
        references=references,
    )


def _referred(policy: Policy, proposal: Proposal) -> dict[str, str]:
    """What a write refers to: as it declares, and as the policy says of its type."""
    known = policy.types.get(proposal.type or "")
    found = {}
    for path, value in proposal.fields.items():
        for pattern, target in (known.references if known else {}).items():
            if (
                isinstance(value, str)
                and value
                and pointers.covers(pattern, path)
                and path.count("/") == pattern.count("/")
            ):
                found[path] = value if value.startswith(f"{target}/") else f"{target}/{value}"
    return found | dict(proposal.references)
