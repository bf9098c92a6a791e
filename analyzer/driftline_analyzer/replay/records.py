"""What a replay says, as plain data for JSON: one function a kind of record.

A value stands as its canonical JSON in a text, null where the field is absent; one that was not recorded as an object
with its digest.
"""

from __future__ import annotations

from typing import Any

from driftline.discipline.candidates import Base, Candidate, Unrecorded, key
from driftline.discipline.gate import Failure
from driftline.discipline.pipeline import Decision
from driftline.discipline.proposals import Proposal
from driftline.discipline.reconcile import FieldDecision
from driftline.discipline.world import ObjectState
from driftline.values import ABSENT
from driftline_analyzer.times import iso


def value(found: Any) -> str | dict[str, str] | None:
    """A value.

    Example:
        >>> value([1]), value(ABSENT), value(Unrecorded(255))
        ('[1]', None, {'digest': '00000000000000ff'})
    """
    if found is ABSENT:
        return None
    if type(found) is Unrecorded:
        return {"digest": f"{found.digest:016x}"}
    return key(found).decode()


def decision(proposal: Proposal, decided: Decision) -> dict[str, Any]:
    """What became of one write."""
    return {
        "event": decided.event,
        "object": decided.object,
        "type": proposal.type,
        "op": proposal.op,
        "version": decided.version,
        "branch": decided.branch,
        "branch_id": proposal.branch_id,
        "phase": proposal.phase,
        "time": iso(proposal.time),
        "verdict": decided.verdict,
        "reason": decided.reason,
        "fields": [field(one) for one in decided.fields],
        "failures": [failure(one) for one in decided.failures],
    }


def field(decided: FieldDecision) -> dict[str, Any]:
    """What became of one field."""
    return {
        "path": decided.path,
        "outcome": decided.outcome,
        "value": value(decided.value),
        "base": base(decided.base),
        "candidates": [candidate(one) for one in decided.candidates],
        "winners": list(decided.winners),
        "losers": list(decided.losers),
        "discarded": list(decided.discarded),
        "rule": decided.rule,
        "tie_break": list(decided.tie_break),
        "fallback": decided.fallback,
        "lossy": decided.lossy,
        "reason": decided.reason,
    }


def base(started_from: Base) -> dict[str, Any]:
    """What candidates started from."""
    return {"value": value(started_from.value), "version": started_from.version}


def candidate(one: Candidate) -> dict[str, Any]:
    """A value that one branch wrote."""
    return {
        "version": one.version,
        "branch": one.branch,
        "value": value(one.value),
        "confidence": one.confidence,
        "fidelity": one.fidelity,
        "source": one.source,
    }


def failure(one: Failure) -> dict[str, Any]:
    """A check that a write did not pass."""
    return {
        "check": one.check,
        "action": one.action,
        "reason": one.reason,
        "path": one.path,
        "observed": one.observed,
        "expected": one.expected,
        "undecided": one.undecided,
    }


def state(object_id: str, found: ObjectState) -> dict[str, Any]:
    """An object as it was promoted last."""
    return {
        "object": object_id,
        "type": found.type,
        "version": found.version,
        "removed": not found.live,
        "fields": {path: value(one) for path, one in sorted(found.values().items())},
    }
