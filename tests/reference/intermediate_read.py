"""DRF204 intermediate_read: a branch read a version that its own unit changed again before it committed."""

from __future__ import annotations

from reference.events import Event
from reference.history import Found, History
from reference.reading import basis, in_one_unit, made, name


def find(history: History) -> list[Found]:
    """Program order orders the writes of a unit, so it speaks on traces without an order, too."""
    found: dict[tuple[str, str | None, object], Found] = {}
    for read in history.events:
        x = made(history, read)
        if x is None or x.branch == read.branch or x.unit is None or in_one_unit(history, x, read):
            continue
        if history.effective_outcome(x.unit) != "committed":
            continue
        changed = {path for y in later_in_unit(history, x) for path in changes(history, y)}
        fields = changed if read.whole else changed & read.fields.keys()
        if fields:
            one = Found("DRF204", read.id, read.object, frozenset(fields), frozenset({x.branch}), None, basis(read))
            found.setdefault((read.branch, read.object, name(history, read)), one)
    return list(found.values())


def of_unit(history: History, x: Event) -> list[Event]:
    """The writes, not void, of the same object in the same unit as a write, in their order."""
    order = history.writes_in_order(x.object) if history.ordered else history.writes
    return [y for y in order if y.object == x.object and in_one_unit(history, x, y) and not history.void(y)]


def later_in_unit(history: History, x: Event) -> list[Event]:
    writes = of_unit(history, x)
    return writes[writes.index(x) + 1 :]


def changes(history: History, y: Event) -> set[str]:
    if history.ordered:
        return set(history.changes(y))
    writes = of_unit(history, y)
    before = writes[: writes.index(y)]
    changed = set()
    for path, value in y.fields.items():
        same = [u for u in before if path in u.fields]
        if not same or same[-1].fields[path].digest != value.digest:
            changed.add(path)
    return changed
