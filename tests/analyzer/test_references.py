"""Step references, row by row: what refers to what, by declaration and by policy, and what had been removed when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from driftline_analyzer import Analysis

Analyse = Callable[..., Analysis]


def references(analysis: Analysis) -> list[tuple[object, ...]]:
    """(holder, path, target) of each reference; no target if it is nowhere else in the trace."""
    return analysis.rows("""
        SELECT h.object, r.path, t.object
        FROM reference AS r JOIN object AS h ON h.o = r.o LEFT JOIN object AS t ON t.o = r.target ORDER BY ALL
    """)


def test_what_is_declared_refers_unless_it_was_aborted(analyse: Analyse) -> None:
    analysis = analyse("""
        A: write agent/1 {n: 0}
        A: write task/1 {owner: "agent/1"} refs /owner=agent/1
        A: write task/2 {owner: "agent/9"} refs /owner=agent/9
        A: begin u
        A: write task/3 {owner: "agent/1"} refs /owner=agent/1
        A: abort u
    """)
    assert references(analysis) == [("task/1", "/owner", "agent/1"), ("task/2", "/owner", None)]


@pytest.mark.parametrize(
    ("pattern", "value", "found"),
    [
        ("/owner", '{owner: "agent/1"}', ["/owner"]),
        ("/owner", '{owner: "1"}', ["/owner"]),
        ("/owner", '{owner: "agent"}', []),
        ("/owner", "{owner: 1}", []),
        ("/owner", "{owner: gone}", []),
        ("/*", '{owner: "agent/1", deputy: "1"}', ["/deputy", "/owner"]),
        ("/team/*", '{team: {lead: "1", second: "2"}}', ["/team/lead"]),
        ("/team/*", '{team: ["1", "2"]}', ["/team"]),
        ("/team/0", '{team: ["1", "2"]}', ["/team"]),
        ("/team/*/id", '{team: [{id: "1"}, {name: "1"}]}', ["/team"]),
        ("/team/*/*", '{team: [{id: "1"}]}', ["/team"]),
        ("/team", '{team: ["1"]}', []),
        ("/a~1b", '{"a/b": "1"}', ["/a~1b"]),
    ],
)
def test_what_the_policy_says_refers(analyse: Analyse, pattern: str, value: str, found: list[str]) -> None:
    policy = f'[types.task]\nreferences = {{ "{pattern}" = "agent" }}\n'
    analysis = analyse(f"A: write agent/1 {{n: 0}}\nA: patch task/1 {value}\nA: write note/1 {value}", policy=policy)
    named = [(path, target) for _, path, target in references(analysis) if target is not None]
    assert named == [(path, "agent/1") for path in found]


def test_the_newest_write_is_that_of_the_stores_order(analyse: Analyse) -> None:
    analysis = analyse("""
        A: write agent/1 {n: 0} @1
        A: delete agent/1 @3
        A: patch agent/1 {n: 1} @2 base 1
        A: write agent/1 {n: 2} @4
        A: write agent/2 {n: 0}
    """)
    assert analysis.rows("SELECT write.pos, write.op FROM newest ORDER BY e") == [
        (1, "write"),
        (3, "delete"),
        (3, "delete"),
        (4, "write"),
    ]
