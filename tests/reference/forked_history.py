"""DRF602 forked_history: two versions have one parent, and no version descends from both."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from reference import stale_overwrite
from reference.events import Event, Version
from reference.history import Found, History


def find(history: History) -> list[Found]:
    lost = set() if history.ordered else {found.event for found in stale_overwrite.find(history)}
    return [
        replace(finding, gives_way=finding.event in lost)
        for obj in history.objects
        for parent in {name for write in writes_of(history, obj) for name in parents(history, write)}
        for finding in fork(history, obj, parent)
    ]


def writes_of(history: History, obj: str | None) -> list[Event]:
    return [write for write in history.writes if write.object == obj]


def name(history: History, event: Event, version: Version | None) -> Hashable:
    """What tells a version from every other of its object."""
    if version is None:
        return event  # nobody can name it
    own = isinstance(version, int) and not history.numbered_by_the_store(str(event.object))
    return (event.process, version) if own else version


def declared_parents(write: Event) -> list[Version]:
    if write.op == "merge":
        return list(write.bases)
    return [write.base] if write.base is not None and not write.base_inferred else []


def parents(history: History, write: Event) -> set[Hashable]:
    """The versions that a write names as its parents."""
    versions = declared_parents(write)
    if write.op in {"write", "delete"} and write.base is not None:
        versions.append(write.base)
    return {name(history, write, version) for version in versions}


def descends_from(history: History, version: Hashable, obj: str | None) -> set[Hashable]:
    """A version and all its ancestors."""
    found = {version}
    while True:
        more = {
            parent
            for write in writes_of(history, obj)
            if name(history, write, write.version) in found
            for parent in parents(history, write)
        }
        if more <= found:
            return found
        found |= more


def reconciled(history: History, a: Event, b: Event) -> bool:
    """Whether some write, not void, has both versions among its ancestors, itself included."""
    both = {name(history, write, write.version) for write in (a, b)}
    return any(
        both <= descends_from(history, name(history, write, write.version), a.object)
        for write in writes_of(history, a.object)
        if not history.void(write)
    )


def fork(history: History, obj: str, parent: Hashable) -> list[Found]:
    siblings = [
        write
        for write in writes_of(history, obj)
        if not history.void(write)
        and parent in parents(history, write)
        and name(history, write, write.version) != parent
        and (not history.ordered or isinstance(write.version, str))
    ]
    if not siblings:
        return []
    first = siblings[0]
    apart = [write for write in siblings if write.branch != first.branch and not reconciled(history, first, write)]
    if not apart:
        return []
    last, party = apart[-1], [first, *apart]
    said = [{name(history, write, version) for version in declared_parents(write)} for write in party]
    return [
        Found(
            code="DRF602",
            event=last.id,
            object=obj,
            fields=frozenset(path for write in party for path in write.fields),
            others=frozenset(write.branch for write in party) - {last.branch},
            base=str(parent[1] if isinstance(parent, tuple) else parent),
            basis="recorded" if all(parent in names for names in said) else "inferred",
        ),
    ]
