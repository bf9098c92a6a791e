"""Traces written directly, row by row: what one process recording through the public API can hardly make.

Several processes with interleaved clocks, that number the same object each for itself; branches that act in more than
one process; bases that point anywhere; units whose begin is missing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import hypothesis.strategies as st
import pyarrow as pa

from driftline.header import Header, ProcessRecord
from driftline.schema import EVENT, FORMAT, segment_name

#: A row: the columns of `EVENT` without `seq`, and `process`. What is left out is null.
Row = dict[str, Any]

PROCESSES: Final = ("p10", "p2")  # in this order
BRANCHES: Final = ("a#1", "b#2", "c#3")
OBJECTS: Final = ("doc/0", "doc/it's")
PATHS: Final = ("/a", "/b", "/b/x")
#: JSON text → its filled leaves: short ones, long ones, and long ones that hold little.
TEXTS: Final = {
    "0": 1,
    "1": 1,
    "null": 0,
    json.dumps("rich text " * 10): 1,
    json.dumps("x" * 62): 1,  # 64 bytes with its quotes: the shortest that can be impoverished
    json.dumps("y" * 61): 1,
    json.dumps("y" * 30): 1,  # exactly half of it
    json.dumps("y" * 29): 1,
    json.dumps(["fact"] * 16): 16,
    json.dumps(["fact", *[""] * 30]): 1,
}


def write_trace(folder: Path, rows: Sequence[Row], *, ordered: bool = True, policy: str | None = None) -> None:
    """Write rows as a complete trace.

    Args:
        folder: Of the trace; it must not exist.
        rows: Any order of processes; within each process in its own order, with clocks that rise.
        ordered: Whether the trace says that its order means anything.
        policy: The text of its policy.
    """
    folder.mkdir(parents=True)
    Header(format=FORMAT, run="0" * 32, created=0, ordered=ordered, policy=policy).save(folder)
    for process in sorted({row["process"] for row in rows}):
        own = [{**row, "seq": seq} for seq, row in enumerate(row for row in rows if row["process"] == process)]
        halves = own[: len(own) // 2], own[len(own) // 2 :]
        for number, half in enumerate(halves):
            _write_segment(folder / segment_name(process, number), process, half)
        record = ProcessRecord(process=process, pid=1, closed=True, ended=0, segments=len(halves), events=len(own))
        record.save(folder)


def _write_segment(path: Path, process: str, rows: Sequence[Row]) -> None:
    schema = EVENT.with_metadata({"driftline.format": str(FORMAT), "driftline.process": process})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        stream.write_table(pa.Table.from_pylist(list(rows), schema))


def field_row(path: str, text: str | None, *, base: int | str | None = None, withheld: bool = False) -> Row:
    """One item of the column `fields`: a value out of `TEXTS`, or None where the field is removed."""
    row: Row = {"path": path, **_numbered("base", base)}
    if text is not None:
        # Any number will do as a digest, so long as it is the value's own; this one needs all 64 bits.
        digest = 2**64 - 1 - list(TEXTS).index(text)
        row |= {"digest": digest}
        if not withheld:
            row |= {"size": len(text), "leaves": TEXTS[text], "value": text}
    return row


def _numbered(name: str, version: int | str | None) -> Row:
    """A version as its two columns."""
    label = {"version": "label", "base": "base_label"}[name]
    return {name: version if isinstance(version, int) else None, label: version if isinstance(version, str) else None}


_NUMBERS: Final = st.integers(0, 5)
_HUGE: Final = st.sampled_from((-1, 2**60, 2**60 + 1, 2**60 + 2))  # a double cannot tell these apart
_LABELS: Final = st.sampled_from(("r1", "r2", "3", "r4", "r5"))
_VALUE: Final = st.sampled_from((*TEXTS, *TEXTS, "0", "1", None))
_NOT: Final = st.sampled_from((None, False))
_RARELY: Final = st.sampled_from((*(False,) * 15, True))
_MAYBE: Final = st.sampled_from((None, 0.2, 0.9))
_OFTEN: Final = (*("read",) * 5, *("write",) * 4, *("patch",) * 5)
_MARKS: Final = ("snapshot", "promote", "quarantine")
_OPS: Final = (*_OFTEN, "merge", "delete", "delete", *_MARKS, "task", "task", "task")


@st.composite
def event_lists(draw: st.DrawFn, *, max_events: int = 40) -> list[Row]:
    """Rows for `write_trace`: well-formed, and otherwise as odd as they come."""
    styles = (_NUMBERS, _NUMBERS, _NUMBERS, _HUGE, _LABELS, st.one_of(_NUMBERS, _LABELS))
    versions = {obj: draw(st.sampled_from(styles)) for obj in OBJECTS}
    self_numbering = draw(st.sampled_from(((), PROCESSES[:1], PROCESSES)))
    units, ends = _units(draw)
    at_least = draw(st.sampled_from((0, 12, 24, 24)))
    ops = draw(st.lists(st.sampled_from(_OPS), min_size=at_least, max_size=max_events))
    rows = [draw(_rows(op, versions, self_numbering, units)) for op in ops]
    for end in ends:
        rows.insert(draw(st.integers(0, len(rows))), end)
    rows = _tasks_ended(draw, rows)
    begins = [_begin(draw, branch) for branch in BRANCHES]
    rows = begins + [begin for begin in units.values() if begin] + rows
    _tell_time(draw, rows)
    _settle_bases(rows)
    return rows


def _begin(draw: st.DrawFn, branch: str) -> Row:
    """A branch's start; its parent may be anybody, itself and one that is nowhere else among them."""
    return {
        "op": "branch-start",
        "process": PROCESSES[0],
        "branch": branch,
        "name": branch.partition("#")[0],
        "parent": draw(st.sampled_from((None, None, None, None, *BRANCHES, "gone#9"))),
        "phase": draw(st.sampled_from((None, "reasoning", "enrichment", "compression", "lunch"))),
    }


