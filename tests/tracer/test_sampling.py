"""A sample: what is in it is whole, what is not is counted, and it makes no finding that the whole would not have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tape import Tape, run_python
from typer.testing import CliRunner

import driftline as dl
from driftline.sampling import is_in
from driftline_analyzer import analyze
from driftline_cli.app import app

OBJECTS = [f"doc/{number}" for number in range(200)]


def work() -> None:
    for name in OBJECTS:
        dl.write(name, {"n": 0, "m": [1]}, version=1, type="doc")
        for branch, value in (("a", 1), ("b", 2)):
            with dl.branch(branch):
                dl.read(name, {"n": 0}, version=1, partial=True)
                dl.patch(name, {"/n": value}, base=1)
                dl.patch(name, {"/n": value + 10})
    dl.delete(OBJECTS[0])
    dl.promote(OBJECTS[1])


def about(tape: Tape) -> dict[str, list[tuple[Any, ...]]]:
    """What was recorded of each object, whatever the ids of the branches."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for event in tape.events():
        if "object" in event:
            fields = [(item["path"], item.get("value")) for item in event.get("fields", ())]
            known = (event["op"], event["branch"].partition("#")[0], event.get("version"), event.get("base"), fields)
            found.setdefault(event["object"], []).append(known)
    return found


def findings(folder: Path) -> set[tuple[Any, ...]]:
    with analyze(folder) as analysis:
        return {(f.rule.name, f.object, f.version, f.fields, f.branch) for f in analysis.findings()}


def test_an_object_is_there_whole_or_not_at_all(tape: Tape, tmp_path: Path) -> None:
    whole = Tape(tmp_path / "whole.drift")
    with whole.record():
        work()
    with tape.record(sample={"objects": 0.3}):
        work()

    everything, sampled = about(whole), about(tape)
    assert 30 < len(sampled) < 90
    assert sampled == {name: events for name, events in everything.items() if is_in(name, 0.3)}
    left = tape.record_of_process().left_out
    assert left["objects"] == 200 - len(sampled)
    assert left["events"] == sum(map(len, everything.values())) - sum(map(len, sampled.values()))
    assert tape.trace().complete
    assert whole.record_of_process().left_out == {}


def test_its_findings_are_those_of_the_whole_about_these_objects(tape: Tape, tmp_path: Path) -> None:
    whole = Tape(tmp_path / "whole.drift")
    with whole.record():
        work()
    with tape.record(sample={"objects": 0.3, "branches": 0.3}):
        work()

    assert findings(tape.path) == {found for found in findings(whole.path) if is_in(found[1], 0.3)}


def test_versions_are_numbered_as_if_all_were_recorded(tape: Tape) -> None:
    with tape.record(sample={"objects": 0.0}):
        assert [dl.write("doc/1", 1), dl.write("doc/1", 2), dl.patch("doc/1", {"/a": 1}, version=9)] == [1, 2, 9]
        assert dl.write("doc/1", 3) == 10
        assert dl.write("doc/1", 3, version="label") == "label"
        ctx = dl.track({"a": 1}, id="doc/2")
        ctx["a"] = 2
        assert ctx["a"] == 2

    assert tape.facts() == []
    assert tape.record_of_process().left_out["objects"] == 2
    assert tape.record_of_process().faults == {}


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_a_larger_share_holds_the_smaller_one(share: float) -> None:
    smaller = {name for name in OBJECTS if is_in(name, share)}
    larger = {name for name in OBJECTS if is_in(name, share + 0.05)}

    assert smaller <= larger
    assert abs(len(smaller) / 200 - share) < 0.1


