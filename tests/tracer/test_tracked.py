"""`track`: a mapping like any other, which records its own reads and writes."""

from __future__ import annotations

import copy
import pickle
import threading
from collections import defaultdict
from collections.abc import Mapping, MutableMapping
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tape import Tape

import driftline as dl

# ---- a mapping ----------------------------------------------------------------------------------------------------


def every_use(mapping: MutableMapping[str, Any]) -> list[Any]:
    """What a mapping answers to everything that one can ask of it."""
    answers: list[Any] = [
        len(mapping),
        bool(mapping),
        list(mapping),
        sorted(mapping.keys()),
        mapping == {"a": 1, "n": {"x": 1}},
    ]
    mapping["b"] = 2
    mapping.update({"c": 3}, d=4)
    mapping.update([("e", 5)])
    mapping.update()
    answers += [mapping["b"], mapping.get("c"), mapping.get("z"), mapping.get("z", 9), "b" in mapping, "z" in mapping]
    answers += [mapping.pop("b"), mapping.pop("z", 7), mapping.setdefault("c", 0), mapping.setdefault("f", 6)]
    del mapping["c"]
    answers += [dict(mapping.items()), list(mapping.values()), mapping != {}, mapping == dict(mapping)]
    last = mapping.popitem()
    answers += [len(mapping), last[0] not in mapping]
    for fails in (
        lambda: mapping["z"],
        lambda: mapping.pop("z"),
        lambda: mapping.__delitem__("z"),
        lambda: mapping[[]],
    ):  # type: ignore[index]
        try:
            fails()
        except (KeyError, TypeError) as fault:
            answers.append(repr(fault))
    mapping.clear()
    answers.append(dict(mapping))
    try:
        mapping.popitem()
    except KeyError:
        answers.append("empty")
    return answers


def test_it_answers_as_a_dict_does_while_nothing_records() -> None:
    assert every_use(dl.track({"a": 1, "n": {"x": 1}})) == every_use({"a": 1, "n": {"x": 1}})


def test_it_answers_as_a_dict_does_while_recording(tape: Tape) -> None:
    with tape.record():
        assert every_use(dl.track({"a": 1, "n": {"x": 1}}, id="doc/1")) == every_use({"a": 1, "n": {"x": 1}})

    assert tape.trace().complete
    assert tape.record_of_process().faults == {}


@settings(max_examples=50)
@given(
    steps=st.lists(
        st.tuples(
            st.just("set"),
            st.sampled_from("ab"),
            st.integers(0, 2)
            | st.dictionaries(st.sampled_from("xy"), st.integers(0, 2) | st.just({}) | st.just({"z": 1}), max_size=2),
        )
        | st.tuples(st.just("pop"), st.sampled_from("ab"))
        | st.tuples(
            st.just("update"),
            st.dictionaries(st.sampled_from("ab"), st.integers(0, 2) | st.just({"x": 1}) | st.just({"y": {"z": 2}})),
        )
        | st.tuples(st.just("clear")),
        max_size=8,
    ),
)
def test_the_fields_that_are_recorded_make_the_mapping(steps: list[tuple[Any, ...]], tmp_path_factory: Any) -> None:
    tape = Tape(tmp_path_factory.mktemp("t") / "run.drift")
    with tape.record():
        mapping = dl.track({"a": {"x": 1}}, id="doc/1")
        for what, *rest in steps:
            if what == "set":
                mapping[rest[0]] = rest[1]
            elif what == "pop":
                mapping.pop(rest[0], None)
            elif what == "update":
                mapping.update(rest[0])
            else:
                mapping.clear()
        final = mapping.copy()

    fields: dict[str, str] = {}
    for event in tape.events("write", "patch"):
        if event["op"] == "write":
            fields = {}
        for item in event["fields"]:
            fields.pop(item["path"], None)
            if "value" in item:
                fields[item["path"]] = item["value"]
    assert fields == {path: str(leaf).replace("{}", "{}") for path, leaf in leaves(final)}


