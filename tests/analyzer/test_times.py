"""Clock values as people write and read them."""

from __future__ import annotations

import pytest

from driftline import DriftlineError
from driftline_analyzer.times import iso, moment, since

START = 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+0", START),
        ("+1", START + 1_000_000_000),
        ("+1.25s", START + 1_250_000_000),
        ("+250ms", START + 250_000_000),
        ("+1.5us", START + 1_500),
        ("+7ns", START + 7),
        ("+2m", START + 120_000_000_000),
        ("0", 0),
        ("1700000000000000001", START + 1),
        ("2023-11-14T22:13:20Z", START),
        ("2023-11-14T22:13:20", START),
        ("2023-11-14T22:13:20.5Z", START + 500_000_000),
        ("2023-11-14T22:13:20.000000001Z", START + 1),
        ("2023-11-14T23:13:20+01:00", START),
        ("2023-11-14 22:13:20", START),
        ("2023-11-14", START - 80_000_000_000_000),
        ("1969-12-31T23:59:59Z", -1_000_000_000),
    ],
)
def test_a_moment_may_be_said_in_several_ways(text: str, expected: int) -> None:
    assert moment(text, START) == expected


NO_TIMES = ("", "\n", "a\nb", "now", "+", "+s", "+1h", "-1s", "1.5", "2023-13-01", "2023-11-14T25:00:00Z")


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(DriftlineError, match="is not a time") as caught:
        moment(text, START)
    assert "+1.25s" in caught.value.hint


@pytest.mark.parametrize("clock", [0, 1, 999_999_999, START, START + 1, 253_402_300_799_999_999_999, -1])
def test_a_time_that_was_shown_can_be_asked_for(clock: int) -> None:
    assert moment(iso(clock), 0) == clock


def test_a_clock_beyond_the_calendar_is_shown_all_the_same() -> None:
    assert iso(2**63 - 1).startswith("2262-04-11T23:47:16.")
    assert iso(10**21) == f"{10**21}ns"


def test_a_time_since_the_start_has_microseconds_and_a_sign() -> None:
    assert since(START, START + 1_500_000) == "+0.001500s"
    assert since(START, START - 1_500_000) == "-0.001500s"
