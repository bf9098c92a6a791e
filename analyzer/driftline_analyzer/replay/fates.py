"""What becomes of each finding under the discipline: prevented, or remaining; and what is new (docs/discipline.md).

A finding at a write is prevented if the write was not promoted. Where a value was lost, it is prevented, too, if the
fields concerned were reconciled with what stood, so that a loss, if there still is one, was decided and no accident; or
if its writer had seen what stood. One at a read is prevented if the version read was never promoted, or nothing that
its branch wrote later was. What it takes two writes to do is prevented if one of them was not promoted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from driftline.discipline.gate import WAS_PROMOTED, Failure
from driftline.discipline.pipeline import Decision, Verdict
from driftline_analyzer.replay.told import Told
from driftline_analyzer.workspace import Workspace

if TYPE_CHECKING:
    from driftline_analyzer.findings import Finding

Fate = Literal["prevented", "remaining"]
_LANDED: Final = frozenset({"promoted", "merged"})
#: Rules about a value that a write loses, or merges without having seen it.
_LOSSES: Final = frozenset({"DRF101", "DRF102", "DRF103", "DRF104", "DRF105", "DRF202", "DRF602"})
_INTERMEDIATE: Final = "DRF204"
_UNPROMOTED: Final = "DRF503"
_SKEW: Final = "DRF206"
_REFERENCES: Final = {"reference": frozenset({"DRF301"}), "orphan": frozenset({"DRF302", "DRF303"})}

#: Each finding with the operation at fault, its branch, the version read, the writes of its task, and, where it takes
#: another write besides, those among the evidence.
_PLACES: Final = """
WITH twice AS (
    SELECT x.t, list(x.e ORDER BY x.e) AS writes
    FROM event AS x
    SEMI JOIN (SELECT s.t FROM finding AS f JOIN event AS s ON s.e = f.e WHERE f.code = 'DRF601') AS again
        ON again.t = x.t
    WHERE x.op IN ('write', 'patch', 'merge', 'delete')
    GROUP BY x.t
)
SELECT f.n, f.e, at_fault.op::VARCHAR, b.branch, o.object, coalesce(at_fault.label, at_fault.version::VARCHAR),
    CASE WHEN f.code = 'DRF601' THEN twice.writes END,
    CASE WHEN f.code IN ('DRF206', 'DRF501', 'DRF502', 'DRF603') THEN f.against END, list_prepend(f.code, f.also)
FROM finding AS f
JOIN event AS at_fault ON at_fault.e = f.e
JOIN branch AS b ON b.b = at_fault.b
LEFT JOIN object AS o ON o.o = at_fault.o
LEFT JOIN twice ON twice.t = at_fault.t
WHERE f.e <= getvariable('until')
ORDER BY f.n
"""


#: Of the writes that SQL promotes: which fields some changed; the last of each branch; their versions of some objects.
_CERTAIN: Final = """
SELECT w.e, list(p.path) FILTER (s.changed)
FROM proposal AS w ANTI JOIN deciding USING (o)
LEFT JOIN setting AS s ON s.e = w.e
LEFT JOIN path AS p ON p.f = s.f
WHERE w.e IN (SELECT unnest(?::BIGINT[]))
GROUP BY w.e
"""
_LAST: Final = """
SELECT b.branch, max(w.e) FROM proposal AS w ANTI JOIN deciding USING (o) JOIN branch AS b ON b.b = w.b
GROUP BY b.branch
"""
_MADE: Final = """
SELECT o.object, coalesce(e.label, e.version::VARCHAR)
FROM proposal AS w ANTI JOIN deciding USING (o) JOIN object AS o ON o.o = w.o JOIN event AS e ON e.e = w.e
WHERE o.object IN (SELECT unnest(?::VARCHAR[]))
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of one finding.

    Attributes:
        finding: The finding.
        fate: `prevented` or `remaining`.
        why: In a few words.
    """

    finding: Finding
    fate: Fate
    why: str

    def as_json(self) -> dict[str, Any]:
        """As `driftline replay --format json` prints it."""
        return {"fate": self.fate, "why": self.why, **self.finding.as_json()}


@dataclass(frozen=True, slots=True)
class New:
    """Something that would be wrong under the discipline and was not found in what really happened.

    Attributes:
        event: Id of the event of the write.
        object: Id of the object.
        version: The version that it makes.
        branch: Name of the branch.
        fields: JSON Pointers of the fields; none for the whole object.
        check: The check that it did not pass and that only warns, or `reconcile`.
        why: What is wrong.
    """

    event: str
    object: str
    version: str
    branch: str
    fields: tuple[str, ...]
    check: str
    why: str

    def as_json(self) -> dict[str, Any]:
        """As `driftline replay --format json` prints it."""
        return {
            "fate": "new", "why": self.why, "event": self.event, "object": self.object, "version": self.version,
            "branch": self.branch, "fields": list(self.fields), "check": self.check,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Place:
    e: int
    op: str
    branch_id: str
    object: str | None
    version: str | None
    writes: tuple[int, ...]
    partners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a write.

    Attributes:
        verdict: The verdict.
        settled: The fields that it, or what it was merged into, set.
        lossy: Those by whose rule another value was thrown away.
        shared: Those that were reconciled with other writes.
    """

    verdict: Verdict
    settled: frozenset[str]
    lossy: frozenset[str]
    shared: frozenset[str]


