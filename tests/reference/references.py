"""The words of docs/model.md about references: what refers to what, what was there, what had been removed."""

from __future__ import annotations

import json
from typing import Any

from reference.events import Event
from reference.history import History


def refers(history: History, write: Event) -> set[tuple[str, str]]:
    """(path, object) of everything that a write refers to: what it declares, and what the policy does."""
    found = set(write.references)
    for pattern, target in history.type_policy(write.object).get("references", {}).items():
        for path, field in write.fields.items():
            if field.value is not None:
                for text in texts(pattern.split("/"), path.split("/"), json.loads(field.value)):
                    found.add((path, text if text.startswith(f"{target}/") else f"{target}/{text}"))
    return found


def texts(pattern: list[str], path: list[str], value: Any) -> list[str]:
    """Each text in the value of a field that a pattern names: the field's own, or one inside it."""
    if path:
        fits = bool(pattern) and pattern[0] in {"*", path[0]}
        return texts(pattern[1:], path[1:], value) if fits else []
    if not pattern:
        return [value] if isinstance(value, str) and value else []
    inside = dict(enumerate(value)) if isinstance(value, list) else value if isinstance(value, dict) else {}
    return [
        text
        for name, item in inside.items()
        if pattern[0] in {"*", str(name).replace("~", "~0").replace("/", "~1")}
        for text in texts(pattern[1:], [], item)
    ]


def refers_from(history: History, write: Event, path: str, target: str) -> bool:
    """Whether the field that a write sets refers to an object: at its own path, or inside its value."""
    value = write.fields.get(path)
    if value is None or value.digest is None:
        return False
    return any(holder(write, at) == path for at, named in refers(history, write) if named == target)


def holder(write: Event, path: str) -> str | None:
    """The field of a write that a pointer names, or that holds it; None if the write sets none."""
    above = [field for field in write.fields if path == field or path.startswith(f"{field}/")]
    return max(above, key=len, default=None)


def first_sign(history: History, obj: str) -> Event | None:
    """The first write of an object that is not void, or read of a version of it."""
    for event in history.of_object.get(obj, []):
        if (event.is_write and not history.void(event)) or (event.op == "read" and event.version is not None):
            return event
    return None


def removed_as_of(history: History, event: Event, obj: str) -> Event | None:
    """The delete by which an object is removed as of an event; None if it is not."""
    earlier = [
        write for write in history.writes_in_order(obj) if not history.void(write) and history.earlier(write, event)
    ]
    return earlier[-1] if earlier and earlier[-1].op == "delete" else None
