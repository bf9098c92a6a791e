"""One tracked object: its id, its versions, and what the recording in force has recorded of its content."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final
from weakref import WeakSet

from driftline.recorder import Leaves, Recorder
from driftline.scope import Scope, Watched
from driftline.session import RECORDING
from driftline.tracking.marks import Marks, Recorded, mark
from driftline.tracking.portrait import Portrayer, References
from driftline.tracking.references import Declared
from driftline.tracking.shapes import Tracked, member, members, shape_of
from driftline.values import ABSENT, SCALARS, freeze, pointer

Keys = tuple[Any, ...]

_numbers: Final = itertools.count(1)
_NEVER: Final = object()


class Capture:
    """Values captured at one moment.

    Attributes:
        leaves: Their fields, as the recorder takes them.
        marks: What tells these fields from others.
        references: Which of them name other objects.
    """

    __slots__ = ("leaves", "marks", "references")

    def __init__(self, leaves: Leaves, references: References) -> None:
        self.leaves = leaves
        self.marks: Marks = {path: mark(payload) for path, payload in leaves}
        self.references = references


#: A field that is set or (`ABSENT`) removed: its JSON Pointer, the keys that lead there, the value, the value captured.
Setting = tuple[str, Keys, Any, Capture | None]


class Touched:
    """What one branch has touched of one object.

    Attributes:
        fields: JSON Pointer of each field that can be mutated unseen → the keys that lead there.
        shown: Marks of contents that were recorded for this branch although no write had made them.
    """

    __slots__ = ("fields", "shown")

    def __init__(self) -> None:
        self.fields: dict[str, Keys] = {}
        self.shown: Marks = {}


class Root:
    """What is known of one tracked object. Whoever calls anything but `meet` holds its lock.

    Args:
        holder: Gives what the program holds: a view of its content, or the object itself; None if it is gone.
        object_id: Its id in the trace.
        object_type: Its type.
        references: JSON Pointers, with `*` for any one segment, of the fields that name other objects.
        depth: How many levels of it become fields; None: as many as in the recording.
        is_one_value: Whether the content is a value of its own, at the path "", rather than a set of fields.
        is_strong: Whether `holder` keeps it alive.

    Attributes:
        has_copies: Whether another process has a copy of the object, since one of the two was forked from the other:
            then both number its versions, and say so.
    """

    __slots__ = (
        "__weakref__",
        "_depth",
        "_is_one_value",
        "_known_to",
        "_last_touched",
        "_shown",
        "has_copies",
        "holder",
        "is_strong",
        "lock",
        "object_id",
        "object_type",
        "recorded",
        "references",
        "serial",
        "version",
    )  # fmt: skip

    def __init__(
        self,
        holder: Callable[[], Any],
        object_id: str,
        object_type: str | None,
        references: Iterable[str],
        *,
        depth: int | None = None,
        is_one_value: bool = False,
        is_strong: bool = False,
    ) -> None:
        self.holder = holder
        self._depth = depth
        self._is_one_value = is_one_value
        self.is_strong = is_strong
        self._known_to: Recorder | None = None
        self.recorded = Recorded()
        self._last_touched: tuple[Watched | None, Touched | None] = (None, None)
        self._shown: Marks = {}  # of content that no write made: what was recorded of it, for any branch
        self.object_id = object_id
        self.object_type = object_type
        self.references = Declared(references)
        self.version = 1
        self.has_copies = False
        self.lock = threading.RLock()
        self.serial = next(_numbers)  # locks are taken in this order
        _roots.add(self)

    # ---- recordings -----------------------------------------------------------------------------------------------

    def meet(self) -> Recorder | None:
        """The recorder in force; a recording that meets this object for the first time gets its whole state."""
        recorder = RECORDING.recorder
        if recorder is None or (_silent and threading.get_ident() in _silent):
            return None
        if recorder is not self._known_to:
            with self.lock:
                if recorder is not self._known_to:
                    self._known_to = recorder
                    self.version = max(self.version, recorder.highest(self.object_id) + 1)
                    self.write_whole(recorder)
        return recorder

    def next_version(self, recorder: Recorder | None) -> int:
        """Number the next version: above those, too, that others have written under the same id."""
        known = recorder.highest(self.object_id) if recorder is not None else 0
        self.version = version = max(self.version, known) + 1
        return version

    def depth(self, recorder: Recorder) -> int:
        """How many levels of this object become fields."""
        return self._depth or recorder.depth

    # ---- capturing ------------------------------------------------------------------------------------------------

    def content(self) -> Any:
        """What the object holds now, as it is: a container, or the object itself; `ABSENT` if it is gone."""
        held = self.holder()
        return type(held)._driftline_content(held) if Tracked in type(held).__mro__ else ABSENT

    def walk(self, keys: Keys) -> Any:
        """What stands behind some keys, as it is; `ABSENT` if nothing."""
        value = self.content()
        for depth, key in enumerate(keys):
            value = member(value, key) if depth == 0 or not _is_referred_to(value) else ABSENT
        return value

    def capture(self, recorder: Recorder, path: str, value: Any) -> Capture:
        """Take down a field: the value that stands at a path, or the whole content at the path ""."""
        if type(value) is list and path and SCALARS.issuperset(map(type, value)) and not self.references:
            return Capture([(path, freeze(value))], [])  # what most lists are, without the detours
        references: References = []
        portrayer = Portrayer(path, references)
        me = threading.get_ident()
        outermost = me not in _silent
        _silent.add(me)  # a repr or an items() of the program's may look at tracked objects: no reads of the program's
        try:
            if path:
                portrait = portrayer.portray(value)
                leaves = recorder.patch_fields({path: portrait}, self._depth)
            else:
                shape = shape_of(type(value))
                portrait = portrayer.inside(value if shape is None else shape.members(value))
                leaves = recorder.fields(portrait, self._depth)
        finally:
            if outermost:
                _silent.discard(me)
        if self.references:
            references.extend(self.references.named(path, portrait))
        return Capture(leaves, references)

    # ---- reads ----------------------------------------------------------------------------------------------------

    def saw(self, recorder: Recorder, path: str, value: Any) -> None:
        """Record that the branch in force reads a field that holds a scalar, or that there is none."""
        leaves = [(path, value)] if path in recorder.plain else recorder.patch_fields({path: value})
        recorder.read(self.object_id, self.object_type, self.version, leaves, whole=False)

    def look(self, recorder: Recorder, path: str, keys: Keys, value: Any, scope: Scope | None = None) -> Capture:
        """Record that a branch reads what stands at a path; again, if that is not what was recorded.

        Args:
            recorder: The recorder in force.
            path: JSON Pointer of a recorded field, or of several inside it; "" for the whole.
            keys: The keys that lead there.
            value: What stands there.
            scope: Where a branch has been that ends; None: the scope in force reads.
        """
        now = self.capture(recorder, path, value)
        where = scope or recorder.scope()
        self.touch(recorder, where, path, keys, value)
        differs = now.marks != self.recorded.at(path)
        if differs and self._is_news(path, now.marks, self._touched(recorder, where), is_end=scope is not None):
            recorder.read_again(where, self.object_id, self.object_type, self.version, now.leaves, whole=not path)
        elif scope is None and not (self._is_one_value and recorder.knows(self.object_id, path, self.version)):
            recorder.read(self.object_id, self.object_type, self.version, now.leaves, whole=not path)
        return now

    def _is_news(self, path: str, now: Marks, touched: Touched, *, is_end: bool) -> bool:
        """Whether there is content that no write made and that this branch has not been recorded reading.

        A branch that ends has not read it, so then it is enough that any branch has.
        """
        unseen = self.recorded.differing(path, now)
        shown = self._shown if is_end else touched.shown
        news = {name for name, one in unseen.items() if shown.get(name, _NEVER) != one}
        touched.shown.update(unseen)
        self._shown.update(unseen)
        return bool(news)

    def touch(self, recorder: Recorder, scope: Scope, path: str, keys: Keys, value: Any) -> None:
        """The branch has to do with this value: if it can be mutated unseen, it looks at it again when it ends."""
        if path or self._is_one_value:
            if type(value) not in SCALARS:
                self._touched(recorder, scope).fields[path] = keys
            return
        for key, item in members(value):
            if type(item) not in SCALARS:
                self._touched(recorder, scope).fields[pointer(key)] = (key,)

    def _touched(self, recorder: Recorder, scope: Scope) -> Touched:
        watched, touched = self._last_touched
        if watched is None or watched is not scope.branch.watched or touched is None:
            watched = recorder.watched_by(scope.branch)
            touched = watched.setdefault(self, Touched())
            self._last_touched = watched, touched
        return touched

    def look_again(self, recorder: Recorder, scope: Scope, touched: Touched) -> None:
        """A branch ends: record what it has touched, where that is not what was recorded."""
        try:
            with self.lock:
                if recorder is self._known_to:
                    for path, keys in list(touched.fields.items()):
                        value = self.walk(keys)
                        if value is not ABSENT:
                            self.look(recorder, path, keys, value, scope)
        except Exception as fault:  # noqa: BLE001 - never into the program
            recorder.fault("track", fault)

    # ---- writes ---------------------------------------------------------------------------------------------------

    def write_whole(self, recorder: Recorder) -> None:
        """Record the whole content as the version that it is."""
        try:
            content = self.content()
            now = self.capture(recorder, "", content)
            self.recorded.put("", now.marks)
            self._shown.clear()
            self._record(recorder, "write", now.leaves, now.references)
            self.touch(recorder, recorder.scope(), "", (), content)
        except Exception as fault:  # noqa: BLE001 - never into the program
            recorder.fault("track", fault)

    def set_scalar(self, recorder: Recorder | None, path: str, value: Any) -> None:
        """Record that a top-level field was set to a scalar, as a version of its own."""
        version = self.next_version(recorder)
        if recorder is None:
            return
        try:
            if (
                path in recorder.plain
                and not (self.references or self.has_copies)
                and self.recorded.put_scalar(path, value)
            ):
                recorder.set_field(self.object_id, self.object_type, version, None, path, value, None, None)
            else:
                self.patch(recorder, [(path, (), value, None)])
        except Exception as fault:  # noqa: BLE001 - never into the program
            recorder.fault("track", fault)

    def patch(self, recorder: Recorder, changes: Iterable[Setting]) -> None:
        """Record that fields were set or removed, as the version that stands."""
        fields: dict[str, object] = {}
        references: References = []
        scope = recorder.scope()
        for path, keys, value, captured in changes:
            try:
                gone = self.recorded.at(path)
                fields.update(dict.fromkeys(gone, ABSENT))
                if value is ABSENT:
                    fields.update({} if gone else {path: ABSENT})
                    self.recorded.put(path, {})
                    continue
                now = captured or self.capture(recorder, path, value)
                fields.update(now.leaves)
                references += now.references
                self.recorded.put(path, now.marks)
                for name in now.marks.keys() & self._shown:
                    del self._shown[name]
                self.touch(recorder, scope, path, keys, value)
            except Exception as fault:  # noqa: BLE001 - never into the program
                recorder.fault("track", fault)
        self._record(recorder, "patch", list(fields.items()), references)

    def _record(self, recorder: Recorder, op: str, leaves: Leaves, references: References) -> None:
        rare: dict[str, Any] = {"references": references} if references else {}
        if self.has_copies:
            rare["version_inferred"] = True
        recorder.write(op, self.object_id, self.object_type, self.version, None, leaves, rare or None)


_roots: Final[WeakSet[Root]] = WeakSet()


def _after_fork_in_child() -> None:
    for root in list(_roots):
        root.has_copies = True
        if not root.lock._is_owned():  # type: ignore[attr-defined] # as `threading.Condition` asks
            root.lock = threading.RLock()  # who held it, in another thread, is not here to release it


def _after_fork_in_parent() -> None:
    for root in list(_roots):
        root.has_copies = True


os.register_at_fork(after_in_child=_after_fork_in_child, after_in_parent=_after_fork_in_parent)

#: Threads that are capturing: what the program's code does in there is no act of the program's.
_silent: Final[set[int]] = set()


def _is_referred_to(value: Any) -> bool:
    """Whether a value is recorded by its own id, wherever it stands."""
    return Tracked in type(value).__mro__ and type(value)._driftline_self(value)[0] is not None