class Fates:
    """Watches what is decided, and then judges the findings.

    Args:
        workspace: The replay's.
        is_wanted: Whether an object, by id, is one to tell of.

    Attributes:
        new: What is new.
        innocent: How many writes were held back that had no finding of their own.
    """

    def __init__(self, workspace: Workspace, is_wanted: Callable[[str | None], bool]) -> None:
        self.new: list[New] = []
        self.innocent = 0
        self._workspace = workspace
        self._is_wanted = is_wanted
        self._places: dict[int, _Place] = {}
        self._codes: defaultdict[int, set[str]] = defaultdict(set)  # event → rules that found something there
        self._outcomes: dict[int, _Outcome] = {}
        self._made: dict[tuple[str | None, str | None], Verdict | None] = {}
        self._last: dict[str, tuple[int, int]] = {}  # branch → its last write, and its last that landed
        self._partners: set[int] = set()
        for n, e, op, branch_id, object_id, version, writes, partners, codes in workspace.rows(_PLACES):
            self._places[n] = _Place(e, op, branch_id, object_id, version, tuple(writes or ()), tuple(partners or ()))
            self._partners.update(partners or ())
            for at in (e, *(writes or ())):
                self._codes[at].update(codes)
            if op == "read":
                self._made[object_id, version] = None

    def watch(self, told: Told, decision: Decision) -> None:
        """Take notice of a decision."""
        landed = decision.verdict in _LANDED
        written, last_landed = self._last.get(told.proposal.branch_id, (0, 0))
        self._last[told.proposal.branch_id] = (max(written, told.e), max(last_landed, told.e if landed else 0))
        if (decision.object, decision.version) in self._made:
            self._made[decision.object, decision.version] = decision.verdict
        found = self._codes.get(told.e)
        if found is not None or told.e in self._partners:
            self._outcomes[told.e] = _outcome(decision)
        if (
            found is None
            and self._is_wanted(decision.object)
            and not landed
            and decision.verdict not in {"discarded", "deferred"}
        ):
            self.innocent += 1
        if landed:
            self.new += _news(decision, found or set())

    def close(self) -> None:
        """Take notice of the writes that were promoted as they are without being watched."""
        wanted = [*self._codes, *self._partners]
        for e, changed in self._workspace.rows(_CERTAIN, [wanted]):
            self._outcomes[e] = _Outcome("promoted", frozenset(changed or ()), frozenset(), frozenset())
        for branch_id, e in self._workspace.rows(_LAST):
            written, landed = self._last.get(branch_id, (0, 0))
            self._last[branch_id] = (max(written, e), max(landed, e))
        unknown = {object_id for (object_id, _), verdict in self._made.items() if verdict is None}
        for object_id, version in self._workspace.rows(_MADE, [sorted(one for one in unknown if one is not None)]):
            if (object_id, version) in self._made:
                self._made[object_id, version] = "promoted"

    def judged(self, findings: Iterable[Finding]) -> Iterator[Judged]:
        """What becomes of these findings, one after another."""
        for finding in findings:
            place = self._places.get(finding.number)
            if place is not None and self._is_wanted(finding.object):
                fate, why = self._fate(finding, place)
                yield Judged(finding, fate, why)

    def _fate(self, finding: Finding, place: _Place) -> tuple[Fate, str]:
        others = [self._outcomes[e].verdict for e in place.partners if e in self._outcomes]
        if others and (finding.code == _SKEW or not _LANDED.intersection(others)) and not _LANDED.issuperset(others):
            return "prevented", f"the write that it takes besides was {next(v for v in others if v not in _LANDED)}"
        if place.op == "read":
            return self._of_read(finding, place)
        if place.writes or place.op == "task-start":
            verdicts = [self._outcomes[e].verdict for e in place.writes if e in self._outcomes]
            if verdicts and not _LANDED.intersection(verdicts):
                return "prevented", "nothing that the task wrote was promoted"
            return "remaining", "what the task wrote was promoted" if verdicts else "the task wrote nothing"
        outcome = self._outcomes.get(place.e)
        if outcome is None:
            return "remaining", "no write was decided here"
        return _of_write(finding, outcome)

    def _of_read(self, finding: Finding, place: _Place) -> tuple[Fate, str]:
        if finding.code == _INTERMEDIATE:
            return "prevented", "a unit lands whole, so nobody sees what it replaces"
        if finding.code == _UNPROMOTED:
            return "prevented", "nothing is seen before it is promoted"
        made = self._made.get((place.object, place.version))
        if made is not None and made not in _LANDED:
            return "prevented", f"the version that it read was {made}"
        written, landed = self._last.get(place.branch_id, (0, 0))
        if written > place.e and landed <= place.e:
            return "prevented", "nothing that the branch wrote later was promoted"
        after = "what its branch wrote later was promoted" if written > place.e else "its branch wrote nothing later"
        return "remaining", f"no gate sees the read, and {after}"


