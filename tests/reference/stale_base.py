"""DRF107 stale_base: the writer's view of the object was out of date, and nothing was lost by it."""

from __future__ import annotations

from reference.events import Event
from reference.history import Found, History
from reference.unpromoted_read import same_version


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    found = []
    for write in history.writes:
        if history.void(write) or history.lost(write):
            continue
        blind = any(history.blind(write, path) for path in history.sets(write))
        base = history.object_base(write)
        if base is None:
            continue
        newer = history.changed_since(write, base)
        if newer:
            fields = {path for u in newer for path in history.changes(u)}
            others = {u.branch for u in newer}
            found.append(
                Found(
                    "DRF107",
                    write.id,
                    write.object,
                    frozenset(fields),
                    frozenset(others),
                    str(base),
                    history.basis(write),
                    gives_way=blind or write.op == "merge" or _passed(history, write),
                )
            )
    return found


def _passed(history: History, write: Event) -> bool:
    """Whether its own branch promoted the version that it made."""
    return any(
        event.op == "promote"
        and event.branch == write.branch
        and same_version(history, event, write)
        and history.earlier(write, event)
        for event in history.events
    )
