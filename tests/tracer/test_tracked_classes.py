"""`@tracked`: each new instance of a class is tracked."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from dataclasses import dataclass, field
from typing import Any

import attrs
import pydantic
import pytest
from tape import Tape

import driftline as dl


def writes(tape: Tape) -> list[str]:
    """Every write, without its branch and bases."""
    return [text.partition(" ")[2] for text in tape.lines("write", "patch", without=("type", "depth"))]


def test_each_new_instance_is_tracked(tape: Tape) -> None:
    @dl.tracked(type="order", id="number", references=["/customer"])
    @dataclass
    class Order:
        number: int
        customer: str = ""
        lines: list[str] = field(default_factory=list)

    with tape.record():
        first, second = Order(1, "customer/1"), Order(2)
        first.lines.append("pen")
        second.customer = "customer/2"

    assert writes(tape) == [
        'write order/1@1 <-? ref:/customer=customer/1 /number=1 /customer="customer/1" /lines=[]',
        'write order/2@1 <-? /number=2 /customer="" /lines=[]',
        'patch order/1@2 <1? /lines=["pen"]',
        'patch order/2@2 <1? ref:/customer=customer/2 /customer="customer/2"',
    ]
    assert {event["type"] for event in tape.events("write")} == {"order"}


def test_the_class_stays_what_it_was() -> None:
    @dataclass
    class Order:
        """An order."""

        number: int

    before = inspect.signature(Order)
    decorated = dl.tracked(Order)

    assert decorated is Order
    assert inspect.signature(Order) == before
    assert (Order.__name__, Order.__doc__, Order.__init__.__name__) == ("Order", "An order.", "__init__")
    assert Order(1) == Order(1)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        Order()  # type: ignore[call-arg]


def test_without_an_id_instances_are_numbered_and_the_type_is_the_class(tape: Tape) -> None:
    @dl.tracked
    class ResearchPlan:
        def __init__(self) -> None:
            self.n = 1

    with tape.record():
        plans = [ResearchPlan(), ResearchPlan()]

    ids = {event["object"] for event in tape.events("write")}
    assert len(ids) == len(plans) == 2
    assert {one.partition("/")[0] for one in ids} == {"researchplan"}


def test_a_function_gives_the_whole_id(tape: Tape) -> None:
    @dl.tracked(id=lambda plan: f"plans/{plan.name}")
    class Plan:
        def __init__(self, name: str) -> None:
            self.name = name

    with tape.record():
        Plan("a")

    assert [(event["object"], event["type"]) for event in tape.events("write")] == [("plans/a", "plans")]


def test_an_attribute_that_holds_a_whole_id_is_one(tape: Tape) -> None:
    @dl.tracked(type="plan", id="key")
    class Plan:
        def __init__(self, key: str) -> None:
            self.key = key

    with tape.record():
        Plan("plan/7"), Plan("8")

    assert [event["object"] for event in tape.events("write")] == ["plan/7", "plan/8"]


@pytest.mark.parametrize("slots", [False, True])
def test_attrs_classes(slots: bool, tape: Tape) -> None:  # noqa: FBT001 - a parameter
    @dl.tracked(id="number")
    @attrs.define(slots=slots)
    class Order:
        number: int
        lines: list[str] = attrs.Factory(list)

    with tape.record():
        Order(1).lines.append("pen")

    assert writes(tape) == ["write order/1@1 <-? /number=1 /lines=[]", 'patch order/1@2 <1? /lines=["pen"]']


def test_pydantic_models_however_they_are_made(tape: Tape) -> None:
    @dl.tracked(id="number")
    class Order(pydantic.BaseModel):
        number: int

    with tape.record():
        made = [
            Order(number=1),
            Order.model_validate({"number": 2}),
            Order.model_validate_json('{"number": 3}'),
            Order.model_construct(number=4),
        ]
        assert [one.number for one in made] == [1, 2, 3, 4]

    assert [event["object"] for event in tape.events("write")] == ["order/1", "order/2", "order/3", "order/4"]


def test_frozen_dataclasses_with_slots(tape: Tape) -> None:
    @dl.tracked
    @dataclass(frozen=True, slots=True)
    class Order:
        lines: list[str] = field(default_factory=list)

    with tape.record():
        Order().lines.append("pen")

    assert [event["op"] for event in tape.events("write", "patch")] == ["write", "patch"]


def test_a_class_without_an_init_of_its_own(tape: Tape) -> None:
    @dl.tracked
    class Empty:
        pass

    with tape.record():
        Empty().n = 1  # type: ignore[attr-defined]
        with pytest.raises(TypeError, match="takes no arguments"):
            Empty(1)  # type: ignore[call-arg]

    assert [event["op"] for event in tape.events("write", "patch")] == ["write", "patch"]


def test_of_classes_that_inherit_the_nearest_decorator_counts(tape: Tape) -> None:
    @dl.tracked(type="base")
    class Base:
        def __init__(self) -> None:
            self.a = 1

    class Inheriting(Base):
        def __init__(self) -> None:
            super().__init__()
            self.b = 2

    class Plain(Base):
        pass

    @dl.tracked(type="own", id="b")
    class Own(Inheriting):
        def __init__(self) -> None:
            super().__init__()
            self.c = 3

    with tape.record():
        for kind in (Base, Inheriting, Plain, Own):
            kind()

    assert [
        (event["op"], event["type"], [item["path"] for item in event["fields"]])
        for event in tape.events("write", "patch")
    ] == [
        ("write", "base", ["/a"]),
        ("write", "base", ["/a"]),
        ("patch", "base", ["/b"]),
        ("write", "base", ["/a"]),
        ("write", "own", ["/a", "/b", "/c"]),
    ]


def test_copies_are_plain_and_what_the_class_makes_is_new(tape: Tape) -> None:
    @dl.tracked(id="number")
    @dataclass
    class Order:
        number: int

    with tape.record():
        order = Order(1)
        copied = copy.copy(order)
        copied.number = 5
        dataclasses.replace(order, number=2)

    assert type(copied) is Order
    assert writes(tape) == ["write order/1@1 <-? /number=1", "write order/2@1 <-? /number=2"]


def test_a_second_object_under_one_id_goes_on_with_its_versions(tape: Tape) -> None:
    @dl.tracked(id="number")
    @dataclass
    class Order:
        number: int
        total: int = 0

    with tape.record():
        first = Order(7)
        first.total = 1
        second = Order(7)
        second.total = 2
        first.total = 3
        dl.write("order/7", {"total": 4})
        second.total = 5

    assert [text.partition(" <")[0] for text in writes(tape)] == [
        "write order/7@1",
        "patch order/7@2",
        "write order/7@3",
        "patch order/7@4",
        "patch order/7@5",
        "write order/7@6?",
        "patch order/7@7",
    ]


def test_what_goes_wrong_does_not_reach_the_program(tape: Tape, caplog: pytest.LogCaptureFixture) -> None:
    @dl.tracked(id="missing")
    class Plan:
        def __init__(self) -> None:
            self.n = 1

    with tape.record():
        plan = Plan()
        plan.n = 2

    assert plan.n == 2
    assert tape.record_of_process().faults == {"tracked: AttributeError": 1}
    assert tape.events("write") == []
    assert "could not record (tracked: AttributeError)" in caplog.text


def test_an_init_that_fails_leaves_nothing(tape: Tape) -> None:
    @dl.tracked
    class Plan:
        def __init__(self) -> None:
            raise ValueError("no")

    with tape.record(), pytest.raises(ValueError, match="no"):
        Plan()

    assert tape.events("write") == []


@pytest.mark.parametrize("what", [int, print, 5, list, "text", dict])
def test_what_has_no_instances_with_attributes_cannot_be_decorated(what: Any) -> None:
    with pytest.raises(TypeError, match=r"tracked\(\) decorates a class whose instances have attributes, not"):
        dl.tracked(what)
