"""DRF502 live_compression: compression ran on what an earlier phase then changed."""

from __future__ import annotations

from reference.events import Event
from reference.history import Found, History
from reference.phases import later_changes, phase


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    found = []
    for at, reads in compressions(history).items():
        changes = [change for x in reads for change in later_changes(history, x, before=at).items()]
        others = frozenset(write.branch for write, _ in changes)
        behind_its_back = frozenset(path for _, paths in changes for path in paths)
        fields = history.changes(at) if at.is_write else behind_its_back
        found.append(Found("DRF502", at.id, at.object, fields, others, None, "recorded"))
    return found


def compressions(history: History) -> dict[Event, list[Event]]:
    """The write that was made of reads that did not last (or the read, if nothing was made of it) → those reads."""
    found: dict[Event, list[Event]] = {}
    done = set()
    for x in history.events:
        if x.op != "read" or x.version is None or phase(history, x.branch) != "compression":
            continue
        later = [
            event
            for event in history.of_branch[x.branch]
            if history.earlier(x, event)
            and (
                (event.is_write and not history.void(event))
                or (event.op == "read" and event.object == x.object and event.version is not None)
            )
        ]
        if later and later[0].op == "read":
            continue  # another read of it comes between
        at = later[0] if later else x
        if (x.branch, x.object) not in done and later_changes(history, x, before=at):
            done.add((x.branch, x.object))
            found.setdefault(at, []).append(x)
    return found
