"""What each check of the gate would say of the writes of a trace, if it only said it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from driftline.discipline import CHECKS, loads

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis

_LARGEST: Final = 500_000  # events: a larger trace takes minutes to replay
_NEARLY: Final = 0.9  # of the objects of a type


@dataclass(frozen=True)
class Verdict:
    """What a check would say of the writes of a trace.

    Attributes:
        writes: How many writes would fail it.
        usual: A type of which nearly every object has such a write: no exception, but how this system works. Or None.
    """

    writes: int = 0
    usual: str | None = None


def verdicts(analysis: Analysis, policy: str) -> dict[str, Verdict]:
    """What each check would say where nothing is kept out, so that no write fails for another's sake.

    Args:
        analysis: The trace.
        policy: A policy without a gate, as TOML.

    Returns:
        Check → verdict, of those that some write would fail. Nothing if the trace is too large to try it.
    """
    from driftline_analyzer import analyze
    from driftline_analyzer.replay import replay

    if analysis.summary.events > _LARGEST:
        return {}
    told = "\n".join(f'{name} = "warn"' for name, check in CHECKS.items() if check.default != "off")
    writes: Counter[str] = Counter()
    failing: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    objects: defaultdict[str, set[str]] = defaultdict(set)
    with (
        analyze(analysis.path, policy=loads(f"{policy}\n[gate]\n{told}\n")) as under_it,
        replay(under_it) as replayed,
    ):
        for one in replayed.decisions():
            type_ = one.told.proposal.type or ""
            objects[type_].add(one.decision.object)
            for check in {failure.check for failure in one.decision.failures}:
                writes[check] += 1
                failing[check, type_].add(one.decision.object)
    usual: dict[str, str] = {}
    for (check, type_), failed in sorted(failing.items()):
        if len(failed) > 1 and len(failed) >= _NEARLY * len(objects[type_]):
            usual.setdefault(check, type_)
    return {check: Verdict(count, usual.get(check)) for check, count in writes.items()}
