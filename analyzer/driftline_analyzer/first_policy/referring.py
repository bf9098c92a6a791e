"""Which fields refer to objects: those that declare it, and those whose texts are ids of objects of the trace."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from driftline.discipline.pointers import pointer_of
from driftline_analyzer.database import sql
from driftline_analyzer.first_policy.behaviour import decoded

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis

_ENTRIES: Final = 50  # of a list are looked at
_SHARE: Final = 0.95  # of a field's texts must begin with one type
_DECLARED: Final = """
, said AS (
    SELECT o.type, r.reference.path AS path, r.reference.object AS target
    FROM (SELECT e, unnest("references") AS reference FROM event WHERE "references" IS NOT NULL) AS r
    JOIN write AS w ON w.e = r.e AND NOT w.void
    JOIN object AS o ON o.o = w.o AND o.type IS NOT NULL
)
SELECT s.type, coalesce(p.pattern, array_to_string(list_transform(string_split(s.path, '/'),
        lambda part: CASE WHEN regexp_full_match(part, '[0-9]+') THEN '*' ELSE part END), '/')) AS pattern,
    string_split(s.target, '/')[1] AS target, count(*)
FROM said AS s
LEFT JOIN path AS n ON n.path = s.path AND NOT n.whole
LEFT JOIN pattern AS p ON p.type = s.type AND p.f = n.f
WHERE contains(s.target, '/')
GROUP BY ALL
ORDER BY ALL
"""

_EXISTING: Final = """
WITH wanted AS (SELECT unnest(?::VARCHAR[]) AS text)
SELECT object FROM object SEMI JOIN wanted ON text = object
UNION
SELECT object FROM object SEMI JOIN wanted ON text = substr(object, instr(object, '/') + 1)
"""


@dataclass(frozen=True)
class Reference:
    """A field that refers to objects.

    Attributes:
        pattern: JSON Pointer; a segment `*` stands for any one.
        target: What stands before the slash of the ids that it holds.
        because: What in the trace led to it, as a phrase.
    """

    pattern: str
    target: str
    because: str


def references(analysis: Analysis) -> dict[str, list[Reference]]:
    """The fields of each type that refer to objects, by pattern."""
    found: dict[tuple[str, str], Reference] = {}
    texts = _texts_by_field(analysis)
    exist = _existing(analysis, texts)
    for key, targets in _declared(analysis).items():
        target, times = targets.most_common(1)[0]
        # A text that names nothing, such as "undecided", would be taken for an id.
        named = all(text.startswith(f"{target}/") or f"{target}/{text}" in exist for text in texts.get(key, ()))
        if times >= _SHARE * targets.total() and named:
            found[key] = Reference(key[1], target, f"declared with {times:,} writes")
    for key, reference in _looked_up(texts, exist):
        found.setdefault(key, reference)
    by_type: defaultdict[str, list[Reference]] = defaultdict(list)
    for (type_, _), reference in sorted(found.items()):
        by_type[type_].append(reference)
    return by_type


def _declared(analysis: Analysis) -> dict[tuple[str, str], Counter[str]]:
    found: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for type_, pattern, target, times in analysis.rows(sql("first_policy", "patterns") + _DECLARED):
        found[type_, pattern][target] += times
    return found


def _texts_by_field(analysis: Analysis) -> dict[tuple[str, str], set[str]]:
    """The texts that fields of each type hold, or that lists in them hold: all that may be ids."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for type_, pattern, value in analysis.rows(sql("first_policy", "patterns") + sql("first_policy", "values")):
        for place, text in _texts(pattern, decoded(value, len(value))):
            if text:
                found[type_, place].add(text)
    return found


def _looked_up(
    texts: Mapping[tuple[str, str], set[str]], exist: set[str]
) -> Iterator[tuple[tuple[str, str], Reference]]:
    """Fields whose texts all begin with one type and a slash, at least half of them ids of objects of the trace."""
    for key, group in texts.items():
        targets = {text.partition("/")[0] for text in group}
        there = len(group & exist)
        if len(targets) == 1 and all("/" in text for text in group) and 2 * there >= len(group):
            because = f"{there} of the {len(group)} ids there are objects of the trace"
            yield key, Reference(key[1], targets.pop(), because)


def _texts(pattern: str, value: Any) -> Iterator[tuple[str, str]]:
    """The texts in a value that may be ids, with their places."""
    if isinstance(value, str):
        yield pattern, value
    for entry in value[:_ENTRIES] if isinstance(value, list) else ():
        if isinstance(entry, str):
            yield f"{pattern}/*", entry
        elif isinstance(entry, dict):
            for member, inner in entry.items():
                if isinstance(inner, str):
                    yield f"{pattern}/*{pointer_of([member])}", inner


def _existing(analysis: Analysis, texts: Mapping[tuple[str, str], set[str]]) -> set[str]:
    """Those of the texts that are ids of objects, and the ids that they are once their type is put before them."""
    every = sorted({text for group in texts.values() for text in group})
    return {object_id for (object_id,) in analysis.rows(_EXISTING, [every])}
