"""The project's tasks: `python tasks.py check` runs exactly what CI runs.

check   lint, types, import contracts, generated documents, tests
fix     let the linter and the formatter mend what they can
docs    write the generated documents anew
bench   run the benchmarks
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent
BIN = Path(sys.executable).parent
SOURCES = ("tracer", "analyzer", "tui", "cli", "tests", "benchmarks", "docs", "sample_traces", "tasks.py")

TASKS: dict[str, list[list[str]]] = {
    "check": [
        ["ruff", "check", *SOURCES],
        ["ruff", "format", "--check", *SOURCES],
        ["mypy"],
        ["lint-imports"],
        ["python", "docs/generate.py", "check"],
        ["pytest", "-n", "auto"],
    ],
    "fix": [["ruff", "check", "--fix", *SOURCES], ["ruff", "format", *SOURCES]],
    "docs": [["python", "docs/generate.py", "write"]],
    "bench": [["python", "benchmarks/recording.py"], ["python", "benchmarks/analysis.py"]],
}


def main() -> int:
    """Run the named tasks in order; stop at the first command that fails."""
    names = sys.argv[1:]
    if not names or any(name not in TASKS for name in names):
        sys.stderr.write(__doc__ or "")
        return 2
    for command in (command for name in names for command in TASKS[name]):
        sys.stderr.write(f"$ {' '.join(command)}\n")
        sys.stderr.flush()
        status = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, check=False).returncode  # noqa: S603
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
