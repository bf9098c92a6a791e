"""What a recording left behind, as short lines: the vocabulary of the tracer's tests.

One event is one line: `BRANCH OP OBJECT@VERSION <BASE NAME=VALUE … /field=VALUE<BASE …`.

- `@2?` and `<1?`: the version, the base was inferred. `<-?`: the branch had never seen the object.
- `/n=5<1?`: a field's own, inferred base, where it is not the event's; `/n=5<-?` if it was never seen.
- `/n=~`: the field was removed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import driftline as dl
from driftline.header import ProcessRecord
from driftline.reader import Trace
from driftline.schema import EVENT

_FIRST: Final = frozenset(
    {"seq", "clock", "op", "branch", "object", "version", "label", "version_inferred", "base", "base_label"}
    | {"base_inferred", "bases", "fields", "references", "inputs", "whole", "signature", "trace_id", "span_id"},
)
_REST: Final = tuple(name for name in EVENT.names if name not in _FIRST)

#: Operations that say where events happen, rather than what happens to shared state.
SCOPES: Final = frozenset(
    {"branch-start", "branch-end", "unit-begin", "unit-commit", "unit-abort", "task-start", "task-end"},
)


class Tape:
    """A trace folder, to record into and to read back.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def record(self, **options: Any) -> Iterator[dl.Recording]:
        """Record while the block runs."""
        with dl.record(self.path, **options) as recording:
            yield recording

    def trace(self) -> Trace:
        """The trace, read to its end."""
        trace = Trace(self.path)
        for _ in trace.batches():
            pass
        return trace

    def events(self, *ops: str) -> list[dict[str, Any]]:
        """Every event, or those of some operations, as a mapping of its columns that are not null."""
        rows = [
            {"process": process.process, **_filled(row)}
            for process, batch in Trace(self.path).batches()
            for row in batch.to_pylist()
        ]
        return [row for row in rows if not ops or row["op"] in ops]

    def lines(self, *ops: str, without: Collection[str] = ()) -> list[str]:
        """Every event, or those of some operations, as a line.

        Args:
            ops: The operations wanted; none for all.
            without: Columns to leave out.
        """
        return [line(event, without) for event in self.events(*ops)]

    def facts(self, without: Collection[str] = ("type", "depth")) -> list[str]:
        """What happened to shared state, as lines."""
        return [line(event, without) for event in self.events() if event["op"] not in SCOPES]

    def record_of_process(self) -> ProcessRecord:
        """What the only process of the trace says of itself."""
        (process,) = Trace(self.path).processes
        assert process.record is not None
        return process.record


def line(event: Mapping[str, Any], without: Collection[str] = ()) -> str:
    """One event as a line.

    Example:
        >>> line({"branch": "a#1", "op": "write", "object": "o/1", "version": 2, "base": 1, "depth": 2,
        ...       "fields": [{"path": "/n", "value": "5"}]})
        'a#1 write o/1@2 <1 depth=2 /n=5'
    """
    words = [event["branch"], event["op"]]
    if "object" in event:
        inferred = "?" if event.get("version_inferred") else ""
        words.append(f"{event['object']}@{_version(event, 'version', 'label')}{inferred}")
    base = _version(event, "base", "base_label")
    inferred = "?" if event.get("base_inferred") else ""
    if base != "-" or inferred:
        words.append(f"<{base}{inferred}")
    if "bases" in event:
        words.append(f"<[{','.join(_version(item, 'version', 'label') for item in event['bases'])}]")
    if event["op"] == "read":
        words.append("whole" if event["whole"] else "partly")
    words += [f"{name}={event[name]}" for name in _REST if name in event and name not in without]
    words += [f"ref:{item['path']}={item['object']}" for item in event.get("references", ())]
    words += [f"from:{item['object']}@{_version(item, 'version', 'label')}" for item in event.get("inputs", ())]
    for item in event.get("fields", ()):
        own = _version(item, "base", "base_label")
        shown = f"<{own}?" if inferred and own != base else ""
        words.append(f"{item['path']}={item.get('value', '~')}{shown}")
    return " ".join(words)


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    filled = {name: value for name, value in row.items() if value is not None}
    for name in ("fields", "inputs", "bases"):
        if name in filled:
            filled[name] = [{k: v for k, v in item.items() if v is not None} for item in filled[name]]
    return filled


def _version(item: Mapping[str, Any], number: str, label: str) -> str:
    found = item.get(number, item.get(label))
    return "-" if found is None else str(found)


def run_python(code: str, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a Python process of its own; its arguments are `sys.argv[1:]`."""
    return _run([sys.executable, "-c", code, *args], environment)


def run_script(folder: Path, code: str, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same from a file, which processes that it spawns can import."""
    path = folder / "program.py"
    path.write_text(code)
    return _run([sys.executable, str(path), *args], environment)


def _run(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={"PYTHONWARNINGS": "error", "PYTHONPATH": os.pathsep.join(sys.path[1:]), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
