"""Ask questions of a trace within limits of time and memory, in a process of its own.

    python tests/bounded.py SECONDS    reads a list of command lines as JSON, answers with a list of JSON objects

The processor time of all of them together is limited by the system, which ends the process.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Address space, well above what is allowed to be resident: Arrow and DuckDB reserve more than they use.
SPACE: Final = 12 << 30


@dataclass(frozen=True)
class Answer:
    """What the command line answered.

    Attributes:
        status: Its exit status.
        out: Standard output.
        err: Standard error.
        peak: Peak of resident memory of the process so far, in megabytes.
    """

    status: int
    out: str
    err: str
    peak: float


def ask(*questions: Sequence[object], seconds: int = 60) -> list[Answer]:
    """Run command lines within limits.

    Args:
        questions: The words of each.
        seconds: Of processor time that all of them may take.

    Raises:
        AssertionError: If the process ended before it had answered them all.
    """
    told = json.dumps([[str(word) for word in words] for words in questions])
    command = [sys.executable, __file__, str(seconds)]
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"ended by {done.returncode} at {questions}: {done.stderr[-2000:]}")
    return [Answer(**answer) for answer in json.loads(done.stdout)]


def main() -> None:
    seconds = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    from typer.testing import CliRunner

    from driftline_cli.app import app

    answers = []
    for words in json.load(sys.stdin):
        result = CliRunner().invoke(app, words)
        answers.append({"status": result.exit_code, "out": result.stdout, "err": result.stderr, "peak": _peak()})
    json.dump(answers, sys.stdout)


def _peak() -> float:
    """Of this program alone: what `getrusage` says includes the process that started it."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
