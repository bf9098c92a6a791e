"""What a tracked object gives out for a list, dict, set or deque: it is one, and what is done to it is recorded."""

from __future__ import annotations

import bisect
import copy
import heapq
import json
import pickle
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tape import Tape

import driftline as dl


def holding(value: Any) -> Any:
    """A tracked object that holds a value, at `v`."""
    return dl.track({"v": value}, id="doc/1")


def answer(use: Callable[[Any], Any], value: Any) -> Any:
    """What a use of a value gives, or raises."""
    try:
        given = use(value)
    except Exception as fault:  # noqa: BLE001 - to be compared
        return type(fault), str(fault).replace("ListView", "list").replace("DictView", "dict").replace("SetView", "set")
    return "itself" if given is value else list(given) if hasattr(given, "__next__") else given


LIST: dict[str, Callable[[Any], Any]] = {
    "append": lambda v: v.append(4),
    "extend": lambda v: v.extend([4, 5]),
    "extend by a generator": lambda v: v.extend(x for x in range(3)),
    "extend by itself": lambda v: v.extend(v),
    "extend by nothing that can be iterated": lambda v: v.extend(5),
    "insert": lambda v: v.insert(1, 9),
    "remove": lambda v: v.remove(2),
    "remove what is not there": lambda v: v.remove(99),
    "pop": lambda v: v.pop(),
    "pop the first": lambda v: v.pop(0),
    "pop what is not there": lambda v: v.pop(99),
    "clear": lambda v: v.clear(),
    "reverse": lambda v: v.reverse(),
    "sort": lambda v: v.sort(),
    "sort by a key": lambda v: v.sort(key=lambda x: -x, reverse=False),
    "set": lambda v: v.__setitem__(0, 7),
    "set what is not there": lambda v: v.__setitem__(99, 7),
    "set a slice": lambda v: v.__setitem__(slice(0, 2), [7, 8, 9]),
    "set every second": lambda v: v.__setitem__(slice(0, 2, 2), [7]),
    "delete": lambda v: v.__delitem__(0),
    "delete a slice": lambda v: v.__delitem__(slice(0, 2)),
    "add in place": lambda v: v.__iadd__((5,)),
    "multiply in place": lambda v: v.__imul__(2),
    "push": lambda v: heapq.heappush(v, 0),
    "pop from the heap": heapq.heappop,
    "heapify": lambda v: (heapq.heapify(v), v[0]),
    "insort": lambda v: bisect.insort(v, 2),
    "length": len,
    "truth": bool,
    "get": lambda v: v[1],
    "get what is not there": lambda v: v[99],
    "get a slice": lambda v: v[1:],
    "contains": lambda v: (2 in v, 99 in v),
    "iterate": iter,
    "iterate backwards": reversed,
    "count": lambda v: v.count(2),
    "index": lambda v: v.index(2),
    "copy": lambda v: v.copy(),
    "add": lambda v: v + [4],  # noqa: RUF005 - the operator is the point
    "be added": lambda v: [0] + v,  # noqa: RUF005
    "multiply": lambda v: (v * 2, 2 * v),
    "equal": lambda v: (v == [3, 1, 2], [3, 1, 2].__eq__(v), v != [3, 1, 2], v == (3, 1, 2), v != 5),
    "compare": lambda v: (v < [9], v <= [9], v > [9], v >= [9], v > [9]),
    "show": lambda v: (repr(v), str(v), f"{v}"),
    "hash": hash,
    "unpack": lambda v: [*v, *v],
    "join": lambda v: "".join(map(str, v)),
    "sorted": sorted,
    "json": json.dumps,
    "json, indented": lambda v: json.dumps(v, indent=1),
    "msgspec": msgspec.json.encode,
    "its class": lambda v: (v.__class__, isinstance(v, list)),
    "match": lambda v: [rest for rest in [v] if matches(rest)],
    "make another": lambda v: type(v)(x for x in "ab"),
}  # fmt: skip


def matches(value: Any) -> bool:
    match value:
        case [3, *_]:
            return True
    return False


