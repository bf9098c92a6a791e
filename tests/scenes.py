"""Short runs of steps in which something is likely to go wrong: what random steps alone hardly ever do.

Each scene is a tuple of steps for `programs.programs` to put among others. `-1` and `-2` are the branches opened last.
"""

from __future__ import annotations

from typing import Final

import hypothesis.strategies as st
from programs import FIELDS, PHASES, VALUES, Fork, Mark, Read, Step, Write

_BY: Final = st.integers(0, 5)
_OBJECT: Final = st.integers(0, 2)
_FIELD: Final = st.sampled_from(FIELDS)
_VALUE: Final = st.integers(0, len(VALUES) - 1)


@st.composite
def two_phases(draw: st.DrawFn) -> tuple[Step, ...]:
    """A later phase reads what an earlier one writes, and perhaps goes on to write; maybe there are promotions."""
    first, second = draw(st.sampled_from([(a, b) for a in PHASES for b in (*PHASES, "compression", "compression")]))
    target, other, field = draw(_OBJECT), draw(_OBJECT), draw(_FIELD)
    seen = draw(st.sampled_from(((), (), (field,), FIELDS[:1])))
    steps: list[Step] = [
        Fork(draw(_BY), draw(st.sampled_from(("root", "root", "root", "nested"))), first),
        Fork(draw(st.sampled_from((0, 0, -1))), draw(st.sampled_from(("root", "root", "nested"))), second),
        Write(-2, target, "patch", ((field, draw(_VALUE)),)),
        Mark(-2, draw(st.sampled_from((target, other))), draw(st.sampled_from(("promote", "snapshot")))),
        Read(-1, target, seen),
        Write(-2, target, "patch", ((field, draw(_VALUE)),)),
        Write(-1, other, "patch", ((draw(_FIELD), draw(_VALUE)),)),
    ]
    gone = draw(st.sampled_from((None, None, 1, 3, 6)))
    swapped = draw(st.booleans())
    if swapped:
        steps[5], steps[6] = steps[6], steps[5]
    return tuple(step for at, step in enumerate(steps) if at != gone)


@st.composite
def set_aside(draw: st.DrawFn) -> tuple[Step, ...]:
    """A version is quarantined, perhaps released, and read."""
    target, back = draw(_OBJECT), draw(st.sampled_from((0, 0, 1)))
    marks = draw(st.lists(st.sampled_from(("quarantine", "quarantine", "promote")), min_size=1, max_size=3))
    return (
        Write(draw(_BY), target, "write", ((draw(_FIELD), draw(_VALUE)),)),
        *(Mark(draw(_BY), target, op, back) for op in marks),
        Read(draw(_BY), target, back=back),
    )


@st.composite
def sealed(draw: st.DrawFn) -> tuple[Step, ...]:
    """A version is declared immutable, and written again."""
    target, field = draw(_OBJECT), draw(_FIELD)
    op = draw(st.sampled_from(("write", "patch", "patch", "delete")))
    return (
        Write(draw(_BY), target, "write", ((field, draw(_VALUE)),)),
        Mark(draw(_BY), target, "snapshot"),
        Write(draw(_BY), target, op, ((field, draw(_VALUE)),), version="again"),
    )


@st.composite
def linked(draw: st.DrawFn) -> tuple[Step, ...]:
    """An object refers to another, which is removed, or made again."""
    target, holder, field = draw(_OBJECT), draw(_OBJECT), draw(_FIELD)
    how = draw(st.sampled_from(("delete", "delete", "delete", "write")))
    return (
        Write(draw(_BY), target, "write", ((draw(_FIELD), draw(_VALUE)),)),
        Write(draw(_BY), holder, "patch", ((field, draw(_VALUE)),), references=(target,)),
        Write(draw(_BY), target, how, ((draw(_FIELD), draw(_VALUE)),)),
    )


@st.composite
def returned(draw: st.DrawFn) -> tuple[Step, ...]:
    """A value is overwritten from a stale base, read by somebody, and written back."""
    target, field, fields = draw(_OBJECT), draw(_FIELD), draw(st.sampled_from(((), FIELDS[:1])))
    first, second, third = draw(_BY), draw(_BY), draw(_BY)
    return (
        Read(first, target),
        Read(second, target),
        *(Write(by, target, "patch", ((field, draw(_VALUE)),)) for by in (first, second)),
        Read(third, target, fields),
        Write(third, target, draw(st.sampled_from(("patch", "write"))), ((field, draw(_VALUE)),)),
    )


def scenes() -> st.SearchStrategy[tuple[Step, ...]]:
    """Any of them."""
    return st.one_of(two_phases(), set_aside(), sealed(), linked(), returned())
