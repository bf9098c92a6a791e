"""`inject` and `extract`: the branch and the clock across processes, as W3C `traceparent` and `baggage`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import Final, TypeVar

from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import attach, detach, get_current
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from driftline.recorder import Recorder
from driftline.scope import CURRENT, Branch, Scope
from driftline.session import active

_BRANCH: Final = "driftline.branch"
_CLOCK: Final = "driftline.clock"
_PHASE: Final = "driftline.phase"

_baggage: Final = W3CBaggagePropagator()
_trace_context: Final = TraceContextTextMapPropagator()

C = TypeVar("C", bound=MutableMapping[str, str])


def inject(carrier: C) -> C:
    """Put the branch in force, the clock and the current span into headers.

    Args:
        carrier: Headers, a message's attributes or an environment; changed in place. Keys set: `baggage`, and
            `traceparent` when an OpenTelemetry span is in force.

    Returns:
        The same carrier; untouched while nothing records.

    Example:
        >>> inject({})
        {}
    """
    recorder = active()
    if recorder is None:
        return carrier
    try:
        branch = recorder.scope().branch
        context = baggage.set_baggage(_BRANCH, branch.id)
        context = baggage.set_baggage(_CLOCK, str(recorder.now()), context)
        if branch.phase is not None:
            context = baggage.set_baggage(_PHASE, branch.phase, context)
        _trace_context.inject(carrier)
        _baggage.inject(carrier, context)
    except Exception as fault:  # noqa: BLE001 - never into the program
        recorder.fault("inject", fault, lost=0)
    return carrier


@contextmanager
def extract(carrier: Mapping[str, str]) -> Iterator[None]:
    """Act in the branch that a message came from, later than it was sent.

    Args:
        carrier: Headers that `inject` filled. Without Driftline's baggage the block runs as if there were none.

    Example:
        >>> with extract({"baggage": "driftline.branch=worker%231,driftline.clock=1"}):
        ...     pass
    """
    with ExitStack() as stack:
        recorder = active()
        try:
            _follow(carrier, recorder, stack)
        except Exception as fault:  # noqa: BLE001 - headers come from elsewhere; never into the program
            if recorder is not None:
                recorder.fault("extract", fault)
        yield


def _follow(carrier: Mapping[str, str], recorder: Recorder | None, stack: ExitStack) -> None:
    """Put in force what headers say, until the stack is closed."""
    context = _trace_context.extract(carrier, context=get_current())
    context = _baggage.extract(carrier, context=context)
    stack.callback(detach, attach(context))
    if recorder is None:
        return
    branch_id, clock = baggage.get_baggage(_BRANCH, context), baggage.get_baggage(_CLOCK, context)
    if isinstance(clock, str) and clock.isdecimal():
        recorder.witness(int(clock))
    if isinstance(branch_id, str) and branch_id:
        phase = baggage.get_baggage(_PHASE, context)
        name = branch_id.rpartition("#")[0] or branch_id
        remote = Branch(branch_id, name, phase if isinstance(phase, str) else None, None, recorder)
        stack.callback(CURRENT.reset, CURRENT.set(Scope(remote)))
