"""Precision and recall of each rule on a simulated run with planted faults, and what a run without faults gives.

    python benchmarks/truth.py [--events N] [--seed S] [--rate R] [--processes P]

Two traces are made and analysed: one with faults of every rule at the rate given, one with none. The exit status is 1
if a rule misses a fault, finds something else, or finds anything in the clean run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from driftline.simulation import RATE, Settings, parse_faults, simulate
from driftline_analyzer import analyze, rules
from driftline_analyzer.truth import Score, score


def scored(folder: Path, settings: Settings) -> list[Score]:
    """Simulate, analyse, compare."""
    begun = time.perf_counter()
    made = simulate(folder, settings)
    simulated = time.perf_counter()
    with analyze(folder) as analysis:
        found = score(analysis.findings(), made.truth)
    print(
        f"{made.events:,} events, {sum(made.planted.values()):,} planted faults:"
        f" simulated in {simulated - begun:.0f} s, analysed in {time.perf_counter() - simulated:.0f} s\n",
    )
    return found


def table(scores: list[Score]) -> None:
    """One line a rule."""
    names = {rule.code: rule.name for rule in rules()}
    print("| code | name | to be found | found | precision | recall |\n|---|---|---:|---:|---:|---:|")
    for each in scores:
        print(
            f"| {each.code} | {names[each.code]} | {each.planted:,} | {each.found:,}"
            f" | {each.precision:.4f} | {each.recall:.4f} |",
        )
    for each in scores:
        for what, facts in (("missed", each.missed), ("false", each.false)):
            for fact in facts:
                print(f"{what}: {fact}")


def main() -> int:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=RATE, help="faults of each rule for each event")
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    planted = parse_faults(f"all={given.rate}")
    faults = {rule.code: planted[rule.code] for rule in rules() if rule.code in planted}
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        with_faults = Settings(events=given.events, seed=given.seed, processes=given.processes, faults=faults)
        scores = scored(folder / "faults.drift", with_faults)
        table(scores)
        print()
        clean = Settings(events=given.events, seed=given.seed, processes=given.processes)
        false = sum(each.found for each in scored(folder / "clean.drift", clean))
        print(f"without faults: {false} findings")
    return int(false > 0 or any(each.missed or each.false for each in scores))


if __name__ == "__main__":
    sys.exit(main())
