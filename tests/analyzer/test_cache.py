"""The analysed database: made once, found by content, never half there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest
from traces import record_trace

import driftline as dl
from driftline import DriftlineError
from driftline_analyzer import analyze, cache
from driftline_analyzer.database import sql
from driftline_analyzer.pipeline import STEPS

TRACE: Final = """
    M: write doc/1 {n: 0} @1
    A: patch doc/1 {n: 1} base 1
    B: patch doc/1 {n: 2} base 1
"""


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    folder = tmp_path / "run.drift"
    record_trace(TRACE, folder)
    return folder


def steps_run(folder: Path) -> list[str]:
    """The steps that an analysis runs; it must find the one stale overwrite of the trace."""
    steps: list[str] = []
    with analyze(folder, progress=lambda step, _share: steps.append(step)) as analysis:
        assert "DRF101" in {finding.code for finding in analysis.findings()}
    return steps


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


ALL_STEPS: Final = ["load", *STEPS, "detect", "blast radius", "done"]


def test_the_first_analysis_runs_every_step_and_the_second_none(trace: Path) -> None:
    assert steps_run(trace) == ALL_STEPS
    assert steps_run(trace) == []


def test_progress_rises_from_nought_to_one(trace: Path) -> None:
    shares: list[float] = []
    with analyze(trace, progress=lambda _step, share: shares.append(share)):
        assert shares == sorted(shares)
        assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_the_cache_lies_inside_the_trace_and_holds_nothing_else(trace: Path) -> None:
    steps_run(trace)
    (name,) = names(trace / ".cache")
    assert name.endswith(".duckdb")


def test_a_trace_that_grew_is_analysed_again_and_the_old_analysis_goes(trace: Path) -> None:
    steps_run(trace)
    old = names(trace / ".cache")
    with dl.record(trace, join=True):
        dl.write("doc/2", {"n": 1})
    assert steps_run(trace) == ALL_STEPS
    assert len(names(trace / ".cache")) == 1
    assert names(trace / ".cache") != old


def test_a_header_that_changed_is_content_too(trace: Path) -> None:
    steps_run(trace)
    header = trace / "trace.json"
    header.write_text(header.read_text().replace('"host": "', '"host": "other-'))
    assert steps_run(trace) == ALL_STEPS


def test_other_code_makes_another_analysis(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps_run(trace)
    monkeypatch.setattr(cache, "_code", lambda: iter([b"other"]))
    assert steps_run(trace) == ALL_STEPS


def test_the_code_that_counts_is_every_statement_that_makes_tables() -> None:
    package = files("driftline_analyzer")
    statements = {
        sql(folder, entry.name.removesuffix(".sql")).encode()
        for folder in ("steps", "detectors")
        for entry in (package / folder).iterdir()
        if entry.name.endswith(".sql")
    }
    assert statements <= set(cache._code())


@pytest.mark.parametrize("damage", [b"", b"not a database", b"\0" * 20_000], ids=["empty", "text", "zeros"])
def test_a_damaged_analysis_is_made_again(trace: Path, damage: bytes) -> None:
    steps_run(trace)
    (database,) = (trace / ".cache").iterdir()
    database.write_bytes(damage)
    assert steps_run(trace) == ALL_STEPS
    assert steps_run(trace) == []


def test_an_analysis_cut_short_is_made_again(trace: Path) -> None:
    steps_run(trace)
    (database,) = (trace / ".cache").iterdir()
    database.write_bytes(database.read_bytes()[:9_000])
    assert steps_run(trace) == ALL_STEPS


def test_a_database_without_findings_is_made_again(trace: Path) -> None:
    import duckdb

    steps_run(trace)
    (database,) = (trace / ".cache").iterdir()
    database.unlink()
    duckdb.connect(str(database)).close()
    assert steps_run(trace) == ALL_STEPS


def test_a_trace_that_cannot_be_written_to_is_analysed_in_the_users_cache(trace: Path, tmp_path: Path) -> None:
    (trace / ".cache").write_text("a file where the folder would be")
    assert steps_run(trace) == ALL_STEPS
    assert [name.endswith(".duckdb") for name in names(tmp_path / "home" / "driftline")] == [True]
    assert steps_run(trace) == []


def test_the_users_cache_keeps_the_analyses_of_other_traces(trace: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.drift"
    record_trace(TRACE, other)
    for folder in (trace, other):
        (folder / ".cache").write_text("")
        steps_run(folder)
    assert len(names(tmp_path / "home" / "driftline")) == 2
    assert steps_run(trace) == steps_run(other) == []


def test_without_a_home_the_temporary_folder_will_do(trace: Path, tmp_path: Path) -> None:
    (trace / ".cache").write_text("")
    (tmp_path / "home").write_text("")
    assert steps_run(trace) == ALL_STEPS
    assert names(tmp_path / "temporary") == [f"driftline-{os.getuid()}"]
    assert steps_run(trace) == []


def test_a_full_disk_in_one_place_is_tried_in_the_next(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def full(path: Path, target: Path) -> Path:
        if trace in path.parents:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", full)
    assert steps_run(trace) == ALL_STEPS * 2
    assert names(trace / ".cache") == []
    assert len(names(tmp_path / "home" / "driftline")) == 1


def test_nowhere_to_write_is_said_with_what_to_do(trace: Path, tmp_path: Path) -> None:
    (trace / ".cache").write_text("")
    (tmp_path / "home").write_text("")
    (tmp_path / "temporary").write_text("")
    with (
        pytest.raises(DriftlineError, match=r"nowhere to write the analysis of .*run\.drift") as caught,
        analyze(trace),
    ):
        pass
    assert "XDG_CACHE_HOME" in caught.value.hint


@pytest.mark.parametrize("step", ["load", "fields", "detect", "done"])
@pytest.mark.parametrize("fault", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_analysis_leaves_nothing_behind(trace: Path, step: str, fault: type[BaseException]) -> None:
    def interrupt(name: str, _share: float) -> None:
        if name == step:
            raise fault

    with pytest.raises(fault), analyze(trace, progress=interrupt):
        pass
    assert names(trace / ".cache") == []
    assert steps_run(trace) == ALL_STEPS


def test_what_a_killed_analysis_left_is_swept_after_an_hour(trace: Path) -> None:
    place = trace / ".cache"
    place.mkdir()
    old, young = place / ".a.duckdb.1-1.building", place / ".b.duckdb.2-2.building"
    spills = [place / ".a.duckdb.1-1.building.1.spill", place / "c.duckdb.3.spill"]
    for spill in spills:
        spill.mkdir()
        (spill / "block").write_text("")
    for path in (old, young):
        path.write_text("")
    long_ago = time.time() - 7_200
    for path in (old, *spills):
        os.utime(path, (long_ago, long_ago))
    steps_run(trace)
    assert [name for name in names(place) if not name.endswith(".duckdb")] == [young.name]


def test_two_processes_may_analyse_at_once(trace: Path) -> None:
    code = (
        "import sys, driftline_analyzer as da\n"
        "sys.stdin.readline()\n"
        "with da.analyze(sys.argv[1]) as analysis:\n"
        "    print([finding.code for finding in analysis.findings()])\n"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(trace)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [process.communicate("go\n", timeout=60) for process in both]
    assert answers == [("['DRF101']\n", "")] * 2
    assert len(names(trace / ".cache")) == 1


def in_threads(work: Callable[[], object], count: int) -> Iterator[object]:
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield from results


def test_two_threads_may_analyse_at_once(trace: Path) -> None:
    assert len(list(in_threads(lambda: steps_run(trace), 2))) == 2
    assert len(names(trace / ".cache")) == 1
