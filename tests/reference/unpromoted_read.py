"""DRF503 unpromoted_read: a later phase decided on a version of an earlier one that was not promoted."""

from __future__ import annotations

from reference.events import Event
from reference.history import Found, History
from reference.phases import comes_before


def find(history: History) -> list[Found]:
    promotes = any(event.op == "promote" and event.version is not None for event in history.events)
    if not history.ordered or not (promotes or history.policy.get("phases")):
        return []
    found = []
    done = set()
    for x in history.events:
        if x.op != "read" or x.version is None or (x.branch, x.object, history.position_of(x)) in done:
            continue
        makers = {
            write.branch
            for write in history.writes_in_order(x.object)
            if not history.void(write)
            and same_version(history, write, x)
            and comes_before(history, write.branch, x.branch)
        }
        promoted = any(
            event.op == "promote" and same_version(history, event, x) and history.earlier(event, x)
            for event in history.of_object[x.object]
        )
        decided = any(
            event.is_write and history.earlier(x, event) and not history.void(event)
            for event in history.of_branch[x.branch]
        )
        if makers and decided and not promoted:
            done.add((x.branch, x.object, history.position_of(x)))
            found.append(Found("DRF503", x.id, x.object, frozenset(), frozenset(makers), None, "recorded"))
    return found


def same_version(history: History, a: Event, b: Event) -> bool:
    return a.object == b.object and a.version is not None and history.position_of(a) == history.position_of(b)
