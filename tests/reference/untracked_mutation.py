"""DRF506 untracked_mutation: a read shows what no write had put there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reference.events import Event, Field, Version
from reference.history import Found, History

NOTHING = Field(None)


def find(history: History) -> list[Found]:
    found: dict[object, Found] = {}
    for read in history.events:
        made = maker(history, read)
        if made is None:
            continue
        shown = mutations(history, read, made)
        content = (made, frozenset(shown.items()))
        if shown and content not in found:
            found[content] = Found(
                code="DRF506",
                event=read.id,
                object=read.object,
                fields=frozenset(shown),
                others=frozenset({made.branch}) - {read.branch},
                base=None,
                basis="recorded",
            )
    return list(found.values())


def name(history: History, event: Event) -> tuple[str | None, Version | None]:
    """What tells the version that an event names from every other of its object."""
    own = isinstance(event.version, int) and not history.numbered_by_the_store(str(event.object))
    return (event.process if own else None, event.version)


def maker(history: History, read: Event) -> Event | None:
    """The write that made the version that was read, if it is the only one and not void, and the version is certain."""
    if read.op != "read" or read.version is None:
        return None
    writes = [write for write in history.writes if write.object == read.object]
    made = [write for write in writes if name(history, write) == name(history, read)]
    if len(made) != 1 or history.void(made[0]):
        return None
    if read.version_inferred and {write.process for write in writes} != {read.process}:
        return None
    return made[0]


def upto(history: History, made: Event) -> list[Event]:
    """The writes at or before the version that a write made."""
    if not history.ordered:
        return [made]
    order = history.writes_in_order(str(made.object))
    return [write for write in order if history.position_of(write) <= history.position_of(made)]


def standing(history: History, made: Event) -> dict[str, Field]:
    """What is known to stand at a version."""
    if not history.ordered:
        return {path: value for path, value in made.fields.items() if value.digest is not None}
    return {path: found.value for path, found in history.contents_after(upto(history, made)).items()}


def related(path: str, others: Iterable[str]) -> bool:
    return any(path.startswith(f"{other}/") or other.startswith(f"{path}/") for other in others)


def mutations(history: History, read: Event, made: Event) -> Mapping[str, int | None]:
    """Each field that reads otherwise than it was written, with what was read."""
    stands = standing(history, made)
    writes = [write for write in upto(history, made) if not history.void(write)]
    all_known = any(write.is_full for write in writes)
    seen = {path: value for path, value in read.fields.items() if value.digest is not None}
    written = {path for write in writes for path in history.sets(write)} if history.ordered else {*made.fields}
    candidates = set(read.fields) | (set(stands) if read.whole and all_known else set())
    found: dict[str, int | None] = {}
    for path in candidates:
        was, now = stands.get(path, NOTHING), seen.get(path, NOTHING)
        if was.digest == now.digest or not (all_known or path in written) or was.withheld or now.withheld:
            continue
        if was.digest is None and related(path, stands):
            continue
        if now.digest is None and related(path, seen):
            continue
        if voided(history, made, path) or (read.version_inferred and not is_new(history, read, path, now)):
            continue
        found[path] = now.digest
    return found


def voided(history: History, made: Event, path: str) -> bool:
    """Whether a void write up to the version sets the field, or all of them."""
    return any(
        history.void(write)
        and write.object == made.object
        and (write.is_full or path in write.fields)
        and (not history.ordered or history.position_of(write) <= history.position_of(made))
        for write in history.writes
    )


def is_new(history: History, read: Event, path: str, value: Field) -> bool:
    """Whether no write of the object ever listed this value for the field."""
    return value.digest is not None and not any(
        write.object == read.object and path in write.fields and write.fields[path].digest == value.digest
        for write in history.writes
    )
