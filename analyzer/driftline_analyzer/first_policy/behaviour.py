"""Which strategy fits a field, from how the branches of a run changed it. Pure: changes in, a suggestion out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from driftline.values import ABSENT

#: Whole numbers from here on that only grow are taken for times and serial numbers, which nobody adds up.
_TIMELIKE: Final = 1_000_000_000
#: Members that identify an entry of a list, the likeliest first; others are tried after them.
_KEYS: Final = ("id", "key", "name", "uuid", "ref")
_RICH: Final = 64  # bytes: what is shorter has nothing to lose (DRF105)


class Unknown(msgspec.Struct, frozen=True):
    """A value that the trace does not keep."""


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Change:
    """One change of a field.

    Attributes:
        seen: What its writer had seen there: a JSON value, `ABSENT` or `UNKNOWN`.
        wrote: What it put there, alike.
        confidence: As the write declared, or None.
        seen_size: Bytes of the value that was seen, or None.
        size: Bytes of the value that was written, or None.
    """

    seen: Any
    wrote: Any
    confidence: float | None = None
    seen_size: int | None = None
    size: int | None = None


@dataclass(frozen=True)
class Suggestion:
    """A strategy that fits, and why.

    Attributes:
        strategy: Its name.
        because: What in the trace led to it, as a phrase.
        options: Its options, as far as they are stated.
    """

    strategy: str
    because: str
    options: dict[str, Any] = field(default_factory=dict)


def decoded(text: str | None, size: int | None) -> Any:
    """A value as a trace keeps it: JSON, or nothing where it is absent or was not kept.

    Example:
        >>> decoded("[1]", 3), decoded(None, None) is ABSENT, decoded(None, 3)
        ([1], True, Unknown())
        >>> decoded('{"$type":"driftline.withheld"}', None)
        Unknown()
    """
    if text is None:
        return ABSENT if size is None else UNKNOWN
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return UNKNOWN
    cut = isinstance(value, dict) and str(value.get("$type", "")).startswith("driftline.")
    return UNKNOWN if cut else value


def suggest(changes: Sequence[Change]) -> Suggestion:
    """The strategy that fits how a field was changed; three-way where nothing tells of another.

    Args:
        changes: Its changes, or a sample of them.

    Example:
        >>> suggest([Change(0, 1), Change(1, 3), Change(1, 2)])
        Suggestion(strategy='counter', because='whole numbers that grow, by 1 to 2 at a time', options={})
    """
    known = [change for change in changes if UNKNOWN not in (change.seen, change.wrote)]
    if not known:
        return Suggestion("three-way", "its values are not in the trace")
    values = [value for change in known for value in (change.seen, change.wrote) if value not in (ABSENT, None)]
    pairs = [(c.seen, c.wrote) for c in known if c.seen not in (ABSENT, None) and c.wrote not in (ABSENT, None)]
    for kind, judge in _KINDS:
        if values and all(kind(value) for value in values):
            found = judge(pairs, values)
            if found is not None:
                return found
    return _by_worth(changes)


def _by_worth(changes: Sequence[Change]) -> Suggestion:
    """By what writes say of themselves, and by whether they took something away."""
    declared = [change.confidence for change in changes if change.confidence is not None]
    if 2 * len(declared) >= len(changes) and min(declared) < max(declared):
        return Suggestion("highest-confidence", f"declared confidences go from {min(declared):g} to {max(declared):g}")
    poorer = sum(
        change.seen_size >= _RICH and 2 * change.size < change.seen_size
        for change in changes
        if change.seen_size is not None and change.size is not None
    )
    if poorer:
        return Suggestion("most-complete", f"{poorer} of {len(changes)} changes left under half of what stood")
    return Suggestion("three-way", "nothing tells that one value is better than another")


# ---- by kind of value ---------------------------------------------------------------------------------------------

_Pairs = Sequence[tuple[Any, Any]]


def _numbers(pairs: _Pairs, values: Sequence[Any]) -> Suggestion | None:
    steps = [wrote - seen for seen, wrote in pairs]
    if not steps or min(steps) <= 0 or not all(isinstance(value, int) for value in values):
        return None
    if min(values) >= _TIMELIKE:
        return Suggestion("max", "whole numbers that only grow, as large as times are")
    least, most = min(steps), max(steps)
    by = f"by {least}" if least == most else f"by {least} to {most}"
    return Suggestion("counter", f"whole numbers that grow, {by} at a time")


def _flags(pairs: _Pairs, _values: Sequence[Any]) -> Suggestion | None:
    turned = {wrote for seen, wrote in pairs if seen != wrote}
    if len(turned) != 1:
        return None
    if turned == {True}:
        return Suggestion("any", "it only ever turned true")
    return Suggestion("all", "it only ever turned false")


def _lists(pairs: _Pairs, values: Sequence[Any]) -> Suggestion | None:
    member = _identifying(values)
    if member is not None:
        return Suggestion("union", f"lists whose entries are told apart by {member}", {"key": member})
    if not pairs:
        return None
    if all(wrote[: len(seen)] == seen for seen, wrote in pairs):
        return Suggestion("append", "lists to whose end entries were added")
    if all(_distinct(value) for value in values) and all(_mostly_kept(seen, wrote) for seen, wrote in pairs):
        return Suggestion("union", "lists in which no entry stands twice, and most stay")
    return None


def _mostly_kept(seen: list[Any], wrote: list[Any]) -> bool:
    """Whether at least half the entries of a list are in the one that replaced it."""
    there = {msgspec.json.encode(entry, order="deterministic") for entry in wrote}
    return 2 * sum(msgspec.json.encode(entry, order="deterministic") in there for entry in seen) >= len(seen)


def _identifying(lists: Sequence[list[Any]]) -> str | None:
    """A member that every entry of the lists has, and no two of one list alike."""
    entries = [entry for value in lists for entry in value]
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        return None
    common: set[str] = set(entries[0]).intersection(*entries)
    for member in [*(name for name in _KEYS if name in common), *sorted(common)]:
        if all(isinstance(entry[member], str | int) for entry in entries) and all(
            _distinct([entry[member] for entry in value]) for value in lists
        ):
            return member
    return None


def _distinct(items: Iterable[Any]) -> bool:
    texts = [msgspec.json.encode(item, order="deterministic") for item in items]
    return len(set(texts)) == len(texts)


def _mappings(_pairs: _Pairs, _values: Sequence[Any]) -> Suggestion | None:
    return Suggestion("map-merge", "mappings, which can be merged key by key")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


#: Whether a value is of a kind, and who judges a field that holds nothing else.
_KINDS: Final[tuple[tuple[Callable[[Any], bool], Callable[[_Pairs, Sequence[Any]], Suggestion | None]], ...]] = (
    (_is_number, _numbers),
    (lambda value: isinstance(value, bool), _flags),
    (lambda value: isinstance(value, list), _lists),
    (lambda value: isinstance(value, dict), _mappings),
)
