"""Traces of sessions whose transactions share a few objects: reads and units meet there far more often than by chance.

A store in small: each write makes the object's next version, each read is of the newest one or of a slightly older
one, and most of both happen in units. Written row by row, as in `event_lists`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import hypothesis.strategies as st

from reference.event_lists import PROCESSES, TEXTS, Row, field_row

OBJECTS: Final = ("doc/0", "doc/1", "doc/2")
PATHS: Final = ("/a", "/b")
BRANCHES: Final = ("a#1", "b#2", "c#3", "d#4")
PARENTS: Final = (None, None, "a#1", "c#3")
_TEXTS: Final = tuple(TEXTS)[:4]
_OFTEN: Final = (*("read",) * 7, *("patch",) * 5, "write", "begin", "begin", "commit", "commit", "abort")
_KINDS: Final = (*_OFTEN, "delete", "start", "finish", "leave")


@dataclass(frozen=True)
class _Step:
    """What one branch does next; what does not fit (a commit outside any unit) is left out."""

    branch: str
    kind: str
    object: str
    paths: tuple[str, ...]  # none: the whole object
    text: str
    back: int  # how many versions behind the newest a read is
    base: str
    inputs: tuple[str, ...] | None  # None: not declared


_STEP: Final = st.builds(
    _Step,
    branch=st.sampled_from(BRANCHES),
    kind=st.sampled_from(_KINDS),
    object=st.sampled_from(OBJECTS),
    paths=st.sampled_from(((), (), PATHS[:1], PATHS[1:], PATHS)),
    text=st.sampled_from(_TEXTS),
    back=st.sampled_from((0, 0, 0, 1, 2)),
    base=st.sampled_from(("seen", "seen", "declared", "none")),
    inputs=st.sampled_from((None, None, None, None, (), OBJECTS[:1], OBJECTS[1:])),
)


#: What leads to the rules of reads and units, a step a pair: which of two branches, what, and which of two objects.
_SCENES: Final = (
    "1 read X, 0 begin, 0 patch X, 0 patch Y, 0 commit, 1 read Y",
    "0 begin, 0 patch X, 0 patch Y, 0 commit, 1 read X",
    "0 begin, 1 begin, 0 read X, 1 read Y, 0 patch Y, 1 patch X, 0 commit, 1 commit",
    "0 begin, 1 begin, 0 read X, 0 patch Y, 1 read X, 1 read Y, 1 patch X, 0 commit, 1 commit",
    "0 begin, 0 patch X, 1 read X, 0 patch X, 0 commit",
    "0 begin, 0 patch X, 1 read X, 0 abort",
    "0 read X, 1 patch X, 0 patch Y",
    "0 begin, 1 begin, 0 read X, 1 read X, 0 patch X, 1 patch X, 0 commit, 1 commit",
)


@st.composite
def _scenes(draw: st.DrawFn) -> list[_Step]:
    branches = draw(st.permutations(BRANCHES))
    objects = dict(zip("XY", draw(st.permutations(OBJECTS)), strict=False))
    paths = draw(st.sampled_from(((), PATHS[:1])))
    steps = []
    for line in draw(st.sampled_from(_SCENES)).split(", "):
        who, kind, *where = line.split()
        step = replace(draw(_STEP), branch=branches[int(who)], kind=kind, paths=paths, back=0)
        steps.append(replace(step, object=objects[where[0]]) if where else step)
    return steps


@dataclass
class _Store:
    """The store while the steps are taken, and the rows that were recorded."""

    labels: bool
    rows: list[Row] = field(default_factory=list)
    newest: dict[str, int] = field(default_factory=dict)  # object → number of its newest version
    units: dict[str, list[str]] = field(default_factory=dict)  # branch → its open units, the outermost first
    tasks: dict[str, list[str]] = field(default_factory=dict)
    seen: dict[tuple[str, str], int] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    names: int = 0

    def take(self, step: _Step) -> None:
        if step.branch not in self.left:
            getattr(self, f"_{step.kind}", self._change)(step)

    def record(self, branch: str, op: str, **columns: Any) -> None:
        unit = (self.units.get(branch) or [None])[-1]
        task = (self.tasks.get(branch) or [None])[-1]
        where = {"process": PROCESSES[0], "clock": len(self.rows), "branch": branch, "unit": unit, "task": task}
        self.rows.append({"op": op, **where, **columns})

    def _named(self, number: int | None) -> int | str | None:
        return f"v{number}" if self.labels and number is not None else number

    def _version(self, name: str, number: int | None) -> Row:
        label = {"version": "label", "base": "base_label"}[name]
        named = self._named(number)
        return {name: None, label: named} if self.labels else {name: named, label: None}

    # ---- blocks ---------------------------------------------------------------------------------------------------

    def _begin(self, step: _Step) -> None:
        open_ = self.units.setdefault(step.branch, [])
        if len(open_) < 2:
            parent = open_[-1] if open_ else None
            self.names += 1
            open_.append(f"u#{self.names + 10}")
            self.record(step.branch, "unit-begin", name="u", parent=parent)

    def _commit(self, step: _Step) -> None:
        if self.units.get(step.branch):
            self.record(step.branch, f"unit-{step.kind}", status="ok" if step.kind == "commit" else "failed")
            self.units[step.branch].pop()

    _abort = _commit

    def _start(self, step: _Step) -> None:
        self.names += 1
        self.tasks.setdefault(step.branch, []).append(f"t#{self.names + 10}")
        self.record(step.branch, "task-start", name="t")

    def _finish(self, step: _Step) -> None:
        if self.tasks.get(step.branch):
            self.record(step.branch, "task-end", status="ok")
            self.tasks[step.branch].pop()

    def _leave(self, step: _Step) -> None:
        self.record(step.branch, "branch-end", status="ok" if step.back < 2 else "failed", unit=None, task=None)
        self.left.add(step.branch)

    # ---- objects --------------------------------------------------------------------------------------------------

    def _read(self, step: _Step) -> None:
        newest = self.newest.get(step.object, 0)
        if newest:
            number = max(newest - step.back, 1)
            fields = [field_row(path, step.text) for path in step.paths]
            self.record(
                step.branch, "read", object=step.object, type="doc", whole=not fields, fields=fields,
                version_inferred=False, **self._version("version", number),
            )  # fmt: skip
            self.seen[step.branch, step.object] = number

    def _change(self, step: _Step) -> None:
        seen = None if step.base == "none" else self.seen.get((step.branch, step.object))
        base = None if step.base == "declared" else self._named(seen)
        paths = step.paths or PATHS
        self.newest[step.object] = number = self.newest.get(step.object, 0) + 1
        self.record(
            step.branch, step.kind, object=step.object, type="doc", version_inferred=False,
            base_inferred=step.base != "declared",
            fields=[] if step.kind == "delete" else [field_row(path, step.text, base=base) for path in paths],
            inputs=None if step.inputs is None else [
                {"object": other, "version": row["version"], "label": row["label"]}
                for other in step.inputs if (row := self._last(other)) is not None
            ],
            **self._version("version", number), **self._version("base", seen),
        )  # fmt: skip
        self.seen[step.branch, step.object] = number

    def _last(self, obj: str) -> Row | None:
        number = self.newest.get(obj)
        return None if number is None else self._version("version", max(number - 1, 1))


@st.composite
def transactions(draw: st.DrawFn, *, max_steps: int = 40) -> tuple[list[Row], bool]:
    """Rows for `write_trace`, and whether the trace is ordered."""
    store = _Store(labels=draw(st.sampled_from((False, False, True))))
    for branch, parent in zip(BRANCHES, PARENTS, strict=True):
        store.record(branch, "branch-start", name=branch[0], parent=parent)
    for obj in OBJECTS:
        store.take(_Step(draw(st.sampled_from(BRANCHES)), "write", obj, (), _TEXTS[0], 0, "none", None))
    steps = draw(st.lists(_STEP, min_size=draw(st.sampled_from((0, 10, 30))), max_size=max_steps))
    for scene in draw(st.lists(_scenes(), min_size=1, max_size=3)):
        at = draw(st.integers(0, len(steps)))
        steps[at:at] = scene
    for step in steps:
        store.take(step)
    if draw(st.booleans()):
        for branch in BRANCHES:
            while branch not in store.left and store.units.get(branch):
                store.take(_Step(branch, "commit", "", (), "", 0, "", None))
    return store.rows, draw(st.sampled_from((True, True, False)))
