"""What recording adds to a whole program: the demo, with and without it.

    python benchmarks/overhead.py [--nodes 600] [--rounds 15]

Both run in turn in one process, in another order each round; the table shows medians and quartiles. **Processor** is
the time of the whole process until everything is on disk and closed; **elapsed** is the wall clock's. The demo waits
most of the time, as orchestrators do that wait for models. Below both stands what was recorded.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import driftline as dl
from driftline.demo import run_demo
from driftline.reader import Trace

KINDS: Final = ("plain", "recorded")


def measured(run: Callable[[], object]) -> tuple[float, float]:
    """Processor and elapsed seconds of one run."""
    processor, elapsed = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - processor, time.perf_counter() - elapsed


def events_of(path: Path) -> int:
    """How many events a trace holds."""
    return sum(batch.num_rows for _, batch in Trace(path).batches())


def spread(seconds: list[float]) -> str:
    """Median and quartiles, in milliseconds."""
    low, middle, high = (1000 * value for value in statistics.quantiles(seconds, n=4, method="inclusive"))
    return f"{middle:7.1f} ({low:.1f}–{high:.1f})"  # noqa: RUF001 - a range


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=600, help="of the demo")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    order = random.Random(0)  # noqa: S311 - which comes first need not be a secret
    events = size = 0
    for number in range(options.rounds + 1):  # the first round warms up and is forgotten
        for kind in order.sample(KINDS, 2):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "demo.drift"

                def recorded(path: Path = path) -> None:
                    with dl.record(path):
                        run_demo(nodes=options.nodes)

                seconds = measured(recorded if kind == "recorded" else lambda: run_demo(nodes=options.nodes))
                if number:
                    found[kind].append(seconds)
                if kind == "recorded":
                    events = events_of(path)
                    size = sum(file.stat().st_size for file in path.iterdir())
    print(f"{'ms a run':12} {'processor':>26} {'elapsed':>26}")
    for kind in KINDS:
        print(f"{kind:12} {spread([p for p, _ in found[kind]]):>26} {spread([e for _, e in found[kind]]):>26}")
    added = [
        statistics.median(s[at] for s in found["recorded"]) / statistics.median(s[at] for s in found["plain"]) - 1
        for at in (0, 1)
    ]
    print(f"{'recording':12} {added[0]:>+25.0%} {added[1]:>+25.0%}")
    print(f"{events:,} events, {size / events:.0f} bytes an event on disk")


if __name__ == "__main__":
    main()
