"""The vocabulary of the scenes: actors that read and write things, recorded as a disciplined recorder would.

A scene is a short script in which one fault happens. Its actors are branches of their own and its things objects of
their own, so whatever else the run does, exactly this is found. A thing remembers what each of its versions holds, an
actor what it has seen, so that a stale read or an inferred base is what it would be in a real recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import msgspec

from driftline.simulation.events import Field, Row, Version
from driftline.simulation.kinds import KINDS, PATH_NUMBER, Kind, Pool, Value
from driftline.values import digest_inputs

_FIRST_LABEL: Final = 0x1000000


class Names:
    """Counts what must be unique in a run: branches, units, tasks, objects of scenes."""

    def __init__(self) -> None:
        self._last = 0

    def id(self, name: str) -> str:
        """A new id for something of this name.

        Example:
            >>> names = Names()
            >>> names.id("agent"), names.id("agent")
            ('agent#1', 'agent#2')
        """
        self._last += 1
        return f"{name}#{self._last}"

    def number(self) -> int:
        """A new number."""
        self._last += 1
        return self._last


@dataclass(frozen=True)
class Expected:
    """What an analysis should find at one event of a scene."""

    code: str
    fields: tuple[str, ...]


@dataclass
class Thing:
    """A shared object of a scene.

    Attributes:
        id: Its id.
        kind: What it is.
        labelled: Whether its versions are labels.
        current: Its current version, None before the first.
        contents: Version → what stands in it, by path.
        depth: Mutation depth of the current version.
    """

    id: str
    kind: Kind
    labelled: bool
    current: Version | None = None
    contents: dict[Version, dict[str, Value]] = field(default_factory=dict)
    depth: int = 0
    made: int = 0

    def next_version(self) -> Version:
        """The version that the next write makes, aborted ones included in the count."""
        self.made += 1
        return f"{self.id}:{_FIRST_LABEL + self.made:x}" if self.labelled else self.made

    def at(self, version: Version | None) -> dict[str, Value]:
        """What stands in a version."""
        return self.contents[version] if version is not None else {}


@dataclass(frozen=True)
class Step:
    """One event of a scene: where it stands in it, and the version that it is about."""

    at: int
    thing: Thing | None
    version: Version | None
    branch: str
    name: str


class Scene:
    """One scene as it is written.

    Args:
        rng: Decides what the script leaves open.
        pool: Where values come from.
        names: Where ids come from.
        phases: The phases of the run, in order.
        processes: How many processes there are.

    Attributes:
        rng: As given.
        phases: As given.
        declared: Whether the actors declare the bases and inputs of their writes, or leave them to be inferred.
        rows: The events so far.
        truth: Place of an event → what should be found there.
        steps: Place of an event → the event, for those in `truth`.
    """

    def __init__(self, rng: Random, pool: Pool, names: Names, phases: Sequence[str], processes: int) -> None:
        self.rng = rng
        self.phases = phases
        self.declared = rng.random() < 0.5  # noqa: PLR2004 - as often as not
        self.rows: list[Row] = []
        self.truth: dict[int, list[Expected]] = {}
        self.steps: dict[int, Step] = {}
        self.pool = pool
        self.names = names
        self._processes = processes
        self._used: set[Value] = set()
        self._actors: list[Actor] = []

    # ---- who and what ---------------------------------------------------------------------------------------------

    def actor(self, name: str, phase: str | None = None) -> Actor:
        """A branch that begins now."""
        actor = Actor(self, name, phase, self.rng.randrange(self._processes))
        self._actors.append(actor)
        return actor

    def thing(self, kind: str, *, labelled: bool = False) -> Thing:
        """An object that nobody has written yet."""
        return Thing(f"{kind}/s{self.names.number()}", KINDS[kind], labelled)

    def some(self, thing: Thing, count: int = 1) -> list[str]:
        """Different plain fields of a thing."""
        return self.rng.sample(thing.kind.plain, count)

    def value(self, path: str) -> Value:
        """A value that no field of this scene had yet, short in a plain field."""
        while True:
            value = self.pool.draw(path, self.rng)
            if value not in self._used:
                self._used.add(value)
                return value

    def values(self, paths: Sequence[str]) -> dict[str, Value]:
        """A new value for each of these fields."""
        return {path: self.value(path) for path in paths}

    def rich(self) -> Value:
        """A long list of facts."""
        return self.rng.choice(self.pool.rich)

    def scant(self) -> Value:
        """A list of one short fact: poorer than any long one."""
        return self.rng.choice(self.pool.scant)

    def complete(self, thing: Thing, link: Thing | None = None) -> dict[str, Value]:
        """Values for all fields of a thing; the field that names another object names `link`, or someone outside."""
        content = self.values([path for path in thing.kind.paths if path != thing.kind.link])
        if thing.kind.link is not None:
            content[thing.kind.link] = msgspec.json.encode(link.id if link is not None else "nobody")
        return content

    # ---- what is found --------------------------------------------------------------------------------------------

    def find(self, code: str, step: Step, fields: Sequence[str] = ()) -> None:
        """State that a rule finds something at an event, about these fields."""
        self.truth.setdefault(step.at, []).append(Expected(code, tuple(sorted(fields))))
        self.steps[step.at] = step

    # ---- how it ends ----------------------------------------------------------------------------------------------

    def end(self) -> None:
        """End every branch that is still open."""
        for actor in self._actors:
            actor.end()


class Actor:
    """One branch of a scene.

    Attributes:
        branch: Its id.
        name: Its name.
    """

    def __init__(self, scene: Scene, name: str, phase: str | None, process: int) -> None:
        self.name = name
        self.branch = scene.names.id(name)
        self._scene = scene
        self._process = process
        self._unit: str | None = None
        self._task: str | None = None
        self._before: dict[str, tuple[Thing, Version | None]] = {}  # what stood before the unit's first write of it
        self._last: dict[str, Version | None] = {}  # the version that it saw last, of what it saw whole, and of fields
        self._whole: dict[str, Version | None] = {}
        self._alone: dict[str, dict[str, Version | None]] = {}
        self._open = True
        self._emit("branch-start", rare={"name": name, **({"phase": phase} if phase else {})})

    def _emit(self, op: str, thing: Thing | None = None, version: Version | None = None, **columns: Any) -> Step:
        if thing is not None:
            columns |= {"object": thing.id, "type": thing.kind.name, "version": version}
        where = {"unit": self._unit, "task": self._task}
        self._scene.rows.append(Row(self._process, op, self.branch, **{**where, **columns}))
        return Step(len(self._scene.rows) - 1, thing, version, self.branch, self.name)

    # ---- reading --------------------------------------------------------------------------------------------------

    def read(
        self,
        thing: Thing,
        *paths: str,
        version: Version | None = None,
        seen: Mapping[str, Value] | None = None,
    ) -> Step:
        """Read a thing, or only these fields of it: the current version, or an older one.

        Args:
            thing: What to read.
            paths: Its fields; none for the whole.
            version: Which version, if not the current one.
            seen: What was seen, if that is not what the version holds.
        """
        version = version if version is not None else thing.current
        content = thing.at(version) | dict(seen or {})
        self._see(thing, version, paths)
        fields: list[Field] = [(PATH_NUMBER[path], content.get(path), None) for path in paths or content]
        return self._emit("read", thing, version, whole=not paths, fields=fields)

    def _see(self, thing: Thing, version: Version | None, paths: Sequence[str]) -> None:
        self._last[thing.id] = version
        if paths:
            self._alone.setdefault(thing.id, {}).update(dict.fromkeys(paths, version))
        else:
            self._whole[thing.id] = version
            self._alone.pop(thing.id, None)

    # ---- writing --------------------------------------------------------------------------------------------------

    def create(self, thing: Thing, link: Thing | None = None, **said: Any) -> Step:
        """Write the first version of a thing, complete."""
        refs = [(thing.kind.link, link.id)] if link is not None and thing.kind.link is not None else None
        return self.write(thing, self._scene.complete(thing, link), references=refs, **said)

    def write(self, thing: Thing, content: Mapping[str, Value], **said: Any) -> Step:
        """Write a thing whole. What else a write may say: `_change`."""
        return self._change("write", thing, content, dict(content), **said)

    def rewrite(self, thing: Thing, seen: Version | None, changes: Mapping[str, Value], **said: Any) -> Step:
        """Write back the whole of what was seen of a thing, with changes."""
        return self.write(thing, thing.at(seen) | dict(changes), **said)

    def patch(self, thing: Thing, changes: Mapping[str, Value], **said: Any) -> Step:
        """Write some fields of a thing; the others stay."""
        return self._change("patch", thing, changes, thing.at(thing.current) | dict(changes), **said)

    def merge(self, thing: Thing, bases: Sequence[Version | None], content: Mapping[str, Value], **said: Any) -> Step:
        """Write a thing whole, out of several of its versions."""
        return self._change("merge", thing, content, dict(content), bases=list(bases), **said)

    def delete(self, thing: Thing, **said: Any) -> Step:
        """Remove a thing."""
        return self._change("delete", thing, {}, {}, **said)

    def _change(
        self,
        op: str,
        thing: Thing,
        changes: Mapping[str, Value],
        content: dict[str, Value],
        *,
        version: Version | None = None,
        **said: Any,
    ) -> Step:
        """Record a write.

        Args:
            op: The operation.
            thing: What is written.
            changes: The fields that it lists.
            content: What stands afterwards.
            version: The version that it makes, if not the next one.
            said: `confidence`, `fidelity`, `references`, `inputs`, `bases` as in the trace format.
        """
        made = version if version is not None else thing.next_version()
        base, inferred, fields = self._based(op, thing, changes)
        if self._unit is not None:
            self._before.setdefault(thing.id, (thing, thing.current))
        self._see(thing, made, tuple(changes) if op == "patch" else ())
        thing.contents[made] = content
        thing.current = made
        thing.depth += 1
        return self._emit(
            op,
            thing,
            made,
            base=base,
            base_inferred=inferred,
            depth=thing.depth,
            fields=fields,
            rare={name: value for name, value in said.items() if value is not None} or None,
        )

    def _based(
        self, op: str, thing: Thing, changes: Mapping[str, Value]
    ) -> tuple[Version | None, bool | None, list[Field]]:
        """The base of a write and of each of its fields: declared with the write, or as they would be inferred."""
        whole, alone, last = self._whole.get(thing.id), self._alone.get(thing.id, {}), self._last.get(thing.id)
        if op == "merge" or (self._scene.declared and last is not None):
            plain: list[Field] = [(PATH_NUMBER[path], value, None) for path, value in changes.items()]
            return (None if op == "merge" else last), None, plain
        fields: list[Field] = [(PATH_NUMBER[path], value, alone.get(path, whole)) for path, value in changes.items()]
        if op != "patch":  # fields that were seen by themselves and are gone now
            fields += [(PATH_NUMBER[path], None, seen) for path, seen in alone.items() if path not in changes]
        return whole, True, fields

    # ---- marking --------------------------------------------------------------------------------------------------

    def mark(self, op: str, thing: Thing, version: Version | None = None, **said: Any) -> Step:
        """Record a snapshot, promote, quarantine or reject of the current version, or of another."""
        return self._emit(op, thing, version if version is not None else thing.current, rare=said or None)

    # ---- units, tasks, the end ------------------------------------------------------------------------------------

    def begin(self, name: str) -> None:
        """Begin a unit."""
        self._unit = self._scene.names.id(name)
        self._before = {}
        self._emit("unit-begin", rare={"name": name})

    def commit(self) -> None:
        """Commit the unit."""
        self._emit("unit-commit", rare={"status": "ok"})
        self._unit = None

    def abort(self) -> None:
        """Abort the unit: what it wrote no longer stands."""
        self._emit("unit-abort", rare={"status": "failed", "reason": "ValueError"})
        self._unit = None
        for thing, version in self._before.values():
            thing.current = version

    @contextmanager
    def task(self, name: str, inputs: object = None) -> Iterator[Step]:
        """A task; it is not the same work as any other unless it is given inputs that another has."""
        outer = self._task
        self._task = self._scene.names.id(name)
        inputs = inputs if inputs is not None else self._task
        started = {"name": name, "signature": digest_inputs(name, inputs), **({"parent": outer} if outer else {})}
        yield self._emit("task-start", rare=started)
        self._emit("task-end", rare={"status": "ok"})
        self._task = outer

    def fail(self) -> None:
        """End the branch by an exception."""
        self._emit("branch-end", rare={"status": "failed", "reason": "ValueError"})
        self._open = False

    def crash(self) -> None:
        """Never end the branch, nor the unit that it is in."""
        self._open = False

    def end(self) -> None:
        """End the branch, unless it has ended or crashed."""
        if self._open:
            self._emit("branch-end", rare={"status": "ok"})
            self._open = False
