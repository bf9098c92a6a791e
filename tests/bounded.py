"""Ask a question of a trace within limits of time and memory, in a process of its own.

    python tests/bounded.py SECONDS WORDS…

Runs the command line with these words. The processor time is limited by the system, which ends the process; the peak of
resident memory is printed behind the answer, on standard error, as `peak N MB`.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Address space, well above what is allowed to be resident: Arrow and DuckDB reserve more than they use.
SPACE: Final = 12 << 30


@dataclass(frozen=True)
class Answer:
    """What the command line answered.

    Attributes:
        status: Its exit status; negative if a signal ended it.
        out: Standard output.
        err: Standard error.
        peak: Peak of resident memory, in megabytes.
    """

    status: int
    out: str
    err: str
    peak: float


def ask(*words: object, seconds: int = 60) -> Answer:
    """Run the command line within limits.

    Args:
        words: Of the command line.
        seconds: Of processor time that it may take.
    """
    command = [sys.executable, __file__, str(seconds), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20 * seconds)
    peak = re.search(r"^peak (\d+) MB$", done.stderr, re.MULTILINE)
    return Answer(done.returncode, done.stdout, done.stderr, float(peak[1]) if peak is not None else float("inf"))


def main() -> None:
    seconds = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    from driftline_cli.app import app

    try:
        app(sys.argv[2:], prog_name="driftline")
    finally:
        sys.stderr.write(f"peak {_peak():.0f} MB\n")


def _peak() -> float:
    """Of this program alone: what `getrusage` says includes the process that started it."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