def traces() -> st.SearchStrategy[tuple[list[Row], bool]]:
    """Rows, and whether the trace is ordered; most are."""
    return st.tuples(event_lists(), st.sampled_from((True,) * 7 + (False,)))


#: Policies that a crowd is under.
CROWD_POLICIES: Final = (
    None,
    None,
    '[types.other]\nrequired = ["/a"]',
    '[types.doc]\nrequired = ["/a", "/b"]',
    '[types.doc]\nrequired = ["/b/x", "/a/y"]',
)


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[Row], str | None]:
    """Many objects of one type of which few lack something, as rows; and the policy."""
    count = draw(st.integers(18, 26))
    lacking = {path: draw(st.sets(st.integers(0, count - 1), max_size=2)) for path in PATHS}
    where = {"process": PROCESSES[0], "branch": BRANCHES[0]}
    rows: list[Row] = []
    for number in range(count):
        texts = {path: draw(st.sampled_from((None, "null"))) if number in lacking[path] else "0" for path in PATHS}
        fields = [field_row(path, text) for path, text in texts.items() if text or draw(st.booleans())]
        op = draw(st.sampled_from((*("write",) * 30, "patch")))
        row = {"op": op, "object": f"doc/{number}", "type": "doc", "version": 1, "fields": fields, **where}
        rows.append(row)
    for _ in range(draw(st.integers(0, 4))):
        op = draw(st.sampled_from(("patch", "patch", "write", "delete", "promote", "snapshot")))
        text = draw(st.sampled_from(("0", "null", None)))
        fields = [field_row(draw(st.sampled_from(PATHS)), None if op == "delete" else text)]
        version = draw(st.integers(1, 3))
        row = {"op": op, "object": f"doc/{draw(st.integers(0, count - 1))}", "version": version, **where}
        rows.append(row if op in {"promote", "snapshot"} else {**row, "fields": fields})
    for clock, row in enumerate(rows):
        row["clock"] = clock
    return rows, draw(st.sampled_from(CROWD_POLICIES))


def _units(draw: st.DrawFn) -> tuple[dict[str, Row | None], list[Row]]:
    """Unit → its begin (None if that was not recorded), and the ends of those that ended."""
    units: dict[str, Row | None] = {}
    ends = []
    for at in range(draw(st.sampled_from((0, 2, 3, 4)))):
        unit = f"u#{at + 10}"
        where = {"process": draw(st.sampled_from(PROCESSES)), "branch": draw(st.sampled_from(BRANCHES)), "unit": unit}
        parent = draw(st.sampled_from((None, *units)))
        recorded = parent is not None or draw(st.sampled_from((True, True, False)))
        units[unit] = {"op": "unit-begin", "name": "u", "parent": parent, **where} if recorded else None
        end = draw(st.sampled_from(("unit-commit", "unit-abort", None, None)))
        if end is not None:
            ends.append({"op": end, "status": "ok" if end == "unit-commit" else "failed", **where})
    return units, ends


