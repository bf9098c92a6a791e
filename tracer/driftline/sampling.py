"""A recorder that records a share only, in the two forms that leave every finding true: docs/settings.md says why.

An object is in or out by its id alone, so it is the same in every process and every run. Of a branch that is out, and
of everything that it forks, all events are there, but no values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from xxhash import xxh3_64_intdigest

from driftline.calls import RETYPE
from driftline.objects import Place
from driftline.recorder import Leaves, Rare, Recorder
from driftline.scope import Branch
from driftline.sightings import Version
from driftline.values import ABSENT, text_of, version_of

if TYPE_CHECKING:
    from driftline.capture import Capture
    from driftline.writer import Writer

_WHOLE: Final = 1 << 64


def is_in(name: str, share: float) -> bool:
    """Whether a name belongs to the share that is recorded: always the same ones, more of them for a larger share.

    Example:
        >>> [is_in("context/42", share) for share in (0.0, 0.5, 1.0)]
        [False, True, True]
    """
    return xxh3_64_intdigest(name.encode("utf-8", "backslashreplace")) < share * _WHOLE


class SampledRecorder(Recorder):
    """Records the objects of a share, and the values of a share of the branches.

    Args:
        writer: As for every recorder, as are the others.
        branch_tag: As well.
        depth: As well.
        capture: As well.
        share: Of `objects` and `branches`, 0 to 1.
        run: Id of the run: other branches in each run.
    """

    def __init__(
        self, writer: Writer, *, branch_tag: str, depth: int, capture: Capture, share: Mapping[str, float], run: str
    ) -> None:
        super().__init__(writer, branch_tag=branch_tag, depth=depth, capture=capture)
        self._object_share = share.get("objects", 1.0)
        self._branch_share = share.get("branches", 1.0)
        self._run = run
        self._left_out: set[str] = set()  # objects
        self.capture = _Sampled(capture, self._keeps_values, self._count_value)  # type: ignore[assignment]

    def continue_in_child(self, writer: Writer, branch_tag: str, name: str) -> None:
        """After a fork, in the child: what it leaves out is counted by itself."""
        self._left_out = set()
        super().continue_in_child(writer, branch_tag, name)

    # ---- objects --------------------------------------------------------------------------------------------------

    def write(  # noqa: PLR0917 - as it is there
        self, op: str, object_id: str, type_: str | None, version: Version | None, base: Version | None,
        leaves: Leaves, rare: Rare, *, confidence: float | None = None, source: str | None = None,
    ) -> Version:  # fmt: skip
        """A branch made a new version of an object; of one that is out, only the version is numbered."""
        if self._has(object_id):
            return super().write(
                op, object_id, type_, version, base, leaves, self._inside(rare), confidence=confidence, source=source
            )
        place = self._place(object_id, type_)
        state = place.object
        if version is not None and type(version) is not int:
            version = version_of(version)
        with self._lock:
            if version is None:
                version = state.number + 1
            if type(version) is int and version > state.number:
                state.number = version
            self._leave_out(place)
        if op == "patch":
            place.fields.update((path, version) for path, _ in leaves)
        else:
            place.whole = version
        return version

    def _push(  # noqa: PLR0917 - as it is there
        self, op: str, place: Place, version: Version | None, base: Version | None, path: object, payload: object,
        rare: Mapping[str, Any] | None, confidence: float | None = None, source: str | None = None,
    ) -> None:  # fmt: skip
        if place.object.id is None or self._has(place.object.id):
            super()._push(op, place, version, base, path, payload, rare, confidence, source)
        elif op is not RETYPE:
            self._leave_out(place)

    def _has(self, object_id: str) -> bool:
        return self._object_share >= 1 or is_in(str(text_of(object_id)), self._object_share)

    def _inside(self, rare: Rare) -> Rare:
        """Without references to objects that are out: they would look as if they did not exist."""
        if rare is None or "references" not in rare or self._object_share >= 1:
            return rare
        return {**rare, "references": [(path, to) for path, to in rare["references"] if self._has(to)]}

    def _leave_out(self, place: Place) -> None:
        """Count an event that is not recorded. Under the lock."""
        name = str(place.object.id)
        counts = self.writer.record.left_out
        counts["events"] = counts.get("events", 0) + 1
        if name not in self._left_out:
            self._left_out.add(name)
            counts["objects"] = len(self._left_out)

    # ---- values of branches ---------------------------------------------------------------------------------------

    def _keeps_values(self) -> bool:
        """Whether the branch in force is in: the one below the process's own decides for all that it forks."""
        if self._branch_share >= 1:
            return True
        top: Branch = self.lines.scope().branch
        while top.parent is not None and top.parent.parent is not None:
            top = top.parent
        return top.parent is None or is_in(f"{self._run}/{top.id}", self._branch_share)

    def _count_value(self, values: int) -> None:
        with self._lock:
            counts = self.writer.record.left_out
            counts["values"] = counts.get("values", 0) + values


class _Sampled:
    """What is recorded of each value, less where the branch in force is out."""

    def __init__(self, capture: Capture, keeps: Callable[[], bool], count: Callable[[int], None]) -> None:
        self._capture = capture
        self._keeps = keeps
        self._count = count

    def screen(self, object_id: str, type_: str | None, leaves: Leaves) -> Leaves:
        """The fields of an event as they are recorded."""
        screened = self._capture.screen(object_id, type_, leaves)
        if self._keeps():
            return screened
        self._count(sum(payload is not ABSENT for _, payload in screened))
        return [(path, p if p is ABSENT else self._capture.digest_only(p)) for path, p in screened]

    def passes(self, path: str) -> bool:  # noqa: ARG002 - which path does not matter
        """No path may take the short way past the sample."""
        return False

    def signature(self, name: str, inputs: object) -> int:
        """The signature of a task."""
        return self._capture.signature(name, inputs)