def test_what_refers_to_an_object_that_is_out_dangles_not(tape: Tape) -> None:
    out = next(name for name in OBJECTS if not is_in(name, 0.5))
    within, other = [name for name in OBJECTS if is_in(name, 0.5)][:2]
    policy = '[types.doc.references]\n"/to" = "doc"\n[types.doc.fields]\n"/to" = { strategy = "last-writer-wins" }\n'
    with tape.record(sample={"objects": 0.5}, policy=policy):
        dl.write(out, {"n": 1}, version=1, type="doc")
        dl.write(other, {"n": 1}, version=1, type="doc")
        dl.write(within, {"to": out}, version=1, type="doc", refs={"/to": out, "/other": other})

    (written,) = [event for event in tape.events("write") if event["object"] == within]
    assert [item["object"] for item in written["references"]] == [other]
    assert not any(name == "dangling-reference" for name, *_ in findings(tape.path))


def test_branches_that_are_out_leave_everything_but_values(tape: Tape, tmp_path: Path) -> None:
    whole = Tape(tmp_path / "whole.drift")
    for recorded, sample in ((whole, 1), (tape, 0)):
        with recorded.record(sample={"branches": sample}):
            dl.write("doc/1", {"n": 0}, version=1)
            with dl.branch("out"):
                dl.patch("doc/1", {"/n": 1, "/password": "p", "/gone": dl.ABSENT}, base=1, version=2)
                with dl.branch("below"):
                    dl.read("doc/1", {"n": 1}, version=2)

    def shapes(found: Tape) -> list[Any]:
        return [
            [(item["path"], item.get("size"), item.get("leaves")) for item in event.get("fields", ())]
            for event in found.events()
        ]

    assert shapes(tape) == shapes(whole)
    marks = ['{"$type":"driftline.digest-only"}', '{"$type":"driftline.withheld"}', None]
    patched, read = tape.events("patch")[0], tape.events("read")[0]
    assert [item.get("value") for item in patched["fields"]] == marks
    assert read["fields"][0]["value"] == marks[0]
    assert tape.events("write")[0]["fields"][0]["value"] == "0", "the process's own line is always in"
    assert tape.record_of_process().left_out == {"values": 3}


def test_every_process_leaves_out_the_same(tape: Tape) -> None:
    code = f"import driftline as dl\nfor name in {OBJECTS!r}:\n    dl.read(name, 1, version=1)\n"
    with tape.record(sample={"objects": 0.2}):
        for name in OBJECTS:
            dl.write(name, 1, version=1)
        ran = run_python(code, DRIFTLINE_TRACE=str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert {event["object"] for event in tape.events("write")} == {event["object"] for event in tape.events("read")}
    left = [process.record.left_out for process in tape.trace().processes if process.record]
    assert left[0] == left[1]


def test_info_says_what_was_left_out(tape: Tape) -> None:
    with tape.record(sample={"objects": 0.25}, capture={"doc#/m": "digest"}, secrets=["iban"]):
        work()

    told = CliRunner().invoke(app, ["info", str(tape.path)], env={"COLUMNS": "110"}, prog_name="driftline").stdout
    asked = CliRunner().invoke(app, ["info", str(tape.path), "--format", "json"], prog_name="driftline").stdout
    left = tape.record_of_process().left_out
    assert f"0.25 of the objects; left out: {left['objects']} objects, {left['events']:,} events" in " ".join(
        told.split()
    )
    assert "secrets by name and 1 further name, 1 rule, values over" in " ".join(told.split())
    data = json.loads(asked)
    assert data["sample"] == {"objects": 0.25, "branches": 1.0}
    assert data["capture"]["rules"] == {"doc#/m": "digest"}
    assert data["processes"][0]["left_out"] == left
    assert data["processes"][0]["own_key"] is False


def test_info_names_a_process_whose_withheld_values_cannot_be_compared(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"password": 1}, version=1)
        run_python("import driftline as dl; dl.write('doc/1', 1, version=2)", DRIFTLINE_TRACE=str(tape.path))

    told = CliRunner().invoke(app, ["info", str(tape.path)], env={"COLUMNS": "110"}, prog_name="driftline").stdout
    (stranger,) = [
        process.process
        for process in tape.trace().processes
        if process.record is not None and process.record.key != tape.trace().header.capture.key
    ]
    assert f"under keys of their own, so not to be compared: {stranger}" in " ".join(told.split())