@st.composite
def _rows(
    draw: st.DrawFn,
    op: str,
    versions: dict[str, st.SearchStrategy[int | str]],
    self_numbering: Sequence[str],
    units: dict[str, Row | None],
) -> Row:
    row: Row = {
        "op": op,
        "process": draw(st.sampled_from(PROCESSES)),
        "branch": draw(st.sampled_from(BRANCHES)),
        "unit": draw(st.sampled_from((None, *units))),
    }
    if op == "task":
        return {**row, "name": "t", "signature": 2**63 + draw(st.integers(0, 1))}
    obj = draw(st.sampled_from((*OBJECTS[:1] * 3, *OBJECTS)))
    version = draw(versions[obj])
    inferred = row["process"] in self_numbering and isinstance(version, int) and draw(st.booleans())
    row |= {"object": obj, "type": "doc", **_numbered("version", version), "version_inferred": inferred or draw(_NOT)}
    if op in _MARKS:
        return row
    if op == "read":
        shown = draw(st.dictionaries(st.sampled_from(PATHS), st.sampled_from(("0", "0", "1", None)), max_size=3))
        fields = [field_row(path, text, withheld=draw(_RARELY)) for path, text in shown.items()]
        return {**row, "whole": not shown or draw(st.booleans()), "fields": fields}
    return {**row, **draw(_written(op, versions[obj]))}


@st.composite
def _written(draw: st.DrawFn, op: str, version: st.SearchStrategy[int | str]) -> Row:
    """The columns that only writes have."""
    how = "bases" if op == "merge" else draw(st.sampled_from(("declared", "inferred", "inferred", "inferred")))
    whole_base = draw(st.one_of(version, version, st.none())) if how == "inferred" else None
    listed = draw(
        st.dictionaries(st.sampled_from(PATHS), st.sampled_from(("0", "1", "0", "1", *TEXTS, None)), max_size=3)
    )
    fields = []
    for path, text in listed.items():
        base = draw(st.one_of(st.just(whole_base), version, st.none())) if how == "inferred" else None
        given = None if op == "delete" else text
        fields.append(field_row(path, given, base=base, withheld=draw(_RARELY)))
    row: Row = {"fields": fields, "confidence": draw(_MAYBE), "fidelity": draw(_MAYBE)}
    if draw(st.sampled_from((False, False, True))):
        row["references"] = [
            {"path": path, "object": draw(st.sampled_from((*OBJECTS, "ghost/0")))} for path in PATHS[:2]
        ]
    if how == "bases":
        bases = draw(st.lists(version, min_size=1, max_size=3, unique=True))
        return {**row, "bases": [_numbered("version", base) for base in bases]}
    base = draw(version) if how == "declared" else whole_base
    return {**row, **_numbered("base", base), "base_inferred": how == "inferred" or draw(_NOT)}


def _tasks_ended(draw: st.DrawFn, rows: list[Row]) -> list[Row]:
    """Make each task a start, and most often an end somewhere behind it."""
    placed: list[tuple[float, Row]] = []
    for at, row in enumerate(rows):
        placed.append((at, row))
        if row["op"] == "task":
            row |= {"op": "task-start", "task": f"t#{at + 20}"}
            status = draw(st.sampled_from(("ok", "ok", "failed", None)))
            if status is not None:
                end = {key: row[key] for key in ("process", "branch", "unit", "task")}
                placed.append((at + draw(st.integers(0, 6)) + 0.5, {**end, "op": "task-end", "status": status}))
    return [row for _, row in sorted(placed, key=lambda item: item[0])]


def _tell_time(draw: st.DrawFn, rows: list[Row]) -> None:
    """Give every row a clock: rising within each process, and level or interleaved between them."""
    clocks = dict.fromkeys(PROCESSES, 0)
    for row in rows:
        clocks[row["process"]] += draw(st.sampled_from((1, 1, 2, 5)))
        row["clock"] = clocks[row["process"]]


def _settle_bases(rows: list[Row]) -> None:
    """Leave each write at most one base that nobody mentioned: of two, none is the older one by docs/model.md."""
    for row in rows:
        same = [other for other in rows if other.get("object") == row.get("object")]
        numberers = {other["process"] for other in same if other.get("version_inferred") and other["op"] != "read"}
        if len(numberers) > 1 or any(other.get("label") for other in same):
            same = [other for other in same if other["process"] == row["process"] or other.get("label")]
        known = {_base(other, "version", "label") for other in same}
        holders = [(row, "base", "base_label"), *((item, "base", "base_label") for item in row.get("fields") or [])]
        holders += [(item, "version", "label") for item in row.get("bases") or []]
        unknown = [holder for holder in holders if _base(*holder) not in {None, *known}]
        for item, number, label in unknown:
            item[number], item[label] = unknown[0][0][unknown[0][1]], unknown[0][0][unknown[0][2]]


def _base(row: Row, number: str, label: str) -> int | str | None:
    return row.get(label) if row.get(number) is None else row[number]
