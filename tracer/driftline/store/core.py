"""The heart of a store: under one lock, what is asked for is decided by the pipeline, kept, and recorded.

Everything that the pipeline is told happens here: writes, and the ends of branches and tasks. It is the same pipeline
that the replay tells what was recorded, in the order in which it is recorded here; so the two decide alike.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Literal

import msgspec
from opentelemetry.trace import get_current_span

from driftline.discipline.drafts import SETTLED
from driftline.discipline.pipeline import Decision, Pipeline, Verdict
from driftline.discipline.policy import Policy
from driftline.discipline.proposals import Proposal
from driftline.discipline.reconcile import Custom
from driftline.discipline.writing import dumps
from driftline.errors import DriftlineError
from driftline.recorder import Recorder
from driftline.scope import LISTENERS, Branch, Scope
from driftline.session import RECORDING
from driftline.store.backend import Backend
from driftline.store.entry import HistoryEntry
from driftline.store.notes import Notes, base_of, notes_of
from driftline.store.records import exists
from driftline.store.requests import Actor, Drafter, Request, parents_of
from driftline.store.scribe import Outcome, Scribe
from driftline.store.version import Version
from driftline.unrecorded import track, untrack
from driftline.values import ABSENT

#: `enforce` lets stand what the policy lets stand; `warn` and `observe` decide, and let every write stand as it is.
Mode = Literal["observe", "warn", "enforce"]

LANDED: Final = frozenset({"promoted", "merged"})
_log: Final = logging.getLogger("driftline")


class Core:
    """One open store.

    Args:
        policy: What decides.
        mode: Whether that holds.
        backend: Where its state is.
        customs: The functions that the strategy `custom` may call.

    Attributes:
        policy: As above.
        mode: As above.
        backend: As above.
        counts: How often each verdict was reached, deferred ones not counted.
    """

    def __init__(
        self, policy: Policy, mode: Mode, backend: Backend, customs: Mapping[str, Custom] | None = None
    ) -> None:
        self.policy = policy
        self.mode: Mode = mode
        self.backend = backend
        self.counts: Counter[Verdict] = Counter()
        self._pipeline = Pipeline(policy, customs, world=backend.world, lines=backend.lines)
        self._scribe = Scribe(lambda: dumps(policy), marks=mode == "enforce")
        self._units = 0
        self._is_open = True
        track()
        LISTENERS.append(self)
        _OPEN.append(self)

    def close(self) -> None:
        """End it. More than once does nothing."""
        with self.backend.lock:
            if not self._is_open:
                return
            self._is_open = False
            LISTENERS.remove(self)
            _OPEN.remove(self)
            self.backend.close()
        untrack()  # without the lock: who ends a recording holds the recording's, and then asks for this one

    def continue_in_child(self) -> None:
        """This process was forked off one that had it open."""
        self.backend.continue_in_child()

    @contextmanager
    def at_work(self, *, reading: bool = False) -> Iterator[None]:
        """Hold the lock of an open store.

        Args:
            reading: Whether nothing is going to be written: then other processes may go on meanwhile.

        Raises:
            DriftlineError: If it is closed.
        """
        if not self._is_open:
            raise DriftlineError("the store is closed", "open it again: Store(…)")
        with self.backend.reading if reading else self.backend.lock:
            if not self._is_open:  # since a moment ago
                raise DriftlineError("the store is closed", "open it again: Store(…)")
            yield

    # ---- who acts -------------------------------------------------------------------------------------------------

    def actor(self) -> Actor:
        """Who writes now. Under the lock."""
        scope = self._scope()
        return Actor(branch=scope.branch, line=self._line(scope.branch), scope=scope)

    def reader(self) -> Actor:
        """Who reads now; the pipeline need not know."""
        scope = self._scope()
        return Actor(branch=scope.branch, line="", scope=scope)

    @staticmethod
    def _scope() -> Scope:
        tracker = RECORDING.tracker
        if tracker is None:  # it was closed a moment ago
            raise DriftlineError("the store is closed", "open it again: Store(…)")
        return tracker.scope()

    def _notes(self, branch: Branch) -> Notes:
        """What is kept of a branch."""
        notes = notes_of(branch, self)
        if notes is None:
            notes = Notes()
            if branch.notes is None:
                branch.notes = {}
            branch.notes[self] = notes
        return notes

    def _line(self, branch: Branch) -> str:
        """The id of a branch in this store: the pipeline is told of it, and of those that it descends from."""
        notes = self._notes(branch)
        if notes.line is None:
            parent = None if branch.parent is None else self._line(branch.parent)
            line = branch.id
            while self.backend.lines.get(line) is not None:  # of another recording
                line = f"{branch.id}~{os.urandom(3).hex()}"
            notes.line = line
            self._pipeline.begin_branch(line, branch.name, branch.phase, parent)
            if branch.ended:
                self._pipeline.end_branch(line, failed=False)
        return notes.line

    @contextmanager
    def branch_ends(self, branch: Branch, *, failed: bool) -> Iterator[None]:
        """A branch ends in the block: its end is recorded and told to the pipeline as one."""
        notes = notes_of(branch, self)
        if notes is None or not self._is_open:
            yield
            return
        if not failed and branch.parent is not None:
            above = self._notes(branch.parent)
            for object_id, sightings in notes.seen.items():
                above.saw(object_id, sightings[-1][1])
        if notes.line is None:
            yield
            return
        with self.backend.lock:
            yield
            if self._is_open:
                self._pipeline.end_branch(notes.line, failed=failed)

    @contextmanager
    def task_ends(self, branch: Branch, signature: int) -> Iterator[None]:
        """A branch finishes a task in the block, likewise."""
        if not self._is_open:
            yield
            return
        with self.backend.lock:
            yield
            if self._is_open:
                self._pipeline.finish_task(signature, self._line(branch))

    def base(self, actor: Actor, object_id: str) -> int:
        """The newest version of an object that a branch knows; 0 if it knows none."""
        return base_of(actor.branch, self, object_id)

    # ---- reads ----------------------------------------------------------------------------------------------------

    def read(self, object_id: str, version: int | None = None, *, recorded: bool = True) -> Version | None:
        """A version of an object, by default the newest; None if there is none. Under the lock."""
        records = self.backend.records
        made = records.head(object_id) if version is None else records.landed(object_id, version)
        if made is None:
            return None
        standing: Mapping[str, Any] = records.state(object_id, made.version)
        if not exists(made, standing):
            return None
        found = Version(
            id=object_id, version=made.version, type=made.type, fields=standing, parents=made.parents,
            depth=made.depth, time=made.time, branch=made.branch, phase=made.phase, confidence=made.confidence,
            source=made.source,
        )  # fmt: skip
        if recorded:
            actor = self.reader()
            notes = self._notes(actor.branch)
            notes.saw(object_id, made.version)
            self._note_early(actor, notes, object_id, made.version)
            self._scribe.read(actor, found, standing)
        return found

    def _note_early(self, actor: Actor, notes: Notes, object_id: str, version: int) -> None:
        """What a branch reads while an earlier phase works on it is an input of what it writes, declared or not."""
        phases = self.policy.phases
        rank = phases.rank(actor.branch.phase)
        if rank is None:
            return
        notes.early.pop(object_id, None)
        for writer in self.backend.lines.writers(object_id):
            line = self.backend.lines.get(writer)
            theirs = None if line is None else phases.rank(line.phase)
            if theirs is not None and theirs < rank:
                notes.early[object_id] = version
                return

    def mark(self, op: str, object_id: str, version: int) -> None:
        """Something was said of a version. Under the lock."""
        self._scribe.mark(op, self.reader(), object_id, version, {})

    # ---- writes ---------------------------------------------------------------------------------------------------

    def decide(self, request: Request) -> Decision:
        """Decide one write outside any unit. Under the lock."""
        request = self._with_early(request)
        drafter = Drafter(self.backend.records, self._now(request.actor), self.backend.order(), None)
        proposal = drafter.proposal(request)
        decision = self._pipeline.write(proposal)
        outcome = self._land(request, proposal, decision)
        self._scribe.write(outcome)
        return decision

    def decide_unit(
        self, name: str, actor: Actor, requests: Sequence[Request], fault: BaseException | None
    ) -> tuple[Decision, ...]:
        """Decide the writes of a unit as one, or none of them if an exception aborted it. Under the lock."""
        self._units += 1
        unit = f"{name}#{self._units}"
        drafter = Drafter(self.backend.records, self._now(actor), self.backend.order(), unit)
        requests = [self._with_early(request) for request in requests]
        proposals = [drafter.proposal(request) for request in requests]
        for proposal in proposals:
            self._pipeline.write(proposal)
        decisions = self._pipeline.commit_unit(unit) if fault is None else self._pipeline.abort_unit(unit)
        outcomes = [
            self._land(request, proposal, decision, aborted=fault is not None)
            for request, proposal, decision in zip(requests, proposals, decisions, strict=True)
        ]
        for _ in outcomes[1:]:
            self.backend.order()
        self._scribe.unit(name, actor, outcomes, fault)
        return tuple(decisions)

    def release(self, number: int, by: str, why: str) -> Decision:
        """Let stand what was set aside, because somebody answers for it. Under the lock."""
        backend, actor = self.backend, self.actor()
        object_id = backend.quarantine.proposal(number).object
        quarantined = backend.quarantine.proposal(number).position
        version, now = backend.records.number(object_id) + 1, self._now(actor)
        proposal = backend.quarantine.anew(
            number, event=f"{object_id}@{version}", version=str(version), position=version, order=backend.order(),
            time=now, branch=actor.branch.name, branch_id=actor.line,
        )  # fmt: skip
        head = backend.records.head(object_id)
        decision = self._pipeline.release(proposal)
        if decision.verdict not in LANDED:
            raise DriftlineError(
                f"version {quarantined} of {object_id} cannot be released: {decision.reason}",
                "write what should stand instead, as a change of its own",
            )
        changes = _reconciled(decision, backend.records.standing(object_id))
        parents = tuple(dict.fromkeys([*parents_of(head, 0), quarantined]))
        request = Request(
            actor=actor, op=proposal.op, object=object_id, fields=proposal.fields,
            base=0 if head is None else head.version, type=proposal.type, source=by, references=proposal.references,
        )  # fmt: skip
        entry = entry_of(request, proposal, decision, parents, lands=True)
        backend.records.add(msgspec.structs.replace(entry, releases=quarantined), changes)
        backend.quarantine.settle(number, proposal, decision, by=by, why=why)
        self.counts[decision.verdict] += 1
        state = backend.world.get(object_id)
        outcome = Outcome(actor=actor, proposal=proposal, decision=decision, base=request.base, parents=parents)
        if state is not None:
            outcome = replace(outcome, result=state.values(), references=state.references)
        self._scribe.release(outcome, quarantined, by, why)
        return decision

    def _with_early(self, request: Request) -> Request:
        """With what its branch read too early as inputs."""
        notes = self._notes(request.actor.branch)
        early = {object_id: version for object_id, version in notes.early.items() if object_id != request.object}
        if not early:
            return request
        early |= dict(request.inputs or ())
        return replace(request, inputs=tuple(early.items()))

    @staticmethod
    def _now(actor: Actor) -> int:
        """The time of what happens now: later than all that was recorded here before."""
        recorder = actor.scope.branch.recorder
        tracker = recorder if isinstance(recorder, Recorder) else RECORDING.tracker
        return tracker.now() if tracker is not None else 0

    def _land(self, request: Request, proposal: Proposal, decision: Decision, *, aborted: bool = False) -> Outcome:
        """Keep what became of a write."""
        records, object_id = self.backend.records, proposal.object
        head = records.head(object_id)
        enforced = self.mode == "enforce"
        lands = not aborted and (decision.verdict in LANDED or not enforced)
        if not lands:
            changes = None
        elif enforced:
            changes = _reconciled(decision, records.standing(object_id))
        else:
            changes = as_proposed(proposal, records.standing(object_id))
        parents = parents_of(head, request.base) if lands else ()
        records.add(entry_of(request, proposal, decision, parents, lands=lands), changes)
        if lands and proposal.op != "patch" and (decision.verdict == "promoted" or not enforced):
            self._notes(request.actor.branch).saw(object_id, proposal.position)
        self.counts[decision.verdict] += 1
        if enforced and decision.verdict in {"merged", "quarantined"}:
            self.backend.quarantine.hold(
                proposal, decision, self.backend.world, head=None if head is None else str(head.version)
            )
        if self.mode == "warn" and not aborted:
            warn_of(decision)
        outcome = Outcome(
            actor=request.actor, proposal=proposal, decision=decision, base=request.base, parents=parents
        )  # fmt: skip
        state = self.backend.world.get(object_id) if decision.verdict == "merged" and lands else None
        return outcome if state is None else replace(outcome, result=state.values(), references=state.references)


#: Every open store of this process.
_OPEN: Final[list[Core]] = []


def _reconciled(decision: Decision, standing: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a promoted write changes."""
    return {
        field.path: field.value
        for field in decision.fields
        if field.outcome in SETTLED and (field.value is not ABSENT or field.path in standing)
    }


