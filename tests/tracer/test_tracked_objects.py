"""Objects tracked in place: dataclasses, attrs classes, pydantic models and plain objects stay what they were."""

from __future__ import annotations

import abc
import copy
import dataclasses
import functools
import json
import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, TypeVar

import attrs
import msgspec
import pydantic
import pytest
from tape import Tape

import driftline as dl

T = TypeVar("T")


@dataclass
class Data:
    n: int = 1
    items: list[Any] = field(default_factory=lambda: ["a"])
    inner: Any = None


@dataclass
class Inheriting(Data):
    more: int = 2


@dataclass(slots=True)
class Slotted:
    n: int = 1
    items: list[Any] = field(default_factory=lambda: ["a"])
    inner: Any = None


@dataclass(slots=True)
class SlottedInheriting(Slotted):
    more: int = 2


@dataclass(frozen=True)
class Frozen:
    n: int = 1
    items: list[Any] = field(default_factory=lambda: ["a"], hash=False)
    inner: Any = None


@dataclass(frozen=True, slots=True)
class FrozenSlotted:
    n: int = 1
    items: list[Any] = field(default_factory=lambda: ["a"], hash=False)
    inner: Any = None


@attrs.define
class Attrs:
    n: int = attrs.field(default=1, validator=attrs.validators.instance_of(int))
    items: list[Any] = attrs.field(factory=lambda: ["a"])
    inner: Any = None


@attrs.define(slots=False)
class AttrsWithDict:
    n: int = 1
    items: list[Any] = attrs.field(factory=lambda: ["a"])
    inner: Any = None


@attrs.frozen
class AttrsFrozen:
    n: int = 1
    items: list[Any] = attrs.field(factory=lambda: ["a"], hash=False)
    inner: Any = None


class Model(pydantic.BaseModel):
    n: int = 1
    items: list[Any] = ["a"]
    inner: Any = None


class Validating(Model):
    model_config = pydantic.ConfigDict(validate_assignment=True)


class Plain:
    def __init__(self) -> None:
        self.n = 1
        self.items: list[Any] = ["a"]
        self.inner: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and (self.n, self.items) == (other.n, other.items)

    def __hash__(self) -> int:
        return hash(self.n)


class PlainSlots:
    __slots__ = ("__weakref__", "inner", "items", "n")

    def __init__(self) -> None:
        self.n = 1
        self.items: list[Any] = ["a"]
        self.inner: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlainSlots) and (self.n, self.items) == (other.n, other.items)

    def __hash__(self) -> int:
        return hash(self.n)


KINDS = [
    Data, Inheriting, Slotted, SlottedInheriting, Frozen, FrozenSlotted, Attrs, AttrsWithDict, AttrsFrozen, Model,
    Validating, Plain, PlainSlots,
]  # fmt: skip
FROZEN = [Frozen, FrozenSlotted, AttrsFrozen]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
every_open_kind = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in FROZEN], ids=lambda kind: kind.__name__
)


# ---- it stays what it was -----------------------------------------------------------------------------------------


@every_kind
def test_it_is_the_same_object(kind: Any) -> None:
    plain = kind()
    assert dl.track(plain, id="o/1") is plain
    assert dl.track(plain) is plain
    assert dl.track(plain, id="o/1") is plain
    with pytest.raises(dl.DriftlineError, match="tracked already, as o/1, and cannot be o/2"):
        dl.track(plain, id="o/2")


@every_kind
@pytest.mark.parametrize("recording", [False, True])
def test_it_answers_as_it_did(kind: Any, recording: bool, tape: Tape) -> None:  # noqa: FBT001 - a parameter
    if recording:
        dl.start(tape.path)
    tracked, twin = dl.track(kind()), kind()
    assert tracked == twin
    assert twin == tracked
    assert (tracked != twin) is False
    assert isinstance(tracked, kind)
    assert tracked.__class__ is kind
    assert type(tracked).__name__ == kind.__name__
    if kind.__hash__ is not None:
        assert hash(tracked) == hash(twin)
    if kind.__repr__ is not object.__repr__:
        assert repr(tracked) == repr(twin)
    assert tracked.n == 1
    assert tracked.items == ["a"]
    assert not hasattr(tracked, "nothing")
    tracked.items.append("b")
    assert tracked != twin
    if recording:
        dl.stop()
        assert tape.record_of_process().faults == {}


