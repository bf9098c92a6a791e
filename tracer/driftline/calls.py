"""Captured calls, as they wait for the writer thread: one flat list, the same number of scalars a call.

A queued object a call would be cheaper to read, but Python's cycle collector walks every such object again and again
while it waits: that was a third of what recording cost. Slices of a flat list are columns already, too.
"""

from __future__ import annotations

from typing import Final

#: What a call is made of, in this order:
#:
#: - its operation, or `SET_FIELD`, `RETYPE` or `FORK`;
#: - its clock;
#: - where it happened: a `Place`;
#: - the version read, made or marked, and the declared base;
#: - the path of its one field, `MANY`, or None where the operation has no fields;
#: - the payload of that field, as `values.freeze` gives it; for `MANY` a tuple (path, payload, path, payload, …);
#: - confidence and source;
#: - a mapping of the columns that few operations have, or None.
WIDTH: Final = 10

#: The commonest call, told apart where it is made: a patch of one field that has a number for a version, at most a
#: number for a base, and nothing rare but `INFERRED`.
SET_FIELD: Final = "set-field"
#: No event: from here on the object is of the type that stands in the payload.
RETYPE: Final = "retype"
#: No event: a branch that may start later splits off here, and has seen what its parent had up to here.
FORK: Final = "fork"

#: Shared by all calls that say this and nothing else.
INFERRED: Final = {"version_inferred": True}
WHOLE: Final = {"whole": True}
PARTIAL: Final = {"whole": False}
WHOLE_INFERRED: Final = {"whole": True, "version_inferred": True}
PARTIAL_INFERRED: Final = {"whole": False, "version_inferred": True}


class _Many:
    """The type of `MANY`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MANY"


#: Stands for the path of a call that has several fields, or an empty list of them.
MANY: Final = _Many()


def op_name(op: str) -> str:
    """The operation of a call, as the trace has it.

    Example:
        >>> op_name(SET_FIELD), op_name("read")
        ('patch', 'read')
    """
    return "patch" if op is SET_FIELD else op
