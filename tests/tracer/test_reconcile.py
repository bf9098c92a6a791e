"""Reconciliation: what each strategy makes of concurrent values, and that nobody ever wins by accident."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from driftline import ABSENT
from driftline.discipline import STRATEGIES, loads
from driftline.discipline.candidates import Base, Candidate, Conflict, key
from driftline.discipline.reconcile import FieldDecision, reconcile_field

#: The options that a strategy cannot do without.
NEEDED = {"most-recent-valid": 'valid_time = "/at"', "follow-field": 'field = "/lead"', "custom": 'function = "m:f"'}


def by(branch: str, value: Any, order: int, **said: Any) -> Candidate:
    return Candidate(value=value, version=str(order), branch=branch, order=order, **said)


def decide(
    strategy: str,
    base: Any,
    candidates: Sequence[Candidate],
    *,
    options: str = "",
    standing: Any = "stood",
    **more: Any,
) -> FieldDecision:
    """Ask a policy whose field /f has this strategy."""
    stated = ", ".join(part for part in (f'strategy = "{strategy}"', NEEDED.get(strategy, ""), options) if part)
    policy = loads(
        '[reconcile]\nfallback = "quarantine"\nsources = ["planner", "*", "guesser"]\nmin_confidence = 0.2\n'
        f'[types.doc.fields]\n"/f" = {{ {stated} }}\n"/lead" = "last-writer-wins"\n'
    )
    return reconcile_field(policy, "doc", "/f", Base(base, "1"), candidates, standing=standing, **more)


# ---- each strategy ------------------------------------------------------------------------------------------------

A, B, C = "ann", "bob", "cid"
YES, NO = True, False

DECIDED: list[tuple[str, str, Any, list[Candidate], Any]] = [
    ("last-writer-wins", "", 0, [by(A, 1, 2), by(B, 2, 3)], 2),
    ("first-writer-wins", "", 0, [by(A, 1, 2), by(B, 2, 3)], 1),
    ("most-recent-valid", "", 0, [by(A, 1, 2, valid_time="2026-02"), by(B, 2, 3, valid_time="2026-01")], 1),
    ("most-recent-valid", "", 0, [by(A, 1, 2), by(B, 2, 3, valid_time=1)], 2),
    ("source-priority", "", 0, [by(A, 1, 2, source="planner"), by(B, 2, 3, source="someone")], 1),
    ("source-priority", "", "", [by(A, [], 2, source="planner"), by(B, "x", 3, source="guesser")], "x"),
    ("source-priority", 'sources = ["b", "a"]', 0, [by(A, 1, 2, source="a"), by(B, 2, 3, source="b")], 2),
    ("highest-confidence", "", 0, [by(A, 1, 2, confidence=0.9), by(B, 2, 3, confidence=0.8)], 1),
    ("highest-confidence", "", 0, [by(A, 1, 2), by(B, 2, 3, confidence=0.3)], 2),
    (  # in an hour a confidence falls to nothing, so after half an hour 0.9 is 0.45
        "highest-confidence", 'decay_over = "1h"', 0,
        [by(A, 1, 2, confidence=0.9, time=0), by(B, 2, 3, confidence=0.5, time=1_800 * 10**9)], 2,
    ),
    (
        "highest-confidence", "downgrade = 0.5", 0,
        [by(A, 1, 2, confidence=0.9, breaks_schema=YES), by(B, 2, 3, confidence=0.5)], 2,
    ),
    ("most-complete", "", None, [by(A, {"a": "x", "b": ""}, 2), by(B, {"a": "x", "b": "y"}, 3)], {"a": "x", "b": "y"}),
    ("most-complete", "", None, [by(A, "longer", 2), by(B, "short", 3)], "longer"),
    ("most-complete", "", "v", [by(A, ABSENT, 2), by(B, "", 3)], ""),
    ("majority-vote", "", 0, [by(A, 1, 2), by(B, 2, 3), by(C, 1, 4)], 1),
    ("majority-vote", "weights = { big = 3 }", 0, [by(A, 1, 2), by(B, 2, 3, source="big"), by(C, 1, 4)], 2),
    ("union", "", ["x"], [by(A, ["x", "y"], 2), by(B, ["x", "z"], 3)], ["x", "y", "z"]),
    ("union", "", ["x", "w"], [by(A, ["w"], 2), by(B, ["x", "w", "z"], 3)], ["w", "z"]),
    (
        "union", 'key = "id"', [{"id": 1, "n": 0}],
        [by(A, [{"id": 1, "n": 5}], 2), by(B, [{"id": 1, "n": 0}, {"id": 2}], 3)], [{"id": 1, "n": 5}, {"id": 2}],
    ),
    (
        "union", 'key = "id"', [{"id": 1, "n": 0}], [by(A, [], 2), by(B, [{"id": 1, "n": 7}], 3)], [{"id": 1, "n": 7}],
    ),
    ("union", 'key = "id", bias = "remove-wins"', [{"id": 1}], [by(A, [], 2), by(B, [{"id": 1, "n": 7}], 3)], []),
    (
        "union", 'key = "id", same_key = "last-writer-wins"', [],
        [by(A, [{"id": 1, "n": 1}], 2), by(B, [{"id": 1, "n": 2}], 3)], [{"id": 1, "n": 2}],
    ),
    ("union", "", {"a": 1}, [by(A, {"a": 1, "b": 2}, 2), by(B, {"a": 1, "c": 3}, 3)], {"a": 1, "b": 2, "c": 3}),
    ("append", "", ["x"], [by(A, ["x", "a"], 2), by(B, ["x", "b", "a"], 3)], ["x", "a", "b"]),
    ("append", "", ["x"], [by(B, ["x", "b"], 3), by(A, ["x", "a"], 2)], ["x", "a", "b"]),
    ("append", 'key = "id"', ABSENT, [by(A, [{"id": 1}], 2), by(B, [{"id": 1, "n": 2}], 3)], [{"id": 1}]),
    ("map-merge", "", {"a": 1, "b": 1}, [by(A, {"a": 2, "b": 1}, 2), by(B, {"a": 1}, 3)], {"a": 2}),
    (
        "map-merge", 'same_key = "max"', {}, [by(A, {"a": 2}, 2), by(B, {"a": 5, "b": 1}, 3)], {"a": 5, "b": 1},
    ),
    ("multi-value", "", 0, [by(A, 2, 2), by(B, 1, 3), by(C, 2, 4)], {"$siblings": [1, 2]}),
    ("max", "", 0, [by(A, 3, 2), by(B, 2, 3)], 3),
    ("min", "", "m", [by(A, "b", 2), by(B, "a", 3)], "a"),
    ("counter", "", 10, [by(A, 13, 2), by(B, 9, 3)], 12),
    ("counter", "", 10, [by(A, 11, 2), by(B, 11, 3)], 12),
    ("counter", "", ABSENT, [by(A, 1, 2), by(B, 2, 3)], 3),
    ("any", "", None, [by(A, YES, 2), by(B, NO, 3)], YES),
    ("all", "", None, [by(A, YES, 2), by(B, NO, 3)], NO),
    ("keep-base", "", 7, [by(A, 1, 2), by(B, 2, 3)], 7),
    ("write-once", "", ABSENT, [by(A, 1, 2), by(B, 2, 3)], 1),
]  # fmt: skip


@pytest.mark.parametrize(("strategy", "options", "base", "candidates", "value"), DECIDED)
def test_a_strategy_decides(strategy: str, options: str, base: Any, candidates: list[Candidate], value: Any) -> None:
    decision = decide(strategy, base, candidates, options=options)
    assert key(decision.value) == key(value)
    assert (decision.rule, decision.fallback, decision.reason) == (strategy, None, "")
    assert set(decision.winners) | set(decision.losers) == {candidate.version for candidate in candidates}


CONFLICTS: list[tuple[str, str, Any, list[Candidate], str]] = [
    ("three-way", "", 0, [by(A, 1, 2), by(B, 2, 3)], "ann and bob changed it differently from one base"),
    ("most-recent-valid", "", 0, [by(A, 1, 2, valid_time="x"), by(B, 2, 3, valid_time=1)], "not all valid times"),
    ("most-recent-valid", "", 0, [by(A, 1, 2), by(B, 2, 3)], "2 candidates are equally good by most-recent-valid"),
    ("highest-confidence", "", 0, [by(A, 1, 2, confidence=0.5), by(B, 2, 3, confidence=0.5)], "2 candidates are"),
    ("majority-vote", "", 0, [by(A, 1, 2), by(B, 2, 3)], "no value has more than the quorum"),
    ("majority-vote", "", 0, [by(A, 1, 2), by(A, 3, 4), by(B, 1, 3)], "no value has more than the quorum"),
    ("union", "", 0, [by(A, [1], 2), by(B, 2, 3)], "only lists, or only mappings"),
    ("union", 'key = "id"', [], [by(A, [{"id": 1}], 2), by(B, [{}], 3)], "an entry has no id"),
    ("union", 'key = "id"', [], [by(A, [{"id": 1, "n": 1}], 2), by(B, [{"id": 1}], 3)], "ann and bob changed it"),
    ("append", "", [], [by(A, [1], 2), by(B, 2, 3)], "only lists can be appended to"),
    ("map-merge", "", {}, [by(A, {"a": 1}, 2), by(B, {"a": 2}, 3)], "ann and bob changed it differently"),
    ("max", "", 0, [by(A, "x", 2), by(B, 2, 3)], "numbers and other values have no common order"),
    ("max", "", 0, [by(A, YES, 2), by(B, 2, 3)], "numbers and other values have no common order"),
    ("counter", "", 0, [by(A, "x", 2), by(B, 2, 3)], "a counter can only add numbers"),
    ("any", "", 0, [by(A, 1, 2), by(B, YES, 3)], "only true and false"),
    ("follow-field", "", 0, [by(A, 1, 2), by(B, 2, 3)], "no single version among them won /lead"),
    ("custom", "", 0, [by(A, 1, 2), by(B, 2, 3)], "m:f raised ModuleNotFoundError"),
]  # fmt: skip


@pytest.mark.parametrize(("strategy", "options", "base", "candidates", "reason"), CONFLICTS)
def test_what_a_rule_cannot_decide_is_a_conflict_and_what_stood_stays(
    strategy: str, options: str, base: Any, candidates: list[Candidate], reason: str
) -> None:
    decision = decide(strategy, base, candidates, options=options)
    assert decision.outcome == "conflict"
    assert reason in decision.reason
    assert (decision.value, decision.winners, decision.fallback) == ("stood", (), "quarantine")


def test_every_strategy_is_decided_somewhere() -> None:
    tried = {strategy for strategy, *_ in [*DECIDED, *CONFLICTS]} | {"quarantine"}
    assert tried == set(STRATEGIES)
    assert decide("quarantine", 0, [by(A, 1, 2), by(B, 2, 3)]).outcome == "conflict"


# ---- before any strategy ------------------------------------------------------------------------------------------


def test_one_change_is_taken_whatever_the_strategy() -> None:
    for strategy in STRATEGIES.keys() - {"write-once"}:
        decision = decide(strategy, 0, [by(A, 1, 2), by(B, 0, 3)])  # bob wrote back what he had read
        assert (decision.value, decision.rule, decision.winners) == (1, "only-change", ("2",)), strategy


def test_equal_changes_are_no_conflict() -> None:
    for strategy in STRATEGIES.keys() - {"write-once", "counter"}:
        decision = decide(strategy, 0, [by(A, 1, 2), by(B, 1, 3)])
        assert (decision.value, decision.rule, decision.winners) == (1, "unanimous", ("2", "3")), strategy


def test_a_write_below_the_floor_has_no_say() -> None:
    decision = decide("last-writer-wins", 0, [by(A, 1, 2, confidence=0.9), by(B, 2, 3, confidence=0.1)])
    assert (decision.value, decision.rule, decision.discarded) == (1, "only-change", ("3",))


def test_if_all_are_below_the_floor_what_stood_stays() -> None:
    decision = decide("last-writer-wins", 0, [by(A, 1, 2, confidence=0.1)], standing="stood")
    assert (decision.outcome, decision.value, decision.rule) == ("kept", "stood", "confidence-floor")


def test_a_strategy_s_own_floor_comes_before_the_policy_s() -> None:
    said = [by(A, 1, 2, confidence=0.5), by(B, 2, 3, confidence=0.9)]
    assert decide("highest-confidence", 0, said, options="floor = 0.6").discarded == ("2",)


def test_write_once_rejects_a_second_value_and_takes_the_same_again() -> None:
    assert decide("write-once", 1, [by(A, 2, 2)]).outcome == "rejected"
    assert decide("write-once", 1, [by(A, 1, 2)]).outcome == "kept"
    assert decide("write-once", ABSENT, [by(A, 2, 2)]).value == 2


# ---- ties, fallbacks, what is lossy -------------------------------------------------------------------------------


def test_a_tie_is_broken_as_the_policy_says_and_recorded() -> None:
    said = [by(A, 1, 2, confidence=0.5, source="guesser"), by(B, 2, 3, confidence=0.5, source="planner")]
    decision = decide("highest-confidence", 0, said)
    assert (decision.value, decision.tie_break) == (2, ("source",))
    decision = decide("highest-confidence", 0, said, options='tie_break = ["fidelity", "earliest"]')
    assert (decision.value, decision.tie_break) == (1, ("earliest",))


def test_the_fallback_settles_and_the_reason_stays() -> None:
    decision = decide("three-way", 0, [by(A, 1, 2), by(B, 2, 3)], options='fallback = "keep-base"')
    assert (decision.outcome, decision.value, decision.fallback) == ("base", 0, "keep-base")
    assert "changed it differently" in decision.reason
    assert decision.lossy


def test_last_writer_wins_is_always_flagged_lossy_when_somebody_lost() -> None:
    assert decide("last-writer-wins", 0, [by(A, 1, 2), by(B, 2, 3)]).lossy
    assert not decide("last-writer-wins", 0, [by(A, 1, 2), by(B, 1, 3)]).lossy
    assert not decide("max", 0, [by(A, 1, 2), by(B, 2, 3)]).lossy


def test_a_field_follows_the_branch_that_won_another() -> None:
    said = [by(A, 1, 2), by(B, 2, 3)]
    assert decide("follow-field", 0, said, winner_of={"/lead": ("3",)}).value == 2
    assert decide("follow-field", 0, said, winner_of={"/lead": ("2", "3")}).outcome == "conflict"


# ---- functions of the user's --------------------------------------------------------------------------------------


def test_a_custom_function_decides() -> None:
    total = {"m:f": lambda base, said: base + sum(candidate.value for candidate in said)}
    assert decide("custom", 10, [by(A, 1, 2), by(B, 2, 3)], customs=total).value == 13


def test_a_custom_function_may_say_that_it_is_a_conflict() -> None:
    refuse = {"m:f": lambda _base, _said: Conflict("not my business")}
    assert decide("custom", 10, [by(A, 1, 2), by(B, 2, 3)], customs=refuse).reason == "not my business"


def test_a_custom_function_that_raises_or_is_not_pure_is_a_conflict() -> None:
    calls = itertools.count()
    impure = {"m:f": lambda _base, _said: next(calls)}
    assert "it is not pure" in decide("custom", 10, [by(A, 1, 2), by(B, 2, 3)], customs=impure).reason
    broken = {"m:f": lambda _base, _said: 1 / 0}
    assert "raised ZeroDivisionError" in decide("custom", 10, [by(A, 1, 2), by(B, 2, 3)], customs=broken).reason


def test_a_custom_function_changes_nothing_but_what_it_returns() -> None:
    base, said = [0], [by(A, [1], 2), by(B, [2], 3)]
    kept: list[Any] = []

    def grabbing(found: list[int], candidates: Sequence[Candidate]) -> list[int]:
        kept.append(found)
        for candidate in candidates:
            candidate.value.append(9)
        found.append(9)
        return found

    decision = decide("custom", base, said, customs={"m:f": grabbing})
    kept[0].append(10)
    assert (decision.value, base, [candidate.value for candidate in said]) == ([0, 9], [0], [[1], [2]])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([10**400, -0.0, 1e308, 0.5, "", "id", "2026-01"])
    | st.just({"$float": "nan"}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "k", "$siblings"]), inner),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "custom"])
@given(base=JSON | st.just(ABSENT), values=st.lists(JSON | st.just(ABSENT), min_size=2, max_size=3), dated=JSON)
def test_no_value_is_too_odd_to_be_decided(strategy: str, base: Any, values: list[Any], dated: Any) -> None:
    said = [by(branch, value, order, valid_time=dated) for order, (branch, value) in enumerate(zip("abc", values))]  # noqa: B905 - two or three of them
    for options in ("", 'key = "id"') if strategy in {"union", "append"} else ("",):
        decision = decide(strategy, base, said, options=options)
        assert decision.outcome in {"kept", "taken", "merged", "base", "conflict", "rejected"}
        assert key(decision.value) is not None


# ---- lattices -----------------------------------------------------------------------------------------------------

ENTRIES = st.lists(st.sampled_from("abcdef"), max_size=4, unique=True)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "last-writer-wins": st.integers(0, 3),
    "first-writer-wins": st.integers(0, 3),
    "union": ENTRIES,
    "multi-value": st.integers(0, 3),
    "max": st.integers(0, 5) | st.sampled_from([1.0, 2.5]),
    "min": st.integers(0, 5) | st.sampled_from([1.0, 2.5]),
    "any": st.booleans(),
    "all": st.booleans(),
}


def test_every_lattice_is_proved_to_be_one() -> None:
    assert {name for name, known in STRATEGIES.items() if known.lattice} == set(VALUES)


@pytest.mark.parametrize("strategy", VALUES)
@given(data=st.data())
def test_a_lattice_is_commutative_associative_and_idempotent(strategy: str, data: st.DataObject) -> None:
    base = data.draw(VALUES[strategy], "base")
    values = data.draw(st.lists(VALUES[strategy], min_size=3, max_size=3), "values")
    a, b, c = (by(branch, value, order) for branch, value, order in zip("abc", values, (2, 3, 4), strict=True))

    def join(*candidates: Candidate) -> Candidate:
        """What candidates join to, as a candidate: of the version that won, else of a new one."""
        decision = decide(strategy, base, candidates, standing=base)
        order = max((int(version) for version in decision.winners), default=1)
        if strategy == "first-writer-wins":
            order = min((int(version) for version in decision.winners), default=9)
        return by("joined", decision.value, order)

    def same(*candidates: Candidate) -> bool:
        return len({key(candidate.value) for candidate in candidates}) == 1

    assert same(*(join(*order) for order in itertools.permutations((a, b, c))))
    assert same(join(join(a, b), c), join(a, join(b, c)), join(a, b, c))
    assert same(join(a, a), join(a))


@given(st.permutations([by(A, 1, 2, confidence=0.5), by(B, 2, 3, confidence=0.7), by(C, 3, 4, confidence=0.7)]))
def test_no_strategy_looks_at_the_order_of_arrival(said: list[Candidate]) -> None:
    for strategy in STRATEGIES:
        decisions = [decide(strategy, 0, given_, options="") for given_ in (said, sorted(said, key=lambda c: c.order))]
        assert decisions[0] == decisions[1], strategy
