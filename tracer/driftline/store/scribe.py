"""What a store leaves in a recording, if one is on: docs/discipline.md, "What a live store records".

Called under the store's lock, so that the order of the recording is the order of the decisions. A fault in here is the
tracer's: counted, and no concern of the program's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from driftline.discipline.pipeline import Decision
from driftline.discipline.proposals import Proposal
from driftline.header import Header
from driftline.recorder import Leaves, Recorder
from driftline.scope import CURRENT, Scope
from driftline.session import RECORDING
from driftline.store.requests import Actor
from driftline.store.version import Version
from driftline.values import ABSENT, freeze

#: The unit that a proposal lies in that did not land as it was written; it is always aborted.
PROPOSAL: Final = "driftline.proposal"
#: The strategy of a merge by which somebody releases what was set aside.
RELEASE: Final = "driftline.release"

_MARKS: Final = {"quarantined": "quarantine", "rejected": "reject", "failed": "reject"}


class NotPromotedError(Exception):
    """Why the unit around a proposal is aborted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A decided write, as it is recorded.

    Attributes:
        actor: Who proposed it.
        proposal: What.
        decision: What became of it.
        base: The version that its writer had seen; 0 for none.
        parents: The versions that it was made of.
        result: For a merge: what stands afterwards.
        references: For a merge: what that refers to.
    """

    actor: Actor
    proposal: Proposal
    decision: Decision
    base: int
    parents: tuple[int, ...]
    result: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)


class Scribe:
    """Records what one store does.

    Args:
        policy: The text of its policy, for the header of a trace that names none.
        marks: Whether decisions are recorded: the store's mode is `enforce`.
    """

    def __init__(self, policy: Callable[[], str], *, marks: bool) -> None:
        self._policy = policy
        self._marks = marks
        self._known: Recorder | None = None  # the recorder whose trace names a policy

    def read(self, actor: Actor, version: Version, fields: Mapping[str, Any], *, whole: bool = True) -> None:
        """A branch read a version, or only some fields of it."""
        recorder = RECORDING.recorder
        if recorder is None:
            return
        with _counted(recorder, "read"), _acting(_scope(recorder, actor)) as scope:
            place = scope.places.get(version.id)
            if place is None or place.whole != version.version:  # else it is a read that repeats
                recorder.read(version.id, version.type, version.version, _leaves(fields), whole=whole)

    def mark(self, op: str, actor: Actor, object_id: str, version: int, rare: Mapping[str, Any]) -> None:
        """Something was said of a version."""
        recorder = RECORDING.recorder
        if recorder is not None:
            with _counted(recorder, op), _acting(_scope(recorder, actor)):
                recorder.mark(op, object_id, version, dict(rare))

    def write(self, outcome: Outcome) -> None:
        """A write outside any unit was decided."""
        recorder = RECORDING.recorder
        if recorder is not None:
            with _counted(recorder, "write"):
                self._name_policy(recorder)
                self._outcome(recorder, outcome, _scope(recorder, outcome.actor))

    def unit(self, name: str, actor: Actor, outcomes: Sequence[Outcome], fault: BaseException | None) -> None:
        """The writes of a unit were decided, or it was aborted by an exception."""
        recorder = RECORDING.recorder
        if recorder is None:
            return
        with _counted(recorder, "unit"):
            self._name_policy(recorder)
            inner = recorder.begin("unit-begin", _scope(recorder, actor), name, {})
            for outcome in outcomes:
                scope = _scope(recorder, outcome.actor)
                self._outcome(recorder, outcome, Scope(scope.branch, inner.unit, scope.task, inner))
            recorder.finish("unit-commit" if fault is None else "unit-abort", inner, fault)

    def release(self, outcome: Outcome, quarantined: int, by: str, why: str) -> None:
        """Somebody answers for what was set aside."""
        recorder = RECORDING.recorder
        if recorder is None:
            return
        with _counted(recorder, "release"), _acting(_scope(recorder, outcome.actor)):
            object_id, version = outcome.proposal.object, outcome.proposal.position
            standing = [parent for parent in outcome.parents if parent != quarantined]
            rare = {"bases": [*standing, quarantined], "strategy": RELEASE, "reason": why}
            self._merge(recorder, outcome, rare, by)
            recorder.mark("promote", object_id, version, None)
            recorder.mark("promote", object_id, quarantined, None)

    # ---- one write ------------------------------------------------------------------------------------------------

    def _outcome(self, recorder: Recorder, outcome: Outcome, scope: Scope) -> None:
        decision, proposal = outcome.decision, outcome.proposal
        object_id, version, verdict = proposal.object, proposal.position, decision.verdict
        if not self._marks or verdict == "promoted":
            with _acting(scope):
                _propose(recorder, outcome)
                if self._marks:
                    recorder.mark("promote", object_id, version, None)
            return
        inner = recorder.begin("unit-begin", scope, PROPOSAL, {})
        with _acting(inner):
            _propose(recorder, outcome)
        recorder.finish("unit-abort", inner, NotPromotedError())
        with _acting(scope):
            if verdict == "merged":
                bases = list(outcome.parents) or [outcome.base]
                self._merge(recorder, outcome, {"bases": bases}, proposal.source)
                recorder.mark("promote", object_id, version, None)
            elif verdict in _MARKS:
                recorder.mark(_MARKS[verdict], object_id, version, {"reason": decision.reason})

    @staticmethod
    def _merge(recorder: Recorder, outcome: Outcome, rare: dict[str, Any], source: str | None) -> None:
        proposal = outcome.proposal
        rare["depth"] = proposal.depth
        if outcome.references:
            rare["references"] = list(outcome.references.items())
        leaves = _leaves(outcome.result)
        recorder.write(
            "merge", proposal.object, proposal.type, proposal.position, None, leaves, rare,
            confidence=proposal.confidence, source=source,
        )  # fmt: skip

    def _name_policy(self, recorder: Recorder) -> None:
        """The header of the trace names the policy that decides, unless it names one already."""
        if self._known is recorder:
            return
        self._known = recorder
        recording = RECORDING.recording
        if recording is not None:
            header = Header.load(recording.path)
            if header.policy is None:
                header.policy = self._policy()
                header.save(recording.path)


def _propose(recorder: Recorder, outcome: Outcome) -> None:
    proposal = outcome.proposal
    rare: dict[str, Any] = {"depth": proposal.depth}
    if proposal.fidelity is not None:
        rare["fidelity"] = proposal.fidelity
    if proposal.references:
        rare["references"] = list(proposal.references.items())
    if proposal.inputs:
        rare["inputs"] = [(used.object, used.position) for used in proposal.inputs]
    recorder.write(
        proposal.op, proposal.object, proposal.type, proposal.position, outcome.base, _leaves(proposal.fields), rare,
        confidence=proposal.confidence, source=proposal.source,
    )  # fmt: skip


def _leaves(fields: Mapping[str, Any]) -> Leaves:
    return [(path, value if value is ABSENT else freeze(value)) for path, value in fields.items()]


def _scope(recorder: Recorder, actor: Actor) -> Scope:
    """Where a store's event happens: in the branch and task, but in no unit of the program's own."""
    scope = actor.scope
    if scope.branch.recorder is not recorder:
        scope = recorder.scope()  # the recording began, or ended, in between
    if scope.unit is None:
        return scope
    return Scope(scope.branch, None, scope.task, scope)


@contextmanager
def _acting(scope: Scope) -> Iterator[Scope]:
    """Record in a scope."""
    token = CURRENT.set(scope)
    try:
        yield scope
    finally:
        CURRENT.reset(token)


@contextmanager
def _counted(recorder: Recorder, where: str) -> Iterator[None]:
    """A fault of the tracer's is counted and goes no further."""
    try:
        yield
    except Exception as fault:  # noqa: BLE001 - never into the program
        recorder.fault(f"store {where}", fault)
