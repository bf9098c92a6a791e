"""What reconciliation works on: the values that branches wrote to one field, and the one that they started from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from driftline.canonical import encode_whole, filled_leaves
from driftline.values import ABSENT


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """Stands for a value that a recording left out: a replay can compare it, and do no more with it.

    Attributes:
        digest: Of the value.
        size: Bytes of its canonical JSON; None if that was left out, too.
        leaves: Its filled leaves, or None.
    """

    digest: int
    size: int | None = None
    leaves: int | None = None


class NotRecordedError(Exception):
    """A strategy or a check needs a value that was not recorded."""


@dataclass(frozen=True, slots=True)
class Base:
    """What stood in the field when the candidates were derived.

    Attributes:
        value: A JSON value, or `ABSENT`.
        version: The version that it stood at, as text; None if the field had never been set.
    """

    value: Any = ABSENT
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A value that one branch wrote.

    Attributes:
        value: A JSON value, or `ABSENT` where the branch removed the field.
        version: The version that it made, as text.
        branch: Name of the branch.
        order: Its place in the order of commits.
        confidence: As declared, 0 to 1, or None.
        fidelity: As declared, 0 to 1, or None.
        source: Who vouches for it, or None.
        time: When it was written, nanoseconds since 1970.
        valid_time: What its own version says of since when it is valid, or None.
        breaks_schema: Whether the version that it is part of is invalid by the schema of its type.
    """

    value: Any
    version: str
    branch: str
    order: int
    confidence: float | None = None
    fidelity: float | None = None
    source: str | None = None
    time: int = 0
    valid_time: Any = None
    breaks_schema: bool = False


class Conflict(msgspec.Struct, frozen=True):
    """What the rules cannot decide.

    Attributes:
        reason: Why not, as a sentence without a full stop.
    """

    reason: str


def key(value: Any) -> bytes:
    """What two values have in common exactly if they are the same: their canonical JSON, and nothing if absent.

    Example:
        >>> key({"b": 1, "a": 2}) == key({"a": 2, "b": 1}), key(1) == key(True), key(ABSENT)
        (True, False, b'')
    """
    if type(value) is Unrecorded:
        return b"\xff%x" % value.digest  # no JSON begins like this
    return b"" if value is ABSENT else encode_whole(value)  # what a recording withholds is no less of a difference


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """One candidate for each distinct value, the first in their order."""
    found: dict[bytes, Candidate] = {}
    for candidate in candidates:
        found.setdefault(key(candidate.value), candidate)
    return list(found.values())


def is_filled(value: Any) -> bool:
    """Whether a value says anything: it has a filled leaf.

    Example:
        >>> is_filled({"a": [""]}), is_filled(0), is_filled(ABSENT)
        (False, True, False)
    """
    if type(value) is Unrecorded:
        return value.leaves != 0  # one that is withheld counts as filled
    return value is not ABSENT and filled_leaves(encode_whole(value)) > 0


def extent(value: Any) -> tuple[int, int]:
    """The filled leaves of a value that is there, and the bytes of its JSON.

    Raises:
        NotRecordedError: If neither the value nor these were recorded.

    Example:
        >>> extent(["a", ""]), extent(Unrecorded(1, size=9, leaves=2))
        ((1, 8), (2, 9))
    """
    if type(value) is not Unrecorded:
        text = encode_whole(value)
        return filled_leaves(text), len(text)
    if value.size is None or value.leaves is None:
        raise NotRecordedError
    return value.leaves, value.size


#: For each tie-break, what the better candidate has more of.
_RANKS: Final[dict[str, Callable[[Candidate, Sequence[str]], Any]]] = {
    "confidence": lambda candidate, _: -1.0 if candidate.confidence is None else candidate.confidence,
    "fidelity": lambda candidate, _: -1.0 if candidate.fidelity is None else candidate.fidelity,
    "source": lambda candidate, sources: -place_of(candidate.source, sources),
    "latest": lambda candidate, _: candidate.order,
    "earliest": lambda candidate, _: -candidate.order,
}


def place_of(source: str | None, sources: Sequence[str]) -> int:
    """The place of a source in a list where `*` stands for all that it does not name; behind it if it is not there.

    Example:
        >>> place_of("b", ["a", "*", "z"]), place_of("z", ["a", "*", "z"]), place_of(None, ["a"])
        (1, 2, 1)
    """
    if source in sources:
        return sources.index(source)
    return sources.index("*") if "*" in sources else len(sources)


def break_tie(
    tied: Sequence[Candidate], ties: Sequence[str], sources: Sequence[str]
) -> tuple[list[Candidate], tuple[str, ...]]:
    """Narrow equally good candidates by tie-breaks in turn, until one value is left.

    Args:
        tied: Two or more candidates.
        ties: Names of tie-breaks (`strategies.TIE_BREAKS`), in turn.
        sources: Sources from the most to the least trusted.

    Returns:
        The candidates left, and the tie-breaks that told some apart. More than one distinct value is left if they could
        not decide.

    Example:
        >>> a = Candidate(value=1, version="2", branch="a", order=2, confidence=0.5)
        >>> b = Candidate(value=2, version="3", branch="b", order=3, confidence=0.5)
        >>> [c.branch for c in break_tie([a, b], ("confidence", "latest"), ())[0]]
        ['b']
    """
    left, used = list(tied), []
    for tie in ties:
        if len(distinct(left)) == 1:
            break
        kept = _narrowed(left, tie, sources)
        if len(kept) < len(left):
            used.append(tie)
        left = kept
    return left, tuple(used)


def _narrowed(candidates: list[Candidate], tie: str, sources: Sequence[str]) -> list[Candidate]:
    if tie == "branch":  # names have no negative, so the first in the alphabet is looked for directly
        first = min(candidate.branch for candidate in candidates)
        return [candidate for candidate in candidates if candidate.branch == first]
    rank = _RANKS[tie]
    best = max(rank(candidate, sources) for candidate in candidates)
    return [candidate for candidate in candidates if rank(candidate, sources) == best]
