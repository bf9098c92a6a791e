"""Begin and end a recording: `record`, `start`, `stop`, and `DRIFTLINE_TRACE` in the environment."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from opentelemetry.context import attach

from driftline.backlog import Backlog, Overflow
from driftline.capture import Capture
from driftline.errors import DriftlineError
from driftline.header import Header, ProcessRecord
from driftline.headers import Sent
from driftline.ledger import Ledger
from driftline.privacy import capture_of, command_line, fingerprint, run_key
from driftline.propagation import Propagation
from driftline.recorder import Recorder, log_fault
from driftline.run_folder import open_run, unwritable, withdraw
from driftline.setting_kinds import Level, Redactor
from driftline.settings import INSTRUMENT, KEY, REDIRECT, Settings, in_force
from driftline.telemetry import Telemetry
from driftline.writer import Writer

ENVIRONMENT: Final = "DRIFTLINE_TRACE"
_log: Final = logging.getLogger("driftline")


class Recording:
    """A recording in progress, or one that has ended.

    Attributes:
        path: The trace folder.
        run: Id of the run.
        is_inherited: Whether this process was given it by the one that started it.
        begun_by: The process that began the run, by its number; None if that was none from which this one descends.
        variables: What another process needs in its environment to join the run.
    """

    def __init__(
        self, path: Path, header: Header, recorder: Recorder, writer: Writer, variables: Mapping[str, str]
    ) -> None:
        self.path = path
        self.run = header.run
        self.recorder = recorder
        self.writer = writer
        self.variables = variables
        self.exported: dict[str, str | None] = {}  # what the environment said before
        self.is_inherited = False
        self.begun_by: int | None = None
        self.propagation = Propagation(self)
        self.telemetry = Telemetry(recorder, ordered=header.ordered)

    def flush(self) -> None:
        """Return when everything recorded so far in this process is readable on disk."""
        self.writer.flush()


class _Session:
    """The one recording of this process, if any; `recorder` is what every call looks at first.

    `tracker` knows which branch acts: the recorder, or, while nothing records, one that records nothing, if somebody
    needs to know all the same (`unrecorded.py`).
    """

    __slots__ = ("_unrecorded", "lock", "recorder", "recording", "tracker")

    def __init__(self) -> None:
        self.recording: Recording | None = None
        self.recorder: Recorder | None = None
        self.tracker: Recorder | None = None
        self._unrecorded: Recorder | None = None
        self.lock = threading.RLock()

    def set(self, recording: Recording | None) -> None:
        """Begin to record, or stop."""
        self.recording = recording
        self.recorder = None if recording is None else recording.recorder
        self.tracker = self.recorder or self._unrecorded

    def track(self, unrecorded: Recorder | None) -> None:
        """Who knows which branch acts while nothing records; None: nobody needs to."""
        self._unrecorded = unrecorded
        self.tracker = self.recorder or unrecorded


RECORDING: Final = _Session()


def active() -> Recorder | None:
    """The recorder in force, or None while nothing records."""
    return RECORDING.recorder


def start(
    path: str | os.PathLike[str] | None = None,
    *,
    ordered: bool | None = None,
    depth: int | None = None,
    values: Level | None = None,
    capture: Mapping[str, Level] | None = None,
    secrets: bool | Sequence[str] | None = None,
    redact: Redactor | str | None = None,
    max_value_bytes: int | None = None,
    sample: Mapping[str, float] | None = None,
    overflow: Overflow | None = None,
    policy: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    join: bool = False,
    export: bool = False,
) -> Recording:
    """Begin to record this process.

    What is not given here is taken from the environment (`DRIFTLINE_VALUES`, …), then from `[tool.driftline]` in
    pyproject.toml: docs/settings.md.

    Args:
        path: Folder to make, by convention `NAME.drift`.
        ordered: False if the order in which events arrive means nothing (an import without a store order): then only
            base links and the order within each branch count.
        depth: How many levels of a nested mapping become fields, 1 or more; deeper ones are single values. Else 3.
        values: `full` keeps values; `digest` keeps only their digest and size, `none` nothing of them.
        capture: The same for single types and fields, such as `{"*#/notes": "digest", "user#/address": "none"}`.
        secrets: False withholds no fields for their names alone; a list adds names to the usual ones.
        redact: Called as `redact(path, value, object, type)`; returns what to record in place of the value, or
            `REDACTED`.
        max_value_bytes: A value whose JSON takes more is recorded by digest, size and its beginning. Else 65,536.
        sample: Which share of the objects is recorded, and of the branches' values: `{"objects": 0.1}`.
        overflow: What a call does while too many wait to be written: `wait`, or `drop` what it had to say and count it.
        policy: The policy in force: its text, or as a `Path` the file that holds it. The header keeps it.
        overwrite: Replace an earlier trace at `path`. Anything there that is not a trace is left alone.
        join: Record into the run already at `path`, as one more process of it; begin it if there is none.
        export: Put `DRIFTLINE_TRACE` and the other settings into the environment of this process while it records:
            every Python that it starts and that imports Driftline joins the run. `inject(dict(os.environ))` does that
            for one, and says where from.

    Returns:
        The recording. `stop` ends it; so does the end of the process.

    Raises:
        DriftlineError: If this process records already, the folder cannot be made, or a setting is wrong.

    Example:
        >>> import tempfile
        >>> recording = start(tempfile.mkdtemp() + "/run.drift")
        >>> stop()
        >>> sorted(p.suffix for p in recording.path.iterdir())
        ['.json', '.json']
    """
    redirected = os.environ.get(ENVIRONMENT) if os.environ.get(REDIRECT) else None
    settings = in_force(
        trace=redirected or path, ordered=ordered, depth=depth, values=values, capture=capture, secrets=secrets,
        redact=redact, max_value_bytes=max_value_bytes, sample=sample, overflow=overflow, policy=policy,
    )  # fmt: skip
    overwrite, join = overwrite and not redirected, join or bool(redirected)
    recording = start_by(settings, run_key(os.environ), overwrite=overwrite, join=join)
    if export:
        recording.exported = {name: os.environ.get(name) for name in recording.variables}
        os.environ.update(recording.variables)
    return recording


def start_by(settings: Settings, key: bytes, *, overwrite: bool = False, join: bool = False) -> Recording:
    """Begin to record this process, by settings that are known.

    Args:
        settings: All of them.
        key: Of the digests of what is withheld.
        overwrite: As for `start`.
        join: As for `start`.
    """
    with RECORDING.lock:
        if RECORDING.recording is not None and RECORDING.recording.is_inherited:
            _give_way(RECORDING.recording)
        if RECORDING.recording is not None:
            raise DriftlineError(
                f"already recording to {RECORDING.recording.path}",
                "end that recording first: driftline.stop()",
            )
        recording = _begin(settings, key, overwrite=overwrite, join=join)
        RECORDING.set(recording)
        recording.recorder.lines.here()  # this context's lines descend from here
        recording.propagation.begin()
        recording.telemetry.begin()
        return recording


def _give_way(recording: Recording) -> None:
    """End a recording that began by itself: the program begins its own. A run with nothing in it has never been."""
    stop()
    record = recording.writer.record
    if recording.begun_by == os.getpid() and not record.events and not record.lost:
        withdraw(recording.path, record)


def _begin(settings: Settings, key: bytes, *, overwrite: bool, join: bool) -> Recording:
    """A recording, ready to be the one in force."""
    if settings.trace is None:
        raise DriftlineError("nobody says where to record", f"pass a path, or set {ENVIRONMENT}")
    folder = Path(settings.trace).absolute()  # the program may change its working directory while it records
    argv = command_line(settings, sys.argv)
    try:
        header, begun_here = open_run(folder, settings, key, argv, overwrite=overwrite, join=join)
        record = ProcessRecord.of_this_process(argv=argv, key=fingerprint(key))
        capture = capture_of(settings, header, key)
        writer = Writer(
            folder,
            record,
            run=header.run,
            ledger=Ledger(ordered=header.ordered),
            values=capture.keeps_values,
            backlog=Backlog(overflow=settings.overflow),
            value_limit=capture.limit,
            announce=begun_here,  # one that joins may be killed before it has anything to say
        )
    except OSError as fault:
        raise unwritable(folder, fault) from fault
    tag = "" if begun_here else branch_tag(record)
    recorder = _recorder(writer, tag, header, capture)
    capture.put_in_force()
    for name in ("depth", "ordered"):
        if name in settings.given and getattr(settings, name) != getattr(header, name):
            _log.warning("driftline: %s was begun with %s=%s, and that holds", folder, name, getattr(header, name))
    variables = {**settings.environment(), ENVIRONMENT: str(folder), KEY: key.hex()}
    recording = Recording(folder, header, recorder, writer, variables)
    recording.begun_by = os.getpid() if begun_here else None
    return recording


def stop() -> None:
    """End the recording in force: what is queued is written, the trace is marked complete. Without one, do nothing."""
    with RECORDING.lock:
        recording = RECORDING.recording
        RECORDING.set(None)
        if recording is not None:
            _unexport(recording)
            recording.propagation.end()
            recording.recorder.lines.end_all()
            recording.writer.close()
            Capture.put_out_of_force()  # not before: a call may still be on its way


@contextmanager
def record(
    path: str | os.PathLike[str] | None = None,
    *,
    ordered: bool | None = None,
    depth: int | None = None,
    values: Level | None = None,
    capture: Mapping[str, Level] | None = None,
    secrets: bool | Sequence[str] | None = None,
    redact: Redactor | str | None = None,
    max_value_bytes: int | None = None,
    sample: Mapping[str, float] | None = None,
    overflow: Overflow | None = None,
    policy: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    join: bool = False,
    export: bool = False,
) -> Iterator[Recording]:
    """Record this process while the block runs. The arguments and errors are those of `start`.

    Example:
        >>> import tempfile
        >>> with record(tempfile.mkdtemp() + "/run.drift") as recording:
        ...     recording.path.name
        'run.drift'
    """
    recording = start(**locals())
    try:
        yield recording
    finally:
        if RECORDING.recording is recording:
            stop()


def _unexport(recording: Recording) -> None:
    """The environment says again what it said before, if it still says that this is recorded."""
    if os.environ.get(ENVIRONMENT) != str(recording.path):
        return
    for name, before in recording.exported.items():
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def start_from_environment() -> None:
    """Record if `DRIFTLINE_TRACE` names a trace: this process joins that run, or begins it."""
    path = os.environ.get(ENVIRONMENT)
    if path and RECORDING.recording is None:
        try:
            recording = start(path, join=True)
        except DriftlineError as fault:  # the program did not ask for this by its own code, so it must run on
            log_fault(ENVIRONMENT, fault)
        else:
            recording.is_inherited = True
            os.environ.setdefault(KEY, recording.variables[KEY])  # for whoever this process starts
            _descend_from_environment(recording.recorder)
            _instrument(recording.recorder)


def _descend_from_environment(recorder: Recorder) -> None:
    """If `inject` filled the environment: this process's main line comes from the branch that did."""
    try:
        sent = Sent.of(os.environ)
        scope = sent.scope(recorder)
        if scope is not None:
            attach(sent.context())  # for as long as the process lives
            recorder.lines.adopt(recorder.lines.fork("main", scope))
    except Exception as fault:  # noqa: BLE001 - the environment comes from elsewhere
        recorder.fault(ENVIRONMENT, fault)


def _recorder(writer: Writer, tag: str, header: Header, capture: Capture) -> Recorder:
    """The recorder of a run: another one where only a share is recorded, which costs the others nothing."""
    if all(share >= 1 for share in header.sample.values()):
        return Recorder(writer, branch_tag=tag, depth=header.depth, capture=capture)
    from driftline.sampling import SampledRecorder

    return SampledRecorder(
        writer, branch_tag=tag, depth=header.depth, capture=capture, share=header.sample, run=header.run
    )


def _instrument(recorder: Recorder) -> None:
    """Record the libraries that the environment names."""
    names = os.environ.get(INSTRUMENT)
    if not names:
        return
    from driftline.integrations import chosen, instrument  # who names none need not wait for it to load

    for name in names.split(","):
        try:
            for known in chosen(name):
                instrument(known)
        except Exception as fault:  # noqa: BLE001 - counted; the program runs on without
            recorder.fault(f"instrument {name.strip()}", fault, lost=0)


def branch_tag(record: ProcessRecord) -> str:
    """What makes the ids of a process that joined a run unique in it."""
    return f"{record.process.rpartition('-')[2]}."


atexit.register(stop)
