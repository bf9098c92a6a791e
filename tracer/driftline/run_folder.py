"""The folder of a run: made, joined, or cleared of an earlier trace."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from driftline.errors import DriftlineError
from driftline.header import Header, ProcessRecord
from driftline.privacy import capturing
from driftline.schema import CACHE_FOLDER, HEADER_FILE, process_name
from driftline.settings import Settings

_PROCESS: Final = re.compile(r"p\d+-[0-9a-f]{6}")


def open_run(
    folder: Path, settings: Settings, key: bytes, argv: list[str], *, overwrite: bool, join: bool
) -> tuple[Header, bool]:
    """Make or join a trace folder.

    Args:
        folder: The trace folder.
        settings: Of the run, if it begins here.
        key: Of the digests of what is withheld.
        argv: The command line that the header names, without what it gives away.
        overwrite: Replace an earlier trace there.
        join: Take the trace that is there.

    Returns:
        Its header, and whether it was begun here.

    Raises:
        DriftlineError: If something else is there, or the policy is wrong.
        OSError: If it cannot be written.
    """
    if (folder / HEADER_FILE).exists():
        if join:
            return Header.load(folder), False
        if not overwrite:
            raise DriftlineError(
                f"{folder} holds a trace already",
                "choose another path, or pass overwrite=True to replace it",
            )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DriftlineError(f"{folder} exists and is not a Driftline trace", "choose another path for the trace")
    header = Header.of_this_run(
        ordered=settings.ordered,
        depth=settings.depth,
        values=settings.values,
        capture=capturing(settings, key),
        sample=dict(settings.sample),
        argv=argv,
        policy=_policy_text(settings.policy),
    )
    if (folder / HEADER_FILE).exists():
        remove_trace(folder)
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


def remove_trace(folder: Path) -> None:
    """Remove an earlier trace's own files, and nothing else that someone put there."""
    import shutil

    shutil.rmtree(folder / CACHE_FOLDER, ignore_errors=True)
    for path in folder.glob("*.json"):
        if path.name == HEADER_FILE or _is_process_record(path):
            path.unlink()
    for path in folder.glob("*.arrows"):
        if path.stem.rpartition(".")[2].isdecimal():
            path.unlink()


def withdraw(folder: Path, record: ProcessRecord | None = None) -> bool:
    """Remove a run in which nothing was recorded, as if it had never begun.

    Args:
        folder: Its folder.
        record: Of the only process that belongs to it, if there is one.

    Returns:
        Whether that was all there was in the folder.
    """
    own = {HEADER_FILE} if record is None else {HEADER_FILE, process_name(record.process)}
    try:
        if {path.name for path in folder.iterdir()} - own:
            return False
        for name in own:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
    except OSError:  # someone else was here first
        return False
    return True


def _is_process_record(path: Path) -> bool:
    try:
        return ProcessRecord.load(path).process == path.stem
    except DriftlineError:
        return bool(_PROCESS.fullmatch(path.stem))  # ours, and damaged


def unwritable(folder: Path, fault: OSError) -> DriftlineError:
    """What to say of a folder that cannot be written."""
    return DriftlineError(
        f"{folder} cannot be written: {fault.strerror or fault}",
        "choose a folder that you may write to",
    )
