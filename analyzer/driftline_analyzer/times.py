"""Clock values as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from driftline.errors import DriftlineError

_SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def iso(clock: int) -> str:
    """A clock value in nanoseconds since 1970 as ISO 8601 in UTC, to the nanosecond.

    Example:
        >>> iso(1_700_000_000_000_000_001)
        '2023-11-14T22:13:20.000000001Z'
    """
    seconds, nanoseconds = divmod(clock, _SECOND)
    try:
        return f"{_second(seconds)}.{nanoseconds:09d}Z"
    except OverflowError:
        return f"{clock}ns"


@lru_cache
def _second(seconds: int) -> str:
    """The same to the second; an export asks for one after another, millions of times."""
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"


def since(start: int, clock: int) -> str:
    """A clock value as seconds since the start of the run.

    Example:
        >>> since(1_000_000_000, 2_250_000_000)
        '+1.250000s'
    """
    return f"{(clock - start) / _SECOND:+.6f}s"


def moment(text: str, start: int) -> int:
    """The clock value that a user means: `+1.25s` since the start, nanoseconds since 1970, or ISO 8601.

    Raises:
        DriftlineError: If it is none of these.

    Example:
        >>> moment("+1.5s", 1_000), moment("2023-11-14T22:13:20Z", 0), moment("42", 0)
        (1500001000, 1700000000000000000, 42)
    """
    relative = re.fullmatch(r"\+(\d+(?:\.\d+)?)(ns|us|ms|s|m)?", text)
    if relative:
        scale = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": _SECOND, "m": 60 * _SECOND, None: _SECOND}[relative[2]]
        return start + round(float(relative[1]) * scale)
    if text.isdecimal():
        return int(text)
    exact = re.fullmatch(r"(.+?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", text)
    try:
        when = datetime.fromisoformat("" if exact is None else exact[1] + (exact[3] or ""))
    except ValueError as fault:
        raise DriftlineError(f"{text!r} is not a time", "write +1.25s, nanoseconds, or 2026-01-31T12:00:00Z") from fault
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    fraction = exact[2] if exact is not None else None
    return round((when - _EPOCH).total_seconds()) * _SECOND + int((fraction or "0").ljust(9, "0"))
