"""Values that fight back: recorded all the same, alike each time, as JSON, and without a word into the program."""

from __future__ import annotations

import enum
import json
import types
import weakref
from collections import UserDict, deque
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tape import Tape

import driftline as dl
from driftline.capture import Capture
from driftline.secret_names import SecretNames
from driftline.values import ABSENT, Sealed, encode_payload, flatten, flatten_patch, freeze, leaf_items

SECRET = "hunter2"  # noqa: S105 - what must not be found


class Fatal(BaseException):
    """No Exception: what is meant to end a program."""


class Everything:
    """Raises whatever is asked of it."""

    def __init__(self, fault: type[BaseException] = RuntimeError) -> None:
        self.fault = fault

    def __repr__(self) -> NoReturn:
        raise self.fault

    def __eq__(self, _other: object) -> NoReturn:
        raise self.fault

    def __hash__(self) -> int:
        return 1

    def __bool__(self) -> NoReturn:
        raise self.fault

    def __len__(self) -> NoReturn:
        raise self.fault

    def __iter__(self) -> NoReturn:
        raise self.fault

    def __getattr__(self, _name: str) -> NoReturn:
        raise self.fault


class Key:
    """A key whose text cannot be had."""

    def __str__(self) -> NoReturn:
        raise RuntimeError("no")


class Liar(Mapping[Any, Any]):
    """A mapping of which one part raises."""

    def __init__(self, part: str) -> None:
        self._part = part

    def _do(self, part: str) -> None:
        if part == self._part:
            raise RuntimeError(part)

    def __getitem__(self, key: Any) -> Any:
        self._do("getitem")
        return self if self._part == "itself" else 1

    def __iter__(self) -> Iterator[Any]:
        self._do("iter")
        return iter(["a", Key()] if self._part == "key" else ["a", "password"])

    def __len__(self) -> int:
        self._do("len")
        return 2

    def keys(self) -> Any:
        self._do("keys")
        return super().keys()

    def items(self) -> Any:
        self._do("items")
        return super().items()


class Metaclass(type):
    def __hash__(cls) -> NoReturn:
        raise RuntimeError("no")

    def __instancecheck__(cls, _instance: object) -> NoReturn:
        raise RuntimeError("no")


class OfMetaclass(metaclass=Metaclass):
    pass


class Slow:
    """Counts how often it is asked."""

    asked = 0

    def __repr__(self) -> str:
        Slow.asked += 1
        return "Slow()"


