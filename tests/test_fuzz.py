"""Traces damaged at random: an error or a warning, never a crash, a hang or a traceback (`fuzzing.py`).

`DRIFTLINE_FUZZ` says how many; they are the same ones every time.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

COUNT: Final = int(os.environ.get("DRIFTLINE_FUZZ", "18"))
AT_ONCE: Final = 6  # in one process: a crash ends those that follow it


@pytest.mark.parametrize("first", range(0, COUNT, AT_ONCE))
def test_a_damaged_trace_is_answered_in_words(tmp_path: Path, first: int) -> None:
    count = min(AT_ONCE, COUNT - first)
    script = Path(__file__).with_name("fuzzing.py")
    command = [sys.executable, str(script), str(tmp_path), str(first), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.endswith(": well")] == []
    assert (done.returncode, len(lines)) == (0, count), done.stderr[-2000:]
    assert all(re.match(r"\d+ \w+", line) for line in lines)
