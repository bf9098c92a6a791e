"""`OBJECT[@VERSION][#/field]`: taken apart, and found in a trace or refused with a hint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from driftline import DriftlineError
from driftline_analyzer import Analysis
from driftline_analyzer.targets import Target, branch_of, locate, parse_target

Analyse = Callable[..., Analysis]

TRACE: Final = """
    M: write context/42 {facts: [], summary: ""} @1
    A: patch context/42 {summary: "one"} @2
    A: begin u
    A: patch context/42 {summary: "two"} @3
    A: abort u
    B: read context/9 @r1
    B: write mail/ann@home {n: {x: 1}} @r2
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("context/42", Target("context/42")),
        ("context/42@7", Target("context/42", "7")),
        ("context/42@7#/facts", Target("context/42", "7", "/facts")),
        ("context/42#/facts/0", Target("context/42", None, "/facts/0")),
        ("context/42#facts", Target("context/42", None, "/facts")),
        ("context/42#", Target("context/42", None, "")),
        ("context/42@red", Target("context/42", "red")),
        ("mail/ann@home@r2", Target("mail/ann@home", "r2")),
        ("a#/b#c@d", Target("a", None, "/b#c@d")),
        ("x", Target("x")),
    ],
)
def test_a_target_is_taken_apart(text: str, expected: Target) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize("text", ["", "@", "@7", "#/n", "context/42@", "@7#/n", "context/42@#/n"])
def test_a_target_without_an_object_or_with_an_empty_version_is_refused(text: str) -> None:
    with pytest.raises(DriftlineError, match="names no object") as caught:
        parse_target(text)
    assert caught.value.hint == "write OBJECT, OBJECT@VERSION or OBJECT#/field"


@pytest.mark.parametrize("text", ["context/42", "context/42@7", "context/42@7#/facts", "x#"])
def test_a_target_is_written_as_it_was_typed(text: str) -> None:
    assert str(parse_target(text)) == text


def found(analysis: Analysis, text: str) -> tuple[object, ...]:
    """Version of the write found, its position, and the field."""
    place = locate(analysis, parse_target(text))
    version = analysis.rows("SELECT coalesce(label, version::VARCHAR) FROM event WHERE e = ?", [place.e or 0])
    path = analysis.rows("SELECT path FROM path WHERE f = ?", [place.f or 0]) if place.f is not None else [(None,)]
    return (version[0][0] if version else None, place.pos, path[0][0])


def test_a_target_is_found(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    assert found(analysis, "context/42@1") == ("1", 1, None)
    assert found(analysis, "context/42@1#/facts") == ("1", 1, "/facts")
    assert found(analysis, "context/42@3") == ("3", 3, None), "an aborted version can be named"
    assert found(analysis, "context/42") == ("2", 2, None), "but it is not the newest"


def test_an_object_that_was_only_read_has_no_write(analyse: Analyse) -> None:
    assert found(analyse(TRACE), "context/9") == (None, None, None)


def test_an_object_whose_id_has_an_at_sign_can_be_named(analyse: Analyse) -> None:
    analysis = analyse(TRACE)
    assert found(analysis, "mail/ann@home@r2")[0] == "r2"
    assert found(analysis, "mail/ann@home@r2#/n/x")[2] == "/n/x"
    assert found(analysis, "mail/ann@home")[0] == "r2"


def test_the_later_of_two_writes_of_one_version_is_meant(analyse: Analyse) -> None:
    analysis = analyse("A: write doc/1 {n: 1} @1\nB: write doc/1 {n: 2} @1")
    assert locate(analysis, parse_target("doc/1@1")).e == analysis.rows("SELECT max(e) FROM write")[0][0]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("context/43", "no object 'context/43' in this trace", "did you mean context/42 or context/9?"),
        ("Context/42", "no object 'Context/42' in this trace", "did you mean context/42 or context/9?"),
        ("zebra", "no object 'zebra' in this trace", "`driftline info TRACE --list objects` lists them"),
        ("context/42#/sumary", "no field '/sumary' in context/42", "did you mean /summary?"),
        ("context/42#/zzz", "no field '/zzz' in context/42", "it has /facts, /summary"),
        ("context/42#/n/x", "no field '/n/x' in context/42", "it has /facts, /summary"),
        ("context/42#", "no field '' in context/42", "it has /facts, /summary"),
        (
            "context/42@9",
            "no write of version 9 of context/42 in this trace",
            "its 3 recorded versions go from 1 to 3",
        ),
        ("context/9@r1", "no write of version r1 of context/9 in this trace", "no write of it was recorded"),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest_that_is(
    analyse: Analyse, text: str, message: str, hint: str
) -> None:
    with pytest.raises(DriftlineError) as caught:
        locate(analyse(TRACE), parse_target(text))
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_hint_names_a_few_of_many_fields(analyse: Analyse) -> None:
    analysis = analyse("A: write doc/1 {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1}")
    with pytest.raises(DriftlineError) as caught:
        locate(analysis, parse_target("doc/1#/zebra"))
    assert caught.value.hint == "it has /a, /b, /c, /d, /e …"


def test_a_branch_is_found_by_id_or_by_a_name_that_only_one_has(analyse: Analyse) -> None:
    analysis = analyse("researcher: open\nA: fork researcher\nB: fork A")
    ids = dict(analysis.rows("SELECT name, branch FROM branch"))
    number = dict(analysis.rows("SELECT branch, b FROM branch"))
    assert branch_of(analysis, "A") == branch_of(analysis, ids["A"]) == number[ids["A"]]
    with pytest.raises(DriftlineError, match="no branch 'resercher' in this trace") as caught:
        branch_of(analysis, "resercher")
    assert caught.value.hint.startswith("did you mean researcher")
    with pytest.raises(DriftlineError) as caught:
        branch_of(analysis, "zebra")
    assert caught.value.hint == "`driftline info TRACE --list branches` lists them"


def test_a_name_that_several_branches_have_is_refused_with_their_ids(analyse_rows: Analyse) -> None:
    ids = ["worker#1", "worker#2", "odd#3"]
    start = {"op": "branch-start", "process": "p", "name": "worker", "clock": 1}
    analysis = analyse_rows([{**start, "branch": id_} for id_ in ids])
    with pytest.raises(DriftlineError, match="3 branches are called 'worker'") as caught:
        branch_of(analysis, "worker")
    assert caught.value.hint == "name one by its id: worker#1, worker#2, odd#3"
    assert branch_of(analysis, "worker#2") == 2
