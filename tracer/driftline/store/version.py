"""One version of an object: what a store gives out, and what never changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from driftline.discipline import pointers
from driftline.store.contents import copy


class Version(Mapping[str, Any]):
    """One state of one object, as a mapping of its top-level fields.

    It never changes: what it gives out is a copy, yours to change.

    Attributes:
        id: Id of the object.
        type: Its type, or None.
        version: The store's own number; of two, the higher is the newer. Pass it, or the version itself, as `base`.
        parents: The versions that it was made of, the one that stood first; empty for the first of an object.
        depth: Mutation depth: 1 more than the deepest version that it was made or derived from.
        time: When it was made, nanoseconds since 1970.
        branch: Name of the branch that made it.
        phase: The phase that the branch worked in, or None.
        confidence: How sure its writer was, from 0 to 1, or None.
        source: Who vouches for it, or None.
        fields: What stands in it, by JSON Pointer.

    Example:
        >>> version = Version(id="doc/1", version=1, fields={"/head/title": "Tides", "/facts": ["f1"]})
        >>> version["head"], version["facts"] + ["f2"], version.parent
        ({'title': 'Tides'}, ['f1', 'f2'], None)
    """

    __slots__ = (
        "_document", "_fields", "branch", "confidence", "depth", "id", "parents", "phase", "source", "time", "type",
        "version",
    )  # fmt: skip

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - the model's word
        version: int,
        fields: Mapping[str, Any],
        type: str | None = None,  # noqa: A002 - the model's word
        parents: tuple[int, ...] = (),
        depth: int = 1,
        time: int = 0,
        branch: str = "",
        phase: str | None = None,
        confidence: float | None = None,
        source: str | None = None,
    ) -> None:
        self.id = id
        self.version = version
        self.type = type
        self.parents = parents
        self.depth = depth
        self.time = time
        self.branch = branch
        self.phase = phase
        self.confidence = confidence
        self.source = source
        self._fields = fields
        self._document: dict[str, Any] | None = None

    @property
    def parent(self) -> int | None:
        """The version that stood when this one was made; None if none did."""
        return self.parents[0] if self.parents else None

    @property
    def fields(self) -> dict[str, Any]:
        """What stands in it, by JSON Pointer."""
        return {path: copy(value) for path, value in self._fields.items()}

    def _whole(self) -> dict[str, Any]:
        if self._document is None:
            self._document = pointers.document(self._fields)
        return self._document

    def __getitem__(self, key: str) -> Any:
        return copy(self._whole()[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def __repr__(self) -> str:
        return f"<Version {self.version} of {self.id}: {self._whole()}>"
