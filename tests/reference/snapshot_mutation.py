"""DRF505 snapshot_mutation: what had been declared immutable was written."""

from __future__ import annotations

from reference.events import Event
from reference.history import Found, History, Standing


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    found = []
    for write in history.writes:
        if history.void(write):
            continue
        fields, others = after_snapshot(history, write)
        for path, maker in against_policy(history, write):
            fields.add(path)
            others.add(maker)
        if fields:
            found.append(
                Found("DRF505", write.id, write.object, frozenset(fields), frozenset(others), None, "recorded")
            )
    return found


def after_snapshot(history: History, write: Event) -> tuple[set[str], set[str]]:
    """The fields that differ from what stood at the first snapshot of the version made, and who took it."""
    for mark in history.of_object[write.object]:
        if (
            mark.op == "snapshot"
            and mark.version is not None
            and write.version is not None
            and history.position_of(mark) == history.position_of(write)
        ):
            if not history.earlier(mark, write):
                return set(), set()
            stood = held_at(history, mark)
            differing = {
                path
                for path, digest in history.sets(write).items()
                if digest != (stood[path].value.digest if path in stood else None)
            }
            return differing, {mark.branch}
    return set(), set()


def against_policy(history: History, write: Event) -> list[tuple[str, str]]:
    """(field, who had made it) of each that is changed although the policy says that it is immutable."""
    immutable = history.type_policy(write.object).get("immutable", [])
    first = next(x for x in history.writes_in_order(write.object) if not history.void(x))
    found = []
    for path in history.changes(write):
        standing = history.stands_before(write, path)
        if immutable is True:
            if history.position_of(first) < history.position_of(write):
                found.append((path, first.branch))
        elif standing is not None and any(covers(pattern, path) for pattern in immutable):
            found.append((path, standing.write.branch))
    return found


def covers(pattern: str, path: str) -> bool:
    """Whether a pattern names a field, or one above it."""
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) <= len(given) and all(wanted[at] in {"*", given[at]} for at in range(len(wanted)))


def held_at(history: History, mark: Event) -> dict[str, Standing]:
    """What a version held when it was declared immutable."""
    position = history.position_of(mark)
    upto = [
        write
        for write in history.writes_in_order(mark.object)
        if history.position_of(write) < position
        or (history.position_of(write) == position and history.earlier(write, mark))
    ]
    return history.contents_after(upto)
