"""DRF202 stale_merge: a merge whose newest input was no longer the current version."""

from __future__ import annotations

from reference.history import Found, History


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    found = []
    for write in history.writes:
        newest = history.declared_base(write)
        if write.op != "merge" or history.void(write) or newest is None:
            continue
        missed = history.changed_since(write, newest)
        if missed:
            fields = frozenset(path for u in missed for path in history.changes(u))
            others = frozenset(u.branch for u in missed)
            found.append(Found("DRF202", write.id, write.object, fields, others, str(newest), "recorded"))
    return found
