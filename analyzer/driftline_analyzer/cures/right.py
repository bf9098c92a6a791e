"""What a field ought to hold: every update of it made in turn, each on top of those before it (docs/cures.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from xxhash import xxh3_64_intdigest

from driftline.canonical import decode, encode_whole
from driftline.values import ABSENT


@dataclass(frozen=True, slots=True)
class Held:
    """A value.

    Attributes:
        digest: Of its canonical JSON; None if it is absent.
        value: The JSON value, or `ABSENT`; None beside a digest where it was not recorded, see `known`.
        known: Whether the value itself was recorded.
    """

    digest: int | None
    value: Any
    known: bool


#: What nobody can say without a person: two texts, say, that were written from one base.
OPEN: Final = "open"
#: What cannot be said since values were not recorded.
UNKNOWN: Final = "unknown"
Right = Held | Literal["open", "unknown"]

NOTHING: Final = Held(None, ABSENT, known=True)


def held(digest: int | None, text: str | None) -> Held:
    """A value as a trace holds it.

    Example:
        >>> held(7, "[1]").value, held(7, None).known, held(None, None) == NOTHING
        ([1], False, True)
    """
    if digest is None:
        return NOTHING
    value = None if text is None else decode(text)
    cut = isinstance(value, dict) and str(value.get("$type", "")).startswith("driftline.")
    return Held(digest, value, known=text is not None and not cut)


def rebase(standing: Right, saw: Held, wrote: Held) -> Right:
    """What a field holds after an update, if its writer had known what stands: the same change, made to that.

    Args:
        standing: What stands.
        saw: What the writer had seen.
        wrote: What it put there.

    Example:
        >>> one, two, five = (held(n, str(n)) for n in (1, 2, 5))
        >>> rebase(five, one, two).value, rebase(held(8, '"a"'), one, two)
        (6, 'open')
    """
    if isinstance(standing, str):
        return standing
    if saw.digest == standing.digest:
        return wrote
    if wrote.digest in (saw.digest, standing.digest):
        return standing
    if not (standing.known and saw.known and wrote.known):
        return UNKNOWN
    value = _combined(standing.value, saw.value, wrote.value)
    return OPEN if value is OPEN else NOTHING if value is ABSENT else Held(_digest(value), value, known=True)


def _combined(standing: Any, saw: Any, wrote: Any) -> Any:
    """The change from what was seen to what was written, made to what stands; `OPEN` where there is no such thing."""
    if _same(saw, standing):
        return wrote
    if _same(wrote, saw) or _same(wrote, standing):
        return standing
    if all(_is_number(value) for value in (standing, saw, wrote)):
        return standing + (wrote - saw)
    for kind, combine in _KINDS:
        before = kind() if saw is ABSENT else saw
        if all(isinstance(value, kind) for value in (standing, before, wrote)):
            return combine(standing, before, wrote)
    return OPEN


def _entries(standing: list[Any], saw: list[Any], wrote: list[Any]) -> list[Any]:
    """Without the entries that were taken out, and with those that were put in at the end."""
    before, after = {encode_whole(entry) for entry in saw}, {encode_whole(entry) for entry in wrote}
    kept = [entry for entry in standing if (own := encode_whole(entry)) in after or own not in before]
    there = {encode_whole(entry) for entry in standing}
    return kept + [entry for entry in wrote if (own := encode_whole(entry)) not in before and own not in there]


def _members(standing: dict[str, Any], saw: dict[str, Any], wrote: dict[str, Any]) -> Any:
    """Member by member."""
    out = {}
    for name in sorted({*standing, *saw, *wrote}):
        value = _combined(standing.get(name, ABSENT), saw.get(name, ABSENT), wrote.get(name, ABSENT))
        if value is OPEN:
            return OPEN
        if value is not ABSENT:
            out[name] = value
    return out


_KINDS: Final[tuple[tuple[type, Callable[[Any, Any, Any], Any]], ...]] = ((list, _entries), (dict, _members))


def _same(one: Any, other: Any) -> bool:
    return one is other if ABSENT in (one, other) else encode_whole(one) == encode_whole(other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _digest(value: Any) -> int:
    return xxh3_64_intdigest(encode_whole(value))