SET: dict[str, Callable[[Any], Any]] = {
    "add": lambda v: v.add(4),
    "add what is there": lambda v: v.add(1),
    "discard": lambda v: v.discard(1),
    "discard what is not there": lambda v: v.discard(99),
    "remove": lambda v: v.remove(1),
    "remove what is not there": lambda v: v.remove(99),
    "pop": lambda v: v.pop(),
    "clear": lambda v: v.clear(),
    "update": lambda v: v.update({7}, [8]),
    "intersect": lambda v: v.intersection_update({1}),
    "take away": lambda v: v.difference_update({1}),
    "differ": lambda v: v.symmetric_difference_update({1, 9}),
    "or in place": lambda v: v.__ior__({9}),
    "and in place": lambda v: v.__iand__({1}),
    "minus in place": lambda v: v.__isub__({1}),
    "xor in place": lambda v: v.__ixor__({1, 9}),
    "length": len,
    "contains": lambda v: (1 in v, 99 in v),
    "iterate": sorted,
    "operators": lambda v: (v | {9}, v & {1}, v - {1}, v ^ {1, 9}, {9} | v, {1} & v, {1, 9} - v, {9} ^ v),
    "compare": lambda v: (v == {1, 2}, {1, 2} == v, v != {1}, v <= {1, 2, 3}, v < {1}, v >= {1}, v > {1, 2}, v == [1]),
    "methods": lambda v: (v.union([9]), v.intersection([1]), v.difference([1]), v.symmetric_difference([1, 9])),
    "questions": lambda v: (v.issubset([1, 2, 3]), v.issuperset([1]), v.isdisjoint([9])),
    "copy": lambda v: v.copy(),
    "show": repr,
    "hash": hash,
    "its class": lambda v: (v.__class__, isinstance(v, set)),
    "make another": lambda v: type(v)("a"),
}

DICT: dict[str, Callable[[Any], Any]] = {
    "set": lambda v: v.__setitem__("c", 3),
    "set again": lambda v: v.__setitem__("a", 3),
    "set what cannot be a key": lambda v: v.__setitem__([], 3),
    "delete": lambda v: v.__delitem__("a"),
    "delete what is not there": lambda v: v.__delitem__("z"),
    "pop": lambda v: (v.pop("a"), v.pop("z", 9)),
    "pop what is not there": lambda v: v.pop("z"),
    "popitem": lambda v: v.popitem(),
    "popitem until none is left": lambda v: (v.popitem(), v.popitem(), v.popitem()),
    "setdefault": lambda v: (v.setdefault("a", 9), v.setdefault("z", 9), v.setdefault("y")),
    "update": lambda v: v.update({"a": 7}, z=8),
    "update by pairs": lambda v: v.update([("a", 7)]),
    "update by nothing": lambda v: v.update(),
    "or in place": lambda v: v.__ior__({"z": 1}),
    "clear": lambda v: v.clear(),
    "get": lambda v: (v["a"], v.get("z"), v.get("z", 1)),
    "get what is not there": lambda v: v["z"],
    "length": len,
    "contains": lambda v: ("a" in v, "z" in v),
    "iterate": iter,
    "iterate backwards": reversed,
    "keys": lambda v: (list(v.keys()), list(reversed(v.keys())), v.keys() & {"a"}, "a" in v.keys()),  # noqa: SIM118
    "values": lambda v: (list(v.values()), list(reversed(v.values())), 1 in v.values()),
    "items": lambda v: (list(v.items()), list(reversed(v.items())), ("a", 1) in v.items(), len(v.items())),
    "or": lambda v: (v | {"z": 1}, {"z": 1} | v),
    "spread": lambda v: {**v, "z": 1},
    "compare": lambda v: (v == {"a": 1, "b": [2]}, v == {"a": 1, "b": [2]}, v != {}, v == 5),
    "copy": lambda v: v.copy(),
    "make another": lambda v: (type(v)(z=1), v.fromkeys("ab", 0)),
    "show": repr,
    "hash": hash,
    "json": json.dumps,
    "msgspec": msgspec.json.encode,
    "its class": lambda v: (v.__class__, isinstance(v, dict)),
}

