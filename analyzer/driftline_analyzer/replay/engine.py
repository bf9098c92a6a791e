"""The machine of a replay: it tells the discipline what a trace recorded, and hands on what is decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from driftline.discipline import Policy
from driftline.discipline.candidates import Conflict
from driftline.discipline.pipeline import Decision, Pipeline
from driftline.discipline.quarantine import Quarantine
from driftline.discipline.reconcile import Custom
from driftline_analyzer.replay.told import Ended, Told


@dataclass(frozen=True, slots=True)
class Line:
    """A branch, as the trace records it.

    Attributes:
        name: Its name.
        phase: Its phase, or None.
        parent: Id of the branch that it forked off, or None.
    """

    name: str
    phase: str | None
    parent: str | None


class Engine:
    """Tells a pipeline of writes and ends, in their order.

    Args:
        policy: The policy.
        lines: Every branch of the trace, by id.
        run: Id of the run.
        customs: Functions of the policy that may be called, by name; others are imported.
        releases: Whether anything is released from quarantine, so that what is set aside must be kept.

    Attributes:
        pipeline: What decides.
        quarantine: What was set aside.
    """

    def __init__(
        self,
        policy: Policy,
        lines: Mapping[str, Line],
        run: str,
        customs: Mapping[str, Custom] | None = None,
        *,
        releases: bool = True,
    ) -> None:
        self.pipeline = Pipeline(policy, customs)
        self.quarantine = Quarantine(run, keep=releases)
        self._lines = lines
        self._ended: dict[str, bool] = {}  # branches that ended → whether they failed
        self._aborted: set[str] = set()  # units
        self._waiting: dict[str, Told] = {}  # event → a write whose unit has not ended

    def decide(self, told: Iterable[Told | Ended], *, whole: bool) -> Iterator[tuple[Told, Decision]]:
        """Tell everything, in turn.

        Args:
            told: What to tell.
            whole: Whether nothing follows, so that what has not ended by then never did.

        Yields:
            Each write with what was decided of it, as it is decided; what waits for its unit at the end comes last.
        """
        for what in told:
            yield from self._write(what) if isinstance(what, Told) else self._end(what)
        if whole:
            yield from self._settled(self.pipeline.finish())
        for waiting in list(self._waiting.values()):
            proposal = waiting.proposal
            yield waiting, Decision(
                event=proposal.event, object=proposal.object, version=proposal.version, branch=proposal.branch,
                verdict="deferred", reason="its unit has not ended",
            )  # fmt: skip

    def _write(self, told: Told) -> Iterator[tuple[Told, Decision]]:
        proposal = told.proposal
        self._begin(proposal.branch_id)
        if told.releases is not None and (number := self._held(told)) is not None:
            yield told, self._release(number, told)
            return
        head = self.pipeline.world.get(proposal.object)
        decision = self.pipeline.write(proposal)
        if decision.verdict != "deferred":
            self.quarantine.hold(proposal, decision, self.pipeline.world, head=None if head is None else head.version)
            yield told, decision
            return
        self._waiting[proposal.event] = told
        if proposal.unit in self._aborted:  # recorded after the end of its unit
            yield from self._settled(self.pipeline.abort_unit(proposal.unit))

    def _end(self, ended: Ended) -> Iterator[tuple[Told, Decision]]:
        if ended.what == "branch":
            self._ended[ended.name] = ended.badly
            self.pipeline.end_branch(ended.name, failed=ended.badly)
        elif ended.what == "task" and ended.signature is not None:
            self.pipeline.finish_task(ended.signature, ended.name)
        elif ended.badly:
            self._aborted.add(ended.name)
            yield from self._settled(self.pipeline.abort_unit(ended.name))
        else:
            yield from self._settled(self.pipeline.commit_unit(ended.name))

    def _begin(self, branch_id: str) -> None:
        """Begin a branch, after those that it descends from, when it first writes."""
        line, above = branch_id, []
        while line in self._lines and self.pipeline.lines.get(line) is None and line not in above:
            above.append(line)
            line = self._lines[line].parent or ""
        for one in reversed(above):
            known = self._lines[one]
            self.pipeline.begin_branch(one, known.name, known.phase, known.parent)
            if one in self._ended:  # it holds no phase open
                self.pipeline.end_branch(one, failed=self._ended[one])

    def _settled(self, decisions: list[Decision]) -> Iterator[tuple[Told, Decision]]:
        for decision in decisions:
            told = self._waiting.pop(decision.event)
            self.quarantine.hold(told.proposal, decision, self.pipeline.world)
            yield told, decision

    # ---- quarantine -----------------------------------------------------------------------------------------------

    def _held(self, told: Told) -> int | None:
        """The entry that a write releases, if it is still set aside."""
        for entry in self.quarantine.waiting:
            if (entry.object, entry.candidate) == (told.proposal.object, told.releases):
                return entry.number
        return None

    def _release(self, number: int, told: Told) -> Decision:
        own = told.proposal
        proposal = self.quarantine.anew(
            number, event=own.event, version=own.version, position=own.position, order=own.order, time=own.time,
            branch=own.branch, branch_id=own.branch_id,
        )  # fmt: skip
        decision = self.pipeline.release(proposal)
        self.quarantine.settle(number, proposal, decision, by=told.by, why=told.why)
        return decision


def withheld(policy: Policy) -> dict[str, Custom]:
    """What stands for the functions that a policy names where it may not run code: for each, a conflict."""
    strategies = [policy.reconcile.default]
    strategies += [one.strategy for kind in policy.types.values() for one in kind.fields if one.strategy is not None]
    names = {one.options["function"] for one in strategies if one.name == "custom"}
    return {name: _refusal(name) for name in names}


def _refusal(name: str) -> Custom:
    reason = f"{name} is not called, since the trace itself names it: name the policy to call it"
    return lambda _base, _candidates: Conflict(reason)
