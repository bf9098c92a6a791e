"""DRF401 partial_write: a unit never completed, and its pieces are visible."""

from __future__ import annotations

from reference.events import Event
from reference.history import FOR_EVER, Found, History


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    found = []
    for unit in sorted(history.units):
        if not outermost_open(history, unit):
            continue
        group = [write for write in history.writes if within(history, write, unit) and not was_only_proposed(write)]
        visible = [x for x in group if is_visible(history, x, unit)]
        if not visible:
            continue
        first = visible[0]
        fields = {path for write in group if write.object == first.object for path in history.sets(write)}
        # "its others the branches that saw": saw any visible write of the group, since there is one finding for all.
        others = {event.branch for x in visible for event in seen_by(history, x, unit)}
        basis = "recorded" if history.outcome(unit) == "aborted" else "inferred"
        found.append(Found("DRF401", first.id, first.object, frozenset(fields), frozenset(others), None, basis))
    return found


def outermost_open(history: History, unit: str) -> bool:
    """Whether the unit is not committed itself and every unit around it is."""
    return history.outcome(unit) != "committed" and all(
        history.outcome(around) == "committed" for around in history.units_around(unit)
    )


def was_only_proposed(write: Event) -> bool:
    """Whether a store did not let it in: it lies in a unit of that name, which says so (docs/discipline.md)."""
    return write.unit is not None and write.unit.rpartition("#")[0] == "driftline.proposal"


def within(history: History, event: Event, unit: str) -> bool:
    """Whether an event happened in the unit, or in a unit inside it."""
    return event.unit is not None and (event.unit == unit or unit in history.units_around(event.unit))


def spans(history: History, x: Event, unit: str) -> list[tuple[float, float]]:
    """From which position to just below which one each piece of a write stays."""
    order = history.writes_in_order(x.object)
    outside = [y for y in order[order.index(x) + 1 :] if not history.void(y) and not within(history, y, unit)]
    start = history.position_of(x)
    if x.op == "delete":
        return [(start, history.position_of(outside[0]) if outside else FOR_EVER)]
    ends = []
    for path in history.sets(x):
        # A full write ends every span, also that of a field which only void writes had set, so that it removes nothing.
        ending = [y for y in outside if y.is_full or path in y.fields]
        ends.append((start, history.position_of(ending[0]) if ending else FOR_EVER))
    return ends


def seen_by(history: History, x: Event, unit: str) -> list[Event]:
    """The events in which another branch saw a write of the group."""
    found = []
    for event in history.events:
        # "in an event outside the group": the group holds writes only, but a read inside the unit is no outsider's.
        if event.object != x.object or event.branch == x.branch or within(history, event, unit):
            continue
        if not history.earlier(x, event):
            continue
        if event.op == "read" and event.version is not None:
            positions = [history.position_of(event)]
        elif event.is_write and not history.void(event):
            bases = [history.b(event, path) for path in history.sets(event)]
            positions = [history.position(event, base) for base in bases if base is not None]
        else:
            continue
        if any(start <= position < end for start, end in spans(history, x, unit) for position in positions):
            found.append(event)
    return found


def is_visible(history: History, x: Event, unit: str) -> bool:
    if history.outcome(unit) == "unknown" and any(end == FOR_EVER for _, end in spans(history, x, unit)):
        return True
    return bool(seen_by(history, x, unit))
