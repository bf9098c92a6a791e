"""The decisions that a live run recorded, against those of the replay: the first that differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from driftline.discipline.candidates import Unrecorded, key
from driftline.errors import DriftlineError
from driftline_analyzer.replay.replay import Decided, Progress, replay
from driftline_analyzer.replay.told import value_of

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis
    from driftline_analyzer.replay.replay import Replay
    from driftline_analyzer.workspace import Workspace

_RECORDED: Final = "SELECT e, verdict, landed FROM verdict"
_LANDED: Final = """
SELECT v.e, p.path, f.value, f.digest, f.size, f.leaves
FROM verdict AS v JOIN field AS f ON f.e = v.landed JOIN path AS p ON p.f = f.f
WHERE f.digest IS NOT NULL
"""
#: What a recording cannot tell apart: either is a `reject`.
_ALIKE: Final = {"failed": "rejected"}
_RELEASED: Final = "released"
_LANDED_AS: Final = frozenset({"promoted", "merged"})


@dataclass(frozen=True, slots=True)
class Differing:
    """A decision that the replay takes otherwise than the live run did.

    Attributes:
        decided: What the replay decides.
        recorded: The verdict that the live run recorded.
        fields: JSON Pointers of the fields that both merged, and otherwise.
    """

    decided: Decided
    recorded: str
    fields: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As `driftline replay --verify --format json` prints it."""
        return {"recorded": self.recorded, "fields": list(self.fields), "replayed": self.decided.as_json()}


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification comes to.

    Attributes:
        checked: How many decisions agree, before the first that differs.
        undecided: How many could not be checked, for values that were not recorded.
        differing: The first decision that differs; None if none does.
    """

    checked: int
    undecided: int
    differing: Differing | None

    def as_json(self) -> dict[str, Any]:
        """As `driftline replay --verify --format json` prints it."""
        return {
            "format": 1,
            "checked": self.checked,
            "undecided": self.undecided,
            "differing": None if self.differing is None else self.differing.as_json(),
        }


def verify(analysis: Analysis, *, until: str | None = None, progress: Progress = lambda _share: None) -> Verified:
    """Decide anew what a live store decided, and name the first decision that differs.

    Args:
        analysis: The trace of a run of `dl.Store` under `enforce`.
        until: Take events up to this time, event or version only.
        progress: Told of how far it is.

    Raises:
        DriftlineError: If the trace records no decisions.
    """
    with replay(analysis, until=until, recorded=True, progress=progress) as found:
        if not found.writes:
            raise DriftlineError(
                f"{analysis.path} records no decisions of a live store",
                "record a run of dl.Store in mode 'enforce'; any trace can be replayed without --verify",
            )
        return _compared(found, found.workspace)


def _compared(found: Replay, workspace: Workspace) -> Verified:
    recorded = {e: (verdict, landed is not None) for e, verdict, landed in workspace.rows(_RECORDED)}
    landed: dict[int, dict[str, Any]] = {e: {} for e, (_, merged) in recorded.items() if merged}
    for e, path, *of in workspace.rows(_LANDED):
        landed[e][path] = value_of(*of)
    checked = undecided = 0
    for one in found.decisions():
        verdict = recorded[one.told.e][0]
        own = one.decision.verdict
        if own == "undecided":
            undecided += 1
            continue
        fields: tuple[str, ...] = ()
        if own in _LANDED_AS and one.told.e in landed and one.told.proposal.unit is None:
            fields = _otherwise(landed[one.told.e], found.standing(one.decision.object))
        alike = own in _LANDED_AS if verdict == _RELEASED else _ALIKE.get(own, own) == verdict
        if own != "deferred" and (fields or not alike):
            return Verified(checked, undecided, Differing(one, verdict, fields))
        checked += 1
    return Verified(checked, undecided, None)


def _otherwise(recorded: dict[str, Any], replayed: dict[str, Any]) -> tuple[str, ...]:
    """The fields that differ, as far as their values were recorded."""
    differing = []
    for path in sorted({*recorded, *replayed}):
        sides = [side[path] for side in (recorded, replayed) if path in side]
        if any(type(value) is Unrecorded for value in sides):
            continue
        if len(sides) == 1 or key(sides[0]) != key(sides[1]):
            differing.append(path)
    return tuple(differing)
