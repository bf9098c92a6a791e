"""Random small programs over shared state, and what records them: the traces that detectors are compared on.

A `Program` is a list of steps, each acting in one of several open branches; `record` runs it in one thread through
Driftline's public API, so that every interleaving is deterministic. A step says its choices as small numbers and asks
for what there is ("the second-last version"), so every list of steps is a valid program and shrinks well.

What one process can hardly record is in `reference.event_lists`.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import hypothesis.strategies as st
from roots import run_as_root

import driftline as dl
from driftline.header import ProcessRecord

# ---- programs -----------------------------------------------------------------------------------------------------

#: Who numbers an object's versions: the tracer, the store, labels, all of these in turn, or a tracked mapping.
Style = Literal["auto", "store", "label", "mixed", "tracked", "scalar"]

FIELDS: Final = ("/a", "/b", "/n/x", "/n/y")
VALUES: Final[tuple[Any, ...]] = (
    0,
    1,
    "",
    "s",
    None,
    "short text " * 8,
    "a longer text, which two branches rarely agree on; " * 4,
    ["one fact that is long enough", "and another one, longer", "a third, to be rich"],
    ["one fact that is long enough", "", None, "", None, [], "", None, "", None, "", None, ""],
    {"deep": {"er": {"than": ["fields", "are", "followed"], "text": "x" * 40}}},
    {"deep": {"er": {"than": [], "text": ""}}},
    "doc/1",
    "2",
    [{"by": "doc/0"}, {"by": "0"}, {"with": "doc/1"}, "doc/2"],
)
STYLES: Final[tuple[Style, ...]] = ("auto", "auto", "store", "store", "label", "mixed", "tracked", "scalar")
GHOST: Final = "ghost/0"  # an object that never exists
POLICY: Final = """
[phases]
order = ["compression", "enrichment", "reasoning"]
[types.doc]
required = ["/a", "/n/x"]
immutable = ["/b", "/n"]
references = { "/a" = "doc", "/n/*" = "doc", "/b/*/by" = "doc" }
"""
DEMANDING: Final = '[types.doc]\nrequired = ["/a", "/n"]'
PHASES: Final = ("reasoning", "enrichment", "compression", "orchestration")


@dataclass(frozen=True)
class Fork:
    """Open a branch: in the parent's own context, from its handle, or in a thread of its own."""

    by: int
    how: Literal["nested", "handle", "root"]
    phase: str | None = None


@dataclass(frozen=True)
class Leave:
    """Leave a branch and every block still open in it."""

    by: int
    failed: bool


@dataclass(frozen=True)
class Begin:
    """Open a unit, or a task with one of few signatures; a unit with another one is what a store did not let in."""

    by: int
    what: Literal["unit", "task"]
    signature: int = 0


@dataclass(frozen=True)
class End:
    """Leave the innermost unit or task of a branch."""

    by: int
    failed: bool


@dataclass(frozen=True)
class Read:
    """Read the whole object or some fields, at the newest version or `back` versions before it."""

    by: int
    object: int
    fields: tuple[str, ...] = ()  # none: the whole object
    back: int = 0
    say_version: bool = True
    mutated: tuple[tuple[str, int | None], ...] = ()  # what somebody had changed in it unseen, as in `Write.changes`


@dataclass(frozen=True)
class Write:
    """Make a version: of what the branch saw last (or of nothing), with some fields changed; None removes one."""

    by: int
    object: int
    op: Literal["write", "patch", "merge", "delete"]
    changes: tuple[tuple[str, int | None], ...] = ()  # field, index into VALUES
    from_seen: bool = True
    base: Literal["inferred", "seen", "current", "older", "unknown"] = "inferred"
    version: Literal["next", "again", "regress", "skip"] = "next"
    confidence: float | None = None
    fidelity: float | None = None
    references: tuple[int, ...] = ()  # objects; -1 is the ghost
    inputs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Mark:
    """Decide something about a version."""

    by: int
    object: int
    op: Literal["snapshot", "promote", "quarantine", "reject"]
    back: int = 0
    say_version: bool = True


Step = Fork | Leave | Begin | End | Read | Write | Mark


