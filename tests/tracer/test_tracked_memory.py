"""Tracking keeps nothing alive, and nothing of it is left behind."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tape import Tape

import driftline as dl
from driftline.tracking import adopt, records


class Witness:
    """An object of which one can tell whether it is still there."""


@dataclass
class Node:
    x: int = 1
    items: list[Any] = field(default_factory=list)
    up: Any = None


@dataclass(slots=True)
class Slotted:
    inner: Node = field(default_factory=Node)
    items: list[Any] = field(default_factory=list)
    up: Any = None


def mapping(witness: Witness) -> None:
    ctx: Any = dl.track({"n": Node(), "d": {"l": [witness]}})
    ctx["n"].x = 5
    ctx["d"]["l"].append(1)


def object_with_dict(witness: Witness) -> None:
    node = dl.track(Node(items=[witness]))
    node.items.append(Node())
    node.items[1].x = 2


def object_with_slots(witness: Witness) -> None:
    slotted = dl.track(Slotted())
    slotted.inner.items.append(witness)
    slotted.items.append(1)


def itself_in_a_mapping(witness: Witness) -> None:
    ctx: Any = dl.track({"n": Node(), "w": witness})
    ctx["n"].up = ctx
    ctx["self"] = [ctx]
    ctx["n"].x = 2


def itself_in_an_object(witness: Witness) -> None:
    node = dl.track(Node(items=[witness]))
    node.up = node
    node.items.append(node.items)


def itself_in_slots(witness: Witness) -> None:
    slotted = dl.track(Slotted(items=[witness]))
    slotted.inner.up = slotted
    slotted.up = [slotted]
    slotted.inner.x = 2


def one_in_another(witness: Witness) -> None:
    inner = dl.track(Node(items=[witness]))
    outer: Any = dl.track([inner, Node()])
    outer[0].x = 2
    outer[1].up = inner


@pytest.mark.parametrize("recording", [False, True])
@pytest.mark.parametrize(
    "use",
    [
        mapping, object_with_dict, object_with_slots, itself_in_a_mapping, itself_in_an_object, itself_in_slots,
        one_in_another,
    ],
)  # fmt: skip
def test_what_nobody_holds_is_collected(use: Callable[[Witness], None], recording: bool, tape: Tape) -> None:  # noqa: FBT001 - a parameter
    gc.collect()
    before = len(records._records), len(adopt._views)
    if recording:
        dl.start(tape.path)
    witness = Witness()
    gone = weakref.ref(witness)
    use(witness)
    del witness
    gc.collect()
    here = dl.current()
    assert gone() is None
    assert (len(records._records), len(adopt._views)) == before
    assert here is None or not here.watched
    dl.stop()


@pytest.mark.parametrize("use", [mapping, object_with_dict])
def test_what_holds_no_cycle_goes_at_once(use: Callable[[Witness], None]) -> None:
    gc.collect()
    gc.disable()
    try:
        witness = Witness()
        gone = weakref.ref(witness)
        use(witness)
        del witness
        assert gone() is None
    finally:
        gc.enable()


def test_whoever_has_a_view_has_what_it_was_found_in(tape: Tape) -> None:
    with tape.record():
        items = dl.track(Node(), id="node/1").items
        items.append(1)
        facts = dl.track({"l": []}, id="doc/1")["l"]
        facts.append(2)

    assert tape.lines("patch", without=("type", "depth")) == [
        "main#1 patch node/1@2 <1? /items=[1]",
        "main#1 patch doc/1@2 <1? /l=[2]",
    ]


def test_a_part_of_an_object_that_is_gone_is_an_object_like_any_other(tape: Tape) -> None:
    with tape.record():
        inner = dl.track(Node(up=Node()), id="node/1").up
        inner.x = 2

    assert inner == Node(2)
    assert tape.events("patch") == []
