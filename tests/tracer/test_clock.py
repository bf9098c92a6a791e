"""The hybrid clock never runs backwards."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from driftline import clock
from driftline.clock import MAX_AHEAD, HybridClock
from driftline.ledger import Ledger
from driftline.objects import Place
from driftline.scope import Branch, Scope

NOW = 1_700_000_000_000_000_000


@settings(suppress_health_check=[*settings().suppress_health_check, HealthCheck.function_scoped_fixture])
@given(wall=st.lists(st.integers(NOW - 10, NOW + 10), min_size=2, max_size=30))
def test_it_rises_whatever_the_wall_clock_does(monkeypatch: pytest.MonkeyPatch, wall: list[int]) -> None:
    times = iter(wall)
    monkeypatch.setattr(clock, "time_ns", lambda: next(times))
    hybrid = HybridClock()

    ticks = [hybrid.tick() for _ in wall]

    assert all(a < b for a, b in itertools.pairwise(ticks))
    assert all(tick >= now for tick, now in zip(ticks, wall, strict=True))


@settings(suppress_health_check=[*settings().suppress_health_check, HealthCheck.function_scoped_fixture])
@given(heard=st.lists(st.integers(0, NOW + MAX_AHEAD), max_size=20))
def test_it_is_never_behind_what_it_has_heard(monkeypatch: pytest.MonkeyPatch, heard: list[int]) -> None:
    monkeypatch.setattr(clock, "time_ns", lambda: NOW)
    hybrid = HybridClock()
    last = 0
    for value in heard:
        hybrid.witness(value)
        tick = hybrid.tick()
        assert tick > max(value, last)
        last = tick


def test_a_clock_of_the_far_future_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "time_ns", lambda: NOW)
    hybrid = HybridClock()
    hybrid.witness(2**80)

    assert hybrid.tick() == NOW + MAX_AHEAD + 1


def test_two_processes_that_talk_agree_on_what_came_first(monkeypatch: pytest.MonkeyPatch) -> None:
    walls = {"ahead": NOW + 1_000_000, "behind": NOW}
    ahead, behind = HybridClock(), HybridClock()

    monkeypatch.setattr(clock, "time_ns", lambda: walls["ahead"])
    sent = ahead.tick()
    monkeypatch.setattr(clock, "time_ns", lambda: walls["behind"])
    before = behind.tick()
    behind.witness(sent)
    after = behind.tick()

    assert before < sent < after


def test_the_ledger_puts_clocks_into_the_order_of_the_queue() -> None:
    ledger = Ledger(ordered=True)
    place = Place(Scope(Branch("a#1", "a", None, None, None)))
    rows = [("task-start", now, place, *[None] * 7) for now in (10, 30, 20, 40, 15, 50)]

    def settled(*calls: tuple[object, ...]) -> list[int]:
        return ledger.settle(list(itertools.chain.from_iterable(calls)), len(calls), lambda _op, _fault: None).clocks

    assert settled(*rows[:4]) == [10, 30, 31, 40]
    assert settled(*rows[4:]) == [41, 50]
    assert settled() == []