@dataclass(frozen=True)
class Program:
    """What to run.

    Attributes:
        styles: One for each object.
        steps: In the order in which they happen.
        ordered: Whether the recording says that its order means anything.
        tidy: Whether what is still open at the end is left in order, or stays open.
        policy: What the recording says of it, or None.
    """

    styles: tuple[Style, ...]
    steps: tuple[Step, ...]
    ordered: bool = True
    tidy: bool = True
    policy: str | None = None


# ---- running a program --------------------------------------------------------------------------------------------


class _Failure(Exception):  # noqa: N818 - it stands for any exception of the user's
    """What a branch, unit or task fails with."""


@dataclass
class _Actor:
    """A branch that is open, the context that it runs in, and what the program knows to have happened there."""

    name: str
    context: contextvars.Context
    blocks: list[AbstractContextManager[Any]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    seen: dict[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict)  # object → version, content


@dataclass
class _Shared:
    """One object as the store would hold it: every version in the order of arrival, with its content."""

    id: str
    style: Style
    versions: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    mapping: dl.TrackedMapping[str, Any] | None = None

    @property
    def content(self) -> dict[str, Any]:
        return self.versions[-1][1] if self.versions else {}

    def back(self, steps: int) -> tuple[Any, dict[str, Any]]:
        """The version so many before the newest, or the oldest; (None, {}) if there is none."""
        return self.versions[max(-1 - steps, -len(self.versions))] if self.versions else (None, {})

    def numbers(self) -> list[int]:
        return [version for version, _ in self.versions if isinstance(version, int)]

    def new_version(self, how: str) -> Any:
        """The version to pass for a new write; None leaves it to the tracer."""
        style = self.style
        if style == "mixed":
            style = ("store", "label", "auto")[len(self.versions) % 3]
        if style == "label":
            last = self.back(0)[0]
            return last if how == "again" and isinstance(last, str) else f"r{len(self.versions)}"
        newest = max(self.numbers(), default=0)
        given = {"next": newest + 1, "again": max(newest, 1), "regress": max(newest - 1, 1), "skip": newest + 2}[how]
        return None if style == "auto" and how in {"next", "skip"} else given


class _Run:
    """A program being recorded. Keeps a listing of the calls that it makes, for whoever must understand a failure."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.calls: list[str] = []
        self.actors = [_Actor("main", contextvars.Context())]
        self.objects = [_Shared(f"doc/{at}", style) for at, style in enumerate(program.styles)]
        self.forks = 0

    def run(self) -> None:
        for step in self.program.steps:
            getattr(self, f"_{type(step).__name__.lower()}")(step)
        if self.program.tidy:
            while len(self.actors) > 1:
                self._leave(Leave(len(self.actors) - 1, failed=False))
            while self.actors[0].blocks:
                self._end(End(0, failed=False))

    def _call(self, actor: _Actor, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function of the API in a branch, and list the call."""
        given = [repr(arg) for arg in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
        result = actor.context.run(function, *args, **kwargs)
        shown = f" -> {result}" if isinstance(result, (int, str)) else ""
        self.calls.append(f"{actor.name:8} {function.__name__}({', '.join(given)}){shown}")
        return result

    def _actor(self, by: int) -> _Actor:
        return self.actors[by % len(self.actors)]

    def _object(self, at: int) -> _Shared:
        return self.objects[at % len(self.objects)]

    # ---- blocks ---------------------------------------------------------------------------------------------------

    def _enter(self, actor: _Actor, block: AbstractContextManager[Any], label: str) -> None:
        actor.context.run(block.__enter__)
        actor.blocks.append(block)
        actor.labels.append(label)
        self.calls.append(f"{actor.name:8} enter {label}")

    def _exit(self, actor: _Actor, *, failed: bool) -> None:
        block, label = actor.blocks.pop(), actor.labels.pop()
        fault = _Failure() if failed else None
        actor.context.run(block.__exit__, type(fault) if fault else None, fault, None)
        self.calls.append(f"{actor.name:8} {'fail' if failed else 'leave'} {label}")

    def _fork(self, step: Fork) -> None:
        if len(self.actors) > 5:
            return
        parent = self._actor(step.by)
        self.forks += 1
        name = f"{'abcde'[self.forks % 5]}{self.forks}"
        if step.how == "nested":
            child = _Actor(name, parent.context.run(contextvars.copy_context))
            block = dl.branch(name, phase=step.phase)
        else:
            child = _Actor(name, contextvars.Context())
            handle = parent.context.run(dl.current) if step.how == "handle" else None
            block = dl.branch(name, parent=handle, phase=step.phase)
        child.seen = dict(parent.seen)
        label = f"branch {name}, {step.how} in {parent.name}, phase {step.phase}"
        if step.how == "root":  # a thread that carries no branch forks from none
            child.seen = {}
            run_as_root(self._enter, child, block, label)
        else:
            self._enter(child, block, label)
        self.actors.append(child)

    def _leave(self, step: Leave) -> None:
        actor = self._actor(step.by)
        if actor is self.actors[0]:
            return  # the main branch ends with the recording
        while actor.blocks:
            self._exit(actor, failed=step.failed)
        self.actors.remove(actor)

    def _begin(self, step: Begin) -> None:
        actor = self._actor(step.by)
        if step.what == "unit":
            self._enter(actor, dl.unit("driftline.proposal" if step.signature else "u"), "unit")
        else:
            self._enter(actor, dl.task("t", inputs=step.signature), f"task {step.signature}")

    def _end(self, step: End) -> None:
        actor = self._actor(step.by)
        if actor.labels and not actor.labels[-1].startswith("branch"):
            self._exit(actor, failed=step.failed)

    # ---- shared state ---------------------------------------------------------------------------------------------

    def _tracked(self, actor: _Actor, shared: _Shared) -> dl.TrackedMapping[str, Any]:
        if shared.mapping is None:
            shared.mapping = self._call(actor, dl.track, {"a": 0}, id=shared.id)
            shared.versions.append((1, {"/a": 0}))
        return shared.mapping

    def _read(self, step: Read) -> None:
        actor, shared = self._actor(step.by), self._object(step.object)
        if shared.style == "tracked":
            self._read_tracked(actor, self._tracked(actor, shared), step)
            actor.seen[shared.id] = shared.back(0)
            return
        fields = _known(step.fields, shared)
        version, content = shared.back(step.back if step.say_version else 0)
        content = _changed(content, step.mutated) if shared.style != "scalar" else content
        value = {path: content[path] for path in fields if path in content} if fields else content
        self._call(
            actor,
            dl.read,
            shared.id,
            _nested(value),
            version=version if step.say_version else None,
            type="doc",
            partial=bool(fields),
        )
        actor.seen[shared.id] = (version, content)

    def _read_tracked(self, actor: _Actor, mapping: dl.TrackedMapping[str, Any], step: Read) -> None:
        if not step.fields:
            self._call(actor, mapping.copy)
            return
        for key in _keys(step.fields):
            self._call(actor, mapping.__contains__ if step.back else mapping.get, key)

    def _write(self, step: Write) -> None:
        actor, shared = self._actor(step.by), self._object(step.object)
        start = actor.seen.get(shared.id, (None, {}))[1] if step.from_seen else {}
        changes = _values(step.changes)
        if shared.style == "scalar":
            changes = {"": next((value for value in changes.values() if value is not dl.ABSENT), 0)}
        start = shared.content if step.op == "patch" else start
        content = {path: value for path, value in {**start, **changes}.items() if value is not dl.ABSENT}
        content = {} if step.op == "delete" else content
        if shared.style == "tracked" and step.op != "delete":
            self._write_tracked(actor, self._tracked(actor, shared), step, content, changes)
            shared.versions.append((shared.mapping._root.version, content))
        else:
            made = self._write_stored(actor, shared, step, changes if step.op == "patch" else content)
            shared.versions.append((made, content))
        actor.seen[shared.id] = shared.versions[-1]

    def _write_tracked(
        self,
        actor: _Actor,
        mapping: dl.TrackedMapping[str, Any],
        step: Write,
        content: dict[str, Any],
        changes: dict[str, Any],
    ) -> None:
        if step.op != "patch":
            self._call(actor, mapping.replace, _nested(content))
            return
        gone = _keys(path for path, value in changes.items() if value is dl.ABSENT)
        kept = _nested({path: value for path, value in changes.items() if value is not dl.ABSENT})
        if step.from_seen:
            self._call(actor, mapping.update, kept)
        else:
            for key, value in kept.items():
                self._call(actor, mapping.__setitem__, key, value)
        for key in gone:
            self._call(actor, mapping.pop, key, None)

    def _write_stored(self, actor: _Actor, shared: _Shared, step: Write, content: dict[str, Any]) -> Any:
        given: dict[str, Any] = {"version": shared.new_version(step.version), **self._bases(actor, shared, step)}
        if step.op != "delete":
            targets = [self.objects[at % len(self.objects)].id if at >= 0 else GHOST for at in step.references]
            places = [*content, "/ref/0"]  # at a field, inside of one, or at none
            known = {other.id: other.versions for other in self.objects}
            inputs = [self._object(at) for at in step.inputs]
            given |= {
                "type": "doc",
                "confidence": step.confidence,
                "fidelity": step.fidelity,
                "refs": {places[at % len(places)] + "/0" * at: target for at, target in enumerate(targets)} or None,
                "inputs": [(other.id, known[other.id][-1][0]) for other in inputs if known[other.id]] or None,
            }
        given = {key: value for key, value in given.items() if value is not None}
        if step.op == "delete":
            return self._call(actor, dl.delete, shared.id, **given)
        if step.op == "patch":
            return self._call(actor, dl.patch, shared.id, content, **given)
        return self._call(actor, dl.merge if step.op == "merge" else dl.write, shared.id, _nested(content), **given)

    @staticmethod
    def _bases(actor: _Actor, shared: _Shared, step: Write) -> dict[str, Any]:
        seen = actor.seen.get(shared.id, (None, {}))[0]
        unknown = 0 if shared.style in {"auto", "store", "tracked", "scalar"} else "nobody-knows"
        picks = {
            "inferred": None,
            "seen": seen,
            "current": shared.back(0)[0],
            "older": shared.back(2)[0],
            "unknown": unknown,
        }
        base = picks[step.base]
        if step.op != "merge":
            return {"base": base}
        bases = [version for version in (seen, base) if version is not None]
        return {"bases": list(dict.fromkeys(bases)) or [unknown]}

    def _mark(self, step: Mark) -> None:
        actor, shared = self._actor(step.by), self._object(step.object)
        version = shared.back(step.back)[0] if step.say_version else None
        self._call(actor, getattr(dl, step.op), shared.id, version=version)


def _values(changes: Iterable[tuple[str, int | None]]) -> dict[str, Any]:
    return {path: dl.ABSENT if at is None else VALUES[at] for path, at in changes}


def _changed(content: Mapping[str, Any], changes: Iterable[tuple[str, int | None]]) -> dict[str, Any]:
    """A copy of an object's fields with some of them changed."""
    return {path: value for path, value in {**content, **_values(changes)}.items() if value is not dl.ABSENT}


def _known(fields: Iterable[str], shared: _Shared) -> tuple[str, ...]:
    """The fields that an object of this style can have: a scalar has one, of no name."""
    return () if shared.style == "scalar" else tuple(fields)


def _keys(paths: Iterable[str]) -> list[str]:
    """The top-level keys that some fields lie under, each once."""
    return list(dict.fromkeys(path.split("/")[1] for path in paths))


def _nested(content: Mapping[str, Any]) -> Any:
    """The value whose fields these are.

    Example:
        >>> _nested({"/a": 1, "/n/x": 2}), _nested({"": 3})
        ({'a': 1, 'n': {'x': 2}}, 3)
    """
    if "" in content:
        return content[""]
    value: dict[str, Any] = {}
    for path, leaf in content.items():
        *outer, last = path.split("/")[1:]
        inner = value
        for key in outer:
            inner = inner.setdefault(key, {})
        inner[last] = leaf
    return value


def record(program: Program, folder: Path) -> list[str]:
    """Run a program and record it.

    Args:
        program: What to run.
        folder: Of the trace; it must not exist.

    Returns:
        A listing of the calls made, one a line.
    """
    run = _Run(program)
    with dl.record(folder, ordered=program.ordered, policy=program.policy) as recording:
        run.run()
    faults = [ProcessRecord.load(path).faults for path in recording.path.glob("p*.json")]
    assert faults == [{}], f"the tracer failed at something: {faults}"
    return run.calls


# ---- random programs ----------------------------------------------------------------------------------------------

_BY: Final = st.integers(0, 5)
_OBJECT: Final = st.sampled_from((0, 0, 0, 1, 1, 2))
_SOME_FIELDS: Final = st.lists(st.sampled_from(FIELDS), min_size=1, max_size=2, unique=True).map(tuple)
_MAYBE: Final = st.sampled_from((None, None, None, 0.2, 0.9))
_BACK: Final = st.sampled_from((0, 0, 0, 1, 2))
_CHANGES: Final = st.dictionaries(
    st.sampled_from(FIELDS),
    st.sampled_from((None, *range(len(VALUES)))),
    min_size=1,
    max_size=3,
).map(lambda changes: tuple(changes.items()))

# Arguments go by keyword so that a failing example names them.
_STEPS: Final[dict[type[Step], st.SearchStrategy[Step]]] = {
    Fork: st.builds(
        Fork,
        by=_BY,
        how=st.sampled_from(("nested", "nested", "handle", "root", "root")),
        phase=st.sampled_from((None, "lunch", *PHASES, *PHASES)),
    ),
    Leave: st.builds(Leave, by=_BY, failed=st.booleans()),
    Begin: st.builds(
        Begin,
        by=_BY,
        what=st.sampled_from(("unit", "task")),
        signature=st.sampled_from((0, 0, 0, 1)),
    ),
    End: st.builds(End, by=_BY, failed=st.booleans()),
    Read: st.builds(
        Read,
        by=_BY,
        object=_OBJECT,
        fields=st.just(()) | _SOME_FIELDS,
        back=_BACK,
        say_version=st.booleans(),
        mutated=st.sampled_from((False,) * 5 + (True,)).flatmap(lambda yes: _CHANGES if yes else st.just(())),
    ),
    Write: st.builds(
        Write,
        by=_BY,
        object=_OBJECT,
        op=st.sampled_from(("write", "write", "write", "patch", "patch", "patch", "merge", "delete")),
        changes=_CHANGES,
        from_seen=st.booleans(),
        base=st.sampled_from(("inferred", "inferred", "inferred", "seen", "current", "older", "unknown")),
        version=st.sampled_from(("next", "next", "next", "next", "next", "again", "regress", "skip")),
        confidence=_MAYBE,
        fidelity=_MAYBE,
        references=st.just(()) | st.lists(st.integers(-1, 2), max_size=2).map(tuple),
        inputs=st.just(()) | st.lists(st.integers(0, 2), max_size=2).map(tuple),
    ),
    Mark: st.builds(
        Mark,
        by=_BY,
        object=_OBJECT,
        op=st.sampled_from(("snapshot", "promote", "quarantine", "reject")),
        back=_BACK,
        say_version=st.booleans(),
    ),
}
# Shrinking prefers what comes first, and leaving the main branch does nothing.
_OFTEN: Final = (Leave, *(Read,) * 6, *(Write,) * 9, *(Begin,) * 3, *(End,) * 3, Fork, Mark)


@st.composite
def programs(draw: st.DrawFn, *, max_steps: int = 40) -> Program:
    """Small programs that conflict often: few objects and fields, two branches open before anything else happens."""
    from scenes import scenes  # which is made of the steps above

    styles = draw(st.lists(st.sampled_from(STYLES), min_size=1, max_size=3))
    opening = draw(st.lists(_STEPS[Fork], min_size=1, max_size=3))
    at_least = draw(st.sampled_from((0, 16, 28, 28)))  # few conflicts fit into the short lists that are drawn else
    kinds = draw(st.lists(st.sampled_from(_OFTEN), min_size=at_least, max_size=max_steps))
    steps = [draw(_STEPS[kind]) for kind in kinds]
    ordered = draw(st.sampled_from((True, True, True, True, True, True, True, False)))
    for scene in draw(st.lists(scenes(), max_size=3)):
        at = draw(st.integers(0, len(steps)))
        steps[at:at] = scene
    policy = draw(st.sampled_from((None, None, None, POLICY, POLICY.replace('["/b", "/n"]', "true"), DEMANDING)))
    return Program(tuple(styles), (*opening, *steps), ordered=ordered, tidy=draw(st.booleans()), policy=policy)
