"""Analyses of hand-made traces, open while a test runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from reference.event_lists import Row, write_trace
from traces import record_trace

from driftline_analyzer import Analysis, analyze

Analyse = Callable[..., Analysis]


@pytest.fixture
def analyse(tmp_path: Path) -> Iterator[Analyse]:
    """Analyses a trace in the notation of `notation.py`; further arguments are `driftline.record`'s."""
    with ExitStack() as stack:

        def make(text: str, **options: Any) -> Analysis:
            folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}.drift"
            record_trace(text, folder, **options)
            return stack.enter_context(analyze(folder))

        yield make


@pytest.fixture
def analyse_rows(tmp_path: Path) -> Iterator[Analyse]:
    """Analyses rows, as `reference.event_lists.write_trace` takes them."""
    with ExitStack() as stack:

        def make(rows: Sequence[Row], *, ordered: bool = True) -> Analysis:
            folder = tmp_path / f"rows{len(list(tmp_path.iterdir()))}.drift"
            write_trace(folder, rows, ordered=ordered)
            return stack.enter_context(analyze(folder))

        yield make