def _outcome(decision: Decision) -> _Outcome:
    settled = {one.path for one in decision.fields if one.outcome in {"taken", "merged", "base"}}
    lossy = {one.path for one in decision.fields if one.lossy}
    shared = {one.path for one in decision.fields if len(one.candidates) > 1}
    return _Outcome(decision.verdict, frozenset(settled), frozenset(lossy), frozenset(shared))


def _of_write(finding: Finding, outcome: _Outcome) -> tuple[Fate, str]:
    if outcome.verdict not in _LANDED:
        return "prevented", f"the write was {outcome.verdict}"
    if finding.code in _LOSSES:
        if outcome.lossy.intersection(finding.fields):
            return "remaining", "the policy throws the other value away"
        shared = outcome.shared.intersection(finding.fields)
        return "prevented", "the fields were reconciled" if shared else "its writer had seen what stood"
    if finding.fields and not outcome.settled.intersection(finding.fields):
        return "prevented", "the fields stayed as they were"
    return "remaining", f"the write was {outcome.verdict}"


def _news(decision: Decision, found: set[str]) -> Iterator[New]:
    """What is wrong with a write that landed, where no rule found anything of the kind."""
    for failure in decision.failures:
        if failure.action == "warn" and _is_consequence(failure) and not found & _REFERENCES.get(failure.check, set()):
            fields = () if failure.path is None else (failure.path,)
            yield _new(decision, fields, failure.check, failure.reason)
    lossy = tuple(one.path for one in decision.fields if one.lossy)
    if lossy and not found & _LOSSES:
        yield _new(decision, lossy, "reconcile", "the policy throws a value away")


def _is_consequence(failure: Failure) -> bool:
    """Whether a check fails because of what became of other writes."""
    return failure.check in _REFERENCES or failure.expected == WAS_PROMOTED


def _new(decision: Decision, fields: tuple[str, ...], check: str, why: str) -> New:
    return New(decision.event, decision.object, decision.version, decision.branch, fields, check, why)
