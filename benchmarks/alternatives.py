"""What else records that something happened: the alternatives that `recording.py` measures Driftline against.

Each is a context manager around one round: it gives the function that makes the calls, and leaves only when everything
is on disk, or wherever the alternative keeps it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from viztracer import VizTracer

OBJECTS: Final = [f"context/{number}" for number in range(100)]


class NullExporter(SpanExporter):
    """Takes spans and does nothing with them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Forget them."""
        del spans
        return SpanExportResult.SUCCESS


@contextmanager
def span(calls: int, _folder: Path, *, exported: bool = False) -> Iterator[Callable[[], None]]:
    """A span that starts and ends, with the five attributes of a field write."""
    provider = TracerProvider(shutdown_on_exit=False)
    if exported:
        provider.add_span_processor(BatchSpanProcessor(NullExporter(), max_queue_size=calls))
    tracer = provider.get_tracer("benchmark")

    def run() -> None:
        for i in range(calls):
            tracer.start_span(
                "write",
                attributes={"version": i, "base": i - 1, "confidence": 0.8, "source": "planner", "type": "context"},
            ).end()

    yield run
    provider.shutdown()


@contextmanager
def current_span(calls: int, _folder: Path) -> Iterator[Callable[[], None]]:
    """The same as most programs write it: made current, attributes set one by one."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("benchmark")

    def run() -> None:
        for i in range(calls):
            with tracer.start_as_current_span("write") as now:
                now.set_attribute("version", i)
                now.set_attribute("base", i - 1)
                now.set_attribute("confidence", 0.8)
                now.set_attribute("source", "planner")
                now.set_attribute("type", "context")

    yield run


def exported_span(calls: int, folder: Path) -> Any:
    """The same, through a batch processor to an exporter that does nothing."""
    return span(calls, folder, exported=True)


@contextmanager
def json_line(calls: int, folder: Path) -> Iterator[Callable[[], None]]:
    """The same facts, as a line of JSON."""
    with (folder / "facts.ndjson").open("w") as file:

        def run() -> None:
            for i in range(calls):
                facts = {
                    "op": "patch",
                    "clock": time.time_ns(),
                    "branch": "main#1",
                    "object": OBJECTS[i % 100],
                    "type": "context",
                    "version": i,
                    "base": i - 1,
                    "confidence": 0.8,
                    "source": "planner",
                    "fields": {"/n": i},
                }
                file.write(json.dumps(facts) + "\n")

        yield run


@contextmanager
def span_event(calls: int, _folder: Path) -> Iterator[Callable[[], None]]:
    """An event with the same five attributes, added to a span that is open; a span a thousand events."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("benchmark")

    def run() -> None:
        for i in range(calls):
            if i % 1000 == 0:
                span = tracer.start_span("work")
            span.add_event(
                "write",
                {"version": i, "base": i - 1, "confidence": 0.8, "source": "planner", "type": "context"},
            )

    yield run


@contextmanager
def log_line(calls: int, folder: Path) -> Iterator[Callable[[], None]]:
    """The same facts as a structlog event, in JSON, to a file: configured as its performance page advises."""
    with (folder / "facts.ndjson").open("wb") as file:
        log = structlog.wrap_logger(
            structlog.BytesLogger(file),
            wrapper_class=structlog.BoundLogger,
            processors=[structlog.processors.TimeStamper(), structlog.processors.JSONRenderer(_dumps)],
        ).bind()

        def run() -> None:
            for i in range(calls):
                log.info(
                    "write",
                    object=OBJECTS[i % 100],
                    type="context",
                    version=i,
                    base=i - 1,
                    confidence=0.8,
                    source="planner",
                    n=i,
                )

        yield run


def _dumps(event: Any, **_: Any) -> bytes:
    return json.dumps(event).encode()


@contextmanager
def viz_instant(calls: int, folder: Path) -> Iterator[Callable[[], None]]:
    """The same facts as a VizTracer instant event; nothing else is traced."""
    tracer = VizTracer(log_sparse=True, tracer_entries=calls + 1000, verbose=0, output_file=str(folder / "viz.json"))
    tracer.start()

    def run() -> None:
        for i in range(calls):
            tracer.log_instant(
                "write",
                {
                    "object": OBJECTS[i % 100],
                    "type": "context",
                    "version": i,
                    "base": i - 1,
                    "confidence": 0.8,
                    "source": "planner",
                    "n": i,
                },
            )

    yield run
    tracer.stop()
    tracer.save()


@contextmanager
def viz_event(calls: int, folder: Path) -> Iterator[Callable[[], None]]:
    """A VizTracer duration event, which takes no attributes."""
    tracer = VizTracer(log_sparse=True, tracer_entries=calls + 1000, verbose=0, output_file=str(folder / "viz.json"))
    tracer.start()

    def run() -> None:
        for _ in range(calls):
            with tracer.log_event("write"):
                pass

    yield run
    tracer.stop()
    tracer.save()


@contextmanager
def arguments(calls: int, _folder: Path) -> Iterator[Callable[[], None]]:
    """What the program does to say the five attributes, and then calls nobody: no call that says them costs less."""

    def run() -> None:
        for i in range(1, calls + 1):
            OBJECTS[i % 100], {"/n": i}, i, i - 1, 0.8, "planner", "context"

    yield run