class LyingText(str):
    __slots__ = ()

    def __str__(self) -> NoReturn:
        raise RuntimeError("no")

    def encode(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise RuntimeError("no")

    def __len__(self) -> NoReturn:
        raise RuntimeError("no")


class LyingList(list[Any]):
    def __iter__(self) -> NoReturn:
        raise RuntimeError("no")


class LyingDict(dict[Any, Any]):
    def items(self) -> NoReturn:
        raise RuntimeError("no")

    def __iter__(self) -> NoReturn:
        raise RuntimeError("no")


class Odd(enum.Enum):
    A = object()
    B = types.MappingProxyType({"password": SECRET})


def referenced() -> Any:
    return weakref.ref(Slow)


def numbered() -> Iterator[int]:
    yield 1


NASTY: list[Any] = [
    Everything(), Everything(Fatal), Everything(SystemExit), Everything(RecursionError), Everything(MemoryError),
    *(Liar(part) for part in ("getitem", "iter", "len", "keys", "items", "key", "itself", "nothing")),
    OfMetaclass(), OfMetaclass, LyingText("t"), LyingList([1]), LyingDict(a=1), Odd.A, Odd.B, referenced(), numbered(),
    open, ..., NotImplemented, object, b"\x00", bytearray(b"x"), memoryview(b"abc")[::2], deque([1]), UserDict({1: 2}),
    types.SimpleNamespace(password=SECRET), 10**5000, -(10**5000), 1e400, -0.0, float("nan"), "\ud800\udfff",
    range(10**9), 2**64, type("password", (), {})(), lambda: 1, types.MappingProxyType({"token": SECRET}),
]  # fmt: skip
KEYS: list[Any] = [
    *("a", "b", "/", "~", "", "password", "apiKey", "1", "\ud800", "\\ud800", LyingText("k")),
    *(1, 1.0, True, None, (1,), b"b", Odd.A, float("nan"), 2**70, Key()),
]


class Held:
    """A value that hypothesis need not look at."""

    def __init__(self, value: Any, said: str) -> None:
        self.value = value
        self.said = said

    def __repr__(self) -> str:
        return self.said


def held_list(items: list[Held]) -> Held:
    return Held([item.value for item in items], f"{items}")


def held_dict(pairs: list[tuple[int, Held]]) -> Held:
    return Held({KEYS[at]: item.value for at, item in pairs}, f"dict of {pairs}")


WRAPPED: list[Any] = [
    tuple,
    LyingList,
    deque,
    lambda items: types.SimpleNamespace(x=items),
    lambda i: UserDict({"u": i}),
]
PAIRS = st.integers(0, len(KEYS) - 1)
VALUES = st.recursive(
    st.integers(0, len(NASTY) - 1).map(lambda at: Held(NASTY[at], f"NASTY[{at}]"))
    | (st.text(max_size=3) | st.integers() | st.floats()).map(lambda value: Held(value, repr(value))),
    lambda inner: (
        st.lists(inner, max_size=4).map(held_list)
        | st.lists(st.tuples(PAIRS, inner), max_size=4).map(held_dict)
        | st.tuples(st.integers(0, len(WRAPPED) - 1), st.lists(inner, max_size=3)).map(
            lambda made: Held(WRAPPED[made[0]](held_list(made[1]).value), f"WRAPPED[{made[0]}] of {made[1]}")
        )
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module", autouse=True)
def _screened() -> Iterator[None]:
    Capture([("full", {})], names=SecretNames(), key=bytes(16)).put_in_force()
    yield
    Capture.put_out_of_force()


def shown(payload: object) -> str:
    return "" if payload is ABSENT else encode_payload(payload).decode()


@given(VALUES)
def test_any_value_becomes_json_the_same_each_time(held: Held) -> None:
    first, again = shown(freeze(held.value)), shown(freeze(held.value))

    assert first == again
    json.loads(first)
    assert " at 0x" not in first
    assert SECRET not in first


@given(VALUES, st.integers(1, 4))
def test_any_value_has_fields_the_same_each_time(held: Held, depth: int) -> None:
    first, again = flatten(held.value, depth), flatten(held.value, depth)

    assert [(path, shown(payload)) for path, payload in first] == [(path, shown(payload)) for path, payload in again]
    for path, payload in first:
        assert path.encode().decode() == path
        assert isinstance(payload, (str, int, float, bool, bytes, Sealed, type(None)))
        json.loads(shown(payload))


@given(st.lists(st.tuples(PAIRS, VALUES), max_size=3), st.integers(1, 4))
def test_a_patch_raises_only_what_the_text_of_a_key_does(pairs: list[tuple[int, Held]], depth: int) -> None:
    fields = held_dict(pairs).value
    try:
        for path, payload in flatten_patch(fields, depth):
            assert path.encode().decode() == path
            json.loads(shown(payload))
    except RuntimeError:  # it is counted as a fault: nobody knows which field it was
        assert any(isinstance(key, Key) for key in fields)


@given(VALUES, st.integers(1, 4))
def test_the_items_of_a_tracked_value_are_its_fields(held: Held, depth: int) -> None:
    items = [path for path, _ in leaf_items("", held.value, depth)]

    found = [path for path, _ in flatten(held.value, depth)]
    assert items == found or (items == [""] and not found)


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_nothing_is_raised_into_the_program_and_nothing_lost(tape: Tape, value: Any) -> None:
    with tape.record():
        dl.write("doc/1", value, version=1)
        dl.write("doc/1", {"a": value, "b": {"c": [value]}}, version=2)
        dl.read("doc/1", {"a": value}, version=2)
        dl.patch("doc/1", {"/a": value}, version=3)
        dl.merge("doc/1", [value], bases=[1], version=4)
        with dl.task("t", inputs=value):
            pass

    assert [event["op"] for event in tape.events("write", "patch", "merge")] == ["write", "write", "patch", "merge"]
    assert tape.record_of_process().faults == {}
    assert tape.trace().complete


def test_a_repr_is_asked_once_a_capture() -> None:
    Slow.asked = 0
    freeze([Slow()])

    assert Slow.asked == 1


def test_a_key_pressed_in_a_repr_is_the_programs(tape: Tape) -> None:
    with tape.record(), pytest.raises(KeyboardInterrupt):
        dl.write("doc/1", Everything(KeyboardInterrupt))


def test_the_longest_repr_is_cut() -> None:
    class Long:
        def __repr__(self) -> str:
            return "x" * 1_000_000

    assert len(shown(freeze(Long()))) < 70_000
