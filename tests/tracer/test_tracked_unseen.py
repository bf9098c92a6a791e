"""Mutation that no call of ours sees: the content is recorded as it is, at the next read and when a branch ends."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from tape import Tape

import driftline as dl


class Opaque:
    """An object without fields that are declared, and without a text of its own."""

    def __init__(self) -> None:
        self.n = 0


class Spoken(Opaque):
    def __repr__(self) -> str:
        return f"Spoken({self.n})"


def change_opaque(value: Any) -> None:
    value.n = 1


def change_first(value: Any) -> None:
    value[0] = 9


def change_entry(value: Any) -> None:
    value["a"] = 9


UNSEEN = {
    "a list of the program's own": (lambda: [1, 2], change_first),
    "a dict of the program's own": (lambda: {"a": 1}, change_entry),
    "a list in a list": (lambda: [[1]], lambda value: value[0].append(2)),
    "a list in a tuple": (lambda: ([1],), lambda value: value[0].append(2)),
    "a small array": (lambda: np.zeros(3), change_first),
    "a large array": (lambda: np.zeros((200, 200)), lambda value: value.__setitem__((100, 100), 1)),
    "bytes that change": (lambda: bytearray(b"ab"), change_first),
    "a kind of dict": (lambda: Counter(a=1), change_entry),
    "an ordered dict": (lambda: OrderedDict(a=1), change_entry),
    "an object": (Opaque, change_opaque),
    "an object with a text": (Spoken, change_opaque),
    "an object in a list": (lambda: [Opaque()], lambda value: change_opaque(value[0])),
}  # fmt: skip


@pytest.fixture(params=UNSEEN.values(), ids=UNSEEN)
def unseen(request: pytest.FixtureRequest) -> Any:
    make, change = request.param
    return make(), change


def contents(tape: Tape) -> list[tuple[str, int, str]]:
    """Branch, version and content of each read."""
    return [
        (event["branch"], event["version"], ",".join(item["value"] for item in event["fields"]))
        for event in tape.events("read")
    ]


def test_the_next_read_shows_the_content_as_it_is(unseen: Any, tape: Tape) -> None:
    value, change = unseen
    with tape.record():
        ctx = dl.track({"v": value}, id="doc/1")
        with dl.branch("a"):
            list(ctx.values())
            change(value)
            list(ctx.values())
            list(ctx.values())
        with dl.branch("b"):
            list(ctx.values())

    first, second, third = contents(tape)
    assert [first[:2], second[:2], third[:2]] == [("a#2", 1), ("a#2", 1), ("b#3", 1)]
    assert first[2] != second[2] == third[2]
    assert tape.lines("patch") == []


def test_a_branch_that_has_touched_it_looks_again_when_it_ends(unseen: Any, tape: Tape) -> None:
    value, change = unseen
    with tape.record():
        ctx = dl.track({"v": value, "n": 1}, id="doc/1")
        with dl.branch("a"):
            list(ctx.values())
            change(value)
        with dl.branch("b"):
            assert ctx["n"] == 1

    first, second, third = contents(tape)
    assert [first[:2], second[:2], third] == [("a#2", 1), ("a#2", 1), ("b#3", 1, "1")]
    assert first[2] != second[2]


def test_what_was_stored_and_then_mutated_is_found_when_the_branch_ends(tape: Tape) -> None:
    own: list[int] = []
    with tape.record():
        ctx: Any = dl.track({}, id="doc/1")
        with dl.branch("a"):
            ctx["l"] = own
            own.append(1)

    assert tape.facts()[1:] == ["a#2 patch doc/1@2 <1? /l=[]", "a#2 read doc/1@2 partly /l=[1]"]


def test_a_thread_s_own_branch_looks_again_when_it_ends(tape: Tape) -> None:
    own: list[int] = []

    def work() -> None:
        ctx["l"] = own
        own.append(1)

    with tape.record():
        ctx: Any = dl.track({}, id="doc/1")
        thread = threading.Thread(target=work, name="worker")
        thread.start()
        thread.join()

    assert [text.partition(" ")[2] for text in tape.facts()[1:]] == [
        "patch doc/1@2 <1? /l=[]",
        "read doc/1@2 partly /l=[1]",
    ]


def test_only_what_a_branch_has_touched_is_looked_at(tape: Tape) -> None:
    own: list[int] = []
    with tape.record():
        ctx = dl.track({"l": own, "n": 1}, id="doc/1")
        with dl.branch("a"):
            assert ctx["n"] == 1
            own.append(1)

    assert tape.facts()[1:] == ["a#2 read doc/1@1 partly /n=1", "main#1 read doc/1@1 partly /l=[1]"]


def test_each_content_is_recorded_once_for_each_branch(tape: Tape) -> None:
    own = [1]
    with tape.record():
        ctx = dl.track({"l": own}, id="doc/1")
        main = dl.current()
        with dl.branch("a"):
            for content in ([1], [2], [2], [1], [2], [3]):
                own[:] = content
                ctx["l"]
            with dl.branch("b", parent=main):
                ctx["l"]

    assert contents(tape) == [("a#2", 1, "[1]"), ("a#2", 1, "[2]"), ("a#2", 1, "[3]"), ("b#3", 1, "[3]")]


def test_a_write_of_the_field_ends_the_matter(tape: Tape) -> None:
    own = [1]
    with tape.record():
        ctx: Any = dl.track({"l": own}, id="doc/1")
        with dl.branch("a"):
            ctx["l"]
            own.append(2)
            ctx["l"].append(3)
            ctx["l"]
        with dl.branch("b"):
            ctx["l"] = own

    assert tape.facts()[1:] == [
        "a#2 read doc/1@1 partly /l=[1]",
        "a#2 read doc/1@1 partly /l=[1,2]",
        "a#2 patch doc/1@2 <1? /l=[1,2,3]",
    ]


def test_only_the_part_of_a_mapping_that_was_mutated_tells(tape: Tape) -> None:
    own = {"x": {"y": 1, "z": 2}}
    with tape.record():
        ctx: Any = dl.track({"n": own}, id="doc/1")
        with dl.branch("a"):
            assert (ctx["n"]["x"]["y"], ctx["n"]["x"]["z"]) == (1, 2)
            own["x"]["y"] = 5
            assert (ctx["n"]["x"]["z"], ctx["n"]["x"]["y"]) == (2, 5)
        with dl.branch("b"):
            own["x"]["w"] = 7
            assert ctx["n"]["x"].get("w") == 7
            del own["x"]["w"]
            assert ctx["n"]["x"].get("w") is None

    assert tape.facts()[1:] == [
        "a#2 read doc/1@1 partly /n/x/y=1",
        "a#2 read doc/1@1 partly /n/x/z=2",
        "a#2 read doc/1@1 partly /n/x/y=5",
        "b#3 read doc/1@1 partly /n/x/w=7",
    ]


def test_what_is_written_into_an_object_s_dict_is_found_when_it_is_read(tape: Tape) -> None:
    @dataclass
    class Plan:
        goal: str = "a"
        steps: list[str] = field(default_factory=list)

    with tape.record():
        plan = dl.track(Plan(), id="plan/1")
        with dl.branch("a"):
            assert plan.goal == "a"
            vars(plan)["goal"] = "b"
            assert plan.goal == "b"

    assert [text for text in tape.facts() if "partly" in text] == [
        'a#2 read plan/1@1 partly /goal="a"',
        'a#2 read plan/1@1 partly /goal="b"',
    ]


def test_what_says_only_which_object_it_is_has_no_content_to_change(tape: Tape) -> None:
    with tape.record():
        ctx = dl.track({"lock": threading.Lock(), "event": threading.Event()}, id="doc/1")
        with dl.branch("a"), ctx["lock"]:
            ctx["event"].set()

    assert tape.facts()[1:] == [
        'a#2 read doc/1@1 partly /lock={"$type":"_thread.lock"}',
        'a#2 read doc/1@1 partly /event={"$type":"threading.Event"}',
    ]


def test_nothing_is_found_where_nothing_records() -> None:
    own = [1]
    ctx = dl.track({"l": own})
    own.append(2)

    assert ctx["l"] == [1, 2]


def test_what_happened_before_a_recording_is_its_first_content(tape: Tape) -> None:
    own = [1]
    ctx = dl.track({"l": own}, id="doc/1")
    own.append(2)
    with tape.record():
        ctx["l"]
        second = Tape(tape.path.with_name("second.drift"))
    own.append(3)
    with second.record():
        ctx["l"]

    assert tape.facts() == ["main#1 write doc/1@1 <-? /l=[1,2]"]
    assert second.facts() == ["main#1 write doc/1@1 <-? /l=[1,2,3]"]
