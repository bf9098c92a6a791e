"""Which writes rest on a stale base, seen live: what the ledger knows exactly and later, known here at the call.

For OpenTelemetry only, whose spans have ended by the time the writer thread comes to an event. Bounded, so it forgets;
and where it does not know, it says nothing. What it says is true in the order in which this process's calls came in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from driftline.scope import Branch
from driftline.sightings import Version

_OBJECTS: Final = 4096
_FIELDS: Final = 256  # of an object
_VERSIONS: Final = 64  # of an object whose makers are remembered
_STEPS: Final = 16  # of what a branch saw of a field, one after another
_FOR_EVER: Final = 1 << 62


@dataclass(frozen=True)
class Made:
    """A version, and who made it.

    Attributes:
        rank: Its place in the order of the object's versions.
        version: Its name.
        branch: The branch that made it.
        span: The OpenTelemetry span context in which it was made, if any.
    """

    rank: int
    version: Version
    branch: Branch
    span: Any


@dataclass(frozen=True)
class Stale:
    """A write that rests on a stale base.

    Attributes:
        base: The oldest base of the fields concerned.
        newest: The newest version by another branch that its writer had not seen.
        fields: JSON Pointers of the fields that both set.
    """

    base: Version
    newest: Made
    fields: tuple[str, ...]


class _Steps:
    """The newest version that a branch had seen, at each moment: (tick, rank, version), rank rising."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: list[tuple[int, int, Version]] = []

    def see(self, tick: int, rank: int, version: Version) -> None:
        """It saw a version."""
        if not self._steps or rank > self._steps[-1][1]:
            self._steps = [*self._steps[1 - _STEPS :], (tick, rank, version)]

    def last(self, until: int) -> tuple[int, Version] | None:
        """The last step up to then; as new as can be if it is forgotten."""
        for tick, rank, version in reversed(self._steps):
            if tick <= until:
                return rank, version
        return (_FOR_EVER, "") if len(self._steps) == _STEPS else None


@dataclass
class _Seen:
    """What one branch has seen of one object."""

    whole: _Steps = field(default_factory=_Steps)
    fields: dict[str, _Steps] = field(default_factory=dict)

    def see(self, tick: int, rank: int, version: Version, paths: Sequence[str] | None) -> None:
        """It read or wrote these fields, or the whole object, at this version."""
        for path in paths or ():
            if path not in self.fields and len(self.fields) >= _FIELDS:
                paths = None  # better to have seen too much than to be called stale
                break
            self.fields.setdefault(path, _Steps()).see(tick, rank, version)
        if paths is None:
            self.whole.see(tick, rank, version)

    def of(self, path: str, until: int) -> tuple[int, Version] | None:
        """The newest version at which it had seen a field, up to then."""
        single = self.fields.get(path)
        found = [item for steps in (self.whole, single) if steps and (item := steps.last(until)) is not None]
        return max(found, key=lambda item: item[0], default=None)


@dataclass
class _Object:
    """What is known of one object."""

    whole: Made | None = None
    fields: dict[str, Made] = field(default_factory=dict)
    makers: OrderedDict[Version, Made] = field(default_factory=OrderedDict)
    seen: dict[Branch, _Seen] = field(default_factory=dict)
    mentions: dict[Version, int] | None = None  # the order of versions, once one is no number

    def last(self, path: str) -> Made | None:
        """What set a field last."""
        single = self.fields.get(path)
        if single is None or (self.whole is not None and self.whole.rank > single.rank):
            return self.whole
        return single

    def rank(self, version: Version) -> int:
        """The place of a version in the order: its number, or with labels the order of first mention."""
        if self.mentions is None:
            if isinstance(version, int):
                return version
            self.whole, self.mentions = None, {}
            self.fields.clear()  # numbers and labels have no order in common
            self.makers.clear()
            self.seen.clear()
        return self.mentions.setdefault(version, len(self.mentions))

    def base(self, branch: Branch, path: str) -> tuple[int, Version] | None:
        """What a branch had seen of a field: by itself, or from where it forked, up to then."""
        best, until = None, _FOR_EVER
        seeing: Branch | None = branch
        while seeing is not None:
            seen = self.seen.get(seeing)
            found = None if seen is None else seen.of(path, until)
            if found is not None and (best is None or found[0] > best[0]):
                best = found
            until = min(until, seeing.forked_at)
            seeing = seeing.within or seeing.parent
        return best


