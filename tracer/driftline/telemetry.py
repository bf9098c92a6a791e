"""What a recording tells OpenTelemetry: stale bases as span events, merges as links, counts as metrics.

Through the API only, and only once the program has configured a provider: then the recorder's methods are wrapped.
Until then, and without an SDK, they are what they are, and cost what they cost. docs/opentelemetry.md names every
attribute.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from opentelemetry import baggage, trace

from driftline.calls import op_name
from driftline.freshness import Freshness, Made, Stale
from driftline.sightings import Version
from driftline.values import version_of

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.trace import Span

    from driftline.recorder import Recorder
    from driftline.scope import Branch
    from driftline.writer import Writer

_FIELDS: Final = 32  # named in one span event
_CONVERSATION: Final = "gen_ai.conversation.id"
_MEMORY: Final = {
    "delete": "delete_memory",
    "merge": "update_memory",
    "patch": "update_memory",
    "write": "upsert_memory",
}
_WRITES: Final = frozenset({*_MEMORY})


class _Totals:
    """Counted in this process, over all its recordings: OpenTelemetry's counters only rise."""

    events: ClassVar[Counter[str]] = Counter()
    stale = 0
    dropped = 0
    are_observed = False


class Telemetry:
    """What one recording tells OpenTelemetry.

    Args:
        recorder: Wrapped once a provider is configured.
        ordered: Whether the order of arrival means anything; if not, no base is called stale.
    """

    def __init__(self, recorder: Recorder, *, ordered: bool) -> None:
        self._recorder = recorder
        self._ordered = ordered
        self._freshness = Freshness()
        self._lock = threading.RLock()  # a signal handler may record while its thread does
        self._follows = False
        self._lost = 0

    def begin(self) -> None:
        """Look out for a provider, now, at the start of each branch and with each batch."""
        self._recorder.starting = self.look
        self._recorder.writer.observe = self._count
        self.look()

    def continue_in_child(self, writer: Writer) -> None:
        """After a fork, in the child: its counts are its own, and another thread may hold the lock for ever."""
        self._lock = threading.RLock()
        self._lost = 0
        _Totals.events.clear()
        _Totals.stale = _Totals.dropped = 0
        writer.observe = self._count

    def look(self) -> None:
        """Begin what a provider that has been configured meanwhile makes worth it."""
        try:
            if not self._follows and self._ordered and _has_tracer():
                self._follows = True
                self._wrap()
            if not _Totals.are_observed and _has_meter():
                _Totals.are_observed = True
                _observe()
        except Exception as fault:  # noqa: BLE001 - counted, never raised into the program
            self._recorder.fault("telemetry", fault, lost=0)

    def _guarded(self, function: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        try:
            with self._lock:
                function(*args, **kwargs)
        except Exception as fault:  # noqa: BLE001 - counted, never raised into the program
            self._recorder.fault("telemetry", fault, lost=0)

    # ---- what the recorder is told --------------------------------------------------------------------------------

    def _wrap(self) -> None:
        recorder = self._recorder
        plain_write, plain_read = recorder.write, recorder.read
        plain_fork, plain_start, plain_end = recorder.fork, recorder.start_branch, recorder.end_branch

        @functools.wraps(plain_write)
        def write(  # noqa: PLR0917 - as it is
            op: str, object_id: str, type_: Any, version: Any, base: Any, leaves: Any, rare: Any, **rest: Any
        ) -> Version:
            made = plain_write(op, object_id, type_, version, base, leaves, rare, **rest)
            self._guarded(self._wrote, op, object_id, type_, made, base, leaves, rare, rest.get("confidence"))
            return made

        @functools.wraps(recorder.set_field)
        def set_field(  # noqa: PLR0917 - as it is
            object_id: str, type_: Any, version: Any, base: Any, path: str, value: Any, confidence: Any, source: Any
        ) -> Version:
            leaves = [(path, value)]
            return write("patch", object_id, type_, version, base, leaves, None, confidence=confidence, source=source)

        @functools.wraps(plain_read)
        def read(object_id: str, type_: Any, version: Any, leaves: Any, *, whole: bool) -> None:
            plain_read(object_id, type_, version, leaves, whole=whole)
            self._guarded(self._read, object_id, version, None if whole else [path for path, _ in leaves])

        @functools.wraps(plain_fork)
        def fork(branch: Branch) -> None:
            self._guarded(self._freshness.forked, branch)
            plain_fork(branch)

        @functools.wraps(plain_start)
        def start_branch(branch: Branch) -> None:
            if branch.begins_in is None:  # else it has forked already
                self._guarded(self._freshness.forked, branch)
            plain_start(branch)

        @functools.wraps(plain_end)
        def end_branch(branch: Branch, fault: BaseException | None) -> None:
            plain_end(branch, fault)
            self._guarded(self._freshness.ended, branch, joins=fault is None)

        for wrapper in (write, set_field, read, fork, start_branch, end_branch):
            setattr(recorder, wrapper.__name__, wrapper)

    def _read(self, object_id: str, version: Any, paths: list[str] | None) -> None:
        self._freshness.saw(self._recorder.scope().branch, object_id, version_of(version), paths)

    def _wrote(  # noqa: PLR0917 - what a write says
        self, op: str, object_id: str, type_: Any, made: Version, base: Any, leaves: Any, rare: Any, confidence: Any
    ) -> None:
        branch, span = self._recorder.scope().branch, trace.get_current_span()
        named = (rare or {}).get("bases")
        bases = [base] if base is not None else named
        context = span.get_span_context()
        if named is not None and span.is_recording():
            self._link(span, object_id, [*((object_id, v) for v in named), *(rare or {}).get("inputs", ())])
        stale = self._freshness.wrote(
            branch,
            object_id,
            made,
            bases=None if bases is None else [v for b in bases if (v := version_of(b)) is not None],
            paths=[path for path, _ in leaves],
            span=context if context.is_valid else None,
            whole=op != "patch",
        )
        if stale is None:
            return
        _Totals.stale += 1
        if span.is_recording():
            span.add_event("drift.stale_base", _stale_attributes(op, object_id, type_, made, branch, stale, confidence))

    def _link(self, span: Span, object_id: str, read: Iterable[tuple[str, Any]]) -> None:
        """A merge is linked with the span of each version that went into it."""
        own = span.get_span_context().span_id
        for name, version in read:
            maker = self._freshness.maker(name, version_of(version) or 0)
            if maker is not None and maker.span is not None and maker.span.span_id != own:
                span.add_link(maker.span, _link_attributes(name, maker, object_id))

    # ---- what the writer thread tells -----------------------------------------------------------------------------

    def _count(self, ops: list[str]) -> None:
        """A batch was written."""
        self.look()
        if _Totals.are_observed:
            _Totals.events.update(ops)
            lost = self._recorder.writer.record.lost
            _Totals.dropped += lost - self._lost
            self._lost = lost


def _stale_attributes(  # noqa: PLR0917 - what there is to say
    op: str, object_id: str, type_: Any, version: Version, branch: Branch, stale: Stale, confidence: float | None
) -> dict[str, Any]:
    said = {
        "drift.object.id": object_id,
        "drift.object.type": type_,
        "drift.object.version": version,
        "drift.object.base_version": stale.base,
        "drift.branch.id": branch.id,
        "drift.branch.name": branch.name,
        "drift.phase": branch.phase,
        "drift.fields": stale.fields[:_FIELDS],
        "drift.confidence": confidence,
        "drift.other.version": stale.newest.version,
        "drift.other.branch.id": stale.newest.branch.id,
        "drift.other.branch.name": stale.newest.branch.name,
        "gen_ai.operation.name": _MEMORY[op],
        "gen_ai.agent.name": branch.name,
        "gen_ai.memory.record.id": object_id,
        _CONVERSATION: baggage.get_baggage(_CONVERSATION),
    }
    return _given(said)


def _link_attributes(object_id: str, maker: Made, into: str) -> dict[str, Any]:
    said = {
        "drift.object.id": object_id,
        "drift.object.version": maker.version,
        "drift.branch.id": maker.branch.id,
        "drift.branch.name": maker.branch.name,
        "drift.phase": maker.branch.phase,
        "drift.merged_into": into,
        "gen_ai.operation.name": "search_memory",
        "gen_ai.agent.name": maker.branch.name,
        "gen_ai.memory.record.id": object_id,
    }
    return _given(said)


def _given(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}


# ---- providers ----------------------------------------------------------------------------------------------------


def _has_tracer() -> bool:
    if "opentelemetry.sdk.trace" not in sys.modules and "ddtrace.opentelemetry" not in sys.modules:
        return False  # nobody can have configured one
    if trace.get_current_span().is_recording():
        return True
    return not _is_of_the_api(trace.get_tracer_provider())


def _has_meter() -> bool:
    if "opentelemetry.sdk.metrics" not in sys.modules:
        return False
    from opentelemetry import metrics  # who has no SDK need not wait for it to load

    return not _is_of_the_api(metrics.get_meter_provider())


def _is_of_the_api(provider: object) -> bool:
    """Whether it stands for want of a provider: it does nothing, or waits for one."""
    return type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))


def _observe() -> None:
    """Counters that are looked at when they are collected, and cost nothing before."""
    from opentelemetry import metrics

    meter = metrics.get_meter("driftline")

    def counter(name: str, description: str, count: Callable[[], int]) -> None:
        def look(_options: CallbackOptions) -> Iterable[Observation]:
            yield metrics.Observation(count())

        meter.create_observable_counter(name, [look], "{event}", description)

    def events(_options: CallbackOptions) -> Iterable[Observation]:
        for op, number in list(by_operation().items()):
            yield metrics.Observation(number, {"drift.operation": op})

    def by_operation() -> Counter[str]:
        found: Counter[str] = Counter()
        for op, number in list(_Totals.events.items()):
            found[op_name(op)] += number
        return found

    def writes() -> int:
        return sum(number for op, number in by_operation().items() if op in _WRITES)

    meter.create_observable_counter("drift.events", [events], "{event}", "Events, those that were dropped included")
    counter("drift.writes", "Versions recorded: write, patch, merge, delete", writes)
    counter("drift.stale_bases", "Writes whose base was stale when they were made", lambda: _Totals.stale)
    counter("drift.dropped", "Events that could not be recorded", lambda: _Totals.dropped)
