"""How the analysis grows with the trace: time, memory, disk, and what asking a second time takes.

    python benchmarks/scale.py [--millions 1 3 10 30] [--seed N] [--keep FOLDER] [--copies N]

The traces are those of `analysis.py`. With `--copies` there are so many of each, one after the other in one trace, each
with objects and branches of its own: that is made a hundred times faster than a long trace, and is analysed no faster.
Each analysis runs once, in a process of its own. Processor seconds, halved, are what two idle cores would take at best.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from analysis import PROCESS, START, forget, make_trace, measured

from driftline.header import Header, ProcessRecord
from driftline.reader import Trace
from driftline.schema import EVENT, FORMAT, segment_name

_OWN: Final = ("branch", "object", "unit", "task")  # columns of names that each copy has its own of


def repeat(trace: Path, folder: Path, copies: int) -> None:
    """Write a trace that holds another several times over, one after the other."""
    folder.mkdir()
    Header(format=FORMAT, run=f"{copies:032x}", created=START).save(folder)
    schema = EVENT.with_metadata({"driftline.format": str(FORMAT), "driftline.process": PROCESS})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    written = 0
    for copy in range(copies):
        with (
            pa.OSFile(str(folder / segment_name(PROCESS, copy)), "wb") as file,
            pa.ipc.new_stream(file, schema, options=options) as stream,
        ):
            for batch in copied(trace, copy, written):
                stream.write_batch(batch)
                written += batch.num_rows
    record = ProcessRecord(process=PROCESS, pid=1, closed=True, ended=START, segments=copies, events=written)
    record.save(folder)


def copied(trace: Path, copy: int, first: int) -> Iterator[pa.RecordBatch]:
    """The batches of a trace, numbered on from `first`, with names of the copy's own."""
    for _, batch in Trace(trace).batches():
        numbers = pa.arange(first, first + batch.num_rows)
        columns = {name: renamed(batch.column(name), copy) for name in _OWN}
        columns["seq"] = numbers.cast(EVENT.field("seq").type)
        columns["clock"] = pc.add(pc.multiply(numbers, 1_000), START).cast(EVENT.field("clock").type)
        yield pa.record_batch([columns.get(name, batch.column(name)) for name in EVENT.names], schema=EVENT)
        first += batch.num_rows


def renamed(names: pa.DictionaryArray, copy: int) -> pa.DictionaryArray:
    """The same names, with the number of the copy behind them."""
    own = pc.binary_join_element_wise(names.dictionary.cast(pa.utf8()), str(copy), "~")
    return pa.DictionaryArray.from_arrays(names.indices, own).cast(names.type)


def line(folder: Path, millions: float) -> str:
    """Analyse a trace twice; one row of the table."""
    forget(folder)
    first, second = measured("driftline", folder), measured("driftline", folder)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    cache = sum(path.stat().st_size for path in (folder / ".cache").iterdir())
    fields, seconds, cpu = millions * 1e6, first["seconds"], first["cpu"]
    cells = [f"{millions:g}", f"{size / 1e6:,.0f}", f"{seconds:.1f}", f"{cpu:.1f}", f"{fields / seconds:,.0f}"]
    cells += [f"{2 * fields / cpu:,.0f}", f"{first['peak']:,.0f}", f"{cache / 1e6:,.0f}", f"{second['seconds']:.2f}"]
    return f"| {' | '.join(cells)} | {sum(first['counts'].values()):,} |"


def main() -> None:
    """Parse the command line; print the table as it comes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 3, 10, 30], help="millions of field events")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder to keep the traces in, and to find them in")
    parser.add_argument("--copies", type=int, default=1)
    given = parser.parse_args()
    head = ["million field events", "trace MB", "s", "processor s", "field events a second", "at half the processor s"]
    head += ["peak MB", "cache MB", "second analysis s", "findings"]
    print(f"| {' | '.join(head)} |\n|{'---:|' * len(head)}", flush=True)
    with tempfile.TemporaryDirectory() as parent:
        place = given.keep or Path(parent)
        place.mkdir(exist_ok=True)
        for millions in given.millions:
            folder = place / f"{millions:g}.drift"
            if not folder.exists():
                make_trace(folder, round(millions * 1e6), given.seed)
            if given.copies > 1:
                single, folder = folder, place / f"{millions:g}x{given.copies}.drift"
                if not folder.exists():
                    repeat(single, folder, given.copies)
            print(line(folder, millions * given.copies), flush=True)


if __name__ == "__main__":
    main()
