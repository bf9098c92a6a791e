"""The trace format, version 1: operations, Arrow schema, file names.

docs/trace-format.md is the specification in words; a test compares its table with `EVENT`. Columns may be added within
one format version (a reader fills what is missing with null and ignores what it does not know); anything else raises
`FORMAT`.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

FORMAT: Final = 1
HEADER_FILE: Final = "trace.json"
CACHE_FOLDER: Final = ".cache"

#: Every operation, in the order of its code in the `op` dictionary. New ones are added at the end.
OPERATIONS: Final = (
    "read",
    "write",
    "patch",
    "delete",
    "merge",
    "snapshot",
    "promote",
    "quarantine",
    "reject",
    "branch-start",
    "branch-end",
    "unit-begin",
    "unit-commit",
    "unit-abort",
    "task-start",
    "task-end",
)

NAME: Final = pa.dictionary(pa.int32(), pa.utf8())  # few distinct values a batch
_OP: Final = pa.dictionary(pa.int8(), pa.utf8())

#: One field of a read or a write. `digest` is null where the write removed the field.
FIELD: Final = pa.struct(
    [
        pa.field("path", NAME, nullable=False),
        pa.field("digest", pa.uint64()),
        pa.field("size", pa.int32()),
        pa.field("leaves", pa.int32()),
        pa.field("value", pa.utf8()),
        pa.field("base", pa.int64()),
        pa.field("base_label", pa.utf8()),
    ],
)
VERSION: Final = pa.struct([pa.field("version", pa.int64()), pa.field("label", pa.utf8())])
INPUT: Final = pa.struct(
    [pa.field("object", NAME, nullable=False), pa.field("version", pa.int64()), pa.field("label", pa.utf8())],
)
REFERENCE: Final = pa.struct(
    [pa.field("path", NAME, nullable=False), pa.field("object", NAME, nullable=False)],
)

#: One event. What each column means for which operation: docs/trace-format.md.
EVENT: Final = pa.schema(
    [
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("clock", pa.int64(), nullable=False),
        pa.field("op", _OP, nullable=False),
        pa.field("branch", NAME, nullable=False),
        pa.field("unit", NAME),
        pa.field("task", NAME),
        pa.field("object", NAME),
        pa.field("type", NAME),
        pa.field("version", pa.int64()),
        pa.field("label", pa.utf8()),
        pa.field("version_inferred", pa.bool_()),
        pa.field("base", pa.int64()),
        pa.field("base_label", pa.utf8()),
        pa.field("base_inferred", pa.bool_()),
        pa.field("bases", pa.list_(VERSION)),
        pa.field("depth", pa.int32()),
        pa.field("whole", pa.bool_()),
        pa.field("fields", pa.list_(FIELD)),
        pa.field("confidence", pa.float64()),
        pa.field("fidelity", pa.float64()),
        pa.field("source", NAME),
        pa.field("references", pa.list_(REFERENCE)),
        pa.field("inputs", pa.list_(INPUT)),
        pa.field("strategy", NAME),
        pa.field("reason", NAME),
        pa.field("name", NAME),
        pa.field("parent", NAME),
        pa.field("phase", NAME),
        pa.field("status", NAME),
        pa.field("signature", pa.uint64()),
        pa.field("trace_id", NAME),
        pa.field("span_id", NAME),
    ],
)


def segment_name(process: str, number: int) -> str:
    """The file name of one process's `number`-th segment, counted from 0.

    Example:
        >>> segment_name("p17-a0b1c2", 3)
        'p17-a0b1c2.00003.arrows'
    """
    return f"{process}.{number:05d}.arrows"


def process_name(process: str) -> str:
    """The file name of one process's record of itself.

    Example:
        >>> process_name("p17-a0b1c2")
        'p17-a0b1c2.json'
    """
    return f"{process}.json"
