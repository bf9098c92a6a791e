"""The quarantine: what was set aside, why, and what became of it.

It is append-only. Nothing in it is ever changed or removed: a release is an entry of its own, and the write is proposed
anew, by somebody who answers for it (`Pipeline.release`). The live store and the replay both keep theirs here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final, Literal

import msgspec

from driftline.discipline.gate import shown
from driftline.discipline.pipeline import Decision
from driftline.discipline.proposals import Proposal
from driftline.discipline.reconcile import FieldDecision
from driftline.discipline.world import World
from driftline.errors import DriftlineError
from driftline.values import ABSENT

Status = Literal["held", "released"]
_LANDED: Final = frozenset({"promoted", "merged"})


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why a write, or a field of it, was set aside.

    Attributes:
        gate: Name of the check that it did not pass, or of the strategy that could not decide.
        severity: `error` if it alone would have held the write back, `warning` if it came with it.
        reason: What is wrong, as a sentence without a full stop.
        path: JSON Pointer of the field, or None if it is about the whole object.
        observed: What was found, as text.
        expected: What should have been, as text.
    """

    gate: str
    severity: Literal["error", "warning"]
    reason: str
    path: str | None = None
    observed: str = ""
    expected: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One write that was set aside, whole or in some fields; or its release.

    Attributes:
        number: Its place in the quarantine, from 1.
        run: Id of the run.
        object: Id of the object.
        candidate: The version that the write makes, as text.
        base: The newest version that its writer had seen, as text, or None; of a release, what stood.
        head: The version that stood when it was judged, as text, or None.
        branch: Name of the writer's branch; of a release, of whoever released it.
        paths: JSON Pointers of the fields that were set aside; none for the write as a whole.
        reasons: Why; of a release, none.
        evidence: Ids of the events that show it, its own first.
        status: Whether it is set aside, or this is its release.
        answers: Of a release: the number of the entry that it releases.
        released_by: Of a release: who answers for it.
        why: Of a release: what they said.
    """

    number: int
    run: str
    object: str
    candidate: str
    base: str | None
    head: str | None
    branch: str
    paths: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[str, ...] = ()
    status: Status = "held"
    answers: int | None = None
    released_by: str | None = None
    why: str = ""

    def rows(self) -> Iterator[dict[str, Any]]:
        """The entry as flat rows, one for each reason; one if there is none."""
        own = {name: getattr(self, name) for name in ("number", "run", "object", "candidate", "base", "head", "branch")}
        rest: dict[str, Any] = {
            "evidence": list(self.evidence), "status": self.status, "answers": self.answers,
            "released_by": self.released_by, "why": self.why,
        }  # fmt: skip
        for reason in self.reasons or (None,):
            said = dict.fromkeys(Reason.__struct_fields__) if reason is None else msgspec.structs.asdict(reason)
            yield {**own, "path": said.pop("path"), **said, **rest}


class Quarantine:
    """The entries of one run, oldest first.

    Args:
        run: Id of the run.
        held: What is there already: entries in their order, each with the write that it set aside; None for a release.
        keep: Whether the writes themselves are kept, so that they can be released.

    Example:
        >>> from driftline.discipline import Base, Policy
        >>> from driftline.discipline.pipeline import Pipeline
        >>> pipeline, quarantine = Pipeline(Policy()), Quarantine("run-1")
        >>> def propose(version, text, base):
        ...     proposal = Proposal(
        ...         event=f"p:{version}", op="patch", object="doc/1", type="doc", version=str(version),
        ...         position=version, order=version, branch=f"agent {version}", branch_id=f"a#{version}",
        ...         fields={"/n": text}, seen=base,
        ...     )
        ...     return quarantine.hold(proposal, pipeline.write(proposal), pipeline.world)
        >>> propose(1, "first", {}), propose(2, "second", {"/n": Base("first", "1")})
        (None, None)
        >>> entry = propose(3, "third", {"/n": Base("first", "1")})
        >>> entry.status, entry.reasons[0].gate, entry.reasons[0].reason
        ('held', 'three-way', 'agent 2 and agent 3 changed it differently from one base')
    """

    def __init__(self, run: str = "", held: Iterable[tuple[Entry, Proposal | None]] = (), *, keep: bool = True) -> None:
        self._run = run
        self._keep = keep
        self._entries: list[Entry] = []
        self._proposals: dict[int, Proposal] = {}  # of what is still set aside
        for entry, proposal in held:
            self._append(entry, proposal)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything that ever happened here, oldest first."""
        return tuple(self._entries)

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """What is still set aside, oldest first."""
        return tuple(self._entries[number - 1] for number in self._proposals)

    def proposal(self, number: int) -> Proposal:
        """The write that an entry set aside, in the fields that were.

        Raises:
            DriftlineError: If nothing is set aside under that number any more.
        """
        if number not in self._proposals:
            raise DriftlineError(f"nothing is set aside under number {number}", "name one that is still waiting")
        return self._proposals[number]

    def hold(self, proposal: Proposal, decision: Decision, world: World, *, head: str | None = None) -> Entry | None:
        """Set aside what a decision says is to be set aside.

        Args:
            proposal: The write.
            decision: What was decided of it.
            world: What has been promoted.
            head: The version that stood when it was judged; without it, the one that stands in the world now.

        Returns:
            The new entry, or None if nothing of the write was set aside.
        """
        conflicts = [one for one in decision.fields if one.outcome == "conflict"]
        if decision.verdict == "merged" and conflicts:
            kept = {one.path: proposal.fields.get(one.path, ABSENT) for one in conflicts}
            held = replace(proposal, op="patch", fields=kept)
        elif decision.verdict == "quarantined":
            held, kept = proposal, {}
        else:
            return None
        standing = world.get(proposal.object)
        entry = Entry(
            number=len(self._entries) + 1, run=self._run, object=proposal.object, candidate=proposal.version,
            base=_newest_seen(proposal), head=head or (None if standing is None else standing.version),
            branch=proposal.branch, paths=tuple(kept), reasons=tuple(_reasons(decision, conflicts)),
            evidence=(proposal.event,),
        )  # fmt: skip
        self._append(entry, held)
        return entry

    def anew(
        self, number: int, *, event: str, version: str, position: int, order: int, time: int = 0, branch: str,
        branch_id: str,
    ) -> Proposal:  # fmt: skip
        """What an entry set aside, as the write that releases it: for `Pipeline.release`.

        Args:
            number: Of the entry.
            event: Id of the event that records the release.
            version: The version that it makes, as text.
            position: Place of that version.
            order: Place of the write in the order of all commits.
            time: Nanoseconds since 1970.
            branch: Name of the branch that releases it.
            branch_id: Its id.

        Raises:
            DriftlineError: If nothing is set aside under that number any more.
        """
        return replace(
            self.proposal(number), event=event, version=version, position=position, order=order, time=time,
            branch=branch, branch_id=branch_id, unit=None,
        )  # fmt: skip

    def settle(self, number: int, proposal: Proposal, decision: Decision, *, by: str, why: str = "") -> Entry | None:
        """Note what became of the write that releases an entry.

        Args:
            number: Of the entry.
            proposal: The write (`anew`), as it was or mended.
            decision: What was decided of it.
            by: Who released it.
            why: What they said.

        Returns:
            The release; None if the write changed nothing, for then the entry still waits.

        Raises:
            DriftlineError: If nothing is set aside under that number any more.
        """
        self.proposal(number)
        if decision.verdict not in _LANDED:
            return None
        of = self._entries[number - 1]
        entry = Entry(
            number=len(self._entries) + 1, run=self._run, object=proposal.object, candidate=proposal.version,
            base=of.head, head=of.head, branch=proposal.branch, paths=of.paths, evidence=(proposal.event, *of.evidence),
            status="released", answers=number, released_by=by, why=why,
        )  # fmt: skip
        self._append(entry, None)
        return entry

    # ---- entries --------------------------------------------------------------------------------------------------

    def _append(self, entry: Entry, proposal: Proposal | None) -> None:
        self._entries.append(entry)
        if entry.answers is not None:
            self._proposals.pop(entry.answers, None)
        if proposal is not None:
            self._proposals[entry.number] = proposal if self._keep else replace(proposal, fields={}, seen={})


