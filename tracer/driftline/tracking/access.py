"""Reads of tracked values, whatever they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from driftline.recorder import Recorder
from driftline.tracking.adopt import Locations, adopt, tells_by_members
from driftline.tracking.location import Location
from driftline.values import ABSENT, SCALARS, pointer


def see(value: Any, locations: Locations, *, has_members: bool) -> None:
    """The whole of a value is read: every field of a mapping or an object, or the field in which anything else is."""
    for location in locations:
        root = location.root
        recorder = root.meet()
        if recorder is None:
            continue
        with root.lock:
            try:
                if location.holds(value):
                    path, keys = location.field(root.depth(recorder))
                    is_open = has_members and location.is_open(root.depth(recorder))
                    if is_open or not recorder.knows(root.object_id, path, root.version):
                        root.look(recorder, path, keys, root.walk(keys))
            except Exception as fault:  # noqa: BLE001 - never into the program
                recorder.fault("track", fault)


def see_member(value: Any, locations: Locations, key: Any, get: Callable[[], Any]) -> Any:
    """A member of a mapping or an object is read.

    Args:
        value: The mapping or object, as it is.
        locations: Where it stands.
        key: The key or attribute name.
        get: Gives the member as it is; `ABSENT` if there is none.

    Returns:
        The member, to give out; `ABSENT` if there is none.
    """
    found, item = False, None
    for location in locations:
        root = location.root
        recorder = root.meet()
        if recorder is None:
            continue
        with root.lock:
            item, found = get(), True
            try:
                if location.holds(value):
                    see_found(recorder, location, key, item)
            except Exception as fault:  # noqa: BLE001 - never into the program
                recorder.fault("track", fault)
    if not found:
        item = get()
    return item if item is ABSENT else adopt(item, locations, key)


def see_found(recorder: Recorder, location: Location, key: Any, item: Any) -> None:
    """A member was found (or, `ABSENT`, not) in what stands at a location: record that, under the lock."""
    root = location.root
    depth = root.depth(recorder)
    if not location.is_open(depth):
        path, keys = location.field(depth)
        if not recorder.knows(root.object_id, path, root.version):
            root.look(recorder, path, keys, root.walk(keys))
        return
    path, keys = location.path + pointer(key), (*location.keys, key)
    if (type(item) in SCALARS or item is ABSENT) and root.recorded.is_at(path, item):
        root.saw(recorder, path, item)
    elif len(keys) < depth and tells_by_members(item):
        root.touch(recorder, recorder.scope(), path, keys, item)  # to reach into it is not to read all of it
    else:
        root.look(recorder, path, keys, item)
