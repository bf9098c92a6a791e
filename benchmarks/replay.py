"""How fast a trace is replayed: what SQL promotes and what Python decides, in processor time and memory.

    python benchmarks/replay.py [--events N] [--seed N] [--stale SHARE ...]

The trace is that of `analysis.py`: an object for each 50 field events, the hottest with a quarter of the events, 40
branches. Its writes are stale by each share in turn, since that decides how much there is to decide; with none stale,
no unit is left open either. It is analysed first; what is measured is the replay alone, in a process of its own: with
what it comes to (`text`), and with every decision as a line of JSON (`ndjson`).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import analysis

WAYS: Final = ("text", "ndjson")


def replayed(folder: Path, way: str) -> dict[str, Any]:
    """Replay an analysed trace."""
    from driftline_analyzer import analyze
    from driftline_analyzer.replay import replay
    from driftline_cli.replay_records import pieces

    written = 0
    with analyze(folder) as trace:
        begun, used = time.perf_counter(), time.process_time()
        with replay(trace) as found:
            ((deciding,),) = found.workspace.rows("SELECT count(*) FROM proposal SEMI JOIN deciding USING (o)")
            prepared = time.process_time() - used
            if way == "ndjson":
                written = sum(map(len, pieces(found, str(folder), whole=False)))
            else:
                for _ in found.decisions(every=False):
                    pass
                differing = sum(1 for _ in found.differences())
                assert differing >= 0
                assert all(one.fate for one in found.judged())
            counts = dict(found.counts)
        return {
            "seconds": time.perf_counter() - begun,
            "cpu": time.process_time() - used,
            "choosing": prepared,
            "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "events": trace.summary.events,
            "writes": found.writes,
            "deciding": deciding,
            "counts": counts,
            "megabytes": written / 1e6,
        }


def measured(folder: Path, way: str) -> dict[str, Any]:
    """Replay in a process of its own."""
    command = [sys.executable, __file__, "--measure", way, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def benchmark(events: int, seed: int, shares: list[float]) -> None:
    """Make a trace for each share of stale writes, and replay it in each way."""
    for share in shares:
        analysis.STALE = share  # type: ignore[misc] - the benchmark's own knobs
        analysis.OPEN_UNITS = 0.01 if share else 0.0  # type: ignore[misc]
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "bench.drift"
            made = analysis.make_trace(folder, events, seed)
            analysis.measured("driftline", folder)  # analysed, in a process of its own
            print(f"\n{events:,} field events in {made:,} events, {share:.1%} of the writes from a stale base")
            for way in WAYS:
                print(told(way, measured(folder, way)))


def told(way: str, found: dict[str, Any]) -> str:
    """One measurement as a line."""
    verdicts = ", ".join(f"{number:,} {verdict}" for verdict, number in sorted(found["counts"].items()))
    return (
        f"{way:<7} {found['cpu']:7.1f} s processor ({found['choosing']:.1f} s of it choosing),"
        f" {found['seconds']:.1f} s; {found['events'] / found['cpu']:,.0f} events/s; {found['rss']:,.0f} MB resident;"
        f" {found['deciding']:,} of {found['writes']:,} writes decided in Python; {verdicts}"
        + (f"; {found['megabytes']:,.0f} MB of JSON" if found["megabytes"] else "")
    )


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="field events in the trace")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stale", type=float, nargs="+", default=[0.0, 0.02], metavar="SHARE")
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "TRACE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        way, folder = given.measure
        print(json.dumps(replayed(Path(folder), way)))
    else:
        benchmark(given.events, given.seed, given.stale)


if __name__ == "__main__":
    main()
