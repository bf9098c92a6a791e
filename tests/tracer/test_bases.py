"""Bases that nobody declared: for each branch and field, the newest version that it had seen."""

from __future__ import annotations

import contextlib

import pytest
from tape import Tape

import driftline as dl
from driftline import objects


def test_who_has_seen_nothing_has_no_base(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"a": 1, "b": 1})
        with dl.branch("a"):
            dl.patch("doc/2", {"/a": 1})

    assert tape.facts() == ["main#1 write doc/1@1? <-? /a=1 /b=1", "a#2 patch doc/2@1? <-? /a=1"]


def test_the_base_is_the_last_whole_read_or_write(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 1}, version=5)
        dl.write("doc/1", {"a": 2}, version=6)
        dl.write("doc/1", {"a": 3}, version=9)

    assert tape.facts() == [
        "main#1 read doc/1@5 whole /a=1",
        "main#1 write doc/1@6 <5? /a=2",
        "main#1 write doc/1@9 <6? /a=3",
    ]


def test_a_branch_that_ends_gives_its_parent_what_it_saw(tape: Tape) -> None:
    with tape.record():
        with dl.branch("a"):
            dl.write("doc/1", {"a": 1}, version=1)
            dl.read("doc/2", {"a": 1}, version=4, partial=True)
        dl.write("doc/1", {"a": 2}, version=2)
        dl.patch("doc/2", {"/a": 2, "/b": 2}, version=5)

    assert tape.facts()[2:] == ["main#1 write doc/1@2 <1? /a=2", "main#1 patch doc/2@5 <-? /a=2<4? /b=2"]


def test_branches_that_run_at_the_same_time_do_not_see_each_other(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"a": 0}, version=1)
        main = dl.current()
        with dl.branch("a"):
            dl.write("doc/1", {"a": 1}, version=2)
            with dl.branch("b", parent=main):
                dl.write("doc/1", {"a": 2}, version=3)
            dl.write("doc/1", {"a": 3}, version=4)

    assert tape.facts() == [
        "main#1 write doc/1@1 <-? /a=0",
        "a#2 write doc/1@2 <1? /a=1",
        "b#3 write doc/1@3 <1? /a=2",
        "a#2 write doc/1@4 <2? /a=3",
    ]


def test_a_branch_inherits_at_the_fork_and_not_later(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 0}, version=1)
        main = dl.current()
        with dl.branch("a"):
            with dl.branch("elsewhere", parent=main):
                dl.read("doc/1", {"a": 0}, version=2)
            dl.write("doc/1", {"a": 1}, version=3)

    assert tape.facts()[-1] == "a#2 write doc/1@3 <1? /a=1"


def test_a_branch_that_fails_gives_its_parent_nothing(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 0}, version=1)
        with contextlib.suppress(ZeroDivisionError), dl.branch("a"):
            dl.read("doc/1", {"a": 0}, version=2)
            raise ZeroDivisionError
        dl.write("doc/1", {"a": 1}, version=3)

    assert tape.facts()[-1] == "main#1 write doc/1@3 <1? /a=1"


def test_a_join_reaches_the_grandparent_in_two_steps(tape: Tape) -> None:
    with tape.record():
        with dl.branch("a"), dl.branch("b"):
            dl.read("doc/1", {"a": 0}, version=2)
        dl.write("doc/1", {"a": 1}, version=3)

    assert tape.facts()[-1] == "main#1 write doc/1@3 <2? /a=1"


def test_a_part_that_was_seen_later_is_newer_for_its_fields_only(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 0, "b": 0, "c": 0}, version=1)
        dl.read("doc/1", {"a": 1}, version=2, partial=True)
        dl.patch("doc/1", {"/b": 1}, version=3)
        dl.write("doc/1", {"a": 2, "b": 2, "c": 2}, version=4)
        dl.write("doc/1", {"a": 3}, version=5)

    assert tape.facts()[2:] == [
        "main#1 patch doc/1@3 <1? /b=1",
        "main#1 write doc/1@4 <1? /a=2<2? /b=2<3? /c=2",
        "main#1 write doc/1@5 <4? /a=3",
    ]


def test_a_full_write_removes_what_the_branch_had_seen_alone_and_does_not_list(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 0, "b": 0}, version=1, partial=True)
        dl.write("doc/1", {"b": 1}, version=2)
        dl.read("doc/1", {"c": 0}, version=3, partial=True)
        dl.delete("doc/1", version=4)
        dl.write("doc/1", {}, version=5)

    assert tape.facts() == [
        "main#1 read doc/1@1 partly /a=0 /b=0",
        "main#1 write doc/1@2 <-? /b=1<1? /a=~<1?",
        "main#1 read doc/1@3 partly /c=0",
        "main#1 delete doc/1@4 <2? /c=~<3?",
        "main#1 write doc/1@5 <4?",
    ]


