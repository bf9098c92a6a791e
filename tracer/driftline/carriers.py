"""`inject` and `extract`: the branch and the clock across processes, as W3C `traceparent` and `baggage`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from opentelemetry.context import attach, detach

from driftline.headers import Sent, pack, put
from driftline.recorder import Recorder
from driftline.scope import CURRENT
from driftline.session import RECORDING, active

C = TypeVar("C", bound=MutableMapping[str, str] | list[Any])


def inject(carrier: C, *, environment: bool | None = None) -> C:
    """Put the branch in force, the clock and the current span into headers.

    Args:
        carrier: Headers, a message's attributes or an environment; changed in place. A mapping, whatever it makes of
            upper and lower case, or a list of (name, value) pairs, texts or bytes. Keys set: `baggage`, beside what
            it holds already, and `traceparent` when an OpenTelemetry span is in force.
        environment: Whether it is the environment of another process, which is then to record into the same trace:
            keys in upper case, and `DRIFTLINE_TRACE`. None looks whether it holds something of this process's own.

    Returns:
        The same carrier; untouched while nothing records.

    Example:
        >>> inject({})
        {}
        >>> import subprocess, sys
        >>> ran = subprocess.run([sys.executable, "-c", "import driftline"], env=inject(dict(os.environ)), check=True)
    """
    recording = RECORDING.recording
    if recording is None:
        return carrier
    try:
        headers = pack(recording.recorder, carrier)
        if _is_environment(carrier) if environment is None else environment:
            headers = {**{name.upper(): value for name, value in headers.items()}, **recording.variables}
        put(carrier, headers)
    except Exception as fault:  # noqa: BLE001 - never into the program
        recording.recorder.fault("inject", fault, lost=0)
    return carrier


def _is_environment(carrier: Any) -> bool:
    """Whether it is this process's environment or was made from it: no header has a variable's name and value."""
    if not isinstance(carrier, Mapping):
        return False
    return carrier is os.environ or any(
        isinstance(name, str) and os.environ.get(name) == value for name, value in carrier.items()
    )


@contextmanager
def extract(carrier: Any) -> Iterator[None]:
    """Act in the branch that a message came from, later than it was sent.

    Args:
        carrier: What `inject` filled, in any of its forms. Without Driftline's baggage the block runs as if there were
            none.

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


def _follow(carrier: Any, recorder: Recorder | None, stack: ExitStack) -> None:
    """Put in force what headers say, until the stack is closed."""
    sent = Sent.of(carrier)
    stack.callback(detach, attach(sent.context()))
    scope = None if recorder is None else sent.scope(recorder)
    if scope is not None:
        stack.callback(CURRENT.reset, CURRENT.set(scope))
