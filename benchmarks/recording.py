"""What recording costs, against an OpenTelemetry span and a line of JSON that say the same.

    python benchmarks/recording.py [--calls 50000] [--rounds 9] [--profile]

Everything is measured in one process, alternatives in turn, in another order each round; the table shows medians and
quartiles over the rounds. Per call, in microseconds:

- **caller**: processor time of the calling thread;
- **waits**: what the calling thread waited on top of that, for the interpreter's lock, for the queue to get shorter,
  for whatever else the machine does;
- **all in**: processor time of the whole process from the first call until everything is on disk and closed: encoding,
  Arrow, compression, writing, the thread switches.

"Of span" is the share of the first row's caller time. The bars (no assertion: a busy machine is not a failure): caller
a tenth of a span with the same five attributes, all in a sixth. `--profile` shows where the time of a field write
goes, thread by thread.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from alternatives import (
    OBJECTS,
    arguments,
    current_span,
    exported_span,
    json_line,
    log_line,
    span,
    span_event,
    viz_event,
    viz_instant,
)

import driftline as dl
from driftline.reader import Trace
from driftline.writer import Writer

YARDSTICK: Final = "span, 5 attributes"


@dataclass
class Case:
    """One alternative.

    Attributes:
        name: What it is called in the table.
        ready: A context manager around one round: gives the function that makes the calls, finishes what they began.
        seconds: Measured per call, one entry a round: caller, waits, all in.
        bytes_per_call: What a call left on disk, if anything; of the last round.
    """

    name: str
    ready: Callable[[int, Path], Any]
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"caller": [], "waits": [], "all in": []})
    bytes_per_call: float | None = None

    def measure(self, calls: int, folder: Path) -> None:
        """Run one round in an empty folder."""
        gc.collect()
        before = time.process_time()
        with self.ready(calls, folder) as run:
            before = time.process_time()
            wall, thread = time.perf_counter(), time.thread_time()
            run()
            thread = time.thread_time() - thread
            wall = time.perf_counter() - wall
        whole = time.process_time() - before
        for name, spent in (("caller", thread), ("waits", max(wall - thread, 0.0)), ("all in", whole)):
            self.seconds[name].append(spent / calls)
        for path in folder.glob("*.drift"):
            demand_complete(path)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        self.bytes_per_call = size / calls if size else None


def demand_complete(path: Path) -> None:
    """What is cheap because it loses events is not measured."""
    trace = Trace(path)
    for _ in trace.batches():
        pass
    if not trace.complete:
        sys.exit(f"the recording lost events: {trace.missing}")


@dataclass
class Order:
    """What is tracked in place."""

    number: int = 0


def recorded(run: Callable[[int], None]) -> Callable[[int, Path], Any]:
    """Make a round of what `run` calls, while recording."""

    @contextmanager
    def ready(calls: int, folder: Path) -> Iterator[Callable[[], None]]:
        with dl.record(folder / "run.drift"):
            yield lambda: run(calls)

    return ready


def field_write(calls: int) -> None:
    """One field, with the five attributes of the span."""
    for i in range(1, calls + 1):
        dl.patch(OBJECTS[i % 100], {"/n": i}, version=i, base=i - 1, confidence=0.8, source="planner", type="context")


def bare_write(calls: int) -> None:
    """One field, and nothing said about it: version and base are worked out."""
    for i in range(calls):
        dl.patch(OBJECTS[i % 100], {"/n": i})


def five_fields(calls: int) -> None:
    """A whole object of five fields, one of them a list."""
    for i in range(calls):
        dl.write(OBJECTS[i % 100], {"n": i, "summary": "some text", "facts": ["f1", "f2"], "score": 0.5, "owner": None})


def tracked_set(calls: int) -> None:
    """A tracked mapping's key is set."""
    context = dl.track({"n": 0}, id="context/1")
    for i in range(calls):
        context["n"] = i


def tracked_change(calls: int) -> None:
    """A tracked mapping's key is read and set."""
    context = dl.track({"n": 0}, id="context/1")
    for _ in range(calls):
        context["n"] = context["n"] + 1


def tracked_object_set(calls: int) -> None:
    """A tracked dataclass's field is set."""
    order = dl.track(Order(), id="order/1")
    for i in range(calls):
        order.number = i


def tracked_in_place(calls: int) -> None:
    """A list of 20 texts inside a tracked mapping is mutated in place."""
    context = dl.track({"facts": ["some text"] * 20}, id="context/1")
    for i in range(calls):
        context["facts"][0] = i


def repeated_read(calls: int) -> None:
    """A version is read again."""
    value = {"n": 1, "summary": "some text"}
    for i in range(calls):
        dl.read(OBJECTS[i % 100], value, version=1)