def _newest_seen(proposal: Proposal) -> str | None:
    """The newest version among those that a writer had seen: by number if they are numbers, else by name."""
    versions = {base.version for base in proposal.seen.values() if base.version is not None}
    return max(versions, key=lambda text: (int(text) if text.isdecimal() else -1, text), default=None)


def _reasons(decision: Decision, conflicts: list[FieldDecision]) -> list[Reason]:
    """What the gate says, and what nobody could decide; at least one, what alone would have held it back first."""
    reasons = [
        Reason(
            gate=failure.check, severity="warning" if failure.action == "warn" else "error", reason=failure.reason,
            path=failure.path, observed=failure.observed, expected=failure.expected,
        )
        for failure in decision.failures
    ]  # fmt: skip
    for one in conflicts:
        own = next((c.value for c in one.candidates if c.version == decision.version), ABSENT)
        reasons.append(
            Reason(
                gate=one.rule, severity="error", reason=one.reason or "it is for a person to decide", path=one.path,
                observed=shown(own), expected=f"a decision between it and {shown(one.value)}",
            )
        )  # fmt: skip
    if all(reason.severity == "warning" for reason in reasons):  # what held it back is another write of its unit
        reasons.append(Reason(gate="atomicity", severity="error", reason=decision.reason))
    return sorted(reasons, key=lambda reason: reason.severity)
