"""Lists of plain Python values → Arrow arrays, by the shortest way that there is.

`pa.array` looks at each value twice, for what it is and for what it holds. Where a whole list is of one kind, `struct`
and `bytes` say so by not failing, and their memory is Arrow's as it is.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_digest

from driftline.schema import NAME

_VERSIONS: Final = frozenset({int, str, type(None)})
_COUNT: Final[list[pa.Array]] = [pa.array([], pa.int64())]  # 0, 1, 2, …: as many as were ever wanted


def numbers(column: Sequence[Any], type_: pa.DataType) -> pa.Array:
    """A column of 64-bit numbers, signed or floating.

    Example:
        >>> numbers([1, 2], pa.int64()).to_pylist(), numbers([0.5, None], pa.float64()).to_pylist()
        ([1, 2], [0.5, None])
    """
    if column and column[0] is None:
        return optional(column, type_)
    try:
        packed = struct.pack(f"{len(column)}{'d' if pa.types.is_floating(type_) else 'q'}", *column)
    except struct.error:
        return pa.array(column, type_)
    return pa.Array.from_buffers(type_, len(column), [None, pa.py_buffer(packed)])


def versions(column: Sequence[int | str | None]) -> tuple[pa.Array, pa.Array]:
    """Two columns, of the versions that are numbers and of those that are labels.

    Raises:
        TypeError: If one is neither.

    Example:
        >>> [found.to_pylist() for found in versions([1, "a", None])]
        [[1, None, None], [None, 'a', None]]
    """
    length = len(column)
    if length and column[0] is not None:
        try:
            packed = struct.pack(f"{length}q", *column)
        except struct.error:
            pass
        else:
            return pa.Array.from_buffers(pa.int64(), length, [None, pa.py_buffer(packed)]), pa.nulls(length, pa.utf8())
    elif column.count(None) == length:
        return pa.nulls(length, pa.int64()), pa.nulls(length, pa.utf8())
    kinds = set(map(type, column))
    if not kinds <= _VERSIONS:
        raise TypeError(f"a version is an int or a str, not {kinds - _VERSIONS}")
    if str not in kinds:
        return pa.array(column, pa.int64()), pa.nulls(length, pa.utf8())
    return (
        pa.array([v if type(v) is int else None for v in column], pa.int64()),
        pa.array([v if type(v) is str else None for v in column], pa.utf8()),
    )


def small_numbers(column: Sequence[Any]) -> pa.Array:
    """A column of 32-bit numbers.

    Example:
        >>> small_numbers([1, 256]).to_pylist(), small_numbers([1, None]).to_pylist()
        ([1, 256], [1, None])
    """
    try:
        packed = struct.pack(f"{len(column)}i", *column)
    except struct.error:
        return optional(column, pa.int32())
    return pa.Array.from_buffers(pa.int32(), len(column), [None, pa.py_buffer(packed)])


def optional(column: Sequence[Any], type_: pa.DataType) -> pa.Array:
    """A column of anything, often of nothing at all."""
    if column.count(None) == len(column):
        return pa.nulls(len(column), type_)
    return pa.array(column, type_)


def count_from(first: int, length: int) -> pa.Array:
    """The 64-bit numbers from `first` on.

    Example:
        >>> count_from(5, 3).to_pylist()
        [5, 6, 7]
    """
    if len(_COUNT[0]) < length:
        _COUNT[0] = numbers(range(length), pa.int64())
    return pc.add(_COUNT[0].slice(0, length), first)


def names(column: Sequence[str | None]) -> pa.Array:
    """A column of few distinct names.

    Example:
        >>> names(["a", "a"]).to_pylist(), names(["a", None]).to_pylist()
        (['a', 'a'], ['a', None])
    """
    first = column[0] if column else None
    if column.count(first) != len(column):
        return pa.array(column, NAME)
    if first is None:
        return pa.nulls(len(column), NAME)
    zeros = pa.Array.from_buffers(pa.int32(), len(column), [None, pa.py_buffer(bytes(4 * len(column)))])
    return pa.DictionaryArray.from_arrays(zeros, pa.array([first], pa.utf8()))


def rare_names(rows: Sequence[int], values: Sequence[str | None], length: int) -> pa.Array:
    """A column of names that few rows have.

    Args:
        rows: Which rows have one, in order.
        values: Theirs.
        length: How many rows there are.

    Example:
        >>> rare_names([1], ["a"], 3).to_pylist()
        [None, 'a', None]
    """
    given = pa.array(values, NAME)
    indices, valid = array("i", bytes(4 * length)), bytearray(length)
    for row, index in zip(rows, given.indices.to_pylist(), strict=True):
        if index is not None:
            indices[row], valid[row] = index, 1
    flat = pa.Array.from_buffers(pa.int32(), length, [_bits(valid), pa.py_buffer(indices)])
    return pa.DictionaryArray.from_arrays(flat, given.dictionary)


def _bits(flags: bytearray) -> pa.Buffer:
    """Arrow's bitmap of as many 0s and 1s."""
    return pa.Array.from_buffers(pa.uint8(), len(flags), [None, pa.py_buffer(flags)]).cast(pa.bool_()).buffers()[1]


def spread(column: Sequence[str | None], rows: pa.Array) -> pa.Array:
    """A column of names, of which each row says which.

    Example:
        >>> spread(["a", "b"], pa.array([1, 0, 1], pa.int32())).to_pylist()
        ['b', 'a', 'b']
    """
    distinct = names(column)
    if distinct.null_count == len(column):
        return pa.nulls(len(rows), NAME)
    return pa.DictionaryArray.from_arrays(distinct.indices.take(rows), distinct.dictionary)


def lines(text: bytes, length: int) -> pa.Array:
    r"""The lines of a text, as a column.

    Example:
        >>> lines(b"1\n2\n", 2).to_pylist()
        ['1', '2']
    """
    return pc.split_pattern(pa.array([text], pa.utf8()), "\n").values.slice(0, length)


def digests(encoded: Sequence[bytes]) -> pa.Array:
    """The digest of each text, as a column of unsigned 64-bit numbers.

    Example:
        >>> digests([b"1"]).to_pylist()
        [7335560060985733464]
    """
    found = array("Q", b"".join(map(xxh3_64_digest, encoded)))
    if sys.byteorder == "little":
        found.byteswap()  # xxHash's canonical form is big-endian
    return pa.Array.from_buffers(pa.uint64(), len(found), [None, pa.py_buffer(found)])
