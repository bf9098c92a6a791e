"""What a run was: the counts and the facts behind `driftline info`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftline.reader import Trace
from driftline.schema import CACHE_FOLDER
from driftline_analyzer.times import iso

if TYPE_CHECKING:
    from pathlib import Path

    from driftline.header import Header
    from driftline_analyzer.analysis import Analysis, Summary


@dataclass(frozen=True)
class ProcessView:
    """One process of the run.

    Attributes:
        process: Its id in the trace.
        pid: Its operating-system id, or None if what it said of itself is missing.
        host: Name of its machine.
        argv: Its command line.
        started: When it began to record, in nanoseconds since 1970, or None.
        ended: When it stopped in order, or None.
        state: `ended`, `recording or killed`, or `unknown`.
        events: Events of it that are there.
        lost: Events that it could not write.
        faults: How often each kind of fault happened inside the tracer.
        missing: What is missing of it, one sentence each.
        left_out: What sampling left out of it: how many objects, events and values.
        own_key: Whether what it withheld has digests that cannot be compared with those of the run.
    """

    process: str
    pid: int | None
    host: str
    argv: tuple[str, ...]
    started: int | None
    ended: int | None
    state: str
    events: int
    lost: int
    faults: dict[str, int]
    missing: tuple[str, ...]
    left_out: dict[str, int]
    own_key: bool

    def as_json(self) -> dict[str, Any]:
        """As part of what `driftline info --format json` prints."""
        return {
            "process": self.process,
            "pid": self.pid,
            "host": self.host,
            "argv": list(self.argv),
            "started": None if self.started is None else iso(self.started),
            "ended": None if self.ended is None else iso(self.ended),
            "state": self.state,
            "events": self.events,
            "lost": self.lost,
            "faults": self.faults,
            "missing": list(self.missing),
            "left_out": self.left_out,
            "own_key": self.own_key,
        }


@dataclass(frozen=True)
class Overview:
    """What a run was.

    Attributes:
        header: The trace's header.
        summary: What it holds.
        processes: Its processes.
        operations: How many events of each operation, the most frequent first.
        objects: How many objects of each type, the most frequent first; the type may be None.
        phases: How many branches of each phase, and how many of them failed, in the order in which they began.
        trace_bytes: Size of the trace on disk.
        cache_bytes: Size of the analysis kept beside it.
    """

    header: Header
    summary: Summary
    processes: tuple[ProcessView, ...]
    operations: dict[str, int]
    objects: dict[str | None, int]
    phases: dict[str | None, tuple[int, int]]
    trace_bytes: int
    cache_bytes: int

    def as_json(self) -> dict[str, Any]:
        """As `driftline info --format json` prints it."""
        header, summary = self.header, self.summary
        return {
            "run": header.run,
            "trace_format": header.format,
            "created": iso(header.created),
            "argv": header.argv,
            "host": header.host,
            "versions": header.versions,
            "ordered": header.ordered,
            "values": header.values,
            "depth": header.depth,
            "capture": {
                "rules": header.capture.rules,
                "secrets": header.capture.secrets,
                "redact": header.capture.redact,
                "max_value_bytes": header.capture.max_value_bytes,
            },
            "sample": header.sample,
            "has_policy": header.policy is not None,
            "trace": {
                "events": summary.events,
                "objects": summary.objects,
                "branches": summary.branches,
                "processes": summary.processes,
                "complete": summary.complete,
            },
            "missing": list(summary.missing),
            "first_event": iso(summary.started) if summary.events else None,
            "last_event": iso(summary.ended) if summary.events else None,
            "seconds": (summary.ended - summary.started) / 1e9,
            "events_by_operation": self.operations,
            "objects_by_type": {type_ or "": count for type_, count in self.objects.items()},
            "branches_by_phase": {
                phase or "": {"branches": count, "failed": failed} for phase, (count, failed) in self.phases.items()
            },
            "bytes": {"trace": self.trace_bytes, "analysis": self.cache_bytes},
            "processes": [process.as_json() for process in self.processes],
        }


def overview(analysis: Analysis) -> Overview:
    """What the run behind an analysed trace was."""
    cache = analysis.path / CACHE_FOLDER
    return Overview(
        header=analysis.header,
        summary=analysis.summary,
        processes=_processes(analysis),
        operations=dict(analysis.rows("SELECT op::VARCHAR, count(*) AS n FROM event GROUP BY ALL ORDER BY n DESC, 1")),
        objects=dict(analysis.rows("SELECT type, count(*) AS n FROM object GROUP BY type ORDER BY n DESC, 1")),
        phases={
            phase: (count, failed)
            for phase, count, failed in analysis.rows(
                "SELECT phase, count(*), count_if(status = 'failed') FROM branch GROUP BY phase ORDER BY min(b)",
            )
        },
        trace_bytes=_bytes(analysis.path),
        cache_bytes=_bytes(cache),
    )


def _processes(analysis: Analysis) -> tuple[ProcessView, ...]:
    rows = analysis.rows(
        "SELECT process, pid, host, argv, started, ended, closed, events, lost, faults, missing"
        " FROM process ORDER BY p",
    )
    records = {found.process: found.record for found in Trace(analysis.path).processes if found.record is not None}
    key = analysis.header.capture.key
    return tuple(
        ProcessView(
            process=process,
            pid=pid,
            host=host or "",
            argv=tuple(argv or ()),
            started=started,
            ended=ended,
            state="ended" if closed else "unknown" if pid is None else "recording or killed",
            events=events,
            lost=lost,
            faults=dict(faults or {}),
            missing=tuple(missing),
            left_out=records[process].left_out if process in records else {},
            own_key=process in records and records[process].key not in {"", key},
        )
        for process, pid, host, argv, started, ended, closed, events, lost, faults, missing in rows
    )


def _bytes(folder: Path) -> int:
    """Size of the files in a folder, those of its folders not counted."""
    try:
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    except OSError:
        return 0
