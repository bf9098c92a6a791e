"""What of a value is recorded: nothing that is withheld reaches the disk, and every rule still sees what changed."""

from __future__ import annotations

import json
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tape import Tape, run_python
from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

import driftline as dl
from driftline.canonical import SCREEN
from driftline.capture import Capture
from driftline.header import Header
from driftline.reader import Trace
from driftline.secret_names import SecretNames
from driftline.values import flatten
from driftline_analyzer import analyze

WITHHELD = '{"$type":"driftline.withheld"}'
DIGEST_ONLY = '{"$type":"driftline.digest-only"}'


def fields(tape: Tape, *ops: str) -> list[dict[str, Any]]:
    """path → (value, digest, size) of each event."""
    return [{item["path"]: item for item in event.get("fields", ())} for event in tape.events(*ops)]


def on_disk(folder: Path) -> bytes:
    """Every byte of a trace, its streams decompressed."""
    streams = b"".join(
        json.dumps(row, ensure_ascii=False, default=str).encode()
        for _, batch in Trace(folder).batches()
        for row in batch.to_pylist()
    )
    return streams + b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


# ---- secrets ------------------------------------------------------------------------------------------------------

SECRET = "hunter2hunter2"  # noqa: S105 - what must not be found


@pytest.mark.parametrize(
    "value",
    [
        {"password": SECRET},
        {"user": {"apiKey": SECRET}},
        {"deep": {"er": {"and": {"deeper": {"access_token": SECRET}}}}},
        {"list": [{"name": "a"}, {"Password": SECRET}]},
        {"list": [[{"x": [{"client_secret": [SECRET]}]}]]},
        {"headers": [("n", 1), {"Authorization": f"Bearer {SECRET}"}]},
        {"tokens": [{"token": {"value": SECRET}}]},
        {"odd": {1: {"cookie": SECRET}, "1": 2}},
        {"nan": [math.nan, {"private_key": SECRET}]},
        {"escaped": [{'"password"': SECRET, "a": 'say "hi"'}]},
        {"newline": [{"password\n": SECRET}]},
        {"set": [{"passwd": {SECRET}}]},
        [{"secret": SECRET}],
        {"object": type("Login", (), {"__repr__": lambda _: f"Login(user='x', password='{SECRET}')"})()},
        {"object": [ValueError(f"cannot connect to postgres://me:{SECRET}@host/db")]},
    ],
    ids=lambda value: json.dumps(value, default=str)[:40],
)
def test_a_secret_never_reaches_the_disk(tape: Tape, value: Any) -> None:
    with tape.record():
        dl.write("doc/1", value, version=1)
        dl.read("doc/1", value, version=1)
        dl.patch("doc/2", {"/x": value})
        dl.merge("doc/3", value, bases=[1])
        if isinstance(value, dict):
            tracked = dl.track({"outer": value, **value}, id="doc/4")
            tracked["more"] = value
            tracked.update(value)
            dict(tracked)

    assert SECRET.encode() not in on_disk(tape.path)
    assert "$type" in json.dumps(tape.events())
    assert tape.record_of_process().faults == {}


def test_what_else_a_value_holds_is_kept(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"user": "me", "password": SECRET, "all": [{"n": 2**70, "token": 1, "f": -0.0}]}, version=1)

    (written,) = fields(tape, "write")
    assert written["/user"]["value"] == '"me"'
    assert written["/password"]["value"] == WITHHELD
    shown = json.loads(written["/all"]["value"])
    assert shown == [
        {"n": 2**70, "f": 0.0, "token": {"$type": "driftline.withheld", "digest": shown[0]["token"]["digest"]}}
    ]
    assert '"f":-0.0' in written["/all"]["value"]


def test_a_withheld_value_has_neither_size_nor_a_digest_that_can_be_guessed(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"pwd": "1234"}, version=1)

    (written,) = fields(tape, "write")
    assert set(written["/pwd"]) == {"path", "digest", "value"}
    assert written["/pwd"]["digest"] != xxh3_64_intdigest(b'"1234"')


def test_equal_secrets_look_equal_and_others_do_not(tape: Tape) -> None:
    with tape.record():
        for number, value in enumerate(["a", "b", "a", ["a"], ["b"], ["a"]]):
            dl.write("doc/1", {"password": value, "list": [{"password": value}]}, version=number + 1)

    digests = [(written["/password"]["digest"], written["/list"]["digest"]) for written in fields(tape, "write")]
    assert digests[0] == digests[2]
    assert digests[3] == digests[5]
    assert len(set(digests)) == 4


