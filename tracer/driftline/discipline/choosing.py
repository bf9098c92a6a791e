"""Strategies that choose one of the candidates: each returns the best by its rule. Ties are broken elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from driftline.discipline.candidates import (
    Candidate,
    Conflict,
    NotRecordedError,
    Unrecorded,
    extent,
    is_filled,
    key,
    place_of,
)
from driftline.values import ABSENT

Options = dict[str, Any]


def last_writer_wins(candidates: Sequence[Candidate], _options: Options) -> list[Candidate]:
    """The greatest in the order of commits."""
    return _best(candidates, lambda candidate: candidate.order)


def first_writer_wins(candidates: Sequence[Candidate], _options: Options) -> list[Candidate]:
    """The smallest in the order of commits."""
    return _best(candidates, lambda candidate: -candidate.order)


def most_recent_valid(candidates: Sequence[Candidate], _options: Options) -> list[Candidate] | Conflict:
    """The latest declared valid time, never the time of arrival; a candidate without one comes last."""
    dated = [candidate for candidate in candidates if candidate.valid_time is not None]
    if not dated:
        return list(candidates)
    if any(type(candidate.valid_time) is Unrecorded for candidate in dated):
        raise NotRecordedError
    kinds = {_kind_of_time(candidate.valid_time) for candidate in dated}
    if kinds not in ({"number"}, {"text"}):
        return Conflict("not all valid times are numbers, nor all of them text, so none is the latest")
    return _best(dated, lambda candidate: candidate.valid_time)


def _kind_of_time(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else "neither"


def source_priority(candidates: Sequence[Candidate], options: Options) -> list[Candidate]:
    """The first source of the list that gave a filled value; if none did, the first that gave any."""
    filled = [candidate for candidate in candidates if is_filled(candidate.value)]
    return _best(filled or candidates, lambda candidate: -place_of(candidate.source, options["sources"]))


def highest_confidence(candidates: Sequence[Candidate], options: Options) -> list[Candidate]:
    """The greatest confidence, aged to the time of the newest candidate, and downgraded where it breaks the schema."""
    now = max(candidate.time for candidate in candidates)
    return _best(candidates, lambda candidate: _trust(candidate, now, options))


def _trust(candidate: Candidate, now: int, options: Options) -> float:
    if candidate.confidence is None:
        return -1.0
    trust = candidate.confidence
    period, lowest = options["decay_over"], options["decay_to"]
    if period and trust > lowest:
        age = min((now - candidate.time) / 1e9 / period, 1.0)
        trust -= age * (trust - lowest)
    if candidate.breaks_schema:
        trust *= 1 - options["downgrade"]
    return trust


def most_complete(candidates: Sequence[Candidate], _options: Options) -> list[Candidate]:
    """A filled value before an empty one, then the most filled leaves, then the longest."""
    return _best(candidates, lambda candidate: _fullness(candidate.value))


def _fullness(value: Any) -> tuple[int, int]:
    return (-1, 0) if value is ABSENT else extent(value)


def majority_vote(candidates: Sequence[Candidate], options: Options) -> list[Candidate] | Conflict:
    """The value on which branches with more than the quorum of all weight agree; each votes with its last word."""
    weights = options["weights"] or {}
    words = {candidate.branch: candidate for candidate in sorted(candidates, key=lambda candidate: candidate.order)}
    votes: defaultdict[bytes, float] = defaultdict(float)
    for word in words.values():
        votes[key(word.value)] += weights.get(word.source, 1.0)
    most = max(votes.values())
    if most <= options["quorum"] * sum(votes.values()):
        return Conflict("no value has more than the quorum of the votes")
    return [candidate for candidate in words.values() if votes[key(candidate.value)] == most]


def _best(candidates: Sequence[Candidate], rank: Callable[[Candidate], Any]) -> list[Candidate]:
    best = max(rank(candidate) for candidate in candidates)
    return [candidate for candidate in candidates if rank(candidate) == best]
