"""Begin and end a recording: `record`, `start`, `stop`, and `DRIFTLINE_TRACE` in the environment."""

from __future__ import annotations

import atexit
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from opentelemetry.context import attach

from driftline.capture import Capture
from driftline.errors import DriftlineError
from driftline.header import Header, ProcessRecord
from driftline.headers import Sent
from driftline.ledger import Ledger
from driftline.propagation import Propagation
from driftline.recorder import Recorder, log_fault
from driftline.schema import HEADER_FILE
from driftline.secret_names import SecretNames
from driftline.writer import Writer

ENVIRONMENT: Final = "DRIFTLINE_TRACE"
_PROCESS: Final = re.compile(r"p\d+-[0-9a-f]{6}")


class Recording:
    """A recording in progress, or one that has ended.

    Attributes:
        path: The trace folder.
        run: Id of the run.
        is_inherited: Whether this process was given it by the one that started it.
    """

    def __init__(self, path: Path, header: Header, recorder: Recorder, writer: Writer) -> None:
        self.path = path
        self.run = header.run
        self.recorder = recorder
        self.writer = writer
        self.exported: tuple[str | None] | None = None  # what the environment said before
        self.is_inherited = False
        self.propagation = Propagation(self)

    def flush(self) -> None:
        """Return when everything recorded so far in this process is readable on disk."""
        self.writer.flush()


class _Session:
    """The one recording of this process, if any; `recorder` is what every call looks at first."""

    __slots__ = ("lock", "recorder", "recording")

    def __init__(self) -> None:
        self.recording: Recording | None = None
        self.recorder: Recorder | None = None
        self.lock = threading.RLock()

    def set(self, recording: Recording | None) -> None:
        """Begin to record, or stop."""
        self.recording = recording
        self.recorder = None if recording is None else recording.recorder


RECORDING: Final = _Session()


def active() -> Recorder | None:
    """The recorder in force, or None while nothing records."""
    return RECORDING.recorder


def start(
    path: str | os.PathLike[str],
    *,
    ordered: bool = True,
    depth: int = 3,
    values: Literal["full", "digest"] = "full",
    overwrite: bool = False,
    join: bool = False,
    policy: str | os.PathLike[str] | None = None,
    export: bool = False,
) -> Recording:
    """Begin to record this process.

    Args:
        path: Folder to make, by convention `NAME.drift`.
        ordered: False if the order in which events arrive means nothing (an import without a store order): then only
            base links and the order within each branch count.
        depth: How many levels of a nested mapping become fields, 1 or more; deeper ones are single values.
        values: `full` keeps values; `digest` keeps only their digest and size.
        overwrite: Replace an earlier trace at `path`. Anything there that is not a trace is left alone.
        join: Record into the run already at `path`, as one more process of it; begin it if there is none.
        policy: The policy in force: its text, or as a `Path` the file that holds it. The header keeps it.
        export: Put `DRIFTLINE_TRACE` into the environment of this process while it records: every Python that it starts
            and that imports Driftline joins the run. `inject(dict(os.environ))` does that for one, and says where from.

    Returns:
        The recording. `stop` ends it; so does the end of the process.

    Raises:
        DriftlineError: If this process records already, the folder cannot be made, or the policy is wrong.

    Example:
        >>> import tempfile
        >>> recording = start(tempfile.mkdtemp() + "/run.drift")
        >>> stop()
        >>> sorted(p.suffix for p in recording.path.iterdir())
        ['.json', '.json']
    """
    with RECORDING.lock:
        if RECORDING.recording is not None and RECORDING.recording.is_inherited:
            stop()
        if RECORDING.recording is not None:
            raise DriftlineError(
                f"already recording to {RECORDING.recording.path}",
                "end that recording first: driftline.stop()",
            )
        folder = Path(path).absolute()  # the program may change its working directory while it records
        text = _policy_text(policy)
        try:
            header, begun_here = _open_run(
                folder, ordered=ordered, depth=depth, values=values, policy=text, overwrite=overwrite, join=join
            )
            record = ProcessRecord.of_this_process()
            capture = Capture(
                [("full" if header.values == "full" else "digest", {})],
                names=SecretNames(),
                limit=64 << 10,
                key=os.urandom(16),
            )
            writer = Writer(
                folder,
                record,
                run=header.run,
                ledger=Ledger(ordered=header.ordered),
                values=capture.keeps_values,
                value_limit=64 << 10,
                announce=begun_here,  # one that joins may be killed before it has anything to say
            )
        except OSError as fault:
            raise _unwritable(folder, fault) from fault
        tag = "" if begun_here else branch_tag(record)
        recorder = Recorder(writer, branch_tag=tag, depth=header.depth, capture=capture)
        recording = Recording(folder, header, recorder, writer)
        capture.put_in_force()
        RECORDING.set(recording)
        recording.recorder.lines.here()  # this context's lines descend from here
        recording.propagation.begin()
        if export:
            recording.exported = (os.environ.get(ENVIRONMENT),)
            os.environ[ENVIRONMENT] = str(folder)
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
    path: str | os.PathLike[str],
    *,
    ordered: bool = True,
    depth: int = 3,
    values: Literal["full", "digest"] = "full",
    overwrite: bool = False,
    join: bool = False,
    policy: str | os.PathLike[str] | None = None,
    export: bool = False,
) -> Iterator[Recording]:
    """Record this process while the block runs. The arguments and errors are those of `start`.

    Example:
        >>> import tempfile
        >>> with record(tempfile.mkdtemp() + "/run.drift") as recording:
        ...     recording.path.name
        'run.drift'
    """
    recording = start(
        path,
        ordered=ordered,
        depth=depth,
        values=values,
        overwrite=overwrite,
        join=join,
        policy=policy,
        export=export,
    )
    try:
        yield recording
    finally:
        if RECORDING.recording is recording:
            stop()