def test_two_runs_have_two_keys(tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        tape = Tape(tmp_path / name)
        with tape.record():
            dl.write("doc/1", {"password": "x"}, version=1)
        digests.append((fields(tape, "write")[0]["/password"]["digest"], Header.load(tape.path).capture.key))
    assert digests[0][0] != digests[1][0]
    assert digests[0][1] != digests[1][1]


CHILD = """
import driftline as dl
with dl.branch("child"):
    dl.read("doc/1", {"password": "x"}, version=1)
"""


def test_processes_of_one_run_share_the_key(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "0f" * 16
    monkeypatch.setenv("DRIFTLINE_KEY", key)
    with tape.record():
        dl.write("doc/1", {"password": "x"}, version=1)
        ran = run_python(CHILD, DRIFTLINE_TRACE=str(tape.path), DRIFTLINE_KEY=key)

    assert (ran.returncode, ran.stderr) == (0, "")
    (written,), (seen,) = fields(tape, "write"), fields(tape, "read")
    assert written["/password"] == seen["/password"]
    assert key.encode() not in on_disk(tape.path)


SPAWNING = """
import multiprocessing, os, subprocess, sys
import driftline as dl
from driftline_test_child import work

if __name__ == "__main__":
    with dl.record(sys.argv[1], secrets=["iban"], capture={"*#/n": "digest"}):
        work()
        for method in ("fork", "spawn"):
            process = multiprocessing.get_context(method).Process(target=work)
            process.start()
            process.join()
        child = [sys.executable, "-c", "from driftline_test_child import work; work()"]
        subprocess.run(child, env=dl.inject(dict(os.environ)), check=True)
    assert "DRIFTLINE_KEY" not in os.environ
"""


def test_every_kind_of_child_shares_key_and_settings(tape: Tape, tmp_path: Path) -> None:
    work = "import driftline as dl\ndef work():\n    dl.write('doc/1', {'iban': 'x', 'n': 1, 'password': 'p'})\n"
    (tmp_path / "driftline_test_child.py").write_text(work)
    (tmp_path / "program.py").write_text(SPAWNING)
    path = os.pathsep.join([str(tmp_path), *sys.path[1:]])
    ran = subprocess.run(
        [sys.executable, tmp_path / "program.py", tape.path],
        env={"PYTHONWARNINGS": "error", "PYTHONPATH": path}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (ran.returncode, ran.stderr) == (0, "")
    written = fields(tape, "write")
    assert len(written) == 4
    assert len({(item["/iban"]["digest"], item["/password"]["digest"]) for item in written}) == 1
    assert {item["/n"]["value"] for item in written} == {DIGEST_ONLY}
    trace = tape.trace()
    assert {process.record.key for process in trace.processes if process.record} == {trace.header.capture.key}


def test_a_key_that_is_none_is_an_error(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLINE_KEY", "0f")
    with pytest.raises(dl.DriftlineError, match="DRIFTLINE_KEY: it is no key"):
        dl.start(tape.path)


def test_findings_about_secrets_hold(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"password": "old", "n": 1}, version=1)
        with dl.branch("a"):
            dl.patch("doc/1", {"/password": "new"}, base=1, version=2)
        with dl.branch("b"):
            dl.patch("doc/1", {"/password": "newer"}, base=1, version=3)
        with dl.branch("c"):
            dl.patch("doc/1", {"/password": "newer"}, base=1, version=4)  # what stands already: nothing is lost

    with analyze(tape.path) as analysis:
        found = [(finding.rule.name, finding.branch, finding.fields) for finding in analysis.findings()]
    assert ("stale-overwrite", "b", ("/password",)) in found
    assert not any(name == "stale-overwrite" and branch == "c" for name, branch, _ in found)


def test_names_can_be_added_taken_off_and_switched_off(tmp_path: Path) -> None:
    shown = {}
    value = {"iban": 1, "page_token": 2, "password": 3, "list": [{"iban": 1}]}
    for number, secrets in enumerate([True, ["iban", "!page_token"], False]):
        tape = Tape(tmp_path / str(number))
        with tape.record(secrets=secrets):
            dl.write("doc/1", value, version=1)
        (written,) = fields(tape, "write")
        shown[number] = {path for path, item in written.items() if "withheld" in item["value"]}
    assert shown == {
        0: {"/page_token", "/password"},
        1: {"/iban", "/password", "/list"},
        2: set(),
    }


def test_a_command_line_gives_no_secret_away(tape: Tape) -> None:
    ran = run_python(
        "import driftline as dl; dl.write('doc/1', 1)",
        *("--password=hunter2hunter2", "--token", "hunter2hunter2", "https://me:hunter2hunter2@host/", "--verbose"),
        DRIFTLINE_TRACE=str(tape.path),
    )

    assert ran.returncode == 0
    assert SECRET.encode() not in on_disk(tape.path)
    header, record = Header.load(tape.path), tape.record_of_process()
    assert header.argv == record.argv
    assert header.argv[1:] == [
        "--password=<withheld>", "--token", "<withheld>", "https://me:<withheld>@host/", "--verbose",
    ]  # fmt: skip


def test_a_logged_fault_gives_no_secret_away(tape: Tape, caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        def __len__(self) -> int:
            return 2

        def items(self) -> Iterator[Any]:
            raise ValueError(f"password={SECRET}")

    with tape.record():
        dl.patch("doc/1", Failing())  # type: ignore[arg-type]

    assert "ValueError" in json.dumps(tape.record_of_process().faults)
    assert "password=<withheld>" in caplog.text
    assert SECRET not in caplog.text


# ---- levels and rules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "rules", "shown"),
    [
        ("full", {}, {"/a": "1", "/b/c": '"x"', "/l": '[{"k":1}]'}),
        ("digest", {}, {"/a": None, "/b/c": None, "/l": None}),
        ("none", {}, {"/a": None, "/b/c": None, "/l": None}),
        ("full", {"*#/a": "digest", "*#/b": "none"}, {"/a": DIGEST_ONLY, "/b/c": WITHHELD, "/l": '[{"k":1}]'}),
        ("full", {"doc": "none", "doc#/a": "full"}, {"/a": "1", "/b/c": WITHHELD, "/l": WITHHELD}),
        ("full", {"doc#/a": "full", "doc": "none"}, {"/a": WITHHELD, "/b/c": WITHHELD, "/l": WITHHELD}),
        ("full", {"other": "none"}, {"/a": "1", "/b/c": '"x"', "/l": '[{"k":1}]'}),
        ("full", {"d*#/*/c": "none"}, {"/a": "1", "/b/c": WITHHELD, "/l": '[{"k":1}]'}),
        ("full", {"*#/**/c": "digest"}, {"/a": "1", "/b/c": DIGEST_ONLY, "/l": '[{"k":1}]'}),
        ("digest", {"*#/a": "full"}, {"/a": "1", "/b/c": None, "/l": None}),
        ("digest", {"*#/a": "none"}, {"/a": None, "/b/c": None, "/l": None}),
        ("none", {"*#/a": "full", "*#/l": "digest"}, {"/a": "1", "/b/c": None, "/l": None}),
    ],
)
def test_levels_by_type_and_field(tape: Tape, values: Any, rules: dict[str, Any], shown: dict[str, str | None]) -> None:
    value = {"a": 1, "b": {"c": "x"}, "l": [{"k": 1}]}
    with tape.record(values=values, capture=rules):
        dl.write("doc/1", value, version=1)
        dl.patch("doc/1", {"/a": 1}, version=2)
        dl.patch("doc/1", {"/a": 1}, version=3)
        dl.patch("doc/1", {"/a": 1}, version=4)

    assert {path: item.get("value") for path, item in fields(tape, "write")[0].items()} == shown
    assert {item["/a"].get("value") for item in fields(tape, "patch")} == {shown["/a"]}
    assert all("digest" in item for item in fields(tape, "write")[0].values())


def test_a_digest_is_that_of_the_value_and_nothing_leaves_none(tape: Tape) -> None:
    with tape.record(capture={"*#/d": "digest", "*#/n": "none"}):
        dl.write("doc/1", {"d": [1, 2], "n": [1, 2]}, version=1)

    (written,) = fields(tape, "write")
    assert written["/d"] == {
        "path": "/d",
        "digest": xxh3_64_intdigest(b"[1,2]"),
        "size": 5,
        "leaves": 2,
        "value": DIGEST_ONLY,
    }
    assert set(written["/n"]) == {"path", "digest", "value"}
    assert written["/n"]["digest"] != xxh3_64_intdigest(b"[1,2]")


def test_without_any_values_a_task_has_a_keyed_signature(tmp_path: Path) -> None:
    signatures = []
    for number, values in enumerate(["full", "digest", "none", "none"]):
        tape = Tape(tmp_path / str(number))
        with tape.record(values=values), dl.task("t", inputs={"a": 1}), dl.branch("b"), dl.task("t", inputs={"a": 1}):
            pass
        first, second = (event["signature"] for event in tape.events("task-start"))
        assert first == second
        signatures.append(first)
    assert signatures[0] == signatures[1]
    assert len(set(signatures)) == 3


def test_rules_reach_into_values(tape: Tape) -> None:
    people = [{"name": "a", "home": {"street": "s", "city": "c"}}, {"name": "b", "home": {}}]
    with tape.record(capture={"*#/people/*/home/street": "none", "*#/people/1/name": "digest"}):
        dl.write("doc/1", {"people": people, "other": people}, version=1)

    (written,) = fields(tape, "write")
    first, second = json.loads(written["/people"]["value"])
    assert first["name"] == "a"
    assert first["home"]["city"] == "c"
    assert first["home"]["street"]["$type"] == "driftline.withheld"
    assert second["name"] == {
        "$type": "driftline.digest-only", "digest": xxh3_64_hexdigest(b'"b"'), "size": 3,
    }  # fmt: skip
    assert json.loads(written["/other"]["value"]) == people


def test_a_type_that_nobody_gave_is_what_the_id_begins_with(tape: Tape) -> None:
    with tape.record(capture={"user": "none", "agent": "digest"}):
        dl.write("user/1", {"a": 1}, version=1)
        dl.write("x/1", {"a": 1}, version=1, type="user")
        dl.patch("x/1", {"/a": 2}, version=2)
        dl.write("user/2", {"a": 1}, version=1, type="agent")
        dl.write("other", {"a": 1}, version=1)

    assert [item["/a"]["value"] for item in fields(tape, "write", "patch")] == [
        WITHHELD, WITHHELD, WITHHELD, DIGEST_ONLY, "1",
    ]  # fmt: skip


def test_a_removed_field_is_removed_whatever_the_rules(tape: Tape) -> None:
    with tape.record(values="none", capture={"*#/a": "digest"}):
        dl.write("doc/1", {"a": 1, "password": 1}, version=1)
        dl.patch("doc/1", {"/a": dl.ABSENT, "/password": dl.ABSENT}, version=2)

    assert tape.facts()[-1] == "main#1 patch doc/1@2 <1? /a=~ /password=~"
    assert not any("digest" in item for item in fields(tape, "patch")[0].values())


def test_a_path_that_was_met_costs_one_look() -> None:
    capture = Capture([("full", {"*#/hidden": "none"})], names=SecretNames(), key=bytes(16))

    leaves = flatten({"a": 1, "hidden": 2, "token": 3}, 3)
    capture.screen("doc/1", None, leaves)

    assert capture.plain == {"/a"}
    assert capture.passes("/b")
    assert not capture.passes("/token")
    only = [("/a", 1), ("/b", 2)]
    assert capture.screen("doc/1", None, only) is only


def test_a_thousand_paths_are_not_remembered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftline.capture._KNOWN", 100)
    capture = Capture([("full", {})], names=SecretNames(), key=bytes(16))
    for number in range(1000):
        capture.screen("doc/1", None, [(f"/{number}", number), (f"/password/{number}", number)])

    assert len(capture.plain) <= 100


def test_nothing_is_screened_once_nothing_records(tape: Tape) -> None:
    with tape.record():
        assert SCREEN.container is not None
    assert SCREEN.container is None
    assert flatten({"a": [{"password": 1}]}, 3) == [("/a", b'[{"password":1}]')]


# ---- redactor -----------------------------------------------------------------------------------------------------


def test_a_redactor_decides_field_by_field(tape: Tape) -> None:
    asked: list[tuple[object, ...]] = []

    def redact(path: str, value: Any, object_id: str, type_: str | None) -> object:
        asked.append((path, value, object_id, type_))
        if path == "/email":
            return value.partition("@")[2]
        return dl.REDACTED if path == "/home" else value

    value = {"email": "me@example.org", "home": {"a": 1}, "list": [1, {"x": 2}], "password": 1}
    with tape.record(redact=redact, depth=1):
        dl.write("user/1", value, version=1)
        dl.patch("user/1", {"/email": "you@example.org"}, version=2)
        dl.patch("user/1", {"/email": dl.ABSENT}, version=3)

    assert asked == [
        ("/email", "me@example.org", "user/1", "user"),
        ("/home", {"a": 1}, "user/1", "user"),
        ("/list", [1, {"x": 2}], "user/1", "user"),
        ("/email", "you@example.org", "user/1", "user"),
    ]
    written, patched, _ = fields(tape, "write", "patch")
    assert {path: item["value"] for path, item in written.items()} == {
        "/email": '"example.org"', "/home": WITHHELD, "/list": '[1,{"x":2}]', "/password": WITHHELD,
    }  # fmt: skip
    assert written["/list"]["digest"] == xxh3_64_intdigest(b'[1,{"x":2}]')
    assert patched["/email"]["value"] == '"example.org"'
    assert patched["/email"]["digest"] != written["/email"]["digest"], "what changed is still seen"
    assert b"me@" not in on_disk(tape.path)


def test_a_redactor_that_raises_withholds(tape: Tape) -> None:
    def redact(*_args: object) -> object:
        raise RuntimeError(SECRET)

    with tape.record(redact=redact):
        dl.write("doc/1", {"a": SECRET}, version=1)

    assert SECRET.encode() not in on_disk(tape.path)
    assert fields(tape, "write")[0]["/a"]["value"] == WITHHELD
    assert tape.record_of_process().faults == {"redact: RuntimeError": 1}
    assert tape.record_of_process().lost == 0


def test_a_redactor_that_records_is_not_asked_about_that(tape: Tape) -> None:
    def redact(_path: str, value: object, _object: str, _type: str | None) -> object:
        dl.write("audit/1", {"asked": True})
        return value

    with tape.record(redact=redact):
        dl.write("doc/1", {"a": 1}, version=1)

    assert [(event["object"], event["fields"][0]["value"]) for event in tape.events("write")] == [
        ("audit/1", WITHHELD),
        ("doc/1", "1"),
    ]


def test_what_a_redactor_changes_in_place_is_changed_in_a_copy(tape: Tape) -> None:
    def redact(_path: str, value: Any, _object: str, _type: str | None) -> object:
        if isinstance(value, list):
            value[0] = "redacted"
        return value

    mine = [SECRET]
    with tape.record(redact=redact):
        dl.write("doc/1", {"a": mine}, version=1)

    assert mine == [SECRET]
    assert fields(tape, "write")[0]["/a"]["value"] == '["redacted"]'


def test_a_redactor_can_be_named(tape: Tape) -> None:
    with tape.record(redact="driftline_test_no_such_module:redact"):
        dl.write("doc/1", {"a": 1}, version=1)
        dl.write("doc/1", {"a": 1}, version=2)
    assert [item["/a"]["value"] for item in fields(tape, "write")] == [WITHHELD, WITHHELD]
    assert tape.record_of_process().faults == {"redact: ModuleNotFoundError": 2}

    named = Tape(tape.path.with_name("named.drift"))
    with named.record(redact="operator:indexOf"):  # raises: it takes two arguments
        dl.write("doc/1", {"a": 1}, version=1)
    assert named.record_of_process().faults == {"redact: TypeError": 1}


def test_who_joins_has_the_redactor_of_the_run_or_nothing(tape: Tape) -> None:
    with tape.record(redact=lambda _path, value, _object, _type: value):
        dl.write("doc/1", {"a": 1}, version=1)
        ran = run_python(
            "import driftline as dl; dl.write('doc/2', {'a': 1}, version=1)", DRIFTLINE_TRACE=str(tape.path)
        )

    assert "driftline could not record (redact: " in ran.stderr
    assert {item["/a"]["value"] for item in fields(tape, "write")} == {"1", WITHHELD}


def test_who_joins_is_never_laxer(tape: Tape) -> None:
    with tape.record(values="digest", capture={"*#/a": "full", "*#/b": "none"}, secrets=["iban"], max_value_bytes=100):
        pass
    with tape.record(join=True, values="full", capture={"*#/a": "digest", "*#/b": "full"}, secrets=False):
        dl.write("doc/1", {"a": 1, "b": 2, "c": 3, "iban": 4, "d": ["x" * 1000]}, version=1)

    (written,) = fields(tape, "write")
    assert {path: item.get("value") for path, item in written.items()} == dict.fromkeys(
        ["/a", "/b", "/c", "/iban", "/d"]
    )
    assert {path for path, item in written.items() if "size" not in item} == {"/b", "/iban"}


# ---- size ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["x" * 5000, "é" * 5000, "\ud800" * 5000, b"\x00" * 5000, bytearray(5000), memoryview(bytes(5000)), ["y"] * 5000],
    ids=["text", "two bytes", "surrogates", "bytes", "bytearray", "memoryview", "list"],
)
@pytest.mark.parametrize("rules", [{}, {"*#/other": "none"}], ids=["sealed at once", "sealed later"])
def test_a_large_value_is_recorded_by_digest_size_and_head(tape: Tape, value: Any, rules: dict[str, Any]) -> None:
    small = Tape(tape.path.with_name("whole.drift"))
    with small.record():
        dl.write("doc/1", {"a": value}, version=1)
    with tape.record(max_value_bytes=2000, capture=rules):
        dl.write("doc/1", {"a": value}, version=1)
        dl.patch("doc/1", {"/a": value}, version=2)
        dl.patch("doc/1", {"/a": value}, version=3)

    whole = fields(small, "write")[0]["/a"]
    for written in fields(tape, "write", "patch"):
        found = {name: item for name, item in written["/a"].items() if name != "base"}
        shown = json.loads(found["value"])
        assert {**found, "value": whole["value"]} == whole
        assert shown == {"$type": "driftline.truncated", "head": shown["head"], "size": whole["size"]}
        assert whole["value"].startswith(shown["head"])
        assert 1000 < len(shown["head"].encode()) <= 1024


def test_a_limit_below_the_head_cuts_the_head(tape: Tape) -> None:
    with tape.record(max_value_bytes=10):
        dl.write("doc/1", {"a": "é" * 20, "b": "123456", "c": list("123456")}, version=1)

    (written,) = fields(tape, "write")
    assert {path: item["value"] for path, item in written.items()} == {
        "/a": '{"$type":"driftline.truncated","head":"\\"éééé","size":42}',
        "/b": '"123456"',
        "/c": '{"$type":"driftline.truncated","head":"[\\"1\\",\\"2\\",\\"","size":25}',
    }


def test_a_hundred_megabytes_are_never_copied_whole(tape: Tape) -> None:
    import tracemalloc

    value = "x" * 100_000_000
    with tape.record():
        dl.write("doc/1", {"a": 1})
        tracemalloc.start()
        dl.write("doc/1", {"a": value})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 16_000_000
    found = fields(tape, "write")[1]["/a"]
    assert (found["size"], found["digest"]) == (100_000_002, xxh3_64_intdigest(b'"' + value.encode() + b'"'))


def test_the_leaves_of_what_is_far_too_large_are_not_counted(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"a": [1] * 600_000})

    assert set(fields(tape, "write")[0]["/a"]) == {"path", "digest", "size", "value"}


# ---- anything -----------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "password", "apiKey", "x y", "token", "é", '"', "\\", "\ud800", "n\n"]) | st.text(
    max_size=3
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)


@given(
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.tuples(inner, inner)
            | st.dictionaries(NAMES | st.integers(0, 2) | st.tuples(st.integers(0, 1)), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_no_value_under_a_secrets_name_is_ever_queued(value: Any) -> None:
    planted = _planted(value)
    capture = Capture([("full", {})], names=SecretNames(), key=bytes(16))
    capture.put_in_force()
    try:
        first, second = (capture.screen("doc/1", None, flatten(planted, 3)) for _ in range(2))
    finally:
        Capture.put_out_of_force()

    assert first == second, "deterministic"
    assert b"hunter2" not in pickle.dumps(first)
    for _, payload in first:
        if isinstance(payload, bytes):
            json.loads(payload)


def _planted(value: Any) -> Any:
    """The value with a secret beside everything in it."""
    if isinstance(value, dict):
        return {key: _planted(item) for key, item in value.items()} | {"myPassword": SECRET, "pwd": {"x": [SECRET]}}
    if isinstance(value, (list, tuple)):
        return [*map(_planted, value), {"secret": SECRET}]
    return value