def as_proposed(proposal: Proposal, standing: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a write changes if nobody has a say in it."""
    gone = {} if proposal.op == "patch" else {path: ABSENT for path in standing if path not in proposal.fields}
    return {**gone, **proposal.fields}


def entry_of(
    request: Request, proposal: Proposal, decision: Decision, parents: tuple[int, ...], *, lands: bool
) -> HistoryEntry:
    """What is remembered of a decided write."""
    return HistoryEntry(
        object=proposal.object, version=proposal.position, op=proposal.op, type=proposal.type, base=request.base,
        parents=parents, depth=proposal.depth or 1, time=proposal.time, branch=proposal.branch,
        line=proposal.branch_id, phase=proposal.phase, verdict=decision.verdict, landed=lands, reason=decision.reason,
        confidence=proposal.confidence, fidelity=proposal.fidelity, source=request.source, fields=proposal.fields,
        references=proposal.references,
    )  # fmt: skip


def warn_of(decision: Decision) -> None:
    """Say what the policy would not have let stand as it is."""
    reasons = [decision.reason] if decision.reason else [failure.reason for failure in decision.failures]
    if decision.verdict == "promoted" and not reasons:
        return
    said = f"version {decision.version} of {decision.object} by {decision.branch} would be {decision.verdict}"
    _log.warning("driftline: %s: %s", said, "; ".join(reasons))
    get_current_span().add_event(
        "driftline.discipline",
        {
            "driftline.object": decision.object,
            "driftline.version": decision.version,
            "driftline.verdict": decision.verdict,
            "driftline.reason": "; ".join(reasons),
        },
    )


def _continue_in_child() -> None:
    for core in _OPEN:
        core.continue_in_child()


os.register_at_fork(after_in_child=_continue_in_child)
