"""Recorded histories from elsewhere as traces: one file a format, named after it; there is no other list of them.

Each has `events(source)`, which reads a file and gives its events as columns of the trace format without `seq` and
`clock`, in an order in which each branch's own events follow one another. Nothing more is known of their order.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from xxhash import xxh3_128_hexdigest

from driftline.errors import DriftlineError
from driftline.header import Header, ProcessRecord
from driftline.offline import ProcessStream, new_trace
from driftline.schema import EVENT, FORMAT

#: One event: its columns by name.
Columns = dict[str, Any]
Reader = Callable[[Path], Iterator[Columns]]

_BATCH: Final = 16_384
_SHARED: Final = "transactions"


def formats() -> list[str]:
    """The formats that can be imported.

    Example:
        >>> formats()
        ['awdit', 'polysi']
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != _SHARED)


def import_history(format_: str, source: Path, folder: Path, *, overwrite: bool = False) -> int:
    """Make a trace of a recorded history.

    Args:
        format_: One of `formats`.
        source: The file.
        folder: The trace folder to make.
        overwrite: Replace an earlier trace there.

    Returns:
        How many events the trace has.

    Raises:
        DriftlineError: If the file is not of that format (the message names the line), or the folder cannot be made.
    """
    if format_ not in formats():
        raise DriftlineError(f"no format {format_!r} can be imported", f"one of {', '.join(formats())}")
    read: Reader = import_module(f"{__name__}.{format_}").events
    try:
        run = xxh3_128_hexdigest(source.read_bytes())
    except OSError as fault:
        raise DriftlineError(f"{source} cannot be read: {fault.strerror}", f"name a {format_} file") from fault
    argv = ["driftline", "import", format_, source.name]
    header = Header(format=FORMAT, run=run, created=0, ordered=False, argv=argv)
    record = ProcessRecord(process=format_, pid=0, argv=argv)
    with new_trace(folder, header, overwrite=overwrite) as making, ProcessStream(making, run, record) as stream:
        events = read(source)
        while chunk := list(islice(events, _BATCH)):
            numbers = range(stream.written, stream.written + len(chunk))
            rows = [{**event, "seq": at, "clock": at + 1} for at, event in zip(numbers, chunk, strict=True)]
            stream.write(pa.RecordBatch.from_pylist(rows, schema=EVENT))
    return stream.written