def _unexport(recording: Recording) -> None:
    """The environment says again what it said before, if it still says that this is recorded."""
    if recording.exported is None or os.environ.get(ENVIRONMENT) != str(recording.path):
        return
    (before,) = recording.exported
    if before is None:
        del os.environ[ENVIRONMENT]
    else:
        os.environ[ENVIRONMENT] = before


def start_from_environment() -> None:
    """Record if `DRIFTLINE_TRACE` names a trace: this process joins that run, or begins it."""
    path = os.environ.get(ENVIRONMENT)
    if path and RECORDING.recording is None:
        try:
            recording = start(path, join=True)
        except DriftlineError as fault:  # the program did not ask for this by its own code, so it must run on
            log_fault(ENVIRONMENT, fault)
        else:
            _descend_from_environment(recording.recorder)


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


def _open_run(
    folder: Path,
    *,
    ordered: bool,
    depth: int,
    values: str,
    policy: str | None,
    overwrite: bool,
    join: bool,
) -> tuple[Header, bool]:
    """Make or join the folder; returns its header and whether this process began it."""
    if depth < 1:
        raise DriftlineError(f"depth={depth}: a value has at least one level", "pass depth=1 or more")
    if values not in {"full", "digest"}:
        raise DriftlineError(f"values={values!r} is unknown", "pass values='full' or values='digest'")
    if (folder / HEADER_FILE).exists():
        if join:
            return Header.load(folder), False
        if not overwrite:
            raise DriftlineError(
                f"{folder} holds a trace already",
                "choose another path, or pass overwrite=True to replace it",
            )
        _remove_trace(folder)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DriftlineError(f"{folder} exists and is not a Driftline trace", "choose another path for the trace")
    header = Header.of_this_run(ordered=ordered, depth=depth, values=values, policy=policy)
    folder.mkdir(parents=True, exist_ok=True)
    header.save(folder)
    return header, True


def _policy_text(policy: str | os.PathLike[str] | None) -> str | None:
    """The text of a policy that is sound and whole in itself."""
    if policy is None:
        return None
    from driftline.discipline import load, loads  # who records without a policy need not wait for it to load
    from driftline.discipline.writing import dumps

    if isinstance(policy, str):
        loads(policy, "the text given as policy=")
        return policy
    return dumps(load(os.fspath(policy)))


def _remove_trace(folder: Path) -> None:
    """Remove an earlier trace's own files, and nothing else that someone put there."""
    import shutil

    from driftline.schema import CACHE_FOLDER

    shutil.rmtree(folder / CACHE_FOLDER, ignore_errors=True)
    for path in folder.glob("*.json"):
        if path.name == HEADER_FILE or _is_process_record(path):
            path.unlink()
    for path in folder.glob("*.arrows"):
        if path.stem.rpartition(".")[2].isdecimal():
            path.unlink()


def _is_process_record(path: Path) -> bool:
    try:
        return ProcessRecord.load(path).process == path.stem
    except DriftlineError:
        return bool(_PROCESS.fullmatch(path.stem))  # ours, and damaged


def _unwritable(folder: Path, fault: OSError) -> DriftlineError:
    return DriftlineError(
        f"{folder} cannot be written: {fault.strerror or fault}",
        "choose a folder that you may write to",
    )


def branch_tag(record: ProcessRecord) -> str:
    """What makes the ids of a process that joined a run unique in it."""
    return f"{record.process.rpartition('-')[2]}."


atexit.register(stop)
