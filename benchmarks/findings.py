"""What a trace with very many findings costs to analyse, to read and to export.

    python benchmarks/findings.py --findings 1000000 --drifts 100

Records so many lost updates, three events each, of so many fields, then runs `driftline analyze` on the trace: the
first time, then in each format from the cache. Each is a process of its own; printed are its time and its peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import driftline as dl

PROGRAM: Final = str(Path(sys.executable).parent / "driftline")
_AT_ONCE: Final = 1_000  # objects that a branch goes through before the next one does


def record(path: Path, findings: int, drifts: int) -> None:
    """A trace with so many lost updates, each in an object of its own, in so many fields."""
    with dl.record(path):
        for first in range(0, findings, _AT_ONCE):
            objects = [(f"o/{n}", f"f{n % drifts}") for n in range(first, min(first + _AT_ONCE, findings))]
            for name, field in objects:
                dl.write(name, {field: "what stood"}, version=1, type="o")
            for number, branch in enumerate(("first", "second"), 2):
                with dl.branch(branch):
                    for name, field in objects:
                        dl.patch(name, {f"/{field}": f"what {branch} found"}, base=1, version=number)


def run(*words: str | Path) -> tuple[float, float]:
    """Seconds and peak resident MB of `driftline WORDS`."""
    begun = time.perf_counter()
    child = os.posix_spawn(PROGRAM, [PROGRAM, *map(str, words)], os.environ)
    _, status, usage = os.wait4(child, 0)
    assert os.waitstatus_to_exitcode(status) in {0, 1}, words
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


def main() -> None:
    """Record, measure, print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--findings", type=int, default=1_000_000)
    parser.add_argument("--drifts", type=int, default=100, help="fingerprints")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as parent:
        trace, out = Path(parent) / "run.drift", Path(parent) / "out"
        recording = get_context("spawn").Process(target=record, args=(trace, given.findings, given.drifts))
        recording.start()
        recording.join()
        ways: dict[str, Callable[[], tuple[float, float]]] = {
            "first analysis, --limit 0": lambda: run("analyze", trace, "--limit", "0", "-o", out),
            "text": lambda: run("analyze", trace, "-o", out),
            "text, one rule": lambda: run("analyze", trace, "--select", "DRF101", "-o", out),
            "json": lambda: run("analyze", trace, "--format", "json", "-o", out),
        }
        print(f"{given.findings:,} findings of {given.drifts:,} drifts\n")
        print(f"{'':28}{'seconds':>9}{'peak MB':>9}{'MB written':>12}")
        for name, way in ways.items():
            seconds, peak = way()
            print(f"{name:28}{seconds:9.1f}{peak:9.0f}{out.stat().st_size / 1e6:12.1f}", flush=True)
        with out.open(encoding="utf-8") as lines:
            found = sum(line.startswith("    {") for line in lines)
            assert found == given.findings, found
        json.loads(out.read_text(encoding="utf-8")) if given.findings <= 100_000 else None  # noqa: PLR2004


if __name__ == "__main__":
    main()