class Freshness:
    """Follows what branches read and write. Not thread-safe."""

    def __init__(self) -> None:
        self._objects: OrderedDict[str, _Object] = OrderedDict()
        self._touched: dict[Branch, set[str]] = {}
        self._tick = 0

    def forked(self, branch: Branch) -> None:
        """A branch splits off now: what its parent sees later it does not."""
        branch.forked_at = self._tick

    def saw(self, branch: Branch, object_id: str, version: Version | None, paths: Sequence[str] | None) -> None:
        """A branch read an object (None: the newest version that is known), or only some fields."""
        known = self._object(object_id)
        if version is None:
            newest = max(known.makers.values(), key=lambda made: made.rank, default=None)
            if newest is None:
                return
            version = newest.version
        self._see(known, branch, object_id, (known.rank(version), version), paths)

    def wrote(
        self,
        branch: Branch,
        object_id: str,
        version: Version,
        *,
        bases: Iterable[Version] | None,
        paths: Sequence[str],
        span: Any,
        whole: bool,
    ) -> Stale | None:
        """A branch made a version; returns what was stale about its base.

        Args:
            branch: The branch.
            object_id: The object.
            version: The version made.
            bases: Its declared bases, or None: what the branch had seen.
            paths: The fields that it sets.
            span: The span context in which it was made, if any.
            whole: Whether it also removes every other field.
        """
        known = self._object(object_id)
        made = Made(known.rank(version), version, branch, span)
        declared = None if bases is None else max(((known.rank(b), b) for b in bases), key=lambda b: b[0], default=None)
        stale = self._stale(known, made, declared, ((*paths, *known.fields) or ("",)) if whole else paths)
        if whole:
            if known.whole is None or made.rank > known.whole.rank:
                known.whole = made
                known.fields.clear()
        else:
            known.fields.update(
                (path, made) for path in paths if (at := known.last(path)) is None or at.rank < made.rank
            )
            for path in list(known.fields)[:-_FIELDS]:
                del known.fields[path]
        known.makers[version] = made
        if len(known.makers) > _VERSIONS:
            known.makers.popitem(last=False)
        self._see(known, branch, object_id, (made.rank, version), None if whole else paths)
        return stale

    @staticmethod
    def _stale(known: _Object, made: Made, declared: tuple[int, Version] | None, paths: Iterable[str]) -> Stale | None:
        found: list[tuple[tuple[int, Version], Made, str]] = []
        for path in dict.fromkeys(paths):
            last = known.last(path)
            if last is None or last.branch is made.branch or last.rank >= made.rank:
                continue
            base = declared or known.base(made.branch, path)
            if base is not None and base[0] < last.rank:
                found.append((base, last, path))
        if not found:
            return None
        base, _, _ = min(found, key=lambda item: item[0][0])
        newest = max((last for _, last, _ in found), key=lambda last: last.rank)
        return Stale(base[1], newest, tuple(path for _, _, path in found))

    def maker(self, object_id: str, version: Version) -> Made | None:
        """Who made a version, if it is remembered."""
        known = self._objects.get(object_id)
        return None if known is None else known.makers.get(version)

    def ended(self, branch: Branch, *, joins: bool) -> None:
        """A branch has ended; those that it came from gain what it saw if it joins them."""
        for object_id in self._touched.pop(branch, ()):
            known = self._objects.get(object_id)
            seen = None if known is None else known.seen.pop(branch, None)
            if known is None or seen is None or not joins:
                continue
            for other in {branch.parent, branch.within} - {None}:
                for path, steps in ((None, seen.whole), *seen.fields.items()):
                    last = steps.last(_FOR_EVER)
                    if last is not None and other is not None:
                        self._see(known, other, object_id, last, None if path is None else (path,))

    def _see(
        self, known: _Object, branch: Branch, object_id: str, step: tuple[int, Version], paths: Sequence[str] | None,
    ) -> None:  # fmt: skip
        self._tick += 1
        seen = known.seen.get(branch)
        if seen is None:
            seen = known.seen[branch] = _Seen()
            self._touched.setdefault(branch, set()).add(object_id)
        seen.see(self._tick, *step, paths)

    def _object(self, object_id: str) -> _Object:
        known = self._objects.get(object_id)
        if known is None:
            known = self._objects[object_id] = _Object()
            if len(self._objects) > _OBJECTS:
                forgotten, old = self._objects.popitem(last=False)
                for branch in old.seen:
                    self._touched[branch].discard(forgotten)
        else:
            self._objects.move_to_end(object_id)
        return known