@contextmanager
def not_recording(calls: int, _folder: Path) -> Iterator[Callable[[], None]]:
    """The field write, while nothing records."""
    yield lambda: field_write(calls)


def cases() -> list[Case]:
    """Every alternative, the yardstick first."""
    return [
        Case(YARDSTICK, span),
        Case("span, batched, null exporter", exported_span),
        Case("span, current, set one by one", current_span),
        Case("span event, 5 attributes", span_event),
        Case("structlog, JSON to a file", log_line),
        Case("line of JSON", json_line),
        Case("VizTracer log_instant", viz_instant),
        Case("VizTracer log_event, no attributes", viz_event),
        Case("field write, 5 attributes", recorded(field_write)),
        Case("field write, bare", recorded(bare_write)),
        Case("write of 5 fields", recorded(five_fields)),
        Case("tracked mapping: set", recorded(tracked_set)),
        Case("tracked mapping: read and set", recorded(tracked_change)),
        Case("tracked dataclass: set", recorded(tracked_object_set)),
        Case("tracked mapping: list in place", recorded(tracked_in_place)),
        Case("repeated read", recorded(repeated_read)),
        Case("field write, not recording", not_recording),
        Case("its arguments, and no call", arguments),
    ]


# ---- the table ----------------------------------------------------------------------------------------------------


def table(measured: list[Case]) -> str:
    """Medians and quartiles, and ratios of medians to the yardstick."""
    (yardstick,) = (case for case in measured if case.name == YARDSTICK)
    head = f"{'µs a call':34} {'caller':>18} {'of span':>8} {'waits':>7} {'all in':>18} {'of span':>8} {'bytes':>7}"
    rows = [head, "-" * len(head)]
    for case in measured:
        caller, waits, whole = (case.seconds[name] for name in ("caller", "waits", "all in"))
        size = "" if case.bytes_per_call is None else f"{case.bytes_per_call:.1f}"
        rows.append(
            f"{case.name:34} {spread(caller):>18} {ratio(caller, yardstick):>8}"
            f" {statistics.median(waits) * 1e6:7.2f} {spread(whole):>18} {ratio(whole, yardstick):>8} {size:>7}",
        )
    return "\n".join(rows)


def spread(seconds: list[float]) -> str:
    """Median, and the quartiles around it, in microseconds."""
    low, middle, high = (value * 1e6 for value in quartiles(seconds))
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"  # noqa: RUF001 - a range


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """The three quartiles; of one value, that value."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def ratio(seconds: list[float], yardstick: Case) -> str:
    """What share of the yardstick's time this is."""
    part = statistics.median(seconds) / statistics.median(yardstick.seconds["caller"])
    return f"1/{1 / part:.1f}" if part < 1 else f"{part:.1f}"


# ---- the profile --------------------------------------------------------------------------------------------------


def profile(calls: int, folder: Path) -> None:
    """Where the time of a field write goes: first the caller's alone, then the writer's alone."""
    turn = threading.Event()
    work = Writer._run  # noqa: SLF001 - held back, so that each thread is seen by itself

    def held(self: Writer) -> None:
        turn.wait()
        work(self)

    Writer._run = held  # type: ignore[method-assign]  # noqa: SLF001
    calling, writing = cProfile.Profile(), cProfile.Profile()
    with dl.record(folder / "run.drift") as recording:
        recording.recorder._limit = sys.maxsize  # noqa: SLF001 - all of it waits for the writer's turn
        calling.runcall(field_write, calls)
        writing.runcall(recording.flush)
        turn.set()
    for name, seen in (("caller", calling), ("writer", writing)):
        print(f"\n{name}, {calls} field writes with 5 attributes (a profiler slows Python's calls more than others)")
        pstats.Stats(seen).sort_stats("tottime").print_stats(14)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=50_000, help="calls in a round of each alternative")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--profile", action="store_true", help="also show where the time of a field write goes")
    options = parser.parse_args()
    measured = cases()
    order = random.Random(0)  # noqa: S311 - which comes first need not be a secret
    for number in range(options.rounds + 1):  # the first round warms up and is forgotten
        for case in order.sample(measured, len(measured)):
            with tempfile.TemporaryDirectory() as folder:
                case.measure(options.calls, Path(folder))
        if number == 0:
            for case in measured:
                case.seconds = {name: [] for name in case.seconds}
        print(f"\rround {number} of {options.rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(table(measured))
    if options.profile:
        with tempfile.TemporaryDirectory() as folder:
            profile(options.calls, Path(folder))


if __name__ == "__main__":
    main()
