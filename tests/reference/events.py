"""A trace as plain rows: what an event says, and how a trace folder is read into a list of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

#: A version as an event names it: the store's own number, or a label.
Version = int | str

WRITES = frozenset({"write", "patch", "merge", "delete"})
FULL_WRITES = frozenset({"write", "merge", "delete"})


@dataclass(frozen=True)
class Field:
    """One field as an event lists it. A write whose digest is None removes it."""

    digest: int | None
    size: int = 0
    leaves: int = 0
    base: Version | None = None
    value: str | None = None  # JSON
    withheld: bool = False  # only its digest is known


@dataclass(frozen=True, eq=False)
class Event:
    """One row of a trace. Two events are never equal, so that events can be told apart and put into sets."""

    op: str
    branch: str
    object: str | None = None
    version: Version | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    version_inferred: bool = False
    base: Version | None = None
    base_inferred: bool = False
    bases: tuple[Version, ...] = ()
    confidence: float | None = None
    fidelity: float | None = None
    references: tuple[tuple[str, str], ...] = ()  # (path, object)
    inputs: tuple[tuple[str, Version], ...] | None = None  # (object, version); None: not declared
    type: str | None = None
    whole: bool = True  # of a read
    unit: str | None = None
    task: str | None = None
    parent: str | None = None
    phase: str | None = None
    status: str | None = None
    signature: int | None = None
    process: str = "p"
    seq: int = 0
    clock: int = 0

    @property
    def id(self) -> str:
        return f"{self.process}:{self.seq}"

    @property
    def is_write(self) -> bool:
        return self.op in WRITES

    @property
    def is_full(self) -> bool:
        return self.op in FULL_WRITES


def load(folder: Path) -> tuple[list[Event], bool, str]:
    """Every event of a complete trace, whether the trace is ordered, and the text of its policy."""
    events = []
    for segment in sorted(folder.glob("*.arrows")):
        process = segment.name.removesuffix(".arrows").rpartition(".")[0]
        with segment.open("rb") as file:
            rows = pa.ipc.open_stream(file).read_all().to_pylist()
        events += [_event(process, defaultdict(_none, row)) for row in rows]
    header = json.loads((folder / "trace.json").read_text())
    return events, header["ordered"], header.get("policy") or ""


def _none() -> None:
    """A column that a segment leaves out is null."""


def _version(number: int | None, label: str | None) -> Version | None:
    return label if number is None else number


def _inputs(items: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Version]]:
    for item in items:
        version = _version(item["version"], item["label"])
        if version is not None:
            yield item["object"], version


def _event(process: str, row: Mapping[str, Any]) -> Event:
    fields = {
        item["path"]: Field(
            item["digest"],
            item["size"] or 0,
            1 if item["digest"] is not None and item["leaves"] is None else item["leaves"] or 0,
            _version(item["base"], item["base_label"]),
            item["value"],
            withheld=item["digest"] is not None and item["size"] is None,
        )
        for item in row["fields"] or []
    }
    return Event(
        op=row["op"],
        branch=row["branch"],
        object=row["object"],
        version=_version(row["version"], row["label"]),
        fields=fields,
        version_inferred=bool(row["version_inferred"]),
        base=_version(row["base"], row["base_label"]),
        base_inferred=bool(row["base_inferred"]),
        bases=tuple(_version(item["version"], item["label"]) for item in row["bases"] or []),
        confidence=row["confidence"],
        fidelity=row["fidelity"],
        inputs=None if row["inputs"] is None else tuple(_inputs(row["inputs"])),
        references=tuple((item["path"], item["object"]) for item in row["references"] or []),
        unit=row["unit"],
        task=row["task"],
        parent=row["parent"],
        phase=row["phase"],
        type=row["type"],
        whole=row["whole"] is not False,
        status=row["status"],
        signature=row["signature"],
        process=process,
        seq=row["seq"],
        clock=row["clock"],
    )


def in_order(*events: Event) -> list[Event]:
    """Hand-written events of one process, numbered and clocked as they are listed."""
    return [replace(event, seq=at, clock=at + 1) for at, event in enumerate(events)]
