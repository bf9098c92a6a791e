"""`track`: a mapping that records its own reads and writes, field by field."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final, TypeVar

from driftline.recorder import Recorder
from driftline.session import active
from driftline.values import ABSENT, flatten, flatten_patch, leaf_items, pointer

K = TypeVar("K")
V = TypeVar("V")

_numbers: Final = itertools.count(1)


class TrackedMapping(MutableMapping[K, V]):
    """A shared mapping whose every read and write is recorded, with the version that it saw or made.

    It is the store itself, so its versions are true ones: each write makes the next. A value that is a nested mapping
    is recorded leaf by leaf; every other value is one field. Safe to share between threads.

    Attributes:
        object_id: Id of the object in the trace.
        object_type: Its type.
    """

    def __init__(
        self,
        data: Mapping[K, V],
        *,
        object_id: str,
        object_type: str | None,
        references: Iterable[str] = (),
    ) -> None:
        self.object_id = object_id
        self.object_type = object_type
        self._references = frozenset(references)
        self._data = dict(data)
        self._version = 1
        self._lock = threading.RLock()
        self._known_to: Recorder | None = None
        self._recorder()

    # ---- recording ------------------------------------------------------------------------------------------------

    def _recorder(self) -> Recorder | None:
        """The recorder in force; a recording that meets this mapping for the first time gets its whole state."""
        recorder = active()
        if recorder is not None and recorder is not self._known_to:
            with self._lock:
                if recorder is not self._known_to:
                    self._known_to = recorder
                    self._record(recorder, "write", self._data, self._version)
        return recorder

    def _record(self, recorder: Recorder, op: str, value: Any, version: int) -> None:
        try:
            found = list(self._named(op, value, recorder.depth)) if self._references else []
            leaves = flatten_patch(value, recorder.depth) if op == "patch" else flatten(value, recorder.depth)
            rare = {"references": found} if found else None
            recorder.write(op, self.object_id, self.object_type, version, None, leaves, rare)
        except Exception as fault:  # noqa: BLE001 - never into the program
            recorder.fault("track", fault)

    def _named(self, op: str, value: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, str]]:
        """(path, object id) of each reference field among what is written."""
        for path, item in value.items() if op == "patch" else leaf_items("", value, depth):
            if path in self._references and isinstance(item, str) and item:
                yield path, item

    def _wrote(self, fields: dict[str, Any]) -> None:
        self._version += 1
        recorder = self._known_to
        if recorder is not None and recorder is active():
            self._record(recorder, "patch", fields, self._version)

    def _saw(self, recorder: Recorder | None, value: Any, *, partial: bool) -> None:
        if recorder is None:
            return
        try:
            leaves = flatten(value, recorder.depth)
            recorder.read(self.object_id, self.object_type, self._version, leaves, whole=not partial)
        except Exception as fault:  # noqa: BLE001 - never into the program
            recorder.fault("track", fault)

    # ---- the mapping ----------------------------------------------------------------------------------------------

    def __getitem__(self, key: K) -> V:
        recorder = self._recorder()
        with self._lock:
            try:
                value = self._data[key]
            except KeyError:
                self._saw(recorder, {key: ABSENT}, partial=True)
                raise
            self._saw(recorder, {key: value}, partial=True)
            return value

    def __setitem__(self, key: K, value: V) -> None:
        self._recorder()
        with self._lock:
            fields = self._changes({key: value})
            self._data[key] = value
            self._wrote(fields)

    def __delitem__(self, key: K) -> None:
        self._recorder()
        with self._lock:
            fields = self._changes({key: ABSENT}) if key in self._data else {}
            del self._data[key]
            self._wrote(fields)

    def _changes(self, changes: Mapping[Any, Any]) -> dict[str, Any]:
        """The patch that sets or removes these keys, where either value may be a nested mapping of several leaves."""
        depth = self._known_to.depth if self._known_to is not None else 1
        fields: dict[str, Any] = {}
        try:
            for key, new in changes.items():
                old, path = self._data.get(key), pointer(key)
                if key in self._data and (isinstance(old, Mapping) or isinstance(new, Mapping)):
                    fields.update((leaf, ABSENT) for leaf, _ in leaf_items(path, old, depth))
                if new is not ABSENT or not isinstance(old, Mapping):
                    fields.update(leaf_items(path, new, depth))
        except Exception as fault:  # noqa: BLE001 - a key's text and a mapping's items may be the user's code
            if self._known_to is not None:
                self._known_to.fault("track", fault)
        return fields

    def __iter__(self) -> Iterator[K]:
        recorder = self._recorder()
        with self._lock:
            self._saw(recorder, self._data, partial=False)
            return iter(list(self._data))

    def __len__(self) -> int:
        recorder = self._recorder()
        with self._lock:
            self._saw(recorder, self._data, partial=False)
            return len(self._data)

    def __contains__(self, key: object) -> bool:
        recorder = self._recorder()
        with self._lock:
            present = key in self._data
            self._saw(recorder, {key: self._data[key] if present else ABSENT}, partial=True)  # type: ignore[index]
            return present

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several fields in one version."""
        changes = dict(*args, **kwargs)
        if not changes:
            return
        self._recorder()
        with self._lock:
            fields = self._changes(changes)
            self._data.update(changes)
            self._wrote(fields)

    def replace(self, data: Mapping[K, V]) -> None:
        """Set the whole mapping in one version, as a full write: keys that `data` omits are gone."""
        self._recorder()
        with self._lock:
            self._data = dict(data)
            self._version += 1
            recorder = self._known_to
            if recorder is not None and recorder is active():
                self._record(recorder, "write", self._data, self._version)

    def pop(self, key: K, *default: Any) -> Any:
        """Remove a field and return its value, as one step."""
        with self._lock:
            return super().pop(key, *default)

    def popitem(self) -> tuple[K, V]:
        """Remove and return a (key, value) pair, as one step."""
        with self._lock:
            return super().popitem()

    def setdefault(self, key: K, default: Any = None) -> Any:
        """Return a field's value, setting it first if there is none, as one step."""
        with self._lock:
            return super().setdefault(key, default)

    def clear(self) -> None:
        """Remove every field in one version."""
        self.replace({})

    def copy(self) -> dict[K, V]:
        """The whole mapping as a plain dict; recorded as a read of the whole object."""
        recorder = self._recorder()
        with self._lock:
            self._saw(recorder, self._data, partial=False)
            return dict(self._data)

    def __reduce__(self) -> tuple[type[dict[K, V]], tuple[dict[K, V]]]:
        return dict, (self.copy(),)  # a copy or a pickle is no longer the shared state, so it is a plain dict

    def __repr__(self) -> str:
        return f"track({self._data!r}, id={self.object_id!r})"


def track(
    value: Mapping[K, V],
    *,
    id: str | None = None,  # noqa: A002 - the model's word
    type: str | None = None,  # noqa: A002 - the model's word
    references: Iterable[str] = (),
) -> TrackedMapping[K, V]:
    """Make a shared mapping that records its own reads and writes.

    Args:
        value: The mapping's content; copied one level deep.
        id: Id of the object in the trace, such as `context/42`; None makes one from the type.
        type: Its type; None takes the part of the id before the slash.
        references: JSON Pointers of the fields whose text names another object.

    Returns:
        A mapping to use in place of `value`. It works the same while nothing records.

    Raises:
        TypeError: If `value` is not a mapping.

    Example:
        >>> ctx = track({"facts": [], "summary": ""}, id="context/42")
        >>> ctx["facts"] = ctx["facts"] + ["f1"]
        >>> dict(ctx)
        {'facts': ['f1'], 'summary': ''}
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"track() takes a mapping, not {value.__class__.__name__}")
    kind = type if type is not None else id.partition("/")[0] if id is not None and "/" in id else None
    name = id if id is not None else f"{kind or 'mapping'}/{next(_numbers)}"
    return TrackedMapping(value, object_id=name, object_type=kind, references=references)