@every_kind
def test_its_copies_are_plain(kind: Any) -> None:
    tracked = dl.track(kind())
    for copied in (
        copy.copy(tracked),
        copy.deepcopy(tracked),
        *(pickle.loads(pickle.dumps(tracked, protocol)) for protocol in range(2, 6)),  # noqa: S301 - our own
    ):
        assert copied == tracked
        assert type(copied) is kind
        assert type(copied.items) is list
    assert copy.copy(tracked).items == copy.deepcopy(tracked).items


@every_open_kind
def test_setting_and_mutating_are_recorded(kind: Any, tape: Tape) -> None:
    with tape.record():
        tracked = dl.track(kind(), id="o/1")
        tracked.n = 2
        tracked.items.append("b")
        tracked.items += ["c"]
        tracked.inner = {"x": [1]}
        tracked.inner["x"].append(2)
        tracked.n += 1

    written = tape.lines("patch", without=("type", "depth"))
    assert [text.partition("? ")[2].partition("<")[0] for text in written] == [
        "/n=2",
        '/items=["a","b"]',
        '/items=["a","b","c"]',
        "/inner=~ /inner/x=[1]",
        "/inner/x=[1,2]",
        "/n=3",
    ]
    assert tape.record_of_process().faults == {}


@pytest.mark.parametrize("kind", FROZEN, ids=lambda kind: kind.__name__)
def test_what_is_frozen_stays_frozen_and_what_it_holds_is_seen(kind: Any, tape: Tape) -> None:
    with tape.record():
        tracked = dl.track(kind(), id="o/1")
        with pytest.raises(AttributeError):
            tracked.n = 2
        with pytest.raises(AttributeError):
            del tracked.n
        tracked.items.append("b")

    assert tape.facts() == [
        'main#1 write o/1@1 <-? /n=1 /items=["a"] /inner=null',
        'main#1 patch o/1@2 <1? /items=["a","b"]',
    ]


@every_open_kind
@pytest.mark.parametrize("inner_kind", KINDS, ids=lambda kind: kind.__name__)
def test_declared_objects_inside_are_fields_and_plain_ones_values(kind: Any, inner_kind: Any, tape: Tape) -> None:
    with tape.record():
        tracked = dl.track(kind(), id="o/1")
        own = inner_kind()
        tracked.inner = own
        assert tracked.inner is own
        if inner_kind not in FROZEN:
            tracked.inner.n = 5
        tracked.inner.items.append("b")

    last = tape.events("read", "patch")[-1]["fields"]
    if inner_kind in {Plain, PlainSlots}:
        [name] = {event["path"] for event in last if "inner" in event["path"]}
        assert name == "/inner"
    else:
        assert [(item["path"], item["value"]) for item in last] == [("/inner/items", '["a","b"]')]


# ---- dataclasses, attrs, pydantic ---------------------------------------------------------------------------------


def test_what_dataclasses_do_with_a_dataclass() -> None:
    tracked = dl.track(Data(1, ["a"], Frozen()))

    assert dataclasses.is_dataclass(tracked)
    assert [one.name for one in dataclasses.fields(tracked)] == ["n", "items", "inner"]
    assert dataclasses.asdict(tracked) == dataclasses.asdict(Data(1, ["a"], Frozen()))
    assert type(dataclasses.asdict(tracked)["items"]) is list
    assert dataclasses.astuple(tracked) == (1, ["a"], (1, ["a"], None))
    replaced = dataclasses.replace(tracked, n=5)
    assert (type(replaced), replaced.n, replaced.items) == (Data, 5, ["a"])
    match tracked:
        case Data(n=1, items=[first], inner=Frozen(n=one)):
            assert (first, one) == ("a", 1)
        case _:
            pytest.fail("no match")


def test_what_attrs_does_with_its_classes(tape: Tape) -> None:
    with tape.record():
        tracked = dl.track(Attrs(), id="o/1")
        with pytest.raises(TypeError):
            tracked.n = "no number"  # type: ignore[assignment]
        assert attrs.asdict(tracked) == {"n": 1, "items": ["a"], "inner": None}
        assert attrs.evolve(tracked, n=3) == Attrs(3)
        assert type(attrs.evolve(tracked, n=3)) is Attrs
        assert attrs.fields(type(tracked)) == attrs.fields(Attrs)

    assert tape.events("patch") == []


