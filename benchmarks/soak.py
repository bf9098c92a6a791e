"""Records for a long time, and shows that memory stays flat and nothing is lost.

    python benchmarks/soak.py [--events 10_000_000] [--threads 4] [--objects 1000]

Threads open short branches one after another, each with a unit and a task, that read objects, patch and rewrite them,
some with labels for versions. Every so many events the resident memory is shown; at the end the trace is read back and
every event is counted. Objects are as many at the end as at the beginning: what may grow with them does not.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

import driftline as dl
from driftline.reader import Trace

_PAGE: Final = 4096
_MEGABYTE: Final = 1 << 20
#: Events of one branch: its start and end, those of a unit and a task, and the calls in it.
_CALLS: Final = 44
_EVENTS: Final = _CALLS + 6


def resident() -> float:
    """Resident memory of this process, in megabytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / _MEGABYTE


def one_branch(number: int, objects: int) -> None:
    """A branch that does some work: `_EVENTS` events."""
    names = [f"context/{(number * 7 + at) % objects}" for at in range(4)]
    with dl.branch(f"worker-{number % 50}"), dl.unit("update"), dl.task("work", inputs=number):
        for at, name in enumerate(names):
            dl.read(name, {"n": number, "text": "some text"}, version=number * 100 + at)
            for field in range(8):
                dl.patch(name, {f"/f{field}": number + field}, confidence=0.8, source="planner", type="context")
            dl.write(name, {"n": number, "facts": [number, "f"]})
            dl.write(f"labelled/{at}", number, version=f"{number:x}-{at}", type="labelled")


class Soak:
    """Work of several threads, until there are so many events."""

    def __init__(self, branches: int, objects: int) -> None:
        self._left = iter(range(1, branches + 1))
        self._lock = threading.Lock()
        self._objects = objects
        self.done = 0

    def work(self) -> None:
        """Open branches until there are enough."""
        while True:
            with self._lock:
                number = next(self._left, None)
                if number is None:
                    return
                self.done = number
            one_branch(number, self._objects)


def main() -> None:
    """Record, watch, count."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--objects", type=int, default=1000)
    options = parser.parse_args()
    branches = -(-options.events // _EVENTS)
    soak = Soak(branches, options.objects)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "soak.drift"
        began, cpu = time.perf_counter(), time.process_time()
        print(f"{'events':>12} {'seconds':>8} {'resident MB':>12}")
        with dl.record(path):
            threads = [threading.Thread(target=soak.work) for _ in range(options.threads)]
            for thread in threads:
                thread.start()
            shown, shown_at = 0, max(branches // 20, 1)
            while any(thread.is_alive() for thread in threads):
                threads[0].join(0.05)
                if soak.done >= shown + shown_at:
                    shown = soak.done
                    row = f"{shown * _EVENTS:>12,} {time.perf_counter() - began:>8.0f} {resident():>12.0f}"
                    print(row, flush=True)
            for thread in threads:
                thread.join()
        gc.collect()
        cpu = time.process_time() - cpu
        print(f"{branches * _EVENTS:>12,} {time.perf_counter() - began:>8.0f} {resident():>12.0f}  all on disk")
        size = sum(file.stat().st_size for file in path.glob("*.arrows"))
        trace = Trace(path)
        ends = counted = 0
        for _, batch in trace.batches():
            counted += batch.num_rows
            ends += batch.column("op").to_pylist().count("branch-end")
    print(f"{counted:,} events, {size / counted:.1f} bytes each, {cpu / counted * 1e6:.1f} µs of processor time each")
    expected = branches * _EVENTS + 2  # the main branch starts and ends
    if not trace.complete or ends != branches + 1 or counted != expected:
        sys.exit(f"lost events: {counted:,} of {expected:,}, {trace.missing}")


if __name__ == "__main__":
    main()
