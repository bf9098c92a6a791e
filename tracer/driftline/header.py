"""The two small JSON files of a trace: `trace.json` for the run, `PROCESS.json` for each process.

Both are written whole or not at all (a temporary file, then a rename), so a reader never sees half of one.
"""

from __future__ import annotations

import os
import platform
import socket
import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import msgspec
import pyarrow as pa

from driftline.errors import DriftlineError
from driftline.schema import FORMAT, HEADER_FILE, process_name
from driftline.setting_kinds import Level

#: Numbers as large as a trace's columns hold; a file that states others is damaged.
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Capturing(msgspec.Struct, kw_only=True):
    """What of the values was recorded, beside `values`.

    Attributes:
        rules: Pattern to level; the last that names a field counts.
        secrets: Whether names that mean a secret were looked for, or which ones beside the usual.
        redact: The name of the program's redactor, or None.
        max_value_bytes: Above which only a value's beginning is kept.
        key: Fingerprint of the key of the digests of what was withheld.
    """

    rules: dict[str, Level] = {}
    secrets: bool | list[str] = True
    redact: str | None = None
    max_value_bytes: int = 65_536
    key: str = ""


class Header(msgspec.Struct, kw_only=True, omit_defaults=False):
    """What is said once about a run.

    Attributes:
        format: Version of the trace format.
        run: Id of the run, 32 hexadecimal digits.
        created: When recording began, nanoseconds since 1970.
        ordered: Whether arrival order means anything; False for an import that knows none.
        depth: How many levels of a nested mapping became fields.
        values: `full`, `digest` or `none`: how much was kept of values that no rule names.
        capture: What else decided about values.
        sample: The share of the objects that was recorded, and of the branches whose values were.
        argv: The command line of the process that began the run.
        host: Name of the machine that began the run.
        versions: Of driftline, python, pyarrow and the platform.
        policy: The policy in force, as text, or None.
    """

    format: int
    run: str
    created: Whole
    ordered: bool = True
    depth: Count = 3
    values: Level = "full"
    capture: Capturing = msgspec.field(default_factory=Capturing)
    sample: dict[str, float] = {}
    argv: list[str] = []
    host: str = ""
    versions: dict[str, str] = {}
    policy: str | None = None

    @classmethod
    def of_this_run(
        cls,
        *,
        ordered: bool,
        depth: int,
        values: Level,
        capture: Capturing,
        sample: dict[str, float],
        argv: list[str],
        policy: str | None,
    ) -> Header:
        """The header of a run that begins now."""
        return cls(
            format=FORMAT,
            run=os.urandom(16).hex(),
            created=time.time_ns(),
            ordered=ordered,
            depth=depth,
            values=values,
            capture=capture,
            sample=sample,
            argv=argv,
            host=socket.gethostname(),
            versions={
                "driftline": version("driftline"),
                "python": platform.python_version(),
                "pyarrow": pa.__version__,
                "platform": f"{platform.system()} {platform.machine()}",
            },
            policy=policy,
        )

    def save(self, folder: Path) -> None:
        """Write `trace.json` into the folder."""
        _save(folder / HEADER_FILE, self)

    @classmethod
    def load(cls, folder: Path) -> Header:
        """Read `trace.json` from the folder.

        Raises:
            DriftlineError: If it is missing, unreadable, damaged, or of a newer format.
        """
        path = folder / HEADER_FILE
        try:
            raw = path.read_bytes()
        except OSError as fault:
            raise DriftlineError(
                f"{folder} is not a Driftline trace: {HEADER_FILE} cannot be read ({fault.strerror})",
                "name a folder that driftline recorded, NAME.drift",
            ) from fault
        try:
            stated = msgspec.json.decode(raw, type=_Format).format
            if stated > FORMAT:
                raise DriftlineError(
                    f"{path} has trace format {stated}; this Driftline reads up to format {FORMAT}",
                    "pip install --upgrade driftline",
                )
            return msgspec.json.decode(raw, type=cls)
        except (msgspec.DecodeError, RecursionError) as fault:
            raise DriftlineError(
                f"{path} is damaged: {fault}",
                "the events may be whole: restore the header from another copy",
            ) from fault


class _Format(msgspec.Struct):
    format: int


class ProcessRecord(msgspec.Struct, kw_only=True, omit_defaults=False):
    """What one process says of itself; rewritten when it rotates a segment and when it ends.

    Attributes:
        process: Id, also the stem of its files.
        pid: Operating-system process id.
        host: Name of its machine.
        argv: Its command line.
        started: When it began to record, nanoseconds since 1970.
        ended: When it stopped, or None while recording or if it was killed.
        closed: Whether it stopped in order.
        segments: How many segments it began.
        events: How many events it wrote, as of the last rewrite.
        lost: How many events it could not write, as of the last rewrite.
        dropped: How many events it did not queue, for want of room, as of the last rewrite.
        faults: How often each kind of fault happened inside the tracer.
        key: Fingerprint of the key of the digests of what it withheld.
        left_out: What sampling left out: how many objects, events and values.
    """

    process: str
    pid: Count
    host: str = ""
    argv: list[str] = []
    started: Whole = 0
    ended: Whole | None = None
    closed: bool = False
    segments: Count = 0
    events: Count = 0
    lost: Count = 0
    dropped: Count = 0
    faults: dict[str, Count] = {}
    key: str = ""
    left_out: dict[str, int] = {}

    @classmethod
    def of_this_process(cls, *, argv: list[str], key: str) -> ProcessRecord:
        """The record of this process, which begins to record now."""
        pid = os.getpid()
        return cls(
            process=f"p{pid}-{os.urandom(3).hex()}",
            pid=pid,
            host=socket.gethostname(),
            argv=argv,
            started=time.time_ns(),
            faults={},
            key=key,
            left_out={},
        )

    def of_child(self) -> ProcessRecord:
        """The record of a child that this process forked."""
        return type(self).of_this_process(argv=self.argv, key=self.key)

    def save(self, folder: Path) -> None:
        """Write `PROCESS.json` into the folder."""
        _save(folder / process_name(self.process), self)

    @classmethod
    def load(cls, path: Path) -> ProcessRecord:
        """Read one `PROCESS.json`.

        Raises:
            DriftlineError: If it is damaged.
        """
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError, RecursionError) as fault:
            raise DriftlineError(f"{path} is damaged: {fault}", "remove it: its events stay readable") from fault


def _save(path: Path, what: msgspec.Struct) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    text = msgspec.json.format(msgspec.json.encode(what), indent=2)
    try:
        temporary.write_bytes(text + b"\n")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
