"""The mutation check itself, and a part of it that is quick; `python benchmarks/mutants.py` does all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from mutants import mutants
from mutation import DETECTORS, Corpus, declared, judge, record_corpus

from driftline_analyzer.database import sql_names

#: Every survivor of these is known to mean the same.
SETTLED = ("detectors/duplicated_work.sql",)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Corpus]]:
    with ExitStack() as stack:
        yield [Corpus(path, stack) for path in record_corpus(tmp_path_factory.mktemp("corpus"), random=0)]


@pytest.mark.parametrize("file", SETTLED)
def test_whoever_breaks_it_is_noticed(corpora: list[Corpus], file: str) -> None:
    found = judge(corpora, file)
    assert (found.survived, found.stale) == ([], [])
    assert found.killed > 10


def test_a_mutant_that_means_the_same_survives_unless_it_is_declared(
    corpora: list[Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mutation.declared", lambda: {SETTLED[0]: {"line 1: no such mutant": "gone"}})
    found = judge(corpora, SETTLED[0])
    assert sorted(found.survived) == sorted(declared()[SETTLED[0]])
    assert found.stale == ["line 1: no such mutant"]


def test_what_is_declared_is_a_file_that_is_there() -> None:
    files = {f"{folder}/{name}.sql" for folder in ("detectors", "steps") for name in sql_names(folder)}
    assert set(declared()) <= files
    assert DETECTORS.is_dir()


# ---- the ways to break a query ------------------------------------------------------------------------------------


def names(text: str) -> list[str]:
    return [mutant.name.partition(": ")[2] for mutant in mutants(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT min(a) FROM w", ["min to max"]),
        ("SELECT a FROM w WHERE b", ["drop condition b"]),
        ("SELECT a FROM w SEMI JOIN v USING (o)", ["SEMI to ANTI"]),
        ("SELECT a FROM w LEFT JOIN v ON true", ["drop LEFT", "true to false"]),
        ("SELECT DISTINCT a FROM w", ["drop DISTINCT"]),
        ("SELECT a FROM w WHERE a IS NOT NULL", ["drop condition a IS NOT NULL", "drop NOT"]),
        ("SELECT sum(a) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM w", ["1 to 2"]),
        ("-- 1 < 2 AND 3\nSELECT 'a < 1 AND NOT b' FROM w -- NOT", []),
        (
            "SELECT a FROM w WHERE a = 1 AND (b OR c) GROUP BY a",
            ["drop condition a = 1", "= to <>", "1 to 2", "AND to OR", "drop AND (b OR c)", "OR to AND"],
        ),
        (
            "SELECT CASE WHEN a AND b THEN 1 END FROM w",
            ["AND to OR", "drop AND b", "1 to 2"],
        ),
    ],
)
def test_the_ways_to_break_a_query(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_a_mutant_says_where_it_is_and_differs_there_alone() -> None:
    text = "-- header\nSELECT a\nFROM w\nWHERE a < 3\n"
    changed = {mutant.name: mutant.text for mutant in mutants(text)}
    assert changed["line 4: < to <="] == text.replace("<", "<=")
    assert changed["line 4: 3 to 4"] == text.replace("3", "4")
    assert all(broken != text for broken in changed.values())