def test_what_pydantic_does_with_its_models(tape: Tape) -> None:
    with tape.record():
        tracked = dl.track(Validating(inner=Model()), id="o/1")
        tracked.n = "5"  # type: ignore[assignment] # validated into a number
        with pytest.raises(pydantic.ValidationError):
            tracked.n = "no number"  # type: ignore[assignment]
        with dl.branch("reader"):
            assert tracked.model_dump() == {"n": 5, "items": ["a"], "inner": {"n": 1, "items": ["a"], "inner": None}}
        assert json.loads(tracked.model_dump_json()) == tracked.model_dump()
        assert dict(tracked)["n"] == 5
        for copied in (tracked.model_copy(), tracked.model_copy(deep=True), Validating.model_validate(dict(tracked))):
            assert copied == tracked
            assert type(copied) is Validating
        assert tracked.model_copy(update={"n": 7}).n == 7
        assert Validating.model_validate(tracked) is tracked
        assert tracked.model_fields_set == {"n", "inner"}
        assert list(type(tracked).model_fields) == ["n", "items", "inner"]

    assert tape.lines("patch", without=("type", "depth")) == ["main#1 patch o/1@2 <1? /n=5"]
    assert [text for text in tape.facts() if text.startswith("reader")] == [
        'reader#2 read o/1@2 whole /n=5 /items=["a"] /inner/n=1 /inner/items=["a"] /inner/inner=null',
    ]


def test_extra_fields_of_a_model_are_fields_and_private_ones_are_not(tape: Tape) -> None:
    class Open(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="allow")
        n: int = 1
        _private: int = pydantic.PrivateAttr(default=3)

        @pydantic.model_validator(mode="after")
        def check(self) -> Open:
            return self

        @pydantic.computed_field
        def twice(self) -> int:
            return 2 * self.n

    with tape.record():
        tracked: Any = dl.track(Open(more=[1]), id="o/1")
        tracked.more.append(2)
        tracked.other = 5
        tracked._private = 4
        del tracked.other
        assert (tracked._private, tracked.twice) == (4, 2)

    assert tape.lines("write", "patch", without=("type", "depth")) == [
        "main#1 write o/1@1 <-? /n=1 /more=[1]",
        "main#1 patch o/1@2 <1? /more=[1,2]",
        "main#1 patch o/1@3 <1? /other=5",
        "main#1 patch o/1@4 <1? /other=~<3?",
    ]