DEQUE: dict[str, Callable[[Any], Any]] = {
    "append": lambda v: v.append(4),
    "append at the left": lambda v: v.appendleft(4),
    "extend": lambda v: v.extend([4, 5]),
    "extend at the left": lambda v: v.extendleft([4, 5]),
    "insert": lambda v: v.insert(1, 9),
    "pop": lambda v: (v.pop(), v.popleft()),
    "remove": lambda v: v.remove(2),
    "rotate": lambda v: v.rotate(1),
    "reverse": lambda v: v.reverse(),
    "clear": lambda v: v.clear(),
    "set": lambda v: v.__setitem__(0, 7),
    "delete": lambda v: v.__delitem__(0),
    "add in place": lambda v: v.__iadd__([5]),
    "get": lambda v: (v[0], len(v), list(v), list(reversed(v)), v.count(2), v.index(2), v.maxlen),
    "get what is not there": lambda v: v[99],
    "compare": lambda v: (v == deque([3, 1, 2]), deque([3, 1, 2]) == v, v != deque(), v < deque([9])),
    "copy": lambda v: (v.copy(), copy.copy(v), v + deque([1])),
    "show": repr,
    "make another": lambda v: type(v)("ab"),
}

USES = [
    *(("list", name, use, lambda: [3, 1, 2]) for name, use in LIST.items()),
    *(("set", name, use, lambda: {1, 2}) for name, use in SET.items()),
    *(("dict", name, use, lambda: {"a": 1, "b": [2]}) for name, use in DICT.items()),
    *(("deque", name, use, lambda: deque([3, 1, 2], 9)) for name, use in DEQUE.items()),
]


@pytest.mark.parametrize("recording", [False, True])
@pytest.mark.parametrize(("use", "make"), [(u, m) for _, _, u, m in USES], ids=[f"{k}: {n}" for k, n, _, _ in USES])
def test_it_answers_as_what_it_shows(use: Any, make: Callable[[], Any], recording: bool, tape: Tape) -> None:  # noqa: FBT001 - a parameter
    origin, twin = make(), make()
    if recording:
        dl.start(tape.path)
    ctx = holding(origin)
    view = ctx["v"]
    assert answer(use, view) == answer(use, twin)
    assert view == twin
    assert origin == twin
    assert type(origin) is type(twin)
    if recording:
        dl.stop()
        assert tape.record_of_process().faults == {}


def test_a_missing_key_of_a_defaultdict_is_made(tape: Tape) -> None:
    with tape.record():
        ctx = holding(defaultdict(list))
        groups = ctx["v"]
        groups["a"].append(1)
        groups["a"].append(2)

    assert ctx == {"v": {"a": [1, 2]}}
    assert (isinstance(groups, defaultdict), groups.default_factory, type(groups.copy())) == (True, list, defaultdict)
    assert tape.facts() == [
        "main#1 write doc/1@1 <-? /v={}",
        "main#1 patch doc/1@2 <1? /v=~ /v/a=[]",
        "main#1 patch doc/1@3 <1? /v/a=[1]<2?",
        "main#1 patch doc/1@4 <1? /v/a=[1,2]<3?",
    ]


# ---- one list, two memories ---------------------------------------------------------------------------------------


def test_the_program_s_own_list_is_kept_in_step() -> None:
    own: list[Any] = [1]
    ctx = holding(own)
    view = ctx["v"]
    view.append(2)
    view += [3]
    own.append(4)

    assert own == view == [1, 2, 3, 4]
    assert ctx["v"] is view
    assert msgspec.json.encode(ctx["v"]) == b"[1,2,3,4]"


