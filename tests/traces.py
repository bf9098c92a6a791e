"""Runs traces in the notation of `notation.py` through Driftline's public API, and records them.

One thread runs every line; each branch acts in a context of its own, so that several are open at once and every
interleaving is the one that was written down.
"""

from __future__ import annotations

import contextvars
import copy
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notation import CLAUSES, Line, NotationError, clauses
from roots import run_as_root

import driftline as dl
from driftline.reader import Trace


class _Failure(Exception):  # noqa: N818 - it stands for any exception of the user's
    """What a branch, unit or task fails with."""


@dataclass
class _Block:
    """A branch, unit or task that is open: its name, and the context to act in while it is the innermost."""

    name: str
    manager: AbstractContextManager[Any]
    context: contextvars.Context

    def enter(self) -> None:
        self.context.run(self.manager.__enter__)

    def leave(self, *, failed: bool) -> None:
        fault = _Failure() if failed else None
        self.context.run(self.manager.__exit__, type(fault) if fault else None, fault, None)


@dataclass
class _Runner:
    """Runs the lines of a trace through the public API; each branch acts in a context of its own.

    Every name has the namespace in front of it, so that several traces fit into one recording and never meet.
    """

    space: str = ""
    open: dict[str, list[_Block]] = field(default_factory=dict)  # branch → its blocks, the branch itself first
    closed: set[str] = field(default_factory=set)
    contents: dict[tuple[str, Any], Any] = field(default_factory=dict)  # (object, version), None for the newest → value
    mappings: dict[str, dl.TrackedMapping[str, Any]] = field(default_factory=dict)
    references: dict[str, list[str]] = field(default_factory=dict)  # object → its reference fields, if tracked

    def run(self, text: str) -> None:
        for line in text.splitlines():
            step = re.sub(r"(^|\s)#.*", "", line)
            if step.strip():
                try:
                    self._step(Line(step))
                except (NotationError, LookupError, TypeError, ValueError) as fault:
                    raise NotationError(f"{line!r}: {fault}") from fault
        for name, blocks in reversed(self.open.items()):
            if len(blocks) > 1:
                raise NotationError(f"{name} ends with {blocks[-1].name!r} open; abandon it, or crash {name}")
            blocks[0].leave(failed=False)

    def _step(self, line: Line) -> None:
        name = line.word()
        line.take(":")
        verb = line.word()
        if name in self.closed:
            raise NotationError(f"{name} has ended")
        if verb in {"open", "fork"}:
            self._begin_branch(name, line.word() if verb == "fork" else None, line)
        else:
            if name not in self.open:
                self._begin_branch(name, None, line=None)
            step = getattr(self, f"_{verb}", None)
            if step is not None:
                step(name, line)
            elif verb in CLAUSES:
                self._act(name, verb, line)
            else:
                raise NotationError(f"{verb!r} is no step")
        if line.tokens:
            raise NotationError(f"{' '.join(line.tokens)!r} is left over")

    def _call(self, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.open[name][-1].context.run(function, *args, **kwargs)

    # ---- branches, units, tasks -----------------------------------------------------------------------------------

    def _begin_branch(self, name: str, parent: str | None, line: Line | None) -> None:
        if name in self.open:
            raise NotationError(f"{name} has begun already")
        phase = None
        if line is not None and line.tokens:
            line.take("phase")
            phase = line.word()
        context = contextvars.Context() if parent is None else self.open[parent][-1].context.copy()
        block = _Block(name, dl.branch(self.space + name, phase=phase), context)
        block.enter()
        self.open[name] = [block]

    def _end_branch(self, name: str, *, failed: bool) -> None:
        if len(self.open[name]) > 1:
            raise NotationError(f"{self.open[name][-1].name!r} is still open in {name}")
        self.open.pop(name)[0].leave(failed=failed)
        self.closed.add(name)

    def _end(self, name: str, _line: Line) -> None:
        self._end_branch(name, failed=False)

    def _crash(self, name: str, _line: Line) -> None:
        self.open.pop(name)
        self.closed.add(name)

    def _begin_block(self, name: str, block_name: str, manager: AbstractContextManager[Any]) -> None:
        block = _Block(block_name, manager, self.open[name][-1].context.copy())
        block.enter()
        self.open[name].append(block)

    def _pop(self, name: str, line: Line, kind: type) -> _Block:
        wanted, blocks = line.word(), self.open[name]
        if len(blocks) == 1 or blocks[-1].name != wanted or not isinstance(blocks[-1].manager, kind):
            raise NotationError(f"{wanted!r} is not the innermost {kind.__name__} of {name}")
        return blocks.pop()

    def _begin(self, name: str, line: Line) -> None:
        unit = line.word()
        own = "" if unit == "driftline.proposal" else self.space  # a name that means something must be that name
        self._begin_block(name, unit, dl.unit(own + unit))

    def _commit(self, name: str, line: Line) -> None:
        self._pop(name, line, dl.unit).leave(failed=False)

    def _abort(self, name: str, line: Line) -> None:
        self._pop(name, line, dl.unit).leave(failed=True)

    def _abandon(self, name: str, line: Line) -> None:
        self._pop(name, line, dl.unit)

    def _start(self, name: str, line: Line) -> None:
        task = line.word()
        self._begin_block(name, task, dl.task(self.space + task, inputs=line.value() if line.tokens else None))

    def _finish(self, name: str, line: Line) -> None:
        self._pop(name, line, dl.task).leave(failed=False)

    def _fail(self, name: str, line: Line) -> None:
        if line.tokens:
            self._pop(name, line, dl.task).leave(failed=True)
        else:
            self._end_branch(name, failed=True)

    # ---- objects --------------------------------------------------------------------------------------------------

    def _act(self, name: str, verb: str, line: Line) -> None:
        """A step on an object of any store, or on each of several."""
        target = line.word()
        several = re.fullmatch(r"(.*\D)(\d+)\.\.(\d+)", target)
        if several is None:
            self._act_on(target, name, verb, line)
            return
        tokens, line.tokens = line.tokens, []
        for number in range(int(several[2]), int(several[3]) + 1):
            line.tokens = tokens.copy()
            self._act_on(f"{several[1]}{number}", name, verb, line)

    def _act_on(self, target: str, name: str, verb: str, line: Line) -> None:
        paths = []
        while verb == "read" and line.peek().startswith("/"):
            paths.append(line.word())
        value = [line.value()] if verb in {"write", "patch", "merge", "track"} else []
        given = self._renamed(clauses(line, verb))
        if verb == "track":
            self.references[target] = given.get("references", [])
            mapping = self._call(name, dl.track, self._linked(target, *value), id=self.space + target, **given)
            self.mappings[target] = mapping
            return
        if verb in {"read", "write", "patch", "merge"}:
            given["type"] = self.space + target.partition("/")[0]
        if verb == "read":
            content = given.pop("as", None)
            content = self.contents.get((target, given.get("version")), {}) if content is None else content
            seen = _part(content, paths) if paths else content
            self._call(name, dl.read, self.space + target, seen, partial=bool(paths), **given)
            return
        made = self._call(name, getattr(dl, verb), self.space + target, *value, **given)
        if verb in {"write", "patch", "merge", "delete"}:
            before = self.contents.get((target, None), {})
            content = {} if verb == "delete" else _patched(before, value[0]) if verb == "patch" else value[0]
            self.contents[target, made] = self.contents[target, None] = content

    def _renamed(self, given: dict[str, Any]) -> dict[str, Any]:
        """Clauses with the namespace in front of the objects that they name."""
        if "refs" in given:
            given["refs"] = {path: self.space + target for path, target in given["refs"].items()}
        if "inputs" in given:
            given["inputs"] = [(self.space + target, version) for target, version in given["inputs"]]
        return given

    def _linked(self, target: str, value: dict[str, Any]) -> dict[str, Any]:
        """The value of a tracked mapping with the namespace in front of the objects that its reference fields name."""
        links = self.references[target]
        return {key: self.space + item if f"/{key}" in links and item else item for key, item in value.items()}

    def _get(self, name: str, line: Line) -> None:
        self._call(name, self.mappings[line.word()].get, line.word())

    def _has(self, name: str, line: Line) -> None:
        self._call(name, self.mappings[line.word()].__contains__, line.word())

    def _copy(self, name: str, line: Line) -> None:
        self._call(name, self.mappings[line.word()].copy)

    def _set(self, name: str, line: Line) -> None:
        target = line.word()
        mapping, changes = self.mappings[target], self._linked(target, line.value())
        if len(changes) == 1:
            self._call(name, mapping.__setitem__, *changes.popitem())
        else:
            self._call(name, mapping.update, changes)

    def _remove(self, name: str, line: Line) -> None:
        self._call(name, self.mappings[line.word()].__delitem__, line.word())

    def _replace(self, name: str, line: Line) -> None:
        target = line.word()
        self._call(name, self.mappings[target].replace, self._linked(target, line.value()))


def _part(content: Any, paths: list[str]) -> dict[str, Any]:
    """Only these fields of an object's content.

    Example:
        >>> _part({"a": 1, "n": {"x": 1, "y": 2}}, ["/n/y", "/b"])
        {'n': {'y': 2}, 'b': driftline.ABSENT}
    """
    part: dict[str, Any] = {}
    for path in paths:
        *outer, last = path.split("/")[1:]
        inner, source = part, content
        for key in outer:
            inner = inner.setdefault(key, {})
            source = source.get(key, {})
        inner[last] = source.get(last, dl.ABSENT)
    return part


def _patched(content: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of an object's content with the fields at these pointers (or names) set.

    Example:
        >>> _patched({"a": 1, "n": {"x": 1, "y": 2}}, {"a": dl.ABSENT, "/n/x": 5, "n": {"z": 6}})
        {'n': {'x': 5, 'y': 2, 'z': 6}}
    """
    new: dict[str, Any] = copy.deepcopy(content) if isinstance(content, dict) else {}
    for name, value in changes.items():
        *outer, last = name.removeprefix("/").split("/")
        inner = new
        for key in outer:
            inner = inner.setdefault(key, {})
        if value is dl.ABSENT:
            inner.pop(last, None)
        elif isinstance(value, dict) and isinstance(inner.get(last), dict):
            inner[last] = _patched(inner[last], value)
        else:
            inner[last] = value
    return new


def is_ordered(text: str) -> bool:
    """Whether a trace in this notation does not say that its order means nothing."""
    return text.lstrip().partition("\n")[0] != "unordered"


def record_trace(text: str, folder: Path, **options: Any) -> None:
    """Run a trace in the notation, and record it.

    Args:
        text: Its lines.
        folder: Of the trace; it must not exist.
        options: Further arguments of `driftline.record`.

    Raises:
        NotationError: If a line is not understood, or the tracer itself failed at one.
    """
    record_traces({"": text}, folder, **options)


def record_traces(texts: Mapping[str, str], folder: Path, **options: Any) -> None:
    """Record several traces as one, each with every name behind its namespace; all of them ordered, or none.

    Args:
        texts: Namespace to lines.
        folder: As for `record_trace`, as are the others.
        options: As well.

    Raises:
        NotationError: As well.
    """
    (ordered,) = {is_ordered(text) for text in texts.values()}
    faults: list[BaseException] = []

    def run() -> None:
        try:
            for space, text in texts.items():
                _Runner(space).run(text if ordered else text.lstrip().partition("\n")[2])
        except BaseException as fault:  # noqa: BLE001 - raised again in the caller's thread
            faults.append(fault)

    with dl.record(folder, ordered=ordered, **options):
        run_as_root(run)  # so that a branch has no parent unless the trace says so
    if faults:
        raise faults[0]
    for process in Trace(folder).processes:
        if process.record is None or process.record.faults:
            raise NotationError(f"the tracer failed: {process.record and process.record.faults}")
