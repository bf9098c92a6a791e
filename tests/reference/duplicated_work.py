"""DRF601 duplicated_work: a task whose result was there already was begun again."""

from __future__ import annotations

from reference.history import Found, History


def find(history: History) -> list[Found]:
    """Needs only the clock, so it speaks on traces without an order of versions, too."""
    starts = [event for event in history.events if event.op == "task-start" and event.signature is not None]
    found = []
    for again in starts:
        tasks = {start.task for start in starts if start.signature == again.signature}
        ends = [
            end
            for end in history.events
            if end.op == "task-end" and end.status == "ok" and end.task in tasks and history.earlier(end, again)
        ]
        if ends:
            others = frozenset({ends[0].branch})
            found.append(Found("DRF601", again.id, None, frozenset(), others, None, "recorded"))
    return found
