"""The demo: a real pipeline that drifts, and the same one with care, or on a store under a policy, which does not."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import driftline as dl
from driftline.demo import DemoSummary, run_demo
from driftline.schema import EVENT
from driftline_analyzer import analyze, rules
from driftline_analyzer.replay import verify

#: What the demo is built to break; it may break others, too.
BROKEN = ("DRF101", "DRF102", "DRF103", "DRF105", "DRF107", "DRF302", "DRF401", "DRF601")
ROLES = {"planner", "researcher", "enricher", "summariser", "merger", "orchestrator"}
PHASES = {"reasoning", "enrichment", "compression", "orchestration"}

Row = dict[str, Any]


def recorded(folder: Path, **how: Any) -> DemoSummary:
    with dl.record(folder):
        return run_demo(**how)


def events(folder: Path) -> list[Row]:
    rows: list[Row] = []
    nothing = dict.fromkeys(EVENT.names)  # a column that a segment leaves out is null
    for segment in sorted(folder.glob("*.arrows")):
        with segment.open("rb") as file:
            table = pa.ipc.open_stream(file).read_all()
        assert all(EVENT.field(column.name).equals(column) for column in table.schema)
        rows += [nothing | row for row in table.to_pylist()]
    return sorted(rows, key=lambda row: row["clock"])


def counts(folder: Path) -> dict[str, int]:
    """How often each rule finds something; that the rules are right is shown on smaller traces."""
    with analyze(folder) as analysis:
        found = Counter(finding.code for finding in analysis.findings())
    return {rule.code: found[rule.code] for rule in rules()}


def nodes(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["op"] == "branch-start" and row["name"] in ROLES]


@pytest.mark.parametrize("how", [{}, {"clean": True}, {"discipline": True}], ids=["hasty", "clean", "discipline"])
def test_the_default_demo_runs_600_nodes_and_its_trace_is_complete(tmp_path: Path, how: dict[str, bool]) -> None:
    summary = recorded(tmp_path / "demo.drift", **how)
    rows = events(tmp_path / "demo.drift")

    assert len(nodes(rows)) == summary.nodes >= 600
    assert {row["name"] for row in nodes(rows)} == ROLES
    assert {row["phase"] for row in nodes(rows)} == PHASES
    assert summary.threads > 1
    assert summary.objects > 300
    assert summary.seconds < 30  # a second on an idle machine

    (record,) = (json.loads(path.read_text()) for path in (tmp_path / "demo.drift").glob("p*.json"))
    assert record["closed"]
    assert record["lost"] == 0
    assert record["faults"] == {}
    assert record["events"] == len(rows)
    assert sorted(row["seq"] for row in rows) == list(range(len(rows)))

    started = {row["branch"] for row in rows if row["op"] == "branch-start"}
    ended = Counter(row["branch"] for row in rows if row["op"] == "branch-end")
    assert ended.keys() | {row["branch"] for row in rows if row["name"] == "main"} == started
    assert set(ended.values()) == {1}
    failed = [row for row in rows if row["op"] == "branch-end" and row["status"] == "failed"]
    assert len(failed) == summary.failed
    assert bool(failed) is not any(how.values())


def test_nodes_really_run_side_by_side(tmp_path: Path) -> None:
    recorded(tmp_path / "demo.drift", nodes=100)
    running: set[str] = set()
    most = 0
    for row in events(tmp_path / "demo.drift"):
        if row["op"] == "branch-start":
            running.add(row["branch"])
        elif row["op"] == "branch-end":
            running.discard(row["branch"])
        most = max(most, len(running))
    assert most > 8


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_small_demo_breaks_every_rule_that_it_is_built_to_break(tmp_path: Path, seed: int) -> None:
    recorded(tmp_path / "demo.drift", nodes=100, seed=seed)
    found = counts(tmp_path / "demo.drift")
    assert all(found[code] for code in BROKEN), found


def test_the_default_demo_breaks_them_in_believable_numbers(tmp_path: Path) -> None:
    recorded(tmp_path / "demo.drift")
    found = counts(tmp_path / "demo.drift")
    assert all(found[code] >= 3 for code in BROKEN), found
    assert all(count <= 200 for count in found.values()), found


@pytest.mark.parametrize("how", ["clean", "discipline"])
@pytest.mark.parametrize("seed", range(1, 6))
def test_a_small_calm_demo_breaks_none(tmp_path: Path, seed: int, how: str) -> None:
    recorded(tmp_path / "demo.drift", nodes=100, seed=seed, **{how: True})
    assert not any(counts(tmp_path / "demo.drift").values())


@pytest.mark.parametrize("how", ["clean", "discipline"])
def test_the_default_calm_demo_breaks_none(tmp_path: Path, how: str) -> None:
    recorded(tmp_path / "demo.drift", **{how: True})
    assert not any(counts(tmp_path / "demo.drift").values())


def test_a_store_under_a_policy_has_something_to_decide(tmp_path: Path) -> None:
    summary = recorded(tmp_path / "demo.drift", discipline=True)
    rows = events(tmp_path / "demo.drift")

    assert summary.decisions["promoted"] > 1000
    assert summary.decisions["merged"] > 0
    assert summary.decisions["rejected"] > 10
    marks = Counter(row["op"] for row in rows)
    assert marks["reject"] == summary.decisions["rejected"]
    assert marks["promote"] == summary.decisions["promoted"] + summary.decisions["merged"]
    header = json.loads((tmp_path / "demo.drift" / "trace.json").read_text())
    assert "base-version" in header["policy"]
    with analyze(tmp_path / "demo.drift") as analysis:
        verified = verify(analysis)
    assert verified.differing is None
    assert verified.checked == sum(summary.decisions.values())


def test_the_demo_runs_in_one_way_at_a_time() -> None:
    with pytest.raises(ValueError, match="not both at once"):
        run_demo(nodes=1, clean=True, discipline=True)


def test_care_shows_in_the_trace(tmp_path: Path) -> None:
    recorded(tmp_path / "demo.drift", nodes=100, clean=True)
    rows = events(tmp_path / "demo.drift")

    newest: dict[str, int] = {}
    for row in rows:
        if row["op"] not in {"write", "patch", "merge", "delete"}:
            continue
        base = row["bases"][0]["version"] if row["bases"] else row["base"]
        assert base == newest.get(row["object"])  # each write rests on the version just before it
        stale = [i for i in row["inputs"] or [] if i["version"] != newest[i["object"]]]
        assert not stale
        newest[row["object"]] = row["version"]

    assert {row["op"] for row in rows} >= {"delete", "merge", "promote", "snapshot", "unit-commit"}
    assert not [row for row in rows if row["op"] == "unit-abort"]
    signatures = Counter(row["signature"] for row in rows if row["op"] == "task-start")
    assert set(signatures.values()) == {1}


def test_a_phase_of_a_topic_ends_before_the_next_begins_only_with_discipline(tmp_path: Path) -> None:
    assert _phases_overlap(tmp_path / "drifting.drift", clean=False)
    assert not _phases_overlap(tmp_path / "clean.drift", clean=True)


def _phases_overlap(folder: Path, *, clean: bool) -> bool:
    recorded(folder, nodes=100, clean=clean)
    rows = events(folder)
    phase = {row["branch"]: row["phase"] for row in nodes(rows)}
    for context in {row["object"] for row in rows if row["type"] == "context"}:
        visits = [phase[row["branch"]] for row in rows if row["object"] == context and row["branch"] in phase]
        if len([*itertools.groupby(visits)]) > len(set(visits)):
            return True
    return False


def test_all_demos_are_the_same_system(tmp_path: Path) -> None:
    kinds = []
    ways: tuple[dict[str, bool], ...] = ({}, {"clean": True}, {"discipline": True})
    for number, how in enumerate(ways):
        folder = tmp_path / f"{number}.drift"
        recorded(folder, nodes=100, **how)
        kinds.append(Counter((row["name"], row["phase"]) for row in nodes(events(folder))))
    assert kinds[0] == kinds[1] == kinds[2]


def test_it_runs_with_nothing_recording() -> None:
    assert run_demo(nodes=20).nodes >= 20
    assert run_demo(nodes=20, discipline=True).decisions["promoted"] > 20
    assert dl.current() is None


def test_it_is_recorded_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "driftline.demo", str(tmp_path / "demo.drift"), "--nodes", "20", "--clean"]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "0 failed" in first.stdout
    assert len(nodes(events(tmp_path / "demo.drift"))) >= 20

    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "holds a trace already" in again.stderr


def test_import_driftline_does_not_load_it() -> None:
    code = "import sys, driftline; sys.exit('driftline.demo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
