# ruff: noqa: INP001 - a script beside the traces, not a package
"""Make one of the sample traces: `python sample_traces/make.py drifting|clean|crashed [FOLDER]`.

The first two are the demo at 48 nodes. The third is a process that is killed in the middle of an update: what it had
flushed is there, and nothing more.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import driftline as dl
from driftline.demo import run_demo

NODES = 48
SEED = 7


def drifting(path: Path) -> None:
    """A small research pipeline without discipline."""
    with dl.record(path, overwrite=True):
        run_demo(nodes=NODES, seed=SEED)


def clean(path: Path) -> None:
    """The same pipeline with discipline."""
    with dl.record(path, overwrite=True):
        run_demo(nodes=NODES, seed=SEED, clean=True)


def crashed(path: Path) -> None:
    """A process that dies, by `kill -9`, between the two writes of one update."""
    script = os.path.relpath(__file__)  # what the trace says of its command line should hold on any machine
    subprocess.run([sys.executable, script, "die", os.path.relpath(path)], check=False)  # noqa: S603 - this script


def die(path: Path) -> None:
    """What the killed process does."""
    recording = dl.start(path, overwrite=True)
    with dl.branch("planner", phase="reasoning"):
        dl.write("report/1", {"title": "Tides", "sections": 0}, type="report")
        dl.write("report/1/body", {"text": ""}, type="body")
    with dl.branch("editor", phase="enrichment"):
        dl.read("report/1", {"title": "Tides", "sections": 0})
        with dl.unit("add a section"):
            dl.patch("report/1", {"/sections": 1})
            reader = threading.Thread(target=look, name="reader")
            reader.start()
            reader.join()
            recording.flush()
            os.kill(os.getpid(), signal.SIGKILL)
            dl.patch("report/1/body", {"/text": "The moon pulls."})


def look() -> None:
    """Another branch, which takes half an update for a whole one."""
    dl.read("report/1", {"title": "Tides", "sections": 1})


def main() -> int:
    """Make the trace that is named."""
    makers = {maker.__name__: maker for maker in (drifting, clean, crashed, die)}
    match sys.argv[1:]:
        case [name] if name in makers:
            makers[name](Path(__file__).parent / f"{name}.drift")
        case [name, path] if name in makers:
            makers[name](Path(path))
        case _:
            sys.stderr.write(__doc__ or "")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
