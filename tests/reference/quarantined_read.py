"""DRF504 quarantined_read: a branch read a version that another had set aside."""

from __future__ import annotations

from reference.history import Found, History


def find(history: History) -> list[Found]:
    """Needs only the clock and the names of versions, so it speaks on traces without an order, too."""
    found = []
    done = set()
    for x in history.events:
        if x.op != "read" or x.version is None or (x.branch, history.version_name(x)) in done:
            continue
        marks = [
            mark
            for mark in history.of_object[x.object]
            if mark.op in {"quarantine", "promote"}
            and mark.version is not None
            and history.version_name(mark) == history.version_name(x)
            and history.earlier(mark, x)
        ]
        held = [mark for mark in marks if mark.op == "quarantine" and mark.branch != x.branch]
        if held and not any(mark.op == "promote" and history.earlier(held[-1], mark) for mark in marks):
            done.add((x.branch, history.version_name(x)))
            found.append(
                Found(
                    "DRF504",
                    x.id,
                    x.object,
                    frozenset(x.fields),
                    frozenset({held[-1].branch}),
                    None,
                    "recorded",
                )
            )
    return found
