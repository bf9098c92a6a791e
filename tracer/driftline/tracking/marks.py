"""What was recorded of an object's content: for each field a **mark**, which tells its value from another.

Comparing marks with what is there now shows a mutation that no call of ours saw.
"""

from __future__ import annotations

from typing import Any

from xxhash import xxh3_64_digest

from driftline.values import ABSENT

#: JSON Pointer of a recorded field → its mark.
Marks = dict[str, object]


def mark(payload: object) -> object:
    """What tells one recorded value from another, for the price of eight bytes at most.

    Example:
        >>> mark(b"[1]") == mark(b"[1]"), mark(1) == mark(True), mark(float("nan")) == mark(float("nan"))
        (True, False, True)
    """
    if type(payload) is bytes:
        return xxh3_64_digest(payload)
    if type(payload) is bool or type(payload) is float:
        return type(payload), repr(payload)
    return payload


class Recorded:
    """The marks of the version that stands.

    Example:
        >>> recorded = Recorded()
        >>> recorded.put("", {"/a": 1, "/b/c": 2, "/b/d": 3})
        >>> recorded.at("/b"), recorded.at("/b/c"), recorded.at("/z")
        ({'/b/c': 2, '/b/d': 3}, {'/b/c': 2}, {})
        >>> recorded.put("/b", {"/b": 4})
        >>> recorded.at(""), recorded.is_at("/b", 4), recorded.is_at("/b/c", ABSENT)
        ({'/a': 1, '/b': 4}, True, True)
    """

    __slots__ = ("_tops",)

    def __init__(self) -> None:
        self._tops: dict[str, Any] = {}  # of top-level fields: a mark, or the marks of the fields inside it

    def at(self, path: str) -> Marks:
        """The marks at a path and below it."""
        if not path:
            return {
                name: one
                for top, found in self._tops.items()
                for name, one in (found.items() if type(found) is dict else ((top, found),))
            }
        top = _top(path)
        found = self._tops.get(top, ABSENT)
        if type(found) is dict:
            below = path + "/"
            return {name: one for name, one in found.items() if path in (top, name) or name.startswith(below)}
        return {top: found} if path == top and found is not ABSENT else {}

    def is_at(self, path: str, value: Any) -> bool:
        """Whether a scalar is what was recorded at a path; of `ABSENT`, whether nothing was."""
        top = _top(path)
        found = self._tops.get(top, ABSENT)
        if type(found) is dict:
            found = found.get(path, ABSENT)
        elif path != top:
            found = ABSENT
        return bool(found == mark(value))

    def differing(self, path: str, now: Marks) -> Marks:
        """What is now at a path and below it, where that is not what was recorded; `ABSENT` where nothing is."""
        then = self.at(path)
        both = ((name, then.get(name, ABSENT), now.get(name, ABSENT)) for name in {**then, **now})
        return {name: one for name, was, one in both if was != one}

    def put(self, path: str, marks: Marks) -> None:
        """From here on these marks are recorded at a path and below it, and no others."""
        top = _top(path)
        if not path:
            self._tops = {}
            for name, one in marks.items():
                if name == _top(name):
                    self._tops[name] = one
                else:
                    self._tops.setdefault(_top(name), {})[name] = one
        elif path == top:
            self._tops[top] = dict(marks)
            if list(marks) == [top]:
                self._tops[top] = marks[top]
            elif not marks:
                del self._tops[top]
        else:
            inner = self._tops.get(top)
            if type(inner) is not dict:
                inner = self._tops[top] = {}
            for name in self.at(path):
                del inner[name]
            inner.update(marks)

    def put_scalar(self, path: str, value: Any) -> bool:
        """A top-level field is set to a scalar; False if it was several fields, which take more."""
        if type(self._tops.get(path)) is dict:
            return False
        self._tops[path] = mark(value)
        return True


def _top(path: str) -> str:
    end = path.find("/", 1)
    return path if end < 0 else path[:end]
