"""One replay of a trace: its decisions as they are made, and then what they come to."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftline.discipline.pipeline import Decision, Verdict
from driftline.discipline.quarantine import Entry
from driftline_analyzer.database import sql
from driftline_analyzer.replay import records, shortcut
from driftline_analyzer.replay.bounds import NO_BOUND, last_event
from driftline_analyzer.replay.difference import Difference, Notes, Side, differences
from driftline_analyzer.replay.engine import Engine, Line, withheld
from driftline_analyzer.replay.fates import Fates, Judged, New
from driftline_analyzer.replay.partial_order import put_in_order
from driftline_analyzer.replay.plain import plain, plain_states
from driftline_analyzer.replay.told import RELEASE, Told, told, value_of
from driftline_analyzer.targets import parse_target

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis
    from driftline_analyzer.workspace import Workspace

#: Called now and then with the share of the writes decided so far, 0 to 1.
Progress = Callable[[float], None]

_LINES = """
SELECT b.branch, b.name, b.phase, up.branch FROM branch AS b LEFT JOIN branch AS up ON up.b = b.parent
"""
_PARTIAL_ORDER = (
    "in an order of its own, since the trace records none: after what each write rests on, and else as listed"
)
_CERTAIN = """
SELECT count(*) FROM proposal AS w ANTI JOIN deciding USING (o) JOIN object AS o ON o.o = w.o
WHERE ? IS NULL OR o.object = ?
"""
_RELEASES = "SELECT count(*) FROM event WHERE strategy = ?"
_TELL_EVERY = 512  # decisions
_CLOCK_ORDER = "as recorded: by the clock, and the writes of one object by its versions"


@dataclass(frozen=True, slots=True)
class Decided:
    """A write, and what was decided of it.

    Attributes:
        told: The write.
        decision: The decision.
    """

    told: Told
    decision: Decision

    def as_json(self) -> dict[str, Any]:
        """As `driftline replay --format json` prints it."""
        return records.decision(self.told.proposal, self.decision)


class Replay:
    """A replay under way. `decisions` comes first; everything else is known once it is exhausted.

    Attributes:
        analysis: The trace.
        order: In which order the writes are decided, in words.
        counts: How many writes came to each verdict.
        writes: How many writes there are to decide.
        workspace: The tables that it works with.
    """

    def __init__(
        self,
        analysis: Analysis,
        workspace: Workspace,
        *,
        until: int,
        only: str | None,
        recorded: bool,
        whole: bool,
        progress: Progress,
    ) -> None:
        self.analysis = analysis
        self.order = _CLOCK_ORDER
        self.counts: Counter[Verdict] = Counter()
        self.workspace = workspace
        self._whole = until == NO_BOUND
        self._only = only
        self._progress = progress
        ordered = analysis.header.ordered
        if ordered:
            workspace.run("CREATE VIEW place AS SELECT e, e AS r FROM event")
        else:
            self.order = _PARTIAL_ORDER
            if broken := put_in_order(workspace):
                self.order += f"; it contradicts itself, and was taken as listed there ({broken})"
        workspace.run(sql("replay", "proposals"))
        if recorded:
            workspace.run(sql("replay", "verdicts"))
        ((self.writes,),) = workspace.rows("SELECT count(*) FROM proposal")
        shortcut.choose(workspace, analysis.policy.policy, whole=whole or recorded or not self._whole or not ordered)
        workspace.run(sql("replay", "twins"))
        workspace.run(sql("replay", "seen"))
        policy = analysis.policy
        customs = withheld(policy.policy) if policy.origin == "trace" else None
        lines = {branch: Line(*known) for branch, *known in workspace.rows(_LINES)}
        ((releases,),) = workspace.rows(_RELEASES, [RELEASE])
        self._engine = Engine(policy.policy, lines, analysis.header.run, customs, releases=bool(releases))
        self._notes = Notes()
        self._fates = Fates(workspace, self._is_wanted)

    def decisions(self, *, every: bool = True) -> Iterator[Decided]:
        """Decide every write, and hand on those that are asked for, in the order in which they are decided.

        Args:
            every: Whether to hand on those, too, of which it was certain from the first that they are promoted as they
                are. All are counted.
        """
        found: Iterator[tuple[Told, Decision]] = self._decided()
        if every:
            certain = (one for one in plain(self.workspace) if self._is_wanted(one[1].object))
            found = heapq.merge(found, certain, key=lambda one: one[0].ordinal)
        for one, decision in found:
            if self._is_wanted(decision.object):
                self.counts[decision.verdict] += 1
                yield Decided(one, decision)
        if not every:
            ((number,),) = self.workspace.rows(_CERTAIN, [self._only, self._only])
            self.counts["promoted"] += number
        self._fates.close()

    def _decided(self) -> Iterator[tuple[Told, Decision]]:
        """What Python decides."""
        decided = self._engine.decide(told(self.workspace), whole=self._whole)
        for done, (one, decision) in enumerate(decided, 1):
            if done % _TELL_EVERY == 0:
                self._progress(done / self.writes)
            self._notes.watch(one.proposal, decision, self._engine.pipeline.world)
            self._fates.watch(one, decision)
            yield one, decision

    # ---- what it comes to -----------------------------------------------------------------------------------------

    def quarantine(self) -> list[Entry]:
        """What was set aside, and what of it was released."""
        return [entry for entry in self._engine.quarantine.entries if self._is_wanted(entry.object)]

    def waiting(self) -> list[Entry]:
        """What is still set aside at the end."""
        return [entry for entry in self._engine.quarantine.waiting if self._is_wanted(entry.object)]

    def differences(self) -> Iterator[Difference]:
        """Where the reconciled state differs from what really happened, by object and field."""
        recorded = (
            (row[0], row[1], Side(value_of(*row[2:6]), row[6], row[7]))
            for row in self.workspace.rows(sql("replay", "recorded"))
        )
        objects = (row[0] for row in self.workspace.rows("SELECT object FROM object SEMI JOIN deciding USING (o)"))
        for one in differences(recorded, self._engine.pipeline.world, self._notes, frozenset(objects)):
            if self._is_wanted(one.object):
                yield one

    def judged(self) -> Iterator[Judged]:
        """What becomes of each finding, by time."""
        return self._fates.judged(self.analysis.each_finding())

    def new(self) -> list[New]:
        """What would be wrong and was not found in what really happened."""
        return [one for one in self._fates.new if self._is_wanted(one.object)]

    @property
    def innocent(self) -> int:
        """How many writes were held back that had no finding of their own."""
        return self._fates.innocent

    def standing(self, object_id: str) -> dict[str, Any]:
        """What stands in an object so far, by JSON Pointer."""
        found = self._engine.pipeline.world.get(object_id)
        return {} if found is None else found.values()

    def states(self) -> Iterator[dict[str, Any]]:
        """The reconciled state, object by object."""
        world = self._engine.pipeline.world
        decided = (records.state(name, found) for name in world.ids() if (found := world.get(name)) is not None)
        for state in heapq.merge(decided, plain_states(self.workspace), key=lambda state: state["object"]):
            if self._is_wanted(state["object"]):
                yield state

    def _is_wanted(self, object_id: str | None) -> bool:
        return self._only is None or object_id == self._only


@contextmanager
def replay(
    analysis: Analysis,
    *,
    until: str | None = None,
    only: str | None = None,
    recorded: bool = False,
    whole: bool = False,
    progress: Progress = lambda _share: None,
) -> Iterator[Replay]:
    """Decide a trace anew, under the policy that it is analysed under.

    Args:
        analysis: The trace.
        until: Take events up to this time, event or version only, as the user typed it.
        only: Tell of this object alone; all are decided.
        recorded: Decide only what a live store recorded its own decision of.
        whole: Decide one by one even those writes of which it is certain that they are promoted as they are: the same
            answer, more slowly.
        progress: Told of how far it is.

    Yields:
        The replay; it ends with the block.

    Raises:
        DriftlineError: If `until` or `only` names nothing in the trace, or there is no room to work in.

    Example:
        >>> import tempfile, driftline as dl
        >>> from driftline_analyzer import analyze
        >>> with dl.record(tempfile.mkdtemp() + "/run.drift") as recording:
        ...     _ = dl.write("o/1", {"n": 1}, version=1)
        ...     for agent in ("a", "b"):
        ...         with dl.branch(agent):
        ...             _ = dl.patch("o/1", {"n": agent}, base=1)
        >>> with analyze(recording.path) as analysis, replay(analysis) as replayed:
        ...     [one.decision.verdict for one in replayed.decisions()]
        ['promoted', 'promoted', 'quarantined']
    """
    bound = last_event(analysis, until)
    if only is not None:
        only = _known(analysis, only)
    asked = {"until": bound, "ordered": analysis.header.ordered, **shortcut.variables(analysis.policy.policy)}
    with analysis.workspace(**asked) as workspace:
        yield Replay(analysis, workspace, until=bound, only=only, recorded=recorded, whole=whole, progress=progress)


def _known(analysis: Analysis, only: str) -> str:
    """The id of an object of the trace."""
    from driftline_analyzer.targets import locate

    return locate(analysis, parse_target(only)).target.object
