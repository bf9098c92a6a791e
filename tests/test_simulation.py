"""Simulated runs: the same seed gives the same bytes, a clean run no findings, and every planted fault is found."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest
from xxhash import xxh3_64_intdigest

from driftline import DriftlineError
from driftline.reader import Trace
from driftline.simulation import Settings, parse_faults, parse_phases, simulate, truth_path
from driftline.simulation.scenes import SCENES
from driftline.values import filled_leaves
from driftline_analyzer import analyze, rules
from driftline_analyzer.truth import score

#: A rule that is not there yet finds nothing, nor does another give way to it.
KNOWN: Final = {rule.code: rule.name for rule in rules()}


def planted(rate: float) -> dict[str, float]:
    return {code: rate for code in parse_faults("all") if code in KNOWN}


# ---- what the rules find in it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        Settings(events=1_000, seed=1, faults=planted(0.001)),
        Settings(events=30_000, seed=2, faults=planted(0.001)),
        Settings(events=30_000, seed=3, faults=planted(0.001), processes=3, skew=0.0, branches=300),
        Settings(events=12_000, seed=4, faults=planted(0.002), objects=12, branches=4),
        Settings(events=12_000, seed=5, faults=planted(0.001), phases=("gather", "compression", "decide")),
    ],
    ids=["small", "large", "processes", "hot", "phases"],
)
def test_every_planted_fault_is_found_and_nothing_else(tmp_path: Path, settings: Settings) -> None:
    made = simulate(tmp_path / "run.drift", settings)
    with analyze(tmp_path / "run.drift") as analysis:
        assert analysis.summary.complete
        scores = score(analysis.findings(), made.truth)
    assert [each for each in scores if each.missed or each.false] == []
    assert {each.code: each.planted > 0 for each in scores} == dict.fromkeys(settings.faults, True)
    assert {(each.precision, each.recall) for each in scores} == {(1.0, 1.0)}


@pytest.mark.parametrize(
    "settings",
    [
        Settings(events=1_000, seed=5),
        Settings(events=40_000, seed=6),
        Settings(events=20_000, seed=7, processes=4, skew=2.0, branches=500),
        Settings(events=10_000, seed=8, objects=1, branches=1),
    ],
    ids=["small", "large", "processes", "one object"],
)
def test_a_run_without_faults_has_no_findings(tmp_path: Path, settings: Settings) -> None:
    made = simulate(tmp_path / "run.drift", settings)
    with analyze(tmp_path / "run.drift") as analysis:
        assert analysis.findings() == []
        assert analysis.summary.events == made.events >= settings.events
    assert made.truth.read_bytes() == b""


def test_a_missed_and_a_false_finding_are_told(tmp_path: Path) -> None:
    made = simulate(tmp_path / "run.drift", Settings(events=1_000, faults={"DRF101": 0.002}))
    lines = made.truth.read_text().splitlines()
    made.truth.write_text("\n".join([lines[0], lines[1].replace('"version":"3"', '"version":"4"')]))
    with analyze(tmp_path / "run.drift") as analysis:
        (own,) = [each for each in score(analysis.findings(), made.truth) if each.code == "DRF101"]
    assert (own.planted, own.found, own.right, own.precision, own.recall) == (2, 2, 1, 0.5, 0.5)
    assert [fact[3] for fact in (*own.missed, *own.false)] == ["4", "3"]


@pytest.mark.parametrize("text", [None, "{", '{"code": 1}\n'])
def test_a_ground_truth_that_is_none_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "run.truth.ndjson"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DriftlineError, match="cannot be read as ground truth"):
        score([], path)


# ---- the trace ----------------------------------------------------------------------------------------------------


def digest(folder: Path) -> dict[str, str]:
    files = [*folder.iterdir(), truth_path(folder)]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """In processes whose hashes of texts differ."""
    program = (
        "import sys; from driftline.simulation import *;"
        "simulate(sys.argv[1], Settings(events=3000, seed=int(sys.argv[2]), faults=parse_faults('all'), processes=2))"
    )
    made = {}
    for run, seed in enumerate((5, 5, 6)):
        folder = tmp_path / str(run) / "run.drift"
        environment = {**os.environ, "PYTHONHASHSEED": str(run + 1)}
        subprocess.run([sys.executable, "-c", program, str(folder), str(seed)], env=environment, check=True)
        made[run] = digest(folder)
    assert made[0] == made[1]
    assert [name for name in made[0] if made[0][name] == made[2][name]] == []
    assert len(made[0]) == 6


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("simulated") / "run.drift"
    simulate(folder, Settings(events=4_000, seed=9, faults=parse_faults("all=0.001"), processes=2))
    found = [
        {**row, "process": process.process} for process, batch in Trace(folder).batches() for row in batch.to_pylist()
    ]
    return folder, sorted(found, key=lambda row: row["clock"])


def test_the_trace_is_whole(rows: tuple[Path, list[dict[str, Any]]]) -> None:
    trace = Trace(rows[0])
    assert sum(batch.num_rows for _, batch in trace.batches()) == len(rows[1])
    assert trace.missing == []
    assert [process.process for process in trace.processes] == ["sim-1", "sim-2"]


def test_the_clock_rises_and_no_two_events_share_a_moment(rows: tuple[Path, list[dict[str, Any]]]) -> None:
    clocks = [row["clock"] for row in rows[1]]
    assert len(set(clocks)) == len(clocks)
    for process in ("sim-1", "sim-2"):
        seqs = [row["seq"] for row in rows[1] if row["process"] == process]
        assert seqs == list(range(len(seqs)))


def test_every_id_begins_before_it_is_used(rows: tuple[Path, list[dict[str, Any]]]) -> None:
    begun: dict[str, set[str]] = {"branch": set(), "unit": set(), "task": set()}
    starts = {"branch-start": "branch", "unit-begin": "unit", "task-start": "task"}
    for row in rows[1]:
        for kind, known in begun.items():
            if starts.get(row["op"]) == kind:
                assert row[kind] not in known
                known.add(row[kind])
            assert row[kind] is None or row[kind] in known
    assert all(len(known) > 10 for known in begun.values())


def test_values_have_their_digest_size_and_leaves(rows: tuple[Path, list[dict[str, Any]]]) -> None:
    seen = 0
    for field in (field for row in rows[1] for field in row["fields"] or ()):
        if field["value"] is None:
            assert (field["digest"], field["size"], field["leaves"]) == (None, None, None)
            continue
        encoded = field["value"].encode()
        own = (xxh3_64_intdigest(encoded), len(encoded), filled_leaves(encoded))
        assert (field["digest"], field["size"], field["leaves"]) == own
        seen += 1
    assert seen > 4_000


def test_the_ground_truth_names_events_of_the_trace(rows: tuple[Path, list[dict[str, Any]]]) -> None:
    events = {f"{row['process']}:{row['seq']}": row for row in rows[1]}
    truth = [json.loads(line) for line in truth_path(rows[0]).read_text().splitlines()]
    for line in truth:
        row = events[line["event"]]
        version = row["version"] if row["label"] is None else row["label"]
        assert (row["object"], row["branch"]) == (line["object"], line["branch_id"])
        assert line["version"] == (None if version is None else str(version))
        assert line["branch"] == line["branch_id"].partition("#")[0]
    scenes = {(line["scene"], line["planted"]) for line in truth}
    assert sorted(name for _, name in scenes) == sorted([scene.name for scene in SCENES] * 4)
    assert {line["planted"] for line in truth if line["rule"] == line["planted"]} == {scene.name for scene in SCENES}


def test_each_rule_has_its_scene_by_name() -> None:
    scenes = {scene.code: scene.name for scene in SCENES}
    assert len(scenes) == len(SCENES) == 27
    assert {code: scenes.get(code) for code in KNOWN} == KNOWN


# ---- what is asked for --------------------------------------------------------------------------------------------


def test_skew_decides_how_much_of_the_work_the_hottest_object_gets(tmp_path: Path) -> None:
    shares = []
    for skew in (0.0, 2.0):
        folder = tmp_path / f"{skew}.drift"
        simulate(folder, Settings(events=5_000, objects=200, skew=skew))
        objects = pa.chunked_array([batch.column("object").cast(pa.utf8()) for _, batch in Trace(folder).batches()])
        counts = sorted(entry["counts"] for entry in objects.drop_null().value_counts().to_pylist())
        shares.append(counts[-1] / sum(counts))
    assert shares[0] < 0.02
    assert 0.25 < shares[1] < 0.4


def test_events_branches_objects_and_processes_are_as_many_as_asked_for(tmp_path: Path) -> None:
    simulate(tmp_path / "run.drift", Settings(events=5_000, branches=40, objects=60, processes=3))
    with analyze(tmp_path / "run.drift") as analysis:
        summary = analysis.summary
    assert 5_000 <= summary.events < 5_200
    assert summary.branches == 40 + 4  # the pipeline itself, and a gate in each process
    assert 50 < summary.objects <= 60
    assert summary.processes == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stale-overwite", "'stale-overwite' is no rule that can be planted"),
        ("", "'' is no rule"),
        ("DRF101=much", "'DRF101=much' has no rate from 0 to 1"),
        ("DRF101=-1", "no rate from 0 to 1"),
        ("all=nan", "no rate from 0 to 1"),
    ],
)
def test_faults_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(DriftlineError, match=message):
        parse_faults(text)


def test_faults_that_the_phases_do_not_allow() -> None:
    phased = {"DRF501", "DRF502", "DRF503"}
    assert set(parse_faults("all")) - set(parse_faults("all", ["alone"])) == phased
    assert set(parse_faults("all")) - set(parse_faults("all", ["compression", "review"])) == {"DRF502"}
    assert set(parse_faults("all")) - set(parse_faults("all", ["review", "compression"])) == {"DRF501"}
    with pytest.raises(DriftlineError, match="no live-compression can happen in the phases compression, review"):
        parse_faults("live-compression", ["compression", "review"])


@pytest.mark.parametrize("text", ["", "a,,b", "a,b,a"])
def test_phases_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(DriftlineError, match="has a phase without a name, or one twice"):
        parse_phases(text)


def test_more_faults_than_events_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DriftlineError, match="the faults alone would take"):
        simulate(tmp_path / "run.drift", Settings(events=1_000, faults={"DRF101": 0.5}))
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(events=100)
    simulate(tmp_path / "run.drift", settings)
    before = digest(tmp_path / "run.drift")
    with pytest.raises(DriftlineError, match="is there already"):
        simulate(tmp_path / "run.drift", Settings(events=200))
    assert digest(tmp_path / "run.drift") == before
    simulate(tmp_path / "run.drift", Settings(events=200), overwrite=True)
    assert digest(tmp_path / "run.drift") != before
    (tmp_path / "mine.drift").mkdir()
    with pytest.raises(DriftlineError, match="is no trace"):
        simulate(tmp_path / "mine.drift", settings, overwrite=True)
    assert list((tmp_path / "mine.drift").iterdir()) == []


def test_a_run_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DriftlineError, match="cannot be written"):
        simulate(tmp_path / "file" / "run.drift", Settings(events=100))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[int] = []
    simulate(tmp_path / "run.drift", Settings(events=40_000), progress=told.append)
    assert told == sorted(told)
    assert len(told) > 2
