"""DRF203 aborted_read: a branch read what another had written in work that was undone, or that failed."""

from __future__ import annotations

from reference.events import Event
from reference.history import Found, History
from reference.reading import above, basis, failed, in_one_unit, made, name


def find(history: History) -> list[Found]:
    """Versions are matched by name, so it speaks on traces without an order, too."""
    found: dict[tuple[str, str | None, object], Found] = {}
    for read in history.events:
        x = made(history, read)
        if x is None or x.branch == read.branch or not taken_back(history, x, read):
            continue
        fields = assigned(history, x) if read.whole else assigned(history, x) & read.fields.keys()
        if fields or read.whole:
            one = Found("DRF203", read.id, read.object, frozenset(fields), frozenset({x.branch}), None, basis(read))
            found.setdefault((read.branch, read.object, name(history, read)), one)
    return list(found.values())


def taken_back(history: History, x: Event, read: Event) -> bool:
    """Whether a write is no longer valid, and its reader was not in the know."""
    if history.void(x):
        return not in_one_unit(history, x, read)
    return x.unit is None and failed(history, x.branch) and x.branch not in above(history, read.branch)


def assigned(history: History, x: Event) -> set[str]:
    """The fields that a write set or would have set; without an order, those that it lists."""
    return set(history.sets(x)) if history.ordered else set(x.fields)
