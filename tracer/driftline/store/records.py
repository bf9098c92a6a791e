"""The versions of all objects, in memory: what landed, field by field, and what was ever proposed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from driftline.store.entry import HistoryEntry
from driftline.values import ABSENT


class Records(Protocol):
    """What a back end keeps of versions. Guarded by the store's lock."""

    def number(self, object_id: str) -> int:
        """The highest number that a write of the object was given; 0 if there was none."""

    def head(self, object_id: str) -> HistoryEntry | None:
        """The write that made the newest version; None if nothing ever landed."""

    def standing(self, object_id: str) -> Mapping[str, Any]:
        """What stands in the newest version, by JSON Pointer. Not to be changed."""

    def add(self, entry: HistoryEntry, changes: Mapping[str, Any] | None) -> None:
        """A write was decided; `changes` are the fields that it changed, if it landed."""

    def landed(self, object_id: str, version: int) -> HistoryEntry | None:
        """The write that made the newest version up to `version`."""

    def value(self, object_id: str, path: str, version: int) -> Any:
        """What stood in a field as of a version; `ABSENT` if nothing did."""

    def state(self, object_id: str, version: int) -> Mapping[str, Any]:
        """What stood as of a version, by JSON Pointer."""

    def own(self, object_id: str, line: str, after: int) -> Sequence[HistoryEntry]:
        """What a branch wrote after a version, as far as it landed, the oldest first."""

    def entries(self, object_id: str) -> Sequence[HistoryEntry]:
        """Every write that was proposed, the oldest first."""

    def ids(self, prefix: str) -> list[str]:
        """The objects that exist and whose id begins so, sorted."""


class _History:
    """Everything about one object."""

    __slots__ = ("entries", "landed", "lines", "made", "standing", "timelines")

    def __init__(self) -> None:
        self.entries: list[HistoryEntry] = []
        self.landed: list[int] = []
        self.made: list[HistoryEntry] = []  # beside `landed`
        self.standing: dict[str, Any] = {}
        self.timelines: dict[str, tuple[list[int], list[Any]]] = {}
        self.lines: dict[str, list[HistoryEntry]] = {}  # what each branch wrote that landed


class MemoryRecords:
    """`Records` in memory."""

    def __init__(self) -> None:
        self._histories: dict[str, _History] = {}

    def number(self, object_id: str) -> int:
        """See `Records`, as for the others."""
        history = self._histories.get(object_id)
        return history.entries[-1].version if history is not None else 0

    def head(self, object_id: str) -> HistoryEntry | None:
        """See `Records`."""
        history = self._histories.get(object_id)
        return history.made[-1] if history is not None and history.made else None

    def standing(self, object_id: str) -> Mapping[str, Any]:
        """See `Records`."""
        history = self._histories.get(object_id)
        return {} if history is None else history.standing

    def add(self, entry: HistoryEntry, changes: Mapping[str, Any] | None) -> None:
        """See `Records`."""
        history = self._histories.get(entry.object)
        if history is None:
            history = self._histories[entry.object] = _History()
        history.entries.append(entry)
        if changes is None:
            return
        history.landed.append(entry.version)
        history.made.append(entry)
        if entry.releases is None:  # whoever releases a write has not written it
            history.lines.setdefault(entry.line, []).append(entry)
        for path, value in changes.items():
            timeline = history.timelines.get(path)
            if timeline is None:
                timeline = history.timelines[path] = ([], [])
            timeline[0].append(entry.version)
            timeline[1].append(value)
            if value is ABSENT:
                history.standing.pop(path, None)
            else:
                history.standing[path] = value

    def landed(self, object_id: str, version: int) -> HistoryEntry | None:
        """See `Records`."""
        history = self._histories.get(object_id)
        if history is None:
            return None
        place = bisect_right(history.landed, version)
        return history.made[place - 1] if place else None

    def value(self, object_id: str, path: str, version: int) -> Any:
        """See `Records`."""
        history = self._histories.get(object_id)
        timeline = None if history is None else history.timelines.get(path)
        if timeline is None:
            return ABSENT
        place = bisect_right(timeline[0], version)
        return timeline[1][place - 1] if place else ABSENT

    def state(self, object_id: str, version: int) -> Mapping[str, Any]:
        """See `Records`."""
        history = self._histories.get(object_id)
        if history is None:
            return {}
        if history.landed and version >= history.landed[-1]:
            return dict(history.standing)
        found = {path: self.value(object_id, path, version) for path in history.timelines}
        return {path: value for path, value in found.items() if value is not ABSENT}

    def own(self, object_id: str, line: str, after: int) -> Sequence[HistoryEntry]:
        """See `Records`."""
        history = self._histories.get(object_id)
        mine = history.lines.get(line) if history is not None else None
        if not mine or mine[-1].version <= after:
            return ()
        return [entry for entry in mine if entry.version > after]

    def entries(self, object_id: str) -> Sequence[HistoryEntry]:
        """See `Records`."""
        history = self._histories.get(object_id)
        return () if history is None else tuple(history.entries)

    def ids(self, prefix: str) -> list[str]:
        """See `Records`."""
        return sorted(
            object_id
            for object_id, history in self._histories.items()
            if object_id.startswith(prefix) and history.made and exists(history.made[-1], history.standing)
        )


def exists(made: HistoryEntry, standing: Mapping[str, Any]) -> bool:
    """Whether an object is there: it was not removed last, or something of it was kept all the same."""
    return made.op != "delete" or bool(standing)
