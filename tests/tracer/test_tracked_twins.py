"""Whatever is done to a tracked structure and to a plain twin of it: they stay equal, and the trace gives the same."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tape import Tape

import driftline as dl
from driftline.values import encode_payload, flatten

EXAMPLES = int(os.environ.get("TRIED_EXAMPLES", "30"))


@dataclass
class Line:
    item: Any = "x"
    tags: list[Any] = field(default_factory=list)


@dataclass
class Order:
    lines: list[Any] = field(default_factory=list)
    by_name: dict[str, Any] = field(default_factory=dict)
    last: Any = field(default_factory=Line)
    count: int = 0


@dataclass(slots=True)
class SlottedOrder:
    lines: list[Any] = field(default_factory=list)
    by_name: dict[str, Any] = field(default_factory=dict)
    last: Any = field(default_factory=Line)
    count: int = 0


def as_json(value: Any) -> Any:
    """A structure as JSON has it, whatever it is made of."""
    if isinstance(value, (Order, SlottedOrder)):
        return {name: as_json(getattr(value, name)) for name in ("lines", "by_name", "last", "count")}
    if isinstance(value, Line):
        return {"item": as_json(value.item), "tags": as_json(value.tags)}
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, set):
        return sorted(map(as_json, value), key=json.dumps)
    if isinstance(value, (list, deque)):
        return [as_json(item) for item in value]
    return value


def fresh(choice: Random, depth: int = 2) -> Any:
    """A new value, the same for equal sources of chance."""
    kind = choice.choice(("scalar", "scalar", "list", "dict", "set", "line", "deque"))
    size = choice.randrange(3)
    if kind == "scalar" or depth == 0:
        return choice.choice((1, 2.5, "text", None, True))
    if kind == "list":
        return [fresh(choice, depth - 1) for _ in range(size)]
    if kind == "deque":
        return deque(fresh(choice, depth - 1) for _ in range(size))
    if kind == "dict":
        return {choice.choice("abc"): fresh(choice, depth - 1) for _ in range(size)}
    if kind == "set":
        return {choice.randrange(4) for _ in range(size)}
    return Line(fresh(choice, 0), [fresh(choice, depth - 1) for _ in range(size)])


def parts(value: Any) -> Iterator[Any]:
    """A structure and everything in it that can be mutated, in an order of its own."""
    yield value
    if isinstance(value, (Order, SlottedOrder)):
        inside: Any = [value.lines, value.by_name, value.last]
    elif isinstance(value, Line):
        inside = [value.item, value.tags]
    elif isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, (list, deque)):
        inside = list(value)
    else:
        inside = []
    for item in inside:
        if isinstance(item, (Line, dict, list, deque, set)):
            yield from parts(item)


def on_list(value: Any, choice: Random) -> Any:
    def assign() -> None:
        value[choice.randrange(len(value))] = fresh(choice)

    def assign_slice() -> None:
        value[: choice.randrange(3)] = [fresh(choice)]

    def delete() -> None:
        del value[choice.randrange(len(value))]

    def add_in_place() -> None:
        nonlocal value
        value += [fresh(choice)]

    def sort() -> None:
        value.sort(key=lambda item: json.dumps(as_json(item)))

    return choice.choice(
        (
            lambda: value.append(fresh(choice)),
            lambda: value.extend([fresh(choice), fresh(choice)]),
            lambda: value.insert(0, fresh(choice)),
            value.pop,
            lambda: value.remove(value[-1]),
            value.reverse,
            value.clear,
            lambda: value.extend(value),
            sort,
            assign,
            assign_slice,
            delete,
            add_in_place,
        ),
    )()


def on_deque(value: Any, choice: Random) -> Any:
    return choice.choice(
        (
            lambda: value.append(fresh(choice)),
            lambda: value.appendleft(fresh(choice)),
            lambda: value.extendleft([fresh(choice), fresh(choice)]),
            value.popleft,
            lambda: value.rotate(1),
            lambda: value.__setitem__(0, fresh(choice)),
        ),
    )()


def on_dict(value: Any, choice: Random) -> Any:
    key = choice.choice("abc")
    return choice.choice(
        (
            lambda: value.__setitem__(key, fresh(choice)),
            lambda: value.__delitem__(key),
            lambda: value.pop(key, None),
            value.popitem,
            lambda: value.setdefault(key, fresh(choice)),
            lambda: value.update({key: fresh(choice)}, z=fresh(choice)),
            lambda: value.__ior__({key: fresh(choice)}),
            value.clear,
        ),
    )()


def on_set(value: Any, choice: Random) -> Any:
    number = choice.randrange(5)
    return choice.choice(
        (
            lambda: value.add(number),
            lambda: value.discard(number),
            lambda: value.remove(number),
            lambda: value.update({number, 7}),
            lambda: value.__ixor__({number}),
            lambda: value.intersection_update({number, 1, 2}),
        ),
    )()


def on_object(value: Any, choice: Random) -> Any:
    names = ("item", "tags") if isinstance(value, Line) else ("lines", "by_name", "last", "count")
    name = choice.choice(names)
    fitting = {"item": fresh, "tags": on_new_list, "lines": on_new_list, "by_name": on_new_dict, "last": on_new_line}
    setattr(value, name, fitting.get(name, lambda c: c.randrange(9))(choice))


def on_new_list(choice: Random) -> Any:
    return [fresh(choice)]


def on_new_dict(choice: Random) -> Any:
    return {"a": fresh(choice)}


def on_new_line(choice: Random) -> Any:
    return Line(fresh(choice))


def step(root: Any, seed: int) -> Any:
    """Do something somewhere in a structure: to equal structures, with equal seeds, the same."""
    choice = Random(seed)  # noqa: S311 - which it is need not be a secret
    found = list(parts(root))
    value = found[choice.randrange(len(found))]
    act: Callable[[Any, Random], Any] = on_object
    for kind, what in ((dict, on_dict), (list, on_list), (deque, on_deque), (set, on_set)):
        if isinstance(value, kind):
            act = what
    try:
        return as_json(act(value, choice))
    except (KeyError, IndexError, ValueError) as fault:
        return repr(fault)


def written(tape: Tape) -> dict[str, str]:
    """The fields that the trace's writes leave standing; on the way, every read has read what stood."""
    fields: dict[str, str] = {}
    for event in tape.events("write", "patch", "read"):
        if event["op"] == "read":
            for item in event["fields"]:
                assert item.get("value") == fields.get(item["path"])
            continue
        if event["op"] == "write":
            fields = {}
        for item in event["fields"]:
            fields.pop(item["path"], None)
            if "value" in item:
                fields[item["path"]] = item["value"]
    return fields


@pytest.mark.parametrize("kind", [dict, list, Order, SlottedOrder])
@settings(max_examples=EXAMPLES)
@given(seeds=st.lists(st.integers(0, 10**6), max_size=12), recorded_from=st.integers(0, 3))
def test_it_stays_equal_to_its_twin_and_the_trace_to_both(
    kind: type, seeds: list[int], recorded_from: int, tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    tape = Tape(tmp_path_factory.mktemp("t") / "run.drift")
    plain, twin = kind(), kind()
    tracked = dl.track(plain, id="doc/1")
    for seed in seeds[:recorded_from]:
        assert step(tracked, seed) == step(twin, seed)
    with tape.record():
        for seed in seeds[recorded_from:]:
            assert step(tracked, seed) == step(twin, seed)
            assert tracked == twin
            assert twin == tracked
        assert as_json(tracked) == as_json(twin)

    content = as_json(twin)
    expected = {path: encode_payload(payload).decode() for path, payload in flatten(content, 3)}
    assert written(tape) == expected
    assert tape.record_of_process().faults == {}