def test_what_c_code_writes_into_a_list_s_memory_is_a_mutation_of_it(tape: Tape) -> None:
    own = [5]
    with tape.record():
        ctx = holding(own)
        heapq.heappush(ctx["v"], 1)
        assert own == [1, 5]
        held = ctx["v"]
        heapq.heappush(held, 0)
        assert held[0] == own[0] == 0

    assert tape.lines("patch", without=("type", "depth")) == [
        "main#1 patch doc/1@2 <1? /v=[1,5]",
        "main#1 patch doc/1@3 <1? /v=[0,5,1]<2?",
    ]


def test_where_both_memories_were_written_what_others_hold_counts() -> None:
    own = [5]
    ctx = holding(own)
    held = ctx["v"]
    heapq.heappush(held, 1)
    own.append(6)

    assert held == own == [5, 6]


def test_a_list_in_several_places_is_one_view_and_as_long_as_it_is_held_all_are_written(tape: Tape) -> None:
    shared: list[int] = []
    with tape.record():
        a = dl.track({"x": shared, "y": shared}, id="a/1")
        b = dl.track({"z": shared}, id="b/1")
        x, y, z = a["x"], a["y"], b["z"]
        assert x is y is z
        a["x"].append(1)

    assert tape.lines("patch", without=("type", "depth")) == [
        "main#1 patch a/1@2 <1? /x=[1] /y=[1]",
        "main#1 patch b/1@2 <1? /z=[1]",
    ]


def test_a_view_that_is_put_elsewhere_is_the_list_there_too(tape: Tape) -> None:
    own: list[int] = []
    with tape.record():
        a = dl.track({"x": own, "l": []}, id="a/1")
        a["y"] = a["x"]
        a["l"].append(a["x"])
        a["z"] = {"deep": a["x"]}
        view, same = a["z"]["deep"], a["y"]
        assert view is same
        view.append(1)
        assert a == {"x": [1], "y": [1], "l": [[1]], "z": {"deep": [1]}}

    assert a.copy()["y"] is own
    assert tape.lines("patch", without=("type", "depth"))[-1:] == [
        "main#1 patch a/1@5 <1? /x=[1]<4? /z/deep=[1]<4? /y=[1]<4?"
    ]


# ---- copies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [[[1]], {"a": [1]}, {1}, deque([1], 3), defaultdict(list, a=[1])], ids=repr)
def test_its_copies_are_plain(value: Any) -> None:
    ctx = holding(value)
    view = ctx["v"]
    for copied in (
        copy.copy(view),
        copy.deepcopy(view),
        pickle.loads(pickle.dumps(view)),  # noqa: S301 - our own
        pickle.loads(pickle.dumps(view, 0)),  # noqa: S301 - our own
        view.copy(),
    ):
        assert copied == value
        assert type(copied) is type(value)
        assert copied is not value


# ---- what is recorded ---------------------------------------------------------------------------------------------


def test_a_mutation_is_one_write_of_the_field(tape: Tape) -> None:
    with tape.record():
        ctx: Any = dl.track({"facts": ["a"], "tags": set(), "n": {"d": {"x": 1, "y": 2}}}, id="doc/1")
        ctx["facts"].append("b")
        ctx["facts"] += ["c"]
        ctx["facts"].sort(reverse=True)
        ctx["tags"].add("t")
        ctx["n"]["d"]["x"] = 5
        del ctx["n"]["d"]["y"]
        del ctx["n"]["d"]["x"]
        ctx["n"]["d"]["z"] = [0]
        ctx["n"]["d"]["z"][0] = 1
        ctx["n"]["d"].update(p=1, q=2)
        ctx["n"].clear()

    assert tape.facts() == [
        'main#1 write doc/1@1 <-? /facts=["a"] /tags=[] /n/d/x=1 /n/d/y=2',
        'main#1 patch doc/1@2 <1? /facts=["a","b"]',
        'main#1 patch doc/1@3 <1? /facts=["a","b","c"]<2?',
        'main#1 patch doc/1@4 <1? /facts=["c","b","a"]<3?',
        "main#1 read doc/1@4 partly /tags=[]",
        'main#1 patch doc/1@5 <1? /tags=["t"]<4?',
        "main#1 patch doc/1@6 <1? /n/d/x=5",
        "main#1 patch doc/1@7 <1? /n/d/y=~",
        "main#1 patch doc/1@8 <1? /n/d/x=~<6? /n/d={}",
        "main#1 patch doc/1@9 <1? /n/d=~<8? /n/d/z=[0]",
        "main#1 patch doc/1@10 <1? /n/d/z=[1]<9?",
        "main#1 patch doc/1@11 <1? /n/d/p=1 /n/d/q=2",
        "main#1 patch doc/1@12 <1? /n/d/z=~<10? /n/d/p=~<11? /n/d/q=~<11? /n={}",
    ]


