"""Values: captured at the call, whatever they are, in one canonical form."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import types
import uuid
from collections import UserDict, namedtuple
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NoReturn

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tape import Tape
from xxhash import xxh3_64_intdigest

import driftline as dl
from driftline.canonical import decode, filled_leaves
from driftline.values import (
    ABSENT,
    digest_inputs,
    encode_payload,
    flatten,
    flatten_patch,
    freeze,
    leaf_items,
    pointer,
)

# ---- the canonical form -------------------------------------------------------------------------------------------


def canonical(value: object) -> str:
    return encode_payload(freeze(value)).decode()


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    y: int
    x: int


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self


class Number(int):
    pass


class Real(float):
    pass


class Loud:
    def __repr__(self) -> NoReturn:
        raise RuntimeError("no")


class Odd:
    def __repr__(self) -> str:
        return "odd \ud800"


class Trap(Mapping[str, Any]):
    """A mapping that cannot be read."""

    def __getitem__(self, _key: str) -> NoReturn:
        raise RuntimeError("no")

    def __iter__(self) -> NoReturn:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 1


Pair = namedtuple("Pair", "a b")  # noqa: PYI024 - the untyped kind is what is tested

CANONICAL: list[tuple[object, str]] = [
    # what JSON has
    (None, "null"),
    (True, "true"),
    (0, "0"),
    (-5, "-5"),
    (2**63, "9223372036854775808"),
    (2**80, "1208925819614629174706176"),
    (1.0, "1.0"),
    (-0.0, "-0.0"),
    (0.1, "0.1"),
    (1e15, "1000000000000000.0"),
    (1e16, "1e16"),
    (1e-5, "0.00001"),
    (1e-7, "1e-7"),
    (5e-324, "5e-324"),
    ("", '""'),
    ("é/\x7f\u2028😀", '"é/\x7f\u2028😀"'),
    ('"\\\b\t\n\f\r\x01', '"\\"\\\\\\b\\t\\n\\f\\r\\u0001"'),
    ([1, [2, {}]], "[1,[2,{}]]"),
    ({"b": 1, "a": {"d": 1, "c": 2}}, '{"a":{"c":2,"d":1},"b":1}'),
    ({"é": 1, "z": 2, "😀": 3, "\uffff": 4}, '{"z":2,"é":1,"\uffff":4,"😀":3}'),
    # what is as good as that
    ((1, 2), "[1,2]"),
    (Pair(1, 2), "[1,2]"),
    ({3, 1, 2}, "[1,2,3]"),
    (frozenset("ba"), '["a","b"]'),
    ({1: 2, 10: 3, 9: 4}, '{"1":2,"10":3,"9":4}'),
    (types.MappingProxyType({"b": 1, "a": 2}), '{"a":2,"b":1}'),
    ([UserDict(a=1)], '[{"a":1}]'),
    (Point(y=1, x=2), '{"x":2,"y":1}'),
    (Colour.RED, "1"),
    ([Colour.BLUE], '["blue"]'),
    (Text("t"), '"t"'),
    ([Number(3), Real(0.5)], "[3,0.5]"),
    (b"abc", '"YWJj"'),
    (bytearray(b"abc"), '"YWJj"'),
    (dt.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC), '"2020-01-02T03:04:05.000006Z"'),
    (dt.date(2020, 1, 2), '"2020-01-02"'),
    (dt.timedelta(days=1), '"P1D"'),
    (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    (Decimal("1.50"), '"1.50"'),
    # what JSON has no form for
    (math.nan, '{"$float":"nan"}'),
    (-math.inf, '{"$float":"-inf"}'),
    ([math.nan, None, {"a": math.inf}], '[{"$float":"nan"},null,{"a":{"$float":"inf"}}]'),
    ([Real(math.nan)], '[{"$float":"nan"}]'),
    (range(3), '{"$type":"builtins.range","repr":"range(0, 3)"}'),
    (1 + 2j, '{"$type":"builtins.complex","repr":"(1+2j)"}'),
    (Loud(), f'{{"$type":"{__name__}.Loud","repr":"<repr raised RuntimeError>"}}'),
    (Odd(), f'{{"$type":"{__name__}.Odd","repr":"odd \\\\ud800"}}'),
    ([Trap()], f'[{{"$type":"{__name__}.Trap","repr":"<reading raised RuntimeError>"}}]'),
    ({(1, 2): 3, None: 1, True: 2, 1.5: 4}, '{"(1, 2)":3,"1.5":4,"None":1,"True":2}'),
    ({Colour.RED: 1}, '{"Colour.RED":1}'),
    ("\ud800", '"\\\\ud800"'),
    ({"\ud800": ["\udfff"]}, '{"\\\\ud800":["\\\\udfff"]}'),
    ([{"a", "\ud800"}], '[["\\\\ud800","a"]]'),
]


@pytest.mark.parametrize(("value", "text"), CANONICAL, ids=[text[:40] for _, text in CANONICAL])
def test_every_value_has_a_canonical_form(value: object, text: str) -> None:
    assert canonical(value) == text
    json.loads(text)


def test_numbers_of_more_digits_than_python_writes_stay_apart() -> None:
    one, other = canonical(10**5000), canonical([10**5000 + 1])

    assert one.startswith('{"$type":"builtins.int","repr":"0x31e208')
    assert other[1:-1] != one


def test_a_cycle_is_named() -> None:
    cyclic: list[Any] = [1]
    cyclic += [cyclic, {"again": cyclic}]

    assert canonical(cyclic) == '[1,{"$type":"driftline.cycle"},{"again":{"$type":"driftline.cycle"}}]'


def test_a_web_of_cycles_is_cut_off() -> None:
    nodes: list[dict[str, Any]] = [{} for _ in range(30)]
    for node in nodes:
        node.update({str(number): other for number, other in enumerate(nodes)})

    assert "driftline.too-large" in canonical(nodes)


def test_nesting_is_cut_off_where_the_encoder_gives_up() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]

    assert canonical(deep) == "[" * 64 + '{"$type":"driftline.too-deep"}' + "]" * 64


def test_equal_values_look_the_same_and_others_do_not() -> None:
    assert canonical({"a": [1], "b": 2}) == canonical({"b": 2, "a": (1,)})
    assert len({canonical(value) for value in (1, 1.0, True, "1", None, "null", [], {}, "", math.nan, [None])}) == 11


def test_the_signature_of_a_task_is_of_its_name_and_inputs() -> None:
    assert digest_inputs("t", {"b": 1, "a": 2}) == xxh3_64_intdigest(b'"t"\n{"a":2,"b":1}')
    assert digest_inputs("t", None) == xxh3_64_intdigest(b'"t"\nnull')


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("null", 0),
        ('""', 0),
        ("[]", 0),
        ("{}", 0),
        ("[null]", 0),
        ("0", 1),
        ("false", 1),
        ('"' + "x" * 100 + '"', 1),
        ("[" + ",".join(["null"] * 20) + "]", 0),
        ("[" + ",".join(["1"] * 40) + "]", 40),
        ('{"a":[' + ",".join(['""'] * 30) + '],"b":{"c":[{}, [], false]}}', 1),
    ],
)
def test_leaves_are_the_scalars_that_hold_something(text: str, leaves: int) -> None:
    assert filled_leaves(text.encode()) == leaves


# ---- round trips --------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_json_comes_back_as_it_was(value: Any) -> None:
    back = decode(encode_payload(freeze(value)))

    assert back == value
    assert repr(sorted_keys(back)) == repr(sorted_keys(value)), "1, 1.0 and True are different values"


def sorted_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    return [sorted_keys(item) for item in value] if isinstance(value, list) else value


@given(JSON)
def test_the_canonical_form_is_its_own(value: Any) -> None:
    text = encode_payload(freeze(value))

    assert encode_payload(freeze(decode(text))) == text
    assert json.loads(text) == value


@given(JSON)
def test_keys_are_sorted_and_no_space_is_left(value: Any) -> None:
    shape = json.dumps(json.loads(canonical(value)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert json.loads(shape) == json.loads(canonical(value))
    assert list(flat_keys(json.loads(canonical(value)))) == list(flat_keys(sorted_keys(value)))


def flat_keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from flat_keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from flat_keys(item)


@given(
    st.recursive(
        st.text() | st.floats() | st.none() | st.binary(max_size=3),
        lambda inner: (
            st.lists(inner)
            | st.sets(st.text())
            | st.dictionaries(st.text() | st.integers() | st.none() | st.tuples(st.text()), inner)
        ),
    )
)
def test_every_value_becomes_json(value: Any) -> None:
    json.loads(canonical(value))


@given(st.dictionaries(TEXTS, JSON, max_size=5), st.integers(1, 4))
def test_the_fields_of_a_value_make_the_value(value: dict[str, Any], depth: int) -> None:
    fields = flatten(value, depth)

    assert unflatten({path: decode(encode_payload(payload)) for path, payload in fields}) == value
    assert len({path for path, _ in fields}) == len(fields)
    assert all(1 <= path.count("/") <= depth for path, _ in fields)


def unflatten(fields: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for path, leaf in fields.items():
        *outer, last = (token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:])
        inner = value
        for token in outer:
            inner = inner.setdefault(token, {})
        inner[last] = leaf
    return value


@given(st.dictionaries(TEXTS, JSON, max_size=5), st.integers(1, 4))
def test_a_patch_of_every_field_lists_what_the_whole_value_lists(value: dict[str, Any], depth: int) -> None:
    patch = {pointer(key): item for key, item in value.items()}

    assert flatten_patch(patch, depth) == flatten(value, depth)
    assert [(path, freeze(item)) for path, item in leaf_items("", value, depth) if path] == flatten(value, depth)


@given(TEXTS)
def test_a_pointer_names_its_key(key: str) -> None:
    token = pointer(key)

    assert token[0] == "/"
    assert "/" not in token[1:]
    assert token[1:].replace("~1", "/").replace("~0", "~") == key


def test_odd_keys_have_pointers() -> None:
    assert [pointer(key) for key in (3, None, (1, 2), Text("a/b"), "\ud800", "", "~1")] == [
        "/3",
        "/None",
        "/(1, 2)",
        "/a~1b",
        "/\\ud800",
        "/",
        "/~01",
    ]


def test_absent_removes_a_field_wherever_it_stands() -> None:
    assert flatten_patch({"/a": {"b": ABSENT, "c": 1}}, depth=3) == [("/a/b", ABSENT), ("/a/c", 1)]
    assert flatten({"a": ABSENT}, depth=1) == [("/a", ABSENT)]
    assert repr(ABSENT) == "driftline.ABSENT"


# ---- at the call --------------------------------------------------------------------------------------------------


def test_a_value_is_copied_at_the_call(tape: Tape) -> None:
    value: dict[str, Any] = {"l": [1], "m": {"n": {"o": {"p": [1]}}}, "s": {1}, "p": Point(1, 2), "b": bytearray(b"a")}
    with tape.record():
        dl.write("doc/1", value)
        dl.read("doc/2", value, version=1)
        dl.patch("doc/3", {"/l": value["l"]})
        value["l"].append(2)
        value["m"]["n"]["o"]["p"].append(2)
        value["s"].add(2)
        value["p"].x = 9
        value["b"].append(0)
        value["new"] = 1

    fields = '/l=[1] /m/n/o={"p":[1]} /s=[1] /p={"x":2,"y":1} /b="YQ=="'
    assert tape.facts() == [
        f"main#1 write doc/1@1? <-? {fields}",
        f"main#1 read doc/2@1 whole {fields}",
        "main#1 patch doc/3@1? <-? /l=[1]",
    ]


def test_no_value_is_kept_alive(tape: Tape) -> None:
    gone: list[str] = []

    class Watched:
        def __del__(self) -> None:
            gone.append("gone")

    with tape.record():
        dl.write("doc/1", {"w": Watched()})
        assert gone == ["gone"]


@pytest.mark.parametrize(
    "value",
    [value for value, _ in CANONICAL]
    + [10**5000, Trap(), {"a": Trap()}, object, lambda: 1, iter([1]), {"a": {"b": Trap()}}],
    ids=lambda value: type(value).__name__,
)
def test_no_value_raises_into_the_program(tape: Tape, value: Any) -> None:
    with tape.record():
        dl.write("doc/1", value)
        dl.write("doc/1", {"f": value, "g": {"h": value}})
        dl.patch("doc/1", {"/f": value})
        dl.read("doc/1", value, version=1)
        dl.read("doc/1", {"f": value}, partial=True)
        with dl.task("t", inputs=value):
            dl.write("doc/2", 1)
        dl.write("doc/3", 1)

    assert tape.facts()[-1] == "main#1 write doc/3@1? <-? =1"
    json.dumps(tape.events())  # every text of the trace is text
    assert len(tape.events("write")) == 4
    assert tape.trace().complete
    assert tape.record_of_process().faults == {}
