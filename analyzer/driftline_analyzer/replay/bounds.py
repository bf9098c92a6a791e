"""Up to where a replay goes: a time, an event, or the write of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from driftline.errors import DriftlineError
from driftline_analyzer import times
from driftline_analyzer.targets import locate, parse_target

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis

#: Later than every event.
NO_BOUND: Final = 1 << 40


def last_event(analysis: Analysis, until: str | None) -> int:
    """The last event (`event.e`) that a replay takes.

    Args:
        analysis: The trace.
        until: What the user typed: a time, the id of an event, `OBJECT@VERSION`; None for everything.

    Raises:
        DriftlineError: If it is none of these, or not in the trace.
    """
    if until is None:
        return NO_BOUND
    process, colon, seq = until.rpartition(":")
    if colon and seq.isdecimal():
        found = analysis.rows(
            "SELECT e.e FROM event AS e JOIN process AS p ON p.p = e.p WHERE p.process = ? AND e.seq = ?",
            [process, min(int(seq), 2**63 - 1)],
        )
        if found:
            return int(found[0][0])
    if "@" in until:
        place = locate(analysis, parse_target(until))
        if place.target.version is not None and place.e is not None:
            return place.e
    try:
        at = times.moment(until, analysis.summary.started)
    except DriftlineError as fault:
        raise DriftlineError(
            f"{until!r} is neither a time, nor an event, nor a version of this trace",
            "write +1.25s, 2026-01-31T12:00:00Z, PROCESS:SEQ or OBJECT@VERSION",
        ) from fault
    ((e,),) = analysis.rows("SELECT coalesce(max(e), 0) FROM event WHERE clock <= ?", [min(at, 2**63 - 1)])
    return int(e)