def test_what_changes_nothing_is_no_write_of_a_list_or_set(tape: Tape) -> None:
    with tape.record():
        ctx: Any = dl.track({"l": [1, 2], "s": {1}, "d": {"x": 1}}, id="doc/1")
        ctx["l"].sort()
        ctx["l"].extend([])
        ctx["s"].discard(5)
        ctx["s"].add(1)
        ctx["l"] = ctx["l"]
        ctx["d"] = ctx["d"]
        ctx["d"]["x"] = 1

    assert tape.lines("patch", without=("type", "depth")) == ["main#1 patch doc/1@2 <1? /d/x=1"]


def test_a_mutation_that_fails_half_way_is_what_it_did(tape: Tape) -> None:
    def items() -> Any:
        yield 2
        raise RuntimeError("no more")

    with tape.record():
        ctx = dl.track({"l": [1]}, id="doc/1")
        with pytest.raises(RuntimeError):
            ctx["l"].extend(items())
        with pytest.raises(ValueError, match="not in list"):
            ctx["l"].remove(9)

    assert ctx == {"l": [1, 2]}
    assert tape.lines("patch", without=("type", "depth")) == ["main#1 patch doc/1@2 <1? /l=[1,2]"]


def test_whatever_lies_deeper_is_a_write_of_the_field_that_it_is_in(tape: Tape) -> None:
    with tape.record():
        ctx: Any = dl.track({"rows": [{"n": 1, "cells": [[0]]}], "a": {"b": {"c": {"d": 1}}}}, id="doc/1")
        ctx["rows"][0]["n"] = 2
        for row in ctx["rows"]:
            row["cells"][0].append(1)
        ctx["rows"][-1:][0].pop("n")
        ctx["a"]["b"]["c"]["d"] = 2
        ctx["a"]["b"]["c"]["e"] = {"f": 1}
        ctx["a"]["b"]["c"]["e"]["f"] = 2

    assert tape.lines("patch", without=("type", "depth")) == [
        'main#1 patch doc/1@2 <1? /rows=[{"cells":[[0]],"n":2}]',
        'main#1 patch doc/1@3 <1? /rows=[{"cells":[[0,1]],"n":2}]<2?',
        'main#1 patch doc/1@4 <1? /rows=[{"cells":[[0,1]]}]<3?',
        'main#1 patch doc/1@5 <1? /a/b/c={"d":2}<4?',
        'main#1 patch doc/1@6 <1? /a/b/c={"d":2,"e":{"f":1}}<5?',
        'main#1 patch doc/1@7 <1? /a/b/c={"d":2,"e":{"f":2}}<6?',
    ]


@pytest.mark.parametrize(
    ("depth", "fields"), [(1, '/a={"b":{"c":2}}'), (2, '/a/b={"c":2}'), (3, "/a/b/c=2"), (None, '/a/b={"c":2}')]
)
def test_an_object_may_have_a_depth_of_its_own(depth: int | None, fields: str, tape: Tape) -> None:
    with tape.record(depth=2):
        ctx: Any = dl.track({"a": {"b": {"c": 1}}}, id="doc/1", depth=depth)
        ctx["a"]["b"]["c"] = 2

    assert tape.lines("patch", without=("type", "depth")) == [f"main#1 patch doc/1@2 <1? {fields}"]