def leaves(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, item in value.items():
        path = f"{prefix}/{key}"
        found += leaves(item, path) if isinstance(item, dict) and item else [(path, item)]
    return found


@pytest.mark.parametrize(
    "value", [1, 2.5, "text", b"bytes", None, (1, 2), {1}, frozenset(), int, print, iter([]), object(), Ellipsis]
)
def test_what_has_nothing_to_share_cannot_be_tracked(value: object) -> None:
    kind = type(value).__name__
    with pytest.raises(TypeError, match=rf"track\(\) takes a mapping, a list or an object .*, not {kind}$"):
        dl.track(value)


def test_its_content_is_a_copy_one_level_deep() -> None:
    original: dict[str, Any] = {"a": 1, "l": [1]}
    mapping = dl.track(original)
    mapping["a"] = 2

    mapping["l"].append(2)

    assert original == {"a": 1, "l": [1, 2]}
    assert mapping == {"a": 2, "l": [1, 2]}
    assert mapping["l"] is mapping["l"]


def test_of_a_defaultdict_a_missing_key_is_made(tape: Tape) -> None:
    original: defaultdict[str, list[int]] = defaultdict(list)
    with tape.record():
        groups = dl.track(original, id="doc/1")
        groups["a"].append(1)
        with pytest.raises(KeyError, match="'b'"):
            dl.track(dict(groups))["b"]

    assert groups == {"a": [1]}
    assert original == {}
    assert tape.lines("patch", without=("type", "depth")) == [
        "main#1 patch doc/1@2 <1? /a=[]",
        "main#1 patch doc/1@3 <1? /a=[1]<2?",
    ]


def test_it_has_an_id_and_a_type() -> None:
    named = dl.track({}, id="context/42")
    typed = dl.track({}, type="plan")
    neither, other = dl.track({}), dl.track({})

    assert (named.object_id, named.object_type) == ("context/42", "context")
    assert (typed.object_id.partition("/")[0], typed.object_type) == ("plan", "plan")
    assert (neither.object_id.partition("/")[0], neither.object_type) == ("mapping", None)
    assert neither.object_id != other.object_id
    assert dl.track({}, id="context/42", type="other").object_type == "other"
    assert repr(dl.track({"a": 1}, id="context/42")) == "track({'a': 1}, id='context/42')"


def test_a_copy_of_it_is_a_plain_dict() -> None:
    inner = [1]
    ctx = dl.track({"l": inner}, id="doc/1")

    for same in (ctx.copy(), copy.copy(ctx)):
        assert type(same) is dict
        assert same["l"] is inner
    for other in (copy.deepcopy(ctx), pickle.loads(pickle.dumps(ctx))):  # noqa: S301 - our own
        assert type(other) is dict
        assert other == {"l": [1]}
        assert other["l"] is not inner


def test_it_is_not_hashable_as_no_mutable_mapping_is() -> None:
    with pytest.raises(TypeError):
        hash(dl.track({}))


# ---- what it records ----------------------------------------------------------------------------------------------


def test_every_write_makes_the_next_version(tape: Tape) -> None:
    with tape.record():
        ctx = dl.track({"a": 1}, id="doc/1")
        ctx["a"] = 2
        ctx["b"] = 3
        ctx.update(a=4, c=5)
        ctx.update()
        del ctx["b"]
        ctx.replace({"z": 1})
        ctx.clear()

    assert tape.facts() == [
        "main#1 write doc/1@1 <-? /a=1",
        "main#1 patch doc/1@2 <1? /a=2",
        "main#1 patch doc/1@3 <1? /b=3",
        "main#1 patch doc/1@4 <1? /a=4<2? /c=5",
        "main#1 patch doc/1@5 <1? /b=~<3?",
        "main#1 write doc/1@6 <1? /z=1 /a=~<4? /b=~<5? /c=~<4?",
        "main#1 write doc/1@7 <6?",
    ]
    assert tape.events("write")[0]["type"] == "doc"


def test_reading_says_which_fields_were_seen(tape: Tape) -> None:
    with tape.record():
        ctx = dl.track({"a": 1, "b": 2}, id="doc/1")
        for n, use in enumerate(
            (lambda: ctx["a"], lambda: ctx.get("z"), lambda: "b" in ctx, lambda: len(ctx), ctx.copy)
        ):
            with dl.branch(f"b{n}"):
                use()

    assert tape.facts()[1:] == [
        "b0#2 read doc/1@1 partly /a=1",
        "b1#3 read doc/1@1 partly /z=~",
        "b2#4 read doc/1@1 partly /b=2",
        "b3#5 read doc/1@1 whole /a=1 /b=2",
        "b4#6 read doc/1@1 whole /a=1 /b=2",
    ]


def test_read_modify_write_steps_are_one_step(tape: Tape) -> None:
    with tape.record(), dl.branch("a"):
        ctx = dl.track({"n": 1}, id="doc/1")
        with dl.branch("b"):
            ctx.pop("n")
            ctx.setdefault("m", 2)
            ctx.setdefault("m", 3)

    assert tape.facts()[1:] == [
        "b#3 read doc/1@1 partly /n=1",
        "b#3 patch doc/1@2 <1? /n=~",
        "b#3 read doc/1@2 partly /m=~",
        "b#3 patch doc/1@3 <1? /m=2<2?",
    ]


def test_nested_mappings_are_recorded_leaf_by_leaf(tape: Tape) -> None:
    with tape.record():
        ctx = dl.track({"n": {"x": 1, "y": {"z": 2}}}, id="doc/1")
        ctx["n"] = {"x": 1, "y": {"w": 3}}
        ctx["n"] = 5
        ctx["n"] = {"x": {}}
        ctx["n"] = {"x": {"y": 1}}
        ctx.update({"n": {}, "m": {"a": 1}})
        del ctx["m"]

    assert [text.partition("? ")[2].replace("<1?", "") for text in tape.facts()[1:]] == [
        "/n/x=1 /n/y/z=~ /n/y/w=3",
        "/n/x=~<2? /n/y/w=~<2? /n=5",
        "/n=~<3? /n/x={}<3?",
        "/n/x=~<4? /n/x/y=1",
        "/n/x/y=~<5? /n={}<4? /m/a=1",
        "/m/a=~<6?",
    ]


def test_it_names_what_its_fields_refer_to(tape: Tape) -> None:
    with tape.record():
        ctx: dl.TrackedMapping[str, Any] = dl.track(
            {"owner": "agent/1", "n": {"boss": "agent/2"}, "other": "agent/3"},
            id="doc/1",
            references=["/owner", "/n/boss"],
        )
        ctx["owner"] = "agent/4"
        ctx["n"] = {"boss": "agent/5"}
        ctx["owner"] = None
        ctx["owner"] = ""

    assert [
        [f"{item['path']}={item['object']}" for item in event.get("references", ())]
        for event in tape.events("write", "patch")
    ] == [["/owner=agent/1", "/n/boss=agent/2"], ["/owner=agent/4"], ["/n/boss=agent/5"], [], []]


# ---- recordings ---------------------------------------------------------------------------------------------------


def test_what_was_tracked_before_recording_started_is_recorded_when_it_is_first_used(tape: Tape) -> None:
    ctx = dl.track({"a": 1}, id="doc/1")
    ctx["a"] = 2
    with tape.record(), dl.branch("b"):
        assert ctx["a"] == 2
        ctx["a"] = 3
    ctx["a"] = 4

    assert tape.lines("write", "patch", without=("type", "depth")) == [
        "b#2 write doc/1@2 <-? /a=2",
        "b#2 patch doc/1@3 <2? /a=3",
    ]


def test_each_recording_gets_the_whole_state_first(tape: Tape) -> None:
    ctx = dl.track({"a": 1}, id="doc/1")
    second = Tape(tape.path.with_name("second.drift"))
    with tape.record():
        ctx["a"] = 2
    ctx["b"] = 1
    with second.record():
        ctx["a"] = 3
    ctx["a"] = 4

    assert tape.facts() == ["main#1 write doc/1@1 <-? /a=1", "main#1 patch doc/1@2 <1? /a=2"]
    assert second.facts() == ["main#1 write doc/1@3 <-? /a=2 /b=1", "main#1 patch doc/1@4 <3? /a=3"]


def test_nothing_of_it_is_recorded_unless_it_is_used(tape: Tape) -> None:
    ctx = dl.track({"a": 1}, id="doc/1")
    with tape.record():
        pass

    assert ctx.object_id == "doc/1"
    assert tape.events() == []


# ---- threads and traps --------------------------------------------------------------------------------------------


def test_threads_may_share_it(tape: Tape) -> None:
    threads, writes = 6, 100
    ready = threading.Barrier(threads)

    def work(key: str) -> None:
        ready.wait()
        for n in range(writes):
            ctx[key] = n
            ctx.update({key: n, "shared": n})
            ctx.setdefault(key, n)

    with tape.record():
        ctx: dl.TrackedMapping[str, int] = dl.track({}, id="doc/1")
        running = [threading.Thread(target=work, args=(f"k{number}",)) for number in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    versions = [event["version"] for event in tape.events("write", "patch")]
    assert versions == list(range(1, 2 + 2 * threads * writes))
    assert ctx == {"shared": writes - 1, **{f"k{number}": writes - 1 for number in range(threads)}}


class Trap(Mapping[str, int]):
    def __getitem__(self, _key: str) -> NoReturn:
        raise RuntimeError("no")

    def __iter__(self) -> NoReturn:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 1


class Unspeakable:
    """A key whose text cannot be had."""

    def __str__(self) -> NoReturn:
        raise RuntimeError("no")

    __repr__ = __str__


def test_what_cannot_be_recorded_is_still_stored(tape: Tape, caplog: pytest.LogCaptureFixture) -> None:
    key = Unspeakable()
    with tape.record():
        ctx: dl.TrackedMapping[Any, Any] = dl.track({"a": "x"}, id="doc/1", references=["/a"])
        ctx["a"] = Trap()
        ctx[key] = 2
        assert ctx[key] == 2
        assert key in ctx
        assert isinstance(ctx["a"], Trap)
        ctx["a"] = 3
        ctx.update({key: 4})
        del ctx[key]
        assert dict(ctx) == {"a": 3}

    assert tape.lines("write", "patch", without=("type", "depth")) == [
        'main#1 write doc/1@1 <-? ref:/a=x /a="x"',
        f'main#1 patch doc/1@2 <1? /a={{"$type":"{__name__}.Trap","repr":"<reading raised RuntimeError>"}}',
        "main#1 patch doc/1@3 <1?",
        "main#1 patch doc/1@4 <1? /a=3<3?",
        "main#1 patch doc/1@5 <1?",
        "main#1 patch doc/1@6 <1?",
    ]
    assert "could not record (track: RuntimeError)" in caplog.text
