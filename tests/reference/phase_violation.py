"""DRF501 phase_violation: a later phase works with what an earlier one, begun before, goes on to change."""

from __future__ import annotations

from reference.history import Found, History
from reference.live_compression import compressions
from reference.phases import later_changes


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    found = []
    given_way = {(x.branch, x.object): at for at, reads in compressions(history).items() for x in reads}
    done = set()
    for x in history.events:
        seen = (x.op == "read" and x.version is not None) or (x.is_write and not history.void(x))
        if not seen or (x.branch, x.object) in done:
            continue
        changes = later_changes(history, x, before=x)
        if changes:
            done.add((x.branch, x.object))
            fields = frozenset(path for paths in changes.values() for path in paths)
            others = frozenset(write.branch for write in changes)
            at = given_way.get((x.branch, x.object))
            if at is None:
                found.append(Found("DRF501", x.id, x.object, fields, others, None, "recorded"))
            else:
                found.append(Found("DRF501", at.id, at.object, fields, others, None, "recorded", gives_way=True))
    return found
