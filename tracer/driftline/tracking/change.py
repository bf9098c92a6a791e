"""Mutations of tracked values, whatever these are: done under their locks, and recorded in the same step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from driftline.recorder import Recorder
from driftline.session import RECORDING
from driftline.tracking.location import Location
from driftline.tracking.marks import Marks
from driftline.tracking.root import Keys, Root, Setting
from driftline.tracking.shapes import member
from driftline.values import ABSENT, SCALARS, pointer


class Held:
    """A block that holds the locks of all objects in which a value stands.

    Args:
        locations: Where it stands.
    """

    __slots__ = ("_locations", "_roots")

    def __init__(self, locations: list[Location]) -> None:
        self._locations = locations
        self._roots: list[Root] = []

    def __enter__(self) -> Self:
        self._roots = list({location.root: None for location in self._locations})
        if len(self._roots) > 1:
            self._roots.sort(key=lambda root: root.serial)
        for root in self._roots:
            root.meet()
        for root in self._roots:
            root.lock.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for root in reversed(self._roots):
            root.lock.release()


class Change(Held):
    """A block in which one value is mutated.

    When it ends, the mutation is recorded as one version of each object in which the value stands: of the members that
    were set, where they are fields of their own; of the whole field, where they are not and its content has changed.

    Args:
        value: What is mutated, as it is.
        locations: Where it stands.
        members: The members that are set or (`ABSENT`) removed, if it is a mapping or an object.

    Attributes:
        members: The same; they may be found out in the block.
        old: The members as they were before.
    """

    __slots__ = ("_before", "_held", "_value", "members", "old")

    def __init__(
        self, value: Any, locations: list[Location], members: Mapping[Any, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(locations)
        self._value = value
        self.members = members
        self._held: list[Location] = []
        self._before: dict[Root, dict[str, tuple[Keys, Marks]]] = {}
        self.old: dict[Any, Any] = {}

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self._held = [location for location in self._locations if location.holds(self._value)]
            if self.members:
                self.old = {key: member(self._value, key) for key in self.members}
            for location in self._held:
                self._look(location)
        except Exception as fault:  # noqa: BLE001 - never into the program, and never with the locks held
            recorder = RECORDING.recorder
            if recorder is not None:
                recorder.fault("track", fault)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            for root in self._roots:
                held = [location for location in self._held if location.root is root]
                if held:
                    self._record(root, held, failed=kind is not None)
        finally:
            super().__exit__(kind)

    def _look(self, location: Location) -> None:
        """What is mutated as part of a field is read with it: nothing else in the field is lost."""
        root = location.root
        recorder = root.meet()
        if recorder is None:
            return
        depth = root.depth(recorder)
        path, keys = location.field(depth)
        if self.members is None or not location.is_open(depth):
            now = root.look(recorder, path, keys, root.walk(keys))
            self._before.setdefault(root, {})[path] = keys, now.marks
        elif keys and path in root.recorded.at(path):  # an empty mapping, which is a value
            root.look(recorder, path, keys, self._value)

    def _record(self, root: Root, held: list[Location], *, failed: bool) -> None:
        recorder = root.meet()
        if recorder is None:
            if not failed and self.members != {}:
                root.next_version(None)
            return
        settings: list[Setting] = []
        faulty = False
        try:
            settings += self._rewritten(root, recorder)
            for location in held:
                if not failed and self.members is not None and location.is_open(root.depth(recorder)):
                    settings += self._set(location, recorder)
        except Exception as fault:  # noqa: BLE001 - never into the program
            recorder.fault("track", fault)
            faulty = True
        if settings or faulty:
            root.next_version(recorder)
            root.patch(recorder, settings)

    def _rewritten(self, root: Root, recorder: Recorder) -> list[Setting]:
        """The fields of which a part was mutated, where that has changed them."""
        found: list[Setting] = []
        for path, (keys, before) in self._before.get(root, {}).items():
            value = root.walk(keys)
            now = root.capture(recorder, path, value)
            if now.marks != before:
                found.append((path, keys, value, now))
        return found

    def _set(self, location: Location, recorder: Recorder) -> list[Setting]:
        """The members that were set, as fields of their own."""
        root, found = location.root, list[Setting]()
        for key, value in (self.members or {}).items():
            path, keys, captured = location.path + pointer(key), (*location.keys, key), None
            if value is self.old.get(key) and type(value) not in SCALARS:
                captured = root.capture(recorder, path, value)
                if captured.marks == root.recorded.at(path):
                    continue  # the same object put back: what was done to it is recorded already
            found.append((path, keys, value, captured))
        if location.keys and isinstance(self._value, Mapping):
            was_empty = location.path in root.recorded.at(location.path)
            if self._value and was_empty:
                found.insert(0, (location.path, location.keys, ABSENT, None))
            elif not self._value and not was_empty:
                found.append((location.path, location.keys, self._value, None))
        return found
