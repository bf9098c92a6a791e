"""DRF106 confidence_inversion: a value of lower confidence replaces another branch's of higher confidence."""

from __future__ import annotations

from reference.events import Event
from reference.history import Found, History


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    found = []
    for write in history.writes:
        doubted = inverted(history, write)
        lost = doubted.keys() & history.lost(write).keys()
        for fields, gives_way in ((doubted.keys() - lost, False), (lost, True)):
            if fields:
                others = frozenset(doubted[path].branch for path in fields)
                found.append(
                    Found("DRF106", write.id, write.object, frozenset(fields), others, None, "recorded", gives_way)
                )
    return found


def inverted(history: History, write: Event) -> dict[str, Event]:
    """Each field that the write sets to a value of lower confidence, with the write whose value it replaces."""
    if history.void(write) or write.op not in {"write", "patch"} or write.confidence is None:
        return {}
    found = {}
    for path in history.changes(write):
        standing = history.stands_before(write, path)
        if standing is None or standing.write.branch == write.branch or standing.write.confidence is None:
            continue
        if history.sets(write)[path] is not None and write.confidence < standing.write.confidence:
            found[path] = standing.write
    return found
