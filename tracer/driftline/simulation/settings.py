"""What a simulated run is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from driftline.errors import DriftlineError
from driftline.simulation.scenes import SCENES

PHASES: Final = ("reasoning", "enrichment", "compression", "orchestration")
#: Faults of each rule for each event, where nothing else is said.
RATE: Final = 0.0001


@dataclass(frozen=True)
class Settings:
    """A simulated run.

    Attributes:
        events: How many events it has at least; the last piece of work is finished, so a few more.
        seed: Decides everything else.
        branches: How many branches the pipeline has; None for one in 500 events. Faults bring their own.
        objects: How many objects there are to choose from; None for one in 50 events.
        skew: The exponent of the Zipf distribution by which objects are chosen; 0 chooses all alike.
        phases: Their names, in order.
        faults: Code of a rule → how many faults of it there are for each event.
        processes: How many processes record.
    """

    events: int
    seed: int = 1
    branches: int | None = None
    objects: int | None = None
    skew: float = 1.0
    phases: tuple[str, ...] = PHASES
    faults: Mapping[str, float] = field(default_factory=dict)
    processes: int = 1

    def argv(self) -> list[str]:
        """The command line that makes this run, wherever it is put."""
        faults = ",".join(f"{code}={rate:g}" for code, rate in sorted(self.faults.items())) or "none"
        words = {
            "events": self.events,
            "seed": self.seed,
            "branches": self.branch_count,
            "objects": self.object_count,
            "skew": f"{self.skew:g}",
            "phases": ",".join(self.phases),
            "faults": faults,
            "processes": self.processes,
        }
        return ["driftline", "simulate", *(f"--{name}={value}" for name, value in words.items())]

    @property
    def branch_count(self) -> int:
        """How many branches the pipeline has."""
        return self.branches if self.branches is not None else min(max(self.events // 500, 8), 20_000)

    @property
    def object_count(self) -> int:
        """How many objects there are to choose from."""
        return self.objects if self.objects is not None else min(max(self.events // 50, 20), 1_000_000)

    @property
    def policy(self) -> str | None:
        """The policy that states the phases, where they are not the usual ones."""
        if self.phases == PHASES:
            return None
        return f"[phases]\norder = {msgspec.json.encode(self.phases).decode()}\n"

    def fault_counts(self) -> dict[str, int]:
        """Code of a rule → how many faults of it are planted: at least one where its rate is not 0."""
        return {code: max(1, round(rate * self.events)) for code, rate in sorted(self.faults.items()) if rate > 0}


def parse_phases(text: str) -> tuple[str, ...]:
    """The phases that `--phases` states.

    Raises:
        DriftlineError: If one has no name, or two have the same.

    Example:
        >>> parse_phases("draft, review")
        ('draft', 'review')
    """
    phases = tuple(name.strip() for name in text.split(","))
    if not all(phases) or len(set(phases)) < len(phases):
        raise DriftlineError(
            f"--phases: {text!r} has a phase without a name, or one twice", "separate different names by commas"
        )
    return phases


def parse_faults(text: str, phases: Sequence[str] = PHASES) -> dict[str, float]:
    """The rates that `--faults` states.

    Args:
        text: `none`, `all`, or rules separated by commas, each a code, a name or `all`, with `=RATE` or without it.
        phases: Those of the run; `all` are those rules that can be broken in them.

    Raises:
        DriftlineError: If it is none of these, or a rule cannot be broken in these phases.

    Example:
        >>> parse_faults("stale-overwrite=0.01,DRF302"), parse_faults("none"), len(parse_faults("all=0.001")) > 9
        ({'DRF101': 0.01, 'DRF302': 0.0001}, {}, True)
    """
    rates: dict[str, float] = {}
    for part in text.split(","):
        name, stated, number = (word.strip() for word in part.partition("="))
        if name == "none" and not stated:
            continue
        rate = _rate(number, part) if stated else RATE
        named = [scene for scene in SCENES if name in {scene.code, scene.name}]
        if named and not named[0].possible(phases):
            raise DriftlineError(
                f"--faults: no {named[0].name} can happen in the phases {', '.join(phases)}",
                "name others, or leave it out",
            )
        codes = [scene.code for scene in (SCENES if name == "all" else named) if scene.possible(phases)]
        if not codes:
            raise DriftlineError(
                f"--faults: {name!r} is no rule that can be planted",
                f"all, none, or some of {', '.join(scene.name for scene in SCENES)}",
            )
        rates |= dict.fromkeys(codes, rate)
    return rates


def _rate(text: str, part: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise DriftlineError(
            f"--faults: {part.strip()!r} has no rate from 0 to 1",
            "write RULE=RATE, faults for each event",
        )
    return rate
