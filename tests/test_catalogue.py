"""The catalogue: what every detector's header must say, and how rules are named on the command line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from string import Formatter
from typing import Final

import pytest

from driftline import DriftlineError
from driftline_analyzer import Rule, catalogue, chosen, rule, rules
from driftline_analyzer.database import sql, sql_names
from driftline_analyzer.wording import CASES, FIX_NAMES, NAMES, Basis

each_rule = pytest.mark.parametrize("known", rules(), ids=lambda known: known.name)


def test_every_detector_is_a_rule_of_its_own_name() -> None:
    assert sorted(known.name for known in rules()) == [name.replace("_", "-") for name in sql_names("detectors")]


def test_codes_are_unique_and_in_order() -> None:
    codes = [known.code for known in rules()]
    assert codes == sorted(set(codes))


@each_rule
def test_a_header_says_everything(known: Rule) -> None:
    assert re.fullmatch(r"DRF\d{3}", known.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", known.name)
    assert known.severity in catalogue.SEVERITIES
    assert known.standard
    assert tuple(known.sections) == catalogue.SECTIONS
    assert all(known.sections.values()), "a section is empty"


@each_rule
def test_the_message_is_a_template_of_known_names(known: Rule) -> None:
    used = {name for _, name, _, _ in Formatter().parse(known.message) if name is not None}
    assert "branch" in used
    assert used <= NAMES
    filled = known.message.format_map({**dict.fromkeys(NAMES, "X"), "basis": Basis("recorded")})
    assert "{" not in filled
    assert not filled.endswith("."), "a message goes into tables and annotations, without a full stop"


@each_rule
def test_every_case_has_a_fix_of_a_sentence_or_three(known: Rule) -> None:
    assert {case for sentence in known.fixes for case in sentence.cases} <= frozenset().union(*CASES)
    for case in map(frozenset, itertools.product(*CASES)):
        said = [sentence for sentence in known.fixes if sentence.cases <= case]
        assert len(said) <= 3, case
        assert said or case & _operations(known) == frozenset(), case


def _operations(known: Rule) -> frozenset[str]:
    """The operations that a rule is found at, as far as its fixes tell them apart; all if they do not."""
    told = {case for sentence in known.fixes for case in sentence.cases} & CASES[1]
    return frozenset(told) or CASES[1]


@each_rule
def test_a_fix_is_made_of_sentences_of_known_names(known: Rule) -> None:
    for sentence in known.fixes:
        used = {name for _, name, _, _ in Formatter().parse(sentence.template) if name is not None}
        assert used <= FIX_NAMES
        assert sentence.template[0].isupper()
        assert sentence.template.endswith(".")


@each_rule
def test_sections_are_prose_without_their_comment_marks(known: Rule) -> None:
    for text in known.sections.values():
        assert "--" not in text
        assert text.rstrip().endswith((".", ")"))


@each_rule
def test_the_file_ends_with_its_query(known: Rule) -> None:
    lines = [line for line in known.query.splitlines() if line and not line.startswith("--")]
    assert lines[0].startswith(("SELECT", "WITH"))
    assert ";" not in "\n".join(lines), "the pipeline selects from the query"


@each_rule
def test_a_rule_is_found_by_code_and_name_in_any_case(known: Rule) -> None:
    wanted = [known.code, known.code.lower(), known.name, known.name.upper()]
    assert [rule(text) for text in wanted] == [known] * 4


def test_an_unknown_rule_names_the_nearest() -> None:
    with pytest.raises(DriftlineError, match="no rule 'stale-overwrit'") as caught:
        rule("stale-overwrit")
    assert caught.value.hint == "did you mean stale-overwrite?"
    with pytest.raises(DriftlineError) as caught:
        rule("quokka")
    assert caught.value.hint == "`driftline rule` lists them all"


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ([], [], " ".join(known.code for known in rules())),
        (["DRF1"], [], "DRF101 DRF102 DRF103 DRF104 DRF105 DRF106 DRF107"),
        (["drf1", "partial-write"], ["DRF107"], "DRF101 DRF102 DRF103 DRF104 DRF105 DRF106 DRF401"),
        (["DRF302, duplicated-work"], [], "DRF302 DRF601"),
        ([], ["DRF"], ""),
        (["DRF302"], ["orphan-reference"], ""),
        ([" , "], [], ""),
    ],
)
def test_select_and_ignore_take_codes_names_and_prefixes(select: list[str], ignore: list[str], expected: str) -> None:
    assert " ".join(sorted(chosen(select, ignore))) == expected


@pytest.mark.parametrize("words", [["DRF9"], ["stale"], ["DRF101x"]])
def test_select_of_what_is_no_rule_is_refused(words: list[str]) -> None:
    with pytest.raises(DriftlineError, match="no rule"):
        chosen(words, [])
    with pytest.raises(DriftlineError, match="no rule"):
        chosen([], words)


# ---- a header that is not as it should be -------------------------------------------------------------------------

GOOD: Final = sql("detectors", "stale_overwrite")


def damages() -> Iterator[tuple[str, str]]:
    for key in catalogue.KEYS:
        yield f"-- {key}:", f"-- no{key}:"
    for section in catalogue.SECTIONS:
        yield f"-- ## {section}", f"-- ## Not {section}"
    yield "-- severity: error", "-- severity: fatal"
    yield "-- severity: error", "-- severity: error\n-- reads: nothing"
    yield "-- ## Fix", "-- Fix"
    yield "-- fix (patch): ", "-- fix (Patch): "
    yield "-- fix (patch): ", "-- fix"
    yield "\n--\n", "\n-- something else\n--\n"
    yield "-- code: DRF101\n-- severity: error", "-- severity: error\n-- code: DRF101"


@pytest.mark.parametrize(("old", "new"), list(damages()))
def test_a_header_that_lacks_something_is_refused(old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(ValueError, match=r"detectors/stale_overwrite\.sql: its header must have"):
        catalogue._parse("stale_overwrite", GOOD.replace(old, new, 1))


def test_a_header_without_a_fix_is_refused() -> None:
    with pytest.raises(ValueError, match="and fix, then"):
        catalogue._parse("stale_overwrite", re.sub(r"^-- fix.*\n", "", GOOD, flags=re.MULTILINE))


def test_a_rule_may_say_that_it_reads_findings() -> None:
    assert not catalogue._parse("stale_overwrite", GOOD).reads_findings
    text = GOOD.replace("\n--\n", "\n-- reads: findings\n--\n", 1)
    assert catalogue._parse("stale_overwrite", text).reads_findings