def test_what_was_taken_out_tells_no_more(tape: Tape) -> None:
    with tape.record():
        ctx: Any = dl.track({"l": [1], "d": {"x": {"y": 1}}, "rows": [{"n": 1}]}, id="doc/1")
        old, nested, row = ctx["l"], ctx["d"]["x"], ctx["rows"][0]
        ctx["l"] = [2]
        del ctx["d"]["x"]
        ctx["rows"].pop()
        old.append(3)
        nested["y"] = 2
        row["n"] = 2
        assert (old, nested, row) == ([1, 3], {"y": 2}, {"n": 2})

    assert tape.lines("patch", without=("type", "depth")) == [
        "main#1 patch doc/1@2 <1? /l=[2]",
        "main#1 patch doc/1@3 <1? /d/x/y=~ /d={}",
        "main#1 patch doc/1@4 <1? /rows=[]<3?",
    ]


def test_reading_is_recorded_where_it_happens(tape: Tape) -> None:
    with tape.record():
        ctx: Any = dl.track({"n": {"x": 1, "y": {"z": [1]}}, "l": [1, [2]]}, id="doc/1")
        for number, use in enumerate(
            (
                lambda: ctx["n"],
                lambda: ctx["n"]["x"],
                lambda: ctx["n"].get("q"),
                lambda: list(ctx["n"]),
                lambda: ctx["n"]["y"] == {},
                lambda: ctx["n"]["y"]["z"],
                lambda: ctx["l"][1][0],
                lambda: json.dumps(ctx["n"]),
            )
        ):
            with dl.branch(f"b{number}"):
                use()

    assert tape.facts()[1:] == [
        "b1#3 read doc/1@1 partly /n/x=1",
        "b2#4 read doc/1@1 partly /n/q=~",
        "b3#5 read doc/1@1 partly /n/x=1 /n/y/z=[1]",
        "b4#6 read doc/1@1 partly /n/y/z=[1]",
        "b5#7 read doc/1@1 partly /n/y/z=[1]",
        "b6#8 read doc/1@1 partly /l=[1,[2]]",
        "b7#9 read doc/1@1 partly /n/x=1 /n/y/z=[1]",
    ]


def test_a_view_that_is_held_reads_what_is_there_now(tape: Tape) -> None:
    with tape.record():
        ctx: Any = dl.track({"l": [1], "d": {"x": 1}}, id="doc/1")
        with dl.branch("a"):
            facts, nested = ctx["l"], ctx["d"]
            with dl.branch("b"):
                ctx["l"].append(2)
                ctx["d"]["x"] = 2
            assert (len(facts), facts[-1], nested["x"]) == (2, 2, 2)

    assert [text for text in tape.facts() if text.startswith("a#2")] == [
        "a#2 read doc/1@1 partly /l=[1]",
        "a#2 read doc/1@3 partly /l=[1,2]",
        "a#2 read doc/1@3 partly /d/x=2",
    ]


def test_a_list_that_is_mutated_through_a_view_that_is_held_loses_nothing(tape: Tape) -> None:
    with tape.record():
        ctx: Any = dl.track({"l": []}, id="doc/1")
        with dl.branch("a"):
            facts = ctx["l"]
            with dl.branch("b"):
                ctx["l"].append("b")
            facts.append("a")

    assert tape.facts()[-2:] == [
        'a#2 read doc/1@2 partly /l=["b"]',
        'a#2 patch doc/1@3 <1? /l=["b","a"]<2?',
    ]


def test_to_reach_into_a_mapping_is_not_to_have_read_what_is_overwritten(tape: Tape) -> None:
    with tape.record():
        ctx: Any = dl.track({"n": {"x": 1}}, id="doc/1")
        main = dl.current()
        with dl.branch("a"):
            x = ctx["n"]["x"]
            with dl.branch("b", parent=main):
                ctx["n"]["x"] = 10
            ctx["n"]["x"] = x + 1

    assert tape.facts()[1:] == [
        "a#2 read doc/1@1 partly /n/x=1",
        "b#3 patch doc/1@2 <1? /n/x=10",
        "a#2 patch doc/1@3 <1? /n/x=2",
    ]
