"""The heart of a guard: what is known of a store that is not ours, and whether a write may go through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from driftline.discipline.pipeline import Decision
from driftline.discipline.policy import Policy
from driftline.discipline.proposals import Proposal
from driftline.discipline.writing import dumps
from driftline.store.backend import MemoryBackend
from driftline.store.core import Core, Mode, as_proposed, entry_of, warn_of
from driftline.store.guarding.targets import Guardable, TrackedTarget, fields_in
from driftline.store.refused import RefusedError
from driftline.store.requests import Actor, Drafter, Request, parents_of, type_of
from driftline.store.scribe import Outcome, Scribe

#: What changed a store behind the guard's back, as a branch.
OUTSIDE: Final = "outside"


class Watch(Core):
    """Knows what stands in a store that is not ours, and who has seen what of it.

    The pipeline is asked what would become of a write before it goes through. A store that is not ours cannot merge or
    set aside, so whatever would not be promoted as it is, is refused; or, in mode `warn`, warned of, and it stands.

    Args:
        policy: What decides.
        mode: `warn` or `enforce`.
        target: The store.
        records: Whether reads and writes are recorded here; a tracked object does so itself.
    """

    def __init__(self, policy: Policy, mode: Mode, target: Guardable, *, records: bool) -> None:
        super().__init__(policy, mode, MemoryBackend())
        self.target = target
        self._told = Scribe(lambda: dumps(policy), marks=False) if records else None

    def look(self, object_id: str) -> Any:
        """What stands in an object; what has changed it behind the guard's back is learnt. Under the lock."""
        value = self.target.read(object_id)
        fields = {} if value is None else fields_in(value)
        head = self.backend.records.head(object_id)
        existed = head is not None and head.op != "delete"
        if (value is not None) != existed or fields != self.backend.records.standing(object_id):
            scope = self._scope()
            request = Request(
                actor=Actor(branch=scope.branch, line=OUTSIDE, scope=scope),
                op="delete" if value is None else "write", object=object_id, fields=fields,
                base=0 if head is None else head.version, type=type_of(object_id),
            )  # fmt: skip
            if existed or value is not None:
                proposal = replace(self._drafted(request), branch=OUTSIDE, phase=None, signature=None)
                self._keep(request, proposal, self._pipeline.release(proposal), stands=True)
        return value

    def saw(self, object_id: str, path: str | None = None) -> None:
        """The branch in force has read an object, or only a field of it. Under the lock."""
        head = self.backend.records.head(object_id)
        if head is None:
            return
        actor = self.reader()
        notes = self._notes(actor.branch)
        notes.saw(object_id if path is None else f"{object_id}#{path}", head.version)
        self._note_early(actor, notes, object_id, head.version)
        if self._told is not None:
            found = self.read(object_id, recorded=False)
            fields = self.backend.records.standing(object_id)
            if found is not None:
                self._told.read(actor, found, fields if path is None else _below(fields, path), whole=path is None)

    def given(self, value: Any, key: str | None = None) -> Any:
        """What a reader gets of a value that was looked at; of a tracked object, what records that it was read."""
        if isinstance(self.target, TrackedTarget):
            return self.target.give(key)
        return value if key is None else value[key]

    def known(self, actor: Actor, object_id: str, path: str | None = None) -> int:
        """The newest version of an object, or of a field of it, that a branch knows; 0 if it knows none."""
        newest = self.base(actor, object_id)
        return newest if path is None else max(newest, self.base(actor, f"{object_id}#{path}"))

    def ask(self, request: Request, through: Callable[[], None]) -> Decision:
        """Let a write through, warn of it, or refuse it. Under the lock.

        Args:
            request: What is to be written.
            through: Writes it.

        Raises:
            RefusedError: In mode `enforce`, if it would not be promoted as it is: nothing is written then.
        """
        request = self._with_early(request)
        proposal = self._drafted(request)
        decision = self._pipeline.judge(proposal)
        passes = decision.verdict == "promoted"
        if not passes and self.mode == "enforce":
            self.counts[decision.verdict] += 1
            self._keep(request, proposal, decision, stands=False)
            if decision.verdict == "failed":
                self._pipeline.lines.fail(proposal.branch_id)
            raise RefusedError(decision)
        through()  # if that raises, nothing has happened
        self.counts[decision.verdict] += 1
        if passes:
            self._pipeline.write(proposal)
        else:
            warn_of(decision)
            self._pipeline.release(proposal)
        self._keep(request, proposal, decision, stands=True)
        return decision

    def _drafted(self, request: Request) -> Proposal:
        return Drafter(self.backend.records, self._now(request.actor), self.backend.order(), None).proposal(request)

    def _keep(self, request: Request, proposal: Proposal, decision: Decision, *, stands: bool) -> None:
        """Remember what became of a write, and record it."""
        records, object_id = self.backend.records, request.object
        parents = parents_of(records.head(object_id), request.base) if stands else ()
        changes = as_proposed(proposal, records.standing(object_id)) if stands else None
        records.add(entry_of(request, proposal, decision, parents, lands=stands), changes)
        if proposal.branch_id == OUTSIDE:
            return  # nobody knows who it was: a recording shows it as what others read
        if stands and proposal.op != "patch":
            self._notes(request.actor.branch).saw(object_id, proposal.position)
        if self._told is None:
            return
        if stands:
            self._told.write(
                Outcome(actor=request.actor, proposal=proposal, decision=decision, base=request.base, parents=parents)
            )
        else:
            reason = {"reason": decision.reason or f"it would have been {decision.verdict}"}
            self._told.mark("reject", request.actor, object_id, proposal.position, reason)


def _below(fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A field, or those below it."""
    return {own: value for own, value in fields.items() if own == path or own.startswith(f"{path}/")}
