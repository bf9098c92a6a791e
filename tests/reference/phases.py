"""The words of docs/model.md about phases: where a branch stands in their order, since when, and whom it is kin to."""

from __future__ import annotations

from typing import Final

from reference.events import Event
from reference.history import History
from reference.reading import above

PHASES: Final = ("reasoning", "enrichment", "compression", "orchestration")


def order(history: History) -> tuple[str, ...]:
    """The phase order: the policy's, else the default."""
    return tuple(history.policy.get("phases", {}).get("order", PHASES))


def phase(history: History, branch: str) -> str | None:
    """A branch's phase; None if it is no party to the rules of phases."""
    for event in history.of_branch[branch]:
        if event.op == "branch-start" and event.phase in order(history):
            return event.phase
    return None


def rank(history: History, branch: str) -> int | None:
    """The place of a branch's phase in the phase order."""
    own = phase(history, branch)
    return None if own is None else order(history).index(own)


def began(history: History, branch: str) -> Event:
    """A branch's first event."""
    return history.of_branch[branch][0]


def comes_before(history: History, branch: str, other: str) -> bool:
    """Whether a branch is of a phase before another's, and neither descends from the other."""
    own, its = rank(history, branch), rank(history, other)
    if own is None or its is None or own >= its:
        return False
    return branch not in above(history, other) and other not in above(history, branch)


def saw_or_set(history: History, event: Event) -> frozenset[str] | None:
    """The fields that a read saw or a write set; None for all of them."""
    if event.op == "read":
        return None if event.whole else frozenset(event.fields)
    return frozenset(history.sets(event))


def later_changes(history: History, event: Event, before: Event) -> dict[Event, frozenset[str]]:
    """What an earlier phase, begun before some event, later changed of what this one saw or set: writes and fields."""
    own = saw_or_set(history, event)
    found = {}
    for write in history.writes_in_order(event.object):
        changed = history.changes(write) if own is None else history.changes(write) & own
        if (
            changed
            and not history.void(write)
            and history.earlier(event, write)
            and comes_before(history, write.branch, event.branch)
            and history.earlier(began(history, write.branch), before)
        ):
            found[write] = changed
    return found
