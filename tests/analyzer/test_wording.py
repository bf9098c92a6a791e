"""Messages and fixes: how the templates of a rule's header become sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from driftline_analyzer import rule, wording
from driftline_analyzer.catalogue import FixSentence

CASE = wording.cases(basis="recorded", op="patch", in_unit=False, kin=False, others=1)


def names(**changed: Any) -> dict[str, object]:
    usual: dict[str, Any] = {
        "branch": "B",
        "branch_id": "B#2",
        "others": [("A", "A#1")],
        "object": "doc/1",
        "fields": ["/n"],
        "version": "3",
        "base": "1",
        "task": None,
        "basis": "recorded",
    }
    return wording.names(**{**usual, **changed})


def fix(*sentences: tuple[str, str], head: str | None = "2", lost: tuple[str | None, ...] = (), **changed: Any) -> str:
    known = replace(
        rule("DRF101"),
        fixes=tuple(FixSentence(frozenset(cases.split()), template) for cases, template in sentences),
    )
    return wording.fix(known, CASE, names(**changed), head=head, lost=lost)


def test_the_sentences_whose_cases_all_fit_are_put_together_in_their_order() -> None:
    said = fix(
        ("", "One."), ("patch", "Two."), ("write", "No."), ("patch recorded loose", "Three."), ("patch kin", "No.")
    )
    assert said == "One. Two. Three."


def test_exactly_one_case_of_each_group_fits() -> None:
    for op in ("write", "patch", "merge", "delete", "read", "task-start", "quarantine"):
        for others in range(4):
            found = wording.cases(basis="inferred", op=op, in_unit=True, kin=True, others=others)
            assert [len(found & group) for group in wording.CASES] == [1] * len(wording.CASES)


def test_versions_have_names_where_they_are_unknown() -> None:
    template = "{seen}, {stood}, {lost}."
    assert fix(("", template), lost=("2", "2")) == "version 1, version 2, version 2."
    assert fix(("", template), lost=("2", None, "5")) == "version 1, version 2, versions 2 and 5."
    assert fix(("", template), base=None, head=None) == "what it had seen, the newest version, an earlier version."


def test_a_field_that_is_the_whole_value_is_called_so() -> None:
    assert names(fields=[""])["fields"] == "the value"
    assert names(fields=[])["fields"] == "no field"


def test_branches_of_one_name_are_told_apart_by_their_ids() -> None:
    alike = names(branch="w", branch_id="w#1", others=[("w", "w#2"), ("w", "w#3")])
    assert (alike["branch"], alike["others"]) == ("w#1", "w#2 and w#3")
    assert (names()["branch"], names()["others"]) == ("B", "A")
    assert names(others=[])["others"] == "another branch"


def test_braces_in_a_name_are_text() -> None:
    assert fix(("", "{branch} of {object}."), branch="{others}", object="{0}") == "{others} of {0}."
