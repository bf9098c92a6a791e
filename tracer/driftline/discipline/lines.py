"""The branches, as far as phases care: who descends from whom, who has ended, and who has written what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Line:
    """One branch.

    Attributes:
        name: Its name.
        phase: Its phase.
        above: Ids of the branches that it descends from.
        ended: Whether it has ended.
        failed: Whether it failed: by itself, or by a check whose action is `fail`.
        writes: Ids of the objects that it has written.
    """

    name: str
    phase: str | None
    above: frozenset[str]
    ended: bool = False
    failed: bool = False
    writes: set[str] = field(default_factory=set)


class Lines:
    """All branches of a run.

    Example:
        >>> lines = Lines()
        >>> lines.begin("a#1", "a", "reasoning", None)
        >>> lines.wrote("a#1", "doc/1")
        >>> list(lines.writers("doc/1"))
        ['a#1']
        >>> lines.end("a#1", failed=False)
        >>> list(lines.writers("doc/1"))
        []
    """

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._writers: dict[str, set[str]] = {}

    def get(self, branch_id: str) -> Line | None:
        """A branch; None if nothing is known of it."""
        return self._lines.get(branch_id)

    def begin(self, branch_id: str, name: str, phase: str | None, parent: str | None) -> None:
        """A branch begins, forked off `parent`."""
        origin = None if parent is None else self.get(parent)
        above = frozenset() if parent is None or origin is None else origin.above | {parent}
        self._lines[branch_id] = Line(name, phase, above)

    def end(self, branch_id: str, *, failed: bool) -> None:
        """A branch ends; it holds no phase open any more."""
        line = self.get(branch_id)
        if line is not None:
            line.ended = True
            line.failed = line.failed or failed
            for object_id in line.writes:
                self._writers[object_id].discard(branch_id)

    def fail(self, branch_id: str) -> None:
        """A branch has failed, and may go on."""
        line = self.get(branch_id)
        if line is not None:
            line.failed = True

    def wrote(self, branch_id: str, object_id: str) -> None:
        """A branch changed an object. One that has ended holds nothing open."""
        line = self.get(branch_id)
        if line is not None and not line.ended and object_id not in line.writes:
            line.writes.add(object_id)
            self._writers.setdefault(object_id, set()).add(branch_id)

    def writers(self, object_id: str) -> Iterable[str]:
        """Ids of the branches that have changed an object and not ended."""
        return self._writers.get(object_id, ())
