"""Strategies that make one value of all candidates: numbers, flags, collections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from driftline.discipline.candidates import Base, Candidate, Conflict, distinct, key
from driftline.values import ABSENT

Options = dict[str, Any]
#: The member under which `multi-value` keeps several values side by side.
SIBLINGS: Final = "$siblings"
#: Decides a part of a field that two branches changed: its base, and the candidates with that part as their value.
Inner = Callable[[Base, Sequence[Candidate]], Any]


def greatest(_base: Base, candidates: Sequence[Candidate], _options: Options, _inner: Inner) -> Any:
    """The greatest number, or the last text by code points. What is absent says nothing."""
    return _extreme(candidates, max)


def smallest(_base: Base, candidates: Sequence[Candidate], _options: Options, _inner: Inner) -> Any:
    """The smallest number, or the first text by code points. What is absent says nothing."""
    return _extreme(candidates, min)


def _extreme(candidates: Sequence[Candidate], choose: Callable[..., Any]) -> Any:
    values = [value for value in _values(candidates) if value is not ABSENT]
    if all(isinstance(value, str) for value in values) or all(_is_number(value) for value in values):
        # Of 1 and 1.0 the one whose JSON comes first, so that the order of arrival never shows.
        return choose(values, key=lambda value: (value, key(value))) if values else ABSENT
    return Conflict("numbers and other values have no common order")


def counter(base: Base, candidates: Sequence[Candidate], _options: Options, _inner: Inner) -> Any:
    """The base plus what each candidate added to it; a version counts once."""
    start = 0 if base.value is ABSENT else base.value
    if not _is_number(start) or not all(_is_number(value) for value in _values(candidates)):
        return Conflict("a counter can only add numbers")
    once = {candidate.version: candidate.value for candidate in candidates}
    # Added in one fixed order: sums of fractions depend on it.
    return start + sum(sorted(value - start for value in once.values()))


def any_true(_base: Base, candidates: Sequence[Candidate], _options: Options, _inner: Inner) -> Any:
    """Whether one of them is true. What is absent says nothing."""
    return _flag(candidates, any)


def all_true(_base: Base, candidates: Sequence[Candidate], _options: Options, _inner: Inner) -> Any:
    """Whether all of them are true. What is absent says nothing."""
    return _flag(candidates, all)


def _flag(candidates: Sequence[Candidate], join: Callable[[list[bool]], bool]) -> Any:
    values = [value for value in _values(candidates) if value is not ABSENT]
    if not all(isinstance(value, bool) for value in values):
        return Conflict("only true and false can be joined")
    return join(values) if values else ABSENT


def multi_value(_base: Base, candidates: Sequence[Candidate], _options: Options, _inner: Inner) -> Any:
    """All distinct values side by side, in the order of their JSON; what is absent has no place."""
    values = {key(value): value for candidate in candidates for value in _siblings(candidate.value)}
    distinct_values = [values[name] for name in sorted(values)]
    if len(distinct_values) > 1:
        return {SIBLINGS: distinct_values}
    return distinct_values[0] if distinct_values else ABSENT


def _siblings(value: Any) -> list[Any]:
    if isinstance(value, dict) and value.keys() == {SIBLINGS} and isinstance(value[SIBLINGS], list):
        return value[SIBLINGS]
    return [] if value is ABSENT else [value]


# ---- collections --------------------------------------------------------------------------------------------------


def union(base: Base, candidates: Sequence[Candidate], options: Options, inner: Inner) -> Any:
    """The entries that any branch added and none removed, by key."""
    shapes = {type(value) for value in (base.value, *_values(candidates)) if value is not ABSENT}
    if shapes == {dict}:
        return _merged_mapping(base, candidates, options, inner)
    if shapes != {list}:
        return Conflict("only lists, or only mappings, have a union")
    start = _by_key(base.value, options["key"])
    sides = [_by_key(candidate.value, options["key"]) for candidate in candidates]
    if start is None or any(side is None for side in sides):
        return Conflict(f"an entry has no {options['key']}, or two entries have the same")
    merged = _merged(start, [(c, side or {}) for c, side in zip(candidates, sides, strict=True)], options, inner)
    if isinstance(merged, Conflict):
        return merged
    # Entries of the base keep their places; new ones follow in the order of their keys, whoever came first.
    return [*(merged[name] for name in start if name in merged), *(merged[n] for n in sorted(merged) if n not in start)]


def append(base: Base, candidates: Sequence[Candidate], options: Options, _inner: Inner) -> Any:
    """The entries of the base, then what each branch added, in the order of commits, each once."""
    start = [] if base.value is ABSENT else base.value
    if not isinstance(start, list) or not all(isinstance(value, list) for value in _values(candidates)):
        return Conflict("only lists can be appended to")
    name = options["key"]
    there = {_entry_key(entry, name) or key(entry) for entry in start}
    out = list(start)
    for candidate in sorted(candidates, key=lambda candidate: candidate.order):
        for entry in candidate.value:
            own = _entry_key(entry, name) or key(entry)
            if own not in there:
                there.add(own)
                out.append(entry)
    return out


def map_merge(base: Base, candidates: Sequence[Candidate], options: Options, inner: Inner) -> Any:
    """Key by key; a key that two branches changed goes to the strategy for one key."""
    if {type(value) for value in (base.value, *_values(candidates)) if value is not ABSENT} != {dict}:
        return Conflict("only mappings can be merged key by key")
    return _merged_mapping(base, candidates, {**options, "bias": None}, inner)


def _merged_mapping(base: Base, candidates: Sequence[Candidate], options: Options, inner: Inner) -> Any:
    start = {} if base.value is ABSENT else base.value
    sides = [{} if candidate.value is ABSENT else candidate.value for candidate in candidates]
    merged = _merged(start, list(zip(candidates, sides, strict=True)), options, inner)
    if isinstance(merged, Conflict):
        return merged
    return {name: merged[name] for name in sorted(merged)}


def _merged(
    start: dict[Any, Any], sides: list[tuple[Candidate, dict[Any, Any]]], options: Options, inner: Inner
) -> dict[Any, Any] | Conflict:
    """Three ways, name by name: what only one side changed is taken, the rest goes to `inner`."""
    merged: dict[Any, Any] = {}
    for name in {**start, **{name: None for _, side in sides for name in side}}:
        before = start.get(name, ABSENT)
        changed = [
            replace(candidate, value=side.get(name, ABSENT))
            for candidate, side in sides
            if key(side.get(name, ABSENT)) != key(before)
        ]
        value = _decided(before, changed, options, inner)
        if isinstance(value, Conflict):
            return value
        if value is not ABSENT:
            merged[name] = value
    return merged


def _decided(before: Any, changed: list[Candidate], options: Options, inner: Inner) -> Any:
    """What becomes of one entry that these candidates changed."""
    if options["bias"] == "add-wins":
        changed = [candidate for candidate in changed if candidate.value is not ABSENT] or changed
    elif options["bias"] == "remove-wins" and any(candidate.value is ABSENT for candidate in changed):
        return ABSENT
    if len(distinct(changed)) <= 1:
        return changed[0].value if changed else before
    return inner(Base(before), changed)


def _by_key(value: Any, name: str | None) -> dict[Any, Any] | None:
    """The entries of a list by what identifies them; None if one has no key or shares it with another that differs."""
    entries: dict[Any, Any] = {}
    for entry in [] if value is ABSENT else value:
        own = _entry_key(entry, name)
        if name is not None and (own is None or key(entries.get(own, entry)) != key(entry)):
            return None
        entries[own] = entry
    return entries


def _entry_key(entry: Any, name: str | None) -> bytes | None:
    if name is None:
        return key(entry)
    member = entry.get(name, ABSENT) if isinstance(entry, dict) else ABSENT
    return None if member is ABSENT else key(member)


def _values(candidates: Sequence[Candidate]) -> list[Any]:
    return [candidate.value for candidate in candidates]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
