"""A repeated read of an unchanged version is recorded once in each scope."""

from __future__ import annotations

import threading

from tape import Tape

import driftline as dl
from driftline.recorder import Recorder
from driftline.scope import Scope


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


def test_a_version_whose_content_has_changed_is_recorded_again(tape: Tape) -> None:
    with tape.record() as recording:
        recorder = recording.recorder
        dl.read("doc/1", {"a": 1}, version=1)
        recorder.read_again(recorder.scope(), "doc/1", None, 1, [("/a", 2)], whole=True)
        recorder.read_again(recorder.scope(), "doc/1", None, 1, [("/a", 3)], whole=False)
        dl.read("doc/1", {"a": 3}, version=1, partial=True)

    assert tape.facts() == [
        "main#1 read doc/1@1 whole /a=1",
        "main#1 read doc/1@1 whole /a=2",
        "main#1 read doc/1@1 partly /a=3",
    ]


def test_what_the_scope_has_read_or_written_is_known(tape: Tape) -> None:
    with tape.record() as recording:
        knows = recording.recorder.knows
        dl.write("doc/1", {"a": 1}, version=1)
        dl.read("doc/2", {"a": 1}, version=1, partial=True)

        assert [knows("doc/1", "/a", 1), knows("doc/1", "/a", 2)] == [True, False]
        assert [knows("doc/2", "/a", 1), knows("doc/2", "/b", 1), knows("doc/2", "", 1)] == [True, False, False]
        with dl.branch("other"):
            assert not knows("doc/1", "/a", 1)
        assert [recording.recorder.highest("doc/1"), recording.recorder.highest("doc/3")] == [1, 0]


def test_a_branch_looks_again_at_what_it_watches_before_it_ends(tape: Tape) -> None:
    class Watched:
        def look_again(self, recorder: Recorder, scope: Scope, touched: str) -> None:
            recorder.read_again(scope, "doc/1", None, 1, [(touched, 2)], whole=False)

    watched = Watched()
    with tape.record() as recording, dl.branch("a"):
        here = dl.current()
        assert here is not None
        recorder = recording.recorder
        recorder.watched_by(here)[watched] = "/a"

    assert tape.lines()[2:4] == ["a#2 read doc/1@1 partly /a=2", "a#2 branch-end status=ok"]


def test_a_thread_looks_again_when_it_ends_and_the_main_one_when_the_recording_does(tape: Tape) -> None:
    class Watched:
        def look_again(self, recorder: Recorder, scope: Scope, touched: str) -> None:
            recorder.read_again(scope, "doc/1", None, 1, [(touched, 2)], whole=False)

    def work() -> None:
        here = dl.current()
        assert here is not None
        recording.recorder.watched_by(here)[watched] = "/a"

    watched = Watched()
    with tape.record() as recording:
        thread = threading.Thread(target=work, name="worker")
        thread.start()
        thread.join()
        work()

    assert tape.lines()[-4:] == [
        "worker#2 read doc/1@1 partly /a=2",
        "worker#2 branch-end status=ok",
        "main#1 read doc/1@1 partly /a=2",
        "main#1 branch-end status=ok",
    ]
