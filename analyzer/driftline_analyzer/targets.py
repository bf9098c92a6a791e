"""What a user points at, `OBJECT[@VERSION][#/field]`, found in a trace."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from driftline.errors import DriftlineError

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis

_NAMED: Final = 5  # names in a hint


@dataclass(frozen=True)
class Target:
    """An object, and perhaps one version and one field of it.

    Attributes:
        object: Id of the object.
        version: A version's number or label, or None for the newest.
        field: JSON Pointer of a field, or None for all.
    """

    object: str
    version: str | None = None
    field: str | None = None

    def __str__(self) -> str:
        version = f"@{self.version}" if self.version is not None else ""
        return f"{self.object}{version}{'' if self.field is None else f'#{self.field}'}"


def parse_target(text: str) -> Target:
    """Take apart what a user typed.

    Args:
        text: `OBJECT[@VERSION][#/field]`; a field may be written without its first slash.

    Raises:
        DriftlineError: If no object is named.

    Example:
        >>> parse_target("context/42@7#/facts")
        Target(object='context/42', version='7', field='/facts')
        >>> parse_target("context/42#facts").field
        '/facts'
    """
    rest, hash_, field = text.partition("#")
    name, at, version = rest.rpartition("@")
    if not at:
        name, version = rest, ""
    if not name or (at and not version):
        raise DriftlineError(f"{text!r} names no object", "write OBJECT, OBJECT@VERSION or OBJECT#/field")
    if field and not field.startswith("/"):
        field = f"/{field}"
    return Target(name, version or None, field if hash_ else None)


@dataclass(frozen=True)
class Place:
    """A target found in the tables.

    Attributes:
        target: What was asked for; what follows an @ that belongs to the object's id is no version.
        o: The object (`object.o`).
        f: The field (`path.f`), or None.
        e: The write that made the version (`write.e`); the newest one if no version was asked for.
        pos: Its position, or None in a trace without an order.
    """

    target: Target
    o: int
    f: int | None
    e: int | None
    pos: int | None


def locate(analysis: Analysis, target: Target) -> Place:
    """Find a target.

    Raises:
        DriftlineError: If the object, version or field is not in the trace; the hint names the nearest that are.
    """
    whole = f"{target.object}@{target.version}"
    if target.version is not None and analysis.rows("SELECT 1 FROM object WHERE object = ?", [whole]):
        target = Target(whole, None, target.field)  # an id with an @ of its own
    o = _object(analysis, target.object)
    f = None if target.field is None else _field(analysis, o, target)
    if target.version is None:
        found = analysis.rows(
            "SELECT e, pos FROM write WHERE o = ? AND NOT void ORDER BY pos DESC, e DESC LIMIT 1", [o]
        )
    else:
        found = analysis.rows(
            "SELECT w.e, w.pos FROM write AS w JOIN event AS e ON e.e = w.e"
            " WHERE w.o = ? AND e.o = ? AND coalesce(e.label, e.version::VARCHAR) = ?"
            " ORDER BY w.pos DESC, w.e DESC LIMIT 1",
            [o, o, target.version],
        )
        if not found:
            raise _no_version(analysis, o, target)
    e, pos = found[0] if found else (None, None)
    return Place(target, o, f, e, pos)


def branch_of(analysis: Analysis, wanted: str) -> int:
    """The branch (`branch.b`) of this id, or of this name if it is the only one.

    Raises:
        DriftlineError: If there is none, or several of that name.
    """
    found = analysis.rows("SELECT b, branch FROM branch WHERE branch = ? OR name = ? ORDER BY b", [wanted, wanted])
    exact = [b for b, branch in found if branch == wanted]
    if exact:
        return int(exact[0])
    if len(found) == 1:
        return int(found[0][0])
    if found:
        names = ", ".join(branch for _, branch in found[:_NAMED])
        raise DriftlineError(f"{len(found)} branches are called {wanted!r}", f"name one by its id: {names}")
    every = [name for row in analysis.rows("SELECT DISTINCT branch, name FROM branch") for name in row]
    raise DriftlineError(
        f"no branch {wanted!r} in this trace", _near(wanted, every, "`driftline info TRACE --list branches` lists them")
    )


def _object(analysis: Analysis, wanted: str) -> int:
    found = analysis.rows("SELECT o FROM object WHERE object = ?", [wanted])
    if found:
        return int(found[0][0])
    near = analysis.rows(
        "SELECT object FROM object ORDER BY jaro_winkler_similarity(object, ?) DESC, object LIMIT 200",
        [wanted],
    )
    every = [name for (name,) in near]
    raise DriftlineError(
        f"no object {wanted!r} in this trace", _near(wanted, every, "`driftline info TRACE --list objects` lists them")
    )


def _field(analysis: Analysis, o: int, target: Target) -> int:
    known = analysis.rows(
        "SELECT DISTINCT p.f, p.path FROM path AS p JOIN field AS f ON f.f = p.f JOIN event AS e ON e.e = f.e"
        " WHERE e.o = ? AND NOT p.whole",
        [o],
    )
    for f, path in known:
        if path == target.field:
            return int(f)
    every = [path for _, path in known]
    raise DriftlineError(
        f"no field {target.field!r} in {target.object}",
        _near(str(target.field), every, f"it has {_some(every)}"),
    )


def _no_version(analysis: Analysis, o: int, target: Target) -> DriftlineError:
    ((first, last, count),) = analysis.rows(
        "SELECT min_by(coalesce(e.label, e.version::VARCHAR), {'pos': w.pos, 'e': w.e}),"
        " max_by(coalesce(e.label, e.version::VARCHAR), {'pos': w.pos, 'e': w.e}), count(*)"
        " FROM write AS w JOIN event AS e ON e.e = w.e WHERE w.o = ?",
        [o],
    )
    hint = f"its {count} recorded versions go from {first} to {last}" if count else "no write of it was recorded"
    return DriftlineError(f"no write of version {target.version} of {target.object} in this trace", hint)


def _near(wanted: str, every: list[str], otherwise: str) -> str:
    near = difflib.get_close_matches(wanted, every, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else otherwise


def _some(names: list[str]) -> str:
    shown = sorted(names)[:_NAMED]
    return ", ".join(shown) + (" …" if len(names) > _NAMED else "")
