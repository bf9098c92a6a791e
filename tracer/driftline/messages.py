"""How much memory the next batch of a stream takes, before anything of it is decoded.

Arrow allocates what the metadata of a message states, and decompresses into as much as its buffers state: a file of 70
kilobytes can ask for gigabytes. So the statements are read first. An Arrow stream is a sequence of messages, each its
length, a flatbuffer, and a body (https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc);
where the body is compressed, each buffer begins with its length when decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

#: A batch that takes more than this, with the dictionaries that it needs, is not read.
LARGEST: Final = 512 << 20

_CONTINUATION: Final = 0xFFFFFFFF
_DICTIONARY, _RECORDS = 2, 3  # types of a message's header
# Places of the members in their tables, as Message.fbs declares them.
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_ID, _DICTIONARY_DATA, _IS_DELTA = 0, 1, 2
_BUFFERS, _COMPRESSION = 2, 3


@dataclass(frozen=True)
class _Message:
    """One message: its flatbuffer, and where its body lies in the file."""

    metadata: bytes
    body: int
    end: int


class TooLargeError(pa.ArrowInvalid):  # type: ignore[misc]  # pyarrow has no types
    """A batch that would take more memory than `LARGEST`."""


class Gauge:
    """Measures the batches of one stream, in order.

    Args:
        file: The stream's file.
    """

    def __init__(self, file: pa.NativeFile) -> None:
        self._file = file
        self._size = file.size()
        self._dictionaries: dict[int, int] = {}  # how large each of them is: they stay until they are replaced

    def check(self, start: int) -> None:
        """Refuse the batch that begins at a place of the file if it takes too much, or states what cannot be.

        Raises:
            TooLargeError: If it takes too much.
            pa.ArrowInvalid: If what it states cannot be. At the end of the stream there is nothing to refuse.
        """
        try:
            for message in self._messages(start):
                table = _Table.root(message.metadata)
                kind = table.number(_HEADER_TYPE, "B")
                header = table.table(_HEADER)
                if kind not in {_DICTIONARY, _RECORDS} or header is None:
                    return
                grows = kind == _DICTIONARY and bool(header.number(_IS_DELTA, "B"))
                records = header.table(_DICTIONARY_DATA) if kind == _DICTIONARY else header
                size = message.end - message.body if records is None else self._decoded(records, message)
                if kind == _DICTIONARY:
                    which = header.number(_ID, "q")
                    self._dictionaries[which] = size + (self._dictionaries.get(which, 0) if grows else 0)
                needed = sum(self._dictionaries.values()) + (size if kind == _RECORDS else 0)
                if needed > LARGEST:
                    raise TooLargeError(f"it would take {needed / 2**30:.1f} GiB of memory")
                if kind == _RECORDS:
                    return
        except struct.error as fault:
            raise pa.ArrowInvalid("its metadata points outside itself") from fault
        finally:
            self._file.seek(start)  # where the stream's own reader goes on

    def _messages(self, at: int) -> Iterator[_Message]:
        while True:
            prefix = self._read(at, 8)
            if len(prefix) < 8:  # noqa: PLR2004 - the length of what was asked for
                return
            first, length = struct.unpack("<Ii", prefix)
            begin = at + 8
            if first != _CONTINUATION:  # as streams were before Arrow 0.15
                length, begin = struct.unpack("<i", prefix[:4])[0], at + 4
            if length == 0:
                return
            if length < 0 or begin + length > self._size:
                raise pa.ArrowInvalid(f"its metadata of {length} bytes is not all there")
            metadata = self._read(begin, length)
            body = _Table.root(metadata).number(_BODY_LENGTH, "q")
            at = begin + length + body
            if body < 0 or at > self._size:
                raise pa.ArrowInvalid(f"its body of {body} bytes is not all there")
            yield _Message(metadata, begin + length, at)

    def _decoded(self, records: _Table, message: _Message) -> int:
        """How many bytes a record batch takes when it is decoded."""
        if records.table(_COMPRESSION) is None:
            return message.end - message.body
        total = 0
        for offset, length in records.buffers(_BUFFERS):
            if not length:
                continue
            if offset < 0 or length < 8 or message.body + offset + length > message.end:  # noqa: PLR2004 - its own length
                raise pa.ArrowInvalid("a buffer lies outside its body")
            (stated,) = struct.unpack("<q", self._read(message.body + offset, 8))
            total += length if stated < 0 else stated  # -1: this one is not compressed
        return total

    def _read(self, at: int, length: int) -> bytes:
        data: bytes = self._file.read_at(length, at)
        return data


class _Table:
    """A table of a flatbuffer (https://flatbuffers.dev/internals): its members by their place in the schema."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._members = at - self._unpack("<i", at)
        self._length = self._unpack("<H", self._members)

    @classmethod
    def root(cls, data: bytes) -> _Table:
        """The table that a flatbuffer holds."""
        return cls(data, struct.unpack_from("<I", data)[0])

    def _unpack(self, form: str, at: int) -> int:
        if at < 0:
            raise struct.error("before the beginning")
        number: int = struct.unpack_from(form, self._data, at)[0]
        return number

    def _member(self, place: int) -> int:
        """Where a member lies, 0 if it is not there."""
        entry = 4 + 2 * place
        offset = self._unpack("<H", self._members + entry) if entry < self._length else 0
        return self._at + offset if offset else 0

    def number(self, place: int, form: str) -> int:
        """A number, 0 if it is not there."""
        at = self._member(place)
        return self._unpack(f"<{form}", at) if at else 0

    def table(self, place: int) -> _Table | None:
        """Another table, None if it is not there."""
        at = self._member(place)
        return _Table(self._data, at + self._unpack("<I", at)) if at else None

    def buffers(self, place: int) -> list[tuple[int, int]]:
        """A vector of pairs of numbers."""
        at = self._member(place)
        if not at:
            return []
        at += self._unpack("<I", at)
        count = self._unpack("<I", at)
        numbers = struct.unpack_from(f"<{2 * count}q", self._data, at + 4)
        return list(zip(numbers[::2], numbers[1::2], strict=True))