def test_a_part_never_seen_has_no_base(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 0}, version=1, partial=True)
        dl.patch("doc/1", {"/a": 1, "/b": 1}, version=2)

    assert tape.facts()[-1] == "main#1 patch doc/1@2 <-? /a=1<1? /b=1"


def test_the_newest_labels_are_told_apart_however_many_there_were(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MENTIONS", 8)
    with tape.record() as recording:
        for n in range(100):
            dl.read("doc/1", n, version=f"v{n}")
        dl.read("doc/1", 97, version="v97")
        dl.patch("doc/1", {"/a": 1}, version="w")
        recording.flush()
        assert len(recording.writer.objects["doc/1"].mentions or ()) <= 8

    assert tape.facts()[-1] == "main#1 patch doc/1@w <v99? /a=1"


def test_a_declared_base_is_all_that_is_said(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 0}, version=5)
        dl.read("doc/1", {"b": 0}, version=6, partial=True)
        dl.write("doc/1", {"a": 1}, version=7, base=2)
        dl.merge("doc/1", {"a": 1}, version=8, bases=[1])

    events = tape.events("write", "merge")
    assert [event.get("base_inferred") for event in events] == [None, None]
    assert [list(event["fields"][0]) for event in events] == [["path", "digest", "size", "leaves", "value"]] * 2
    assert [len(event["fields"]) for event in events] == [1, 1]


def test_a_declared_base_does_not_change_what_was_seen(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 0}, version=5)
        dl.patch("doc/1", {"/b": 1}, version=7, base=2)
        dl.patch("doc/1", {"/a": 1, "/b": 2}, version=8)

    assert tape.facts()[-1] == "main#1 patch doc/1@8 <5? /a=1 /b=2<7?"


def test_an_older_version_read_again_does_not_take_back_what_was_seen(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 0}, version=5)
        dl.read("doc/1", {"a": 0}, version=3)
        dl.read("doc/1", {"b": 0}, version=4, partial=True)
        dl.patch("doc/1", {"/a": 1, "/b": 1}, version=6)
        dl.write("doc/1", {"a": 0}, version=2)
        dl.patch("doc/1", {"/b": 2})

    assert tape.facts()[3:] == [
        "main#1 patch doc/1@6 <5? /a=1 /b=1",
        "main#1 write doc/1@2 <5? /a=0<6? /b=~<6?",
        "main#1 patch doc/1@7? <5? /b=2<6?",
    ]


def test_labels_are_ordered_by_their_first_mention(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 0}, version="z")
        dl.read("doc/1", {"a": 0}, version="a")
        dl.read("doc/1", {"a": 0}, version="z")
        dl.write("doc/1", {"a": 1}, version="m")
        dl.patch("doc/1", {"/a": 2}, version="b")

    assert tape.facts()[3:] == ["main#1 write doc/1@m <a? /a=1", "main#1 patch doc/1@b <m? /a=2"]


def test_once_a_label_turns_up_numbers_are_ordered_by_mention_too(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 0}, version=7)
        dl.read("doc/1", {"a": 0}, version="x")
        dl.read("doc/1", {"a": 0}, version=3)
        dl.write("doc/1", {"a": 1}, version=4)

    assert tape.facts()[-1] == "main#1 write doc/1@4 <3? /a=1"


def test_where_arrival_means_nothing_the_last_sighting_counts(tape: Tape) -> None:
    with tape.record(ordered=False):
        dl.read("doc/1", {"a": 0}, version=5)
        dl.read("doc/1", {"a": 0}, version=3)
        dl.write("doc/1", {"a": 1}, version=9)

    assert tape.trace().header.ordered is False
    assert tape.facts()[-1] == "main#1 write doc/1@9 <3? /a=1"


def test_a_read_of_an_object_never_heard_of_is_no_sighting(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 0})
        dl.write("doc/1", {"a": 1})

    assert tape.facts() == ["main#1 read doc/1@-? whole /a=0", "main#1 write doc/1@1? <-? /a=1"]


def test_units_and_tasks_share_what_their_branch_has_seen(tape: Tape) -> None:
    with tape.record(), dl.unit("u"):
        with dl.task("t"):
            dl.read("doc/1", {"a": 0}, version=3)
        dl.write("doc/1", {"a": 1}, version=4)

    assert tape.facts(without=("depth", "unit"))[-1] == "main#1 write doc/1@4 <3? /a=1"


def test_a_scalar_object_is_seen_as_a_whole(tape: Tape) -> None:
    with tape.record():
        dl.write("n/1", 1, version=1)
        dl.read("n/1", 2, version=2)
        dl.write("n/1", 3, version=3)

    assert tape.facts()[-1] == "main#1 write n/1@3 <2? =3"
