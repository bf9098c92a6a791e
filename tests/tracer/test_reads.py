"""A repeated read of an unchanged version is recorded once in each scope."""

from __future__ import annotations

from tape import Tape

import driftline as dl


def test_the_same_version_read_again_is_not_recorded_again(tape: Tape) -> None:
    with tape.record():
        for _ in range(3):
            dl.read("doc/1", {"a": 1}, version=1)
            dl.read("doc/2", {"a": 1}, version="x")
            dl.read("doc/3", {"a": 1, "b": 1}, version=1, partial=True)

    assert len(tape.events("read")) == 3


def test_another_version_is(tape: Tape) -> None:
    with tape.record():
        for version in (1, 2, 2, 1, 1):
            dl.read("doc/1", {"a": 1}, version=version)

    assert [event["version"] for event in tape.events("read")] == [1, 2, 1]


def test_a_read_of_no_version_is_the_newest_one_again(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 1}, version=4)
        dl.read("doc/1", {"a": 1})

    assert tape.facts() == ["main#1 read doc/1@4 whole /a=1"]


def test_a_read_of_a_version_never_heard_of_always_is(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", 1)
        dl.read("doc/1", 1)

    assert len(tape.events("read")) == 2


def test_other_fields_are(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 1}, version=1, partial=True)
        dl.read("doc/1", {"b": 1}, version=1, partial=True)
        dl.read("doc/1", {"a": 1, "b": 1}, version=1, partial=True)
        dl.read("doc/1", {"a": 1, "c": 1}, version=1, partial=True)

    assert tape.facts() == [
        "main#1 read doc/1@1 partly /a=1",
        "main#1 read doc/1@1 partly /b=1",
        "main#1 read doc/1@1 partly /a=1 /c=1",
    ]


def test_a_read_of_what_the_scope_has_just_written_is_not(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"a": 1, "b": 1})
        dl.read("doc/1", {"a": 1, "b": 1})
        dl.patch("doc/1", {"/a": 2})
        dl.read("doc/1", {"a": 2}, partial=True)

    assert [event["op"] for event in tape.events()][1:-1] == ["write", "patch"]


def test_a_read_of_the_rest_is(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"a": 1, "b": 1})
        dl.patch("doc/1", {"/a": 2})
        dl.read("doc/1", {"b": 1}, partial=True)
        dl.read("doc/1", {"a": 2, "b": 1})

    assert [event["op"] for event in tape.events()][1:-1] == ["write", "patch", "read", "read"]


def test_each_scope_reads_for_itself(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", 1, version=1)
        with dl.branch("a"):
            dl.read("doc/1", 1, version=1)
            with dl.unit("u"):
                dl.read("doc/1", 1, version=1)
                dl.read("doc/1", 1, version=1)
            with dl.task("t"):
                dl.read("doc/1", 1, version=1)
            dl.read("doc/1", 1, version=1)
        dl.read("doc/1", 1, version=1)

    assert [(e["branch"], e.get("unit"), e.get("task")) for e in tape.events("read")] == [
        ("main#1", None, None),
        ("a#2", None, None),
        ("a#2", "u#3", None),
        ("a#2", None, "t#4"),
    ]


def test_a_read_of_nothing_is_nothing(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {}, version=1, partial=True)

    assert tape.events("read") == []
