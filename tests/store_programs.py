"""Random programs on a live store: what the decisions of stores and of replays are compared on."""

from __future__ import annotations

import contextlib
from typing import Any

import hypothesis.strategies as st

import driftline as dl
from driftline.store import RefusedError, Store

POLICY = """
[phases]
order = ["reasoning", "enrichment", "compression"]
[reconcile]
min_confidence = 0.2
sources = ["planner", "*"]
[types.doc]
required = ["/head"]
references = { "/owner" = "agent" }
[types.doc.fields]
"/head" = { strategy = "highest-confidence" }
"/tags" = "union"
"/count" = "counter"
"/vote" = "majority-vote"
"/once" = "write-once"
[gate]
confidence = "quarantine"
completeness = "warn"
reference = "reject"
duplicate = "quarantine"
[gate.fidelity]
action = "fail"
"""

OBJECTS = ("doc/1", "doc/2", "agent/1")
PATHS = ("/head", "/tags", "/count", "/vote", "/once", "/owner", "/free")


def value_of(path: str, seed: int) -> Any:
    return {
        "/tags": [f"t{seed % 3}"], "/count": seed, "/owner": f"agent/{seed % 2}", "/head": "long " * (seed * 5),
        "/vote": seed % 2,
    }.get(path, f"v{seed % 4}")  # fmt: skip


fields = st.dictionaries(st.sampled_from(PATHS), st.integers(0, 5), min_size=1, max_size=3)
said = st.fixed_dictionaries(
    {},
    optional={
        "confidence": st.sampled_from([0.1, 0.5, 0.9]), "source": st.sampled_from(["planner", "other"]),
        "fidelity": st.sampled_from([0.2, 0.8]),
    },
)  # fmt: skip
write = st.tuples(
    st.just("write"),
    st.tuples(
        st.sampled_from(["write", "patch", "patch", "append", "delete"]), st.sampled_from(OBJECTS), fields, said,
        st.sampled_from(["seen", "seen", "nothing", "inferred"]), st.booleans(),
    ),
)  # fmt: skip
read = st.tuples(st.just("read"), st.sampled_from(OBJECTS))
unit = st.tuples(st.just("unit"), st.lists(st.one_of(write, read), min_size=1, max_size=3), st.booleans())
task = st.tuples(st.just("task"), st.integers(0, 2), st.lists(st.one_of(write, read), max_size=2))
foreign = st.tuples(st.just("foreign"), st.lists(write, max_size=2))
release = st.just(("release",))
steps = st.lists(st.one_of(read, write, write, unit, task, foreign, release), max_size=6)
branch = st.tuples(
    st.sampled_from(["a", "b", "c"]), st.sampled_from([None, "reasoning", "enrichment", "compression"]), steps,
)  # fmt: skip


class Player:
    """Plays the steps of a branch on a store; it remembers what it has read."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.seen: dict[str, Any] = {}

    def branch(self, name: str, phase: str | None, steps: list[Any]) -> None:
        with contextlib.suppress(RefusedError), dl.branch(name, phase=phase):
            for step in steps:
                self.step(step)

    def step(self, step: Any) -> None:
        kind, *what = step
        getattr(self, kind)(*what)

    def all(self, steps: list[Any]) -> None:
        for step in steps:
            self.step(step)

    def read(self, object_id: str) -> None:
        found = self.store.get(object_id)
        if found is not None:
            self.seen[object_id] = found

    def unit(self, steps: list[Any], aborted: bool) -> None:  # noqa: FBT001
        with contextlib.suppress(ZeroDivisionError), self.store.unit("several"):
            self.all(steps)
            if aborted:
                raise ZeroDivisionError

    def task(self, number: int, steps: list[Any]) -> None:
        with dl.task("work", inputs=number):
            self.all(steps)

    def foreign(self, steps: list[Any]) -> None:
        """A unit of the program's own is none of the store's, nor is an object elsewhere."""
        with dl.unit("of the program"):
            dl.write("elsewhere/1", {"n": 1})
            self.all(steps)

    def release(self) -> None:
        for entry in self.store.quarantined()[:1]:
            with contextlib.suppress(dl.DriftlineError):  # what may be written once can't be put over what stands
                self.store.release(entry, by="an editor", why="it is right")

    def write(self, what: Any) -> None:
        op, object_id, chosen, said, base, used = what
        seen = self.seen.get(object_id)
        how: dict[str, Any] = {} if base == "inferred" else {"base": 0 if base == "nothing" or seen is None else seen}
        if op == "append":
            said = {name: one for name, one in said.items() if name != "fidelity"}
            self.store.append(object_id, "/tags", f"t{len(chosen)}", **said)
        elif op == "delete":
            if object_id in self.store:
                self.store.delete(object_id, **how)
        else:
            if used:
                how["inputs"] = [one for one in self.seen.values() if one.id != object_id]
            value = {path.strip("/"): value_of(path, seed) for path, seed in chosen.items()}
            getattr(self.store, op)(object_id, value, **how, **said)
