"""A policy in plain words: who decides which field, and where that is said."""

from __future__ import annotations

import pytest

from driftline.discipline import CHECKS, STRATEGIES, Policy, loads, strategy_named
from driftline.discipline.explaining import FieldRule, Statement, explain, sentence

WHOLE = """
[phases]
order = ["draft", "final"]
[reconcile]
min_confidence = 0.3
sources = ["planner", "*"]
[types.context]
required = ["/facts"]
immutable = ["/id"]
references = { "/owner" = "agent" }
schema = '{"type": "object"}'
[types.context.fields]
"/facts" = { strategy = "union", key = "id", fallback = "keep-base" }
"/facts/*/n" = "last-writer-wins"
"/score" = { minimum = 0, maximum = 1, accepted = [0, 1], unique = true }
"/by" = { strategy = "majority-vote", weights = { planner = 2 } }
[gate]
schema = "off"
orphan = "fail"
lineage-present = { max_depth = 9 }
"""


def rules(path: str | None = None, type_: str = "context") -> dict[str | None, FieldRule]:
    (told,) = explain(loads(WHOLE), type_, path).types
    return {rule.path: rule for rule in told.fields}


def test_every_field_of_a_type_has_one_rule_and_the_rest_the_default() -> None:
    found = rules()
    assert list(found) == ["/facts", "/facts/*/n", "/by", None]
    facts = found["/facts"]
    assert (facts.strategy, facts.fallback, facts.lossy) == ("union", "keep-base", True)
    assert facts.options == {"key": "id", "bias": "add-wins", "same_key": "three-way"}
    assert facts.key == 'types.context.fields."/facts"'
    last = found["/facts/*/n"]
    assert (last.tie_break, last.fallback, last.lossy) == (("latest", "branch"), None, True)
    assert (found[None].strategy, found[None].key, found[None].lossy) == ("three-way", "", False)


@pytest.mark.parametrize(
    ("path", "strategy", "key"),
    [
        ("/facts/3/n", "last-writer-wins", 'types.context.fields."/facts/*/n"'),
        ("/facts/3", "union", 'types.context.fields."/facts"'),
        ("/score", "three-way", ""),
    ],
)
def test_of_one_field_it_says_who_decides_it(path: str, strategy: str, key: str) -> None:
    found = rules(path)
    assert list(found) == [path]
    assert (found[path].strategy, found[path].key) == (strategy, key)


def test_what_a_type_asks_for_is_said_with_what_is_done_if_it_is_not_so() -> None:
    (told,) = explain(loads(WHOLE), "context").types
    assert told.demands == (
        Statement("the object", "It is valid by its schema. The gate does not check it.", "types.context.schema"),
        Statement("/facts", "It is there and filled; if not: quarantine.", "types.context.required"),
        Statement("/id", "It never changes once it is set; if not: quarantine.", "types.context.immutable"),
        Statement(
            "/owner", "It names an object of type agent, which exists; if not: quarantine.", "types.context.references"
        ),
        Statement(
            "/score",
            "Its value is one of 0, 1 and is at least 0 and is at most 1 and differs from that of every other live"
            " object of the type; if not: quarantine.",
            'types.context.fields."/score"',
        ),
    )
    (narrow,) = explain(loads(WHOLE), "context", "/id/x").types
    assert [demand.about for demand in narrow.demands] == ["/id"]
    (whole,) = explain(loads("[types.a]\nimmutable = true"), "a", "/n").types
    assert [demand.about for demand in whole.demands] == ["the object"]


def test_what_holds_for_everything_comes_first() -> None:
    told = explain(loads(WHOLE))
    assert told.phases == ("draft", "final")
    assert [(one.about, one.key) for one in told.general] == [
        ("phases", "phases.order"),
        ("confidence", "reconcile.min_confidence"),
        ("sources", "reconcile.sources"),
    ]
    assert [one.key for one in explain(Policy()).general] == [""]
    assert [rules.type for rules in told.types] == ["context", None]


def test_every_check_is_there_with_its_key_where_it_is_not_the_default() -> None:
    found = {check.check: check for check in explain(loads(WHOLE)).gate}
    assert list(found) == list(CHECKS)
    assert (found["orphan"].action, found["orphan"].key) == ("fail", "gate.orphan")
    assert found["schema"].then == "the check is not made"
    assert (found["lineage-present"].options, found["lineage-present"].key) == (
        {"max_depth": 9},
        "gate.lineage-present",
    )
    assert "With max_depth 9." in found["lineage-present"].says
    assert found["values"].key == ""


def test_a_default_that_is_stated_is_told_from_one_that_is_not() -> None:
    told = explain(loads('[reconcile]\ndefault = "keep-base"'))
    assert [(rule.strategy, rule.fallback, rule.key) for rule in told.types[0].fields] == [
        ("keep-base", None, "reconcile.default")
    ]


def test_a_type_of_which_nothing_is_said_is_told_so() -> None:
    (told,) = explain(loads(WHOLE), "plan").types
    assert (told.type, told.stated, told.demands) == ("plan", False, ())
    assert [rule.path for rule in told.fields] == [None]


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_has_a_sentence(name: str) -> None:
    known = STRATEGIES[name]
    said = sentence(strategy_named(name))
    assert said.startswith(f"{known.plain}.")
    assert ("It loses updates" in said) == known.lossy
    assert ("A conflict is settled by quarantine." in said) == (not known.settles)


def test_options_are_said_in_words() -> None:
    (by,) = rules("/by").values()
    assert "With quorum 0.5, weights 2 for planner." in by.says