def test_what_a_validator_changes_besides_is_part_of_the_same_write(tape: Tape) -> None:
    class Total(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(validate_assignment=True)
        parts: list[int] = []
        total: int = 0

        @pydantic.model_validator(mode="after")
        def add(self) -> Total:
            self.__dict__["total"] = sum(self.parts)
            return self

    with tape.record():
        tracked = dl.track(Total(), id="o/1")
        tracked.parts = [1, 2]

    assert tape.lines("patch", without=("type", "depth")) == ["main#1 patch o/1@2 <1? /parts=[1,2] /total=3"]


# ---- plain objects ------------------------------------------------------------------------------------------------


class Account:
    kind = "current"

    def __init__(self) -> None:
        self._balance = 0
        self.__log: list[int] = []
        self._lock = threading.Lock()

    @property
    def balance(self) -> int:
        return self._balance

    @balance.setter
    def balance(self, value: int) -> None:
        self._balance = value

    @functools.cached_property
    def slow(self) -> int:
        return 7

    def deposit(self, amount: int) -> None:
        with self._lock:
            self._balance += amount
            self.__log.append(amount)

    def __getattr__(self, name: str) -> Any:
        if name == "dynamic":
            return 42
        raise AttributeError(f"no {name} here")


def test_methods_properties_and_cached_results_of_a_plain_object_work_and_its_attributes_are_fields(tape: Tape) -> None:
    with tape.record():
        account = dl.track(Account(), id="account/1")
        account.deposit(5)
        account.balance = 9
        assert (account.balance, account.slow, account.slow, account.dynamic, account.kind) == (9, 7, 7, 42, "current")
        account.kind = "savings"
        assert account.kind == "savings"
        del account.kind
        assert account.kind == "current"
        with pytest.raises(AttributeError, match="no nothing here"):
            account.nothing  # noqa: B018 - to raise
        with pytest.raises(AttributeError):
            del account.kind

    assert tape.lines("write", "patch", without=("type", "depth")) == [
        'main#1 write account/1@1 <-? /_balance=0 /_Account__log=[] /_lock={"$type":"_thread.lock"}',
        "main#1 patch account/1@2 <1? /_balance=5",
        "main#1 patch account/1@3 <1? /_Account__log=[5]<2?",
        "main#1 patch account/1@4 <1? /_balance=9<2?",
        'main#1 patch account/1@5 <1? /kind="savings"',
        "main#1 patch account/1@6 <1? /kind=~<5?",
    ]


def test_replacing_an_object_s_dict_is_one_write(tape: Tape) -> None:
    with tape.record():
        tracked: Any = dl.track(Plain(), id="o/1")
        tracked.__dict__ = {"n": 5, "other": 6}
        assert (tracked.n, tracked.other, hasattr(tracked, "items")) == (5, 6, False)

    assert tape.lines("patch", without=("type", "depth")) == [
        "main#1 patch o/1@2 <1? /n=5 /items=~ /inner=~ /other=6",
    ]


def test_an_object_may_become_one_of_another_class() -> None:
    class Open:
        pass

    class Closed:
        def __init__(self) -> None:
            self.reason = ""

    door: Any = dl.track(Open())
    door.reason = "night"
    door.__class__ = Closed
    assert type(door) is Closed
    assert door.reason == "night"


def test_a_new_object_made_by_its_type_is_a_plain_one() -> None:
    tracked = dl.track(Plain())
    other = type(tracked)()

    assert type(other) is Plain


def test_what_a_class_does_when_it_is_inherited_from_is_not_done() -> None:
    heard: list[type] = []

    class Registry:
        def __init_subclass__(cls, *, name: str) -> None:
            heard.append(cls)

    class Entry(Registry, name="entry"):
        def __init__(self) -> None:
            self.n = 1

    class Abstract(abc.ABC, Generic[T]):
        def __init__(self) -> None:
            self.n = 1

    class Concrete(Abstract[int]):
        pass

    entry, concrete = dl.track(Entry()), dl.track(Concrete())
    entry.n = concrete.n = 2
    assert (entry.n, concrete.n, heard) == (2, 2, [Entry])
    assert isinstance(concrete, Abstract)


@pytest.mark.parametrize("kind", [Plain, Data, Slotted])
def test_attributes_past_the_class_are_seen(kind: Any, tape: Tape) -> None:
    with tape.record():
        tracked = dl.track(kind(), id="o/1")
        object.__setattr__(tracked, "n", 5)
        assert object.__getattribute__(tracked, "n") == 5

    assert tape.lines("patch", without=("type", "depth")) == ["main#1 patch o/1@2 <1? /n=5"]


class Fixed(msgspec.Struct):
    n: int = 1


def test_what_allows_no_other_class_is_refused_with_a_remedy() -> None:
    with pytest.raises(TypeError, match=r"track\(\) cannot stand in for Fixed .*: track a mapping of its state, or"):
        dl.track(Fixed())
    ctx = dl.track({"fixed": Fixed()})
    assert ctx["fixed"] == Fixed()


# ---- objects that do what they like -------------------------------------------------------------------------------


class Hostile:
    def __init__(self) -> None:
        self.n = 1

    def __eq__(self, other: object) -> NoReturn:
        raise RuntimeError("eq")

    def __repr__(self) -> NoReturn:
        raise RuntimeError("repr")

    def __hash__(self) -> NoReturn:
        raise RuntimeError("hash")

    @property
    def p(self) -> NoReturn:
        raise RuntimeError("property")

    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError(f"no {name}")


class Silent:
    def __init__(self) -> None:
        self.n = 1

    def __getattribute__(self, name: str) -> NoReturn:
        raise RuntimeError(f"no {name}")


@pytest.mark.parametrize("kind", [Hostile, Silent])
def test_hostile_objects_are_tracked_and_held(kind: Callable[[], Any], tape: Tape) -> None:
    with tape.record():
        hostile = dl.track(kind(), id="hostile/1")
        hostile.n = 2
        ctx: Any = dl.track({"h": hostile, "l": [kind()]}, id="doc/1")
        ctx["h"], ctx["l"][0]
        ctx["other"] = kind()
        ctx["other"]
        ctx["l"].append(kind())

    assert tape.record_of_process().faults == {}
    assert [text.partition(" <")[0] for text in tape.lines("write", "patch")] == [
        "main#1 write hostile/1@1",
        "main#1 patch hostile/1@2",
        "main#1 write doc/1@1",
        "main#1 patch doc/1@2",
        "main#1 patch doc/1@3",
    ]
    assert '/h={"$ref":"hostile/1"}' in tape.facts()[2]


def test_an_object_whose_own_setter_fails_is_as_it_was(tape: Tape) -> None:
    class Strict:
        def __init__(self) -> None:
            self.n = 1

        def __setattr__(self, name: str, value: Any) -> None:
            if value < 0:
                raise ValueError("negative")
            super().__setattr__(name, value)

    with tape.record():
        strict = dl.track(Strict(), id="o/1")
        with pytest.raises(ValueError, match="negative"):
            strict.n = -1
        strict.n = 2

    assert tape.lines("patch", without=("type", "depth")) == ["main#1 patch o/1@2 <1? /n=2"]
