"""Settings: one definition each, code over environment over file, and errors that say where the bad value came from."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tape import Tape, run_python

import driftline as dl
from driftline.errors import DriftlineError
from driftline.header import Header
from driftline.settings import SETTINGS, Settings, from_code, from_environment, from_file, in_force, resolve, variable

Project = Callable[[str], Path]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Work in a folder whose pyproject.toml says this."""

    def made(text: str) -> Path:
        (tmp_path / "pyproject.toml").write_text(text)
        monkeypatch.chdir(tmp_path)
        return tmp_path / "pyproject.toml"

    return made


def wrong(what: Callable[[], object]) -> str:
    with pytest.raises(DriftlineError) as caught:
        what()
    assert caught.value.hint
    return f"{caught.value.message} | {caught.value.hint}"


# ---- which counts -------------------------------------------------------------------------------------------------


def test_code_counts_over_environment_over_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project("[tool.driftline]\ndepth = 5\nvalues = 'digest'\nordered = false\n")
    monkeypatch.setenv("DRIFTLINE_DEPTH", "4")
    monkeypatch.setenv("DRIFTLINE_VALUES", "none")

    found = in_force(values="full")

    assert (found.values, found.depth, found.ordered) == ("full", 4, False)
    assert found.given == {"values", "depth", "ordered"}


def test_what_nobody_says_is_the_default(project: Project) -> None:
    project("[project]\nname = 'x'\n")

    assert in_force() == Settings()


def test_a_recording_follows_them(project: Project, tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    project("[tool.driftline]\ndepth = 1\n[tool.driftline.capture]\n'*#/b' = 'digest'\n")
    monkeypatch.setenv("DRIFTLINE_SECRETS", "off")
    with tape.record():
        dl.write("doc/1", {"a": {"x": 1}, "b": 2, "password": "p"}, version=1)

    header = Header.load(tape.path)
    assert (header.depth, header.capture.rules, header.capture.secrets) == (1, {"*#/b": "digest"}, False)
    assert tape.facts() == ['main#1 write doc/1@1 <-? /a={"x":1} /b={"$type":"driftline.digest-only"} /password="p"']


def test_rules_add_up_and_the_stronger_come_last(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project("[tool.driftline.capture]\n'*#/a' = 'none'\n'*#/b' = 'none'\n")
    monkeypatch.setenv("DRIFTLINE_CAPTURE", "*#/a=digest, doc#/c=none")

    found = in_force(capture={"*#/b": "full"}).capture

    assert list(found.items()) == [("*#/a", "digest"), ("doc#/c", "none"), ("*#/b", "full")]


@pytest.mark.parametrize(
    ("file", "code", "found"),
    [
        ("['iban']", ["ssn"], ("iban", "ssn")),
        ("['iban']", False, False),
        ("false", ["ssn"], ("ssn",)),
        ("false", None, False),
    ],
)
def test_names_of_secrets_add_up(project: Project, file: str, code: Any, found: Any) -> None:
    project(f"[tool.driftline]\nsecrets = {file}\n")

    assert in_force(secrets=code).secrets == found


def test_the_nearest_file_that_has_the_table_counts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project("[tool.driftline]\ndepth = 2\ntrace = 'run.drift'\npolicy = 'policy.toml'\n")
    inner = path.parent / "a" / "b"
    inner.mkdir(parents=True)
    (inner.parent / "pyproject.toml").write_text("[tool.other]\nx = 'driftline'\n")
    monkeypatch.chdir(inner)

    found = in_force()

    assert found.depth == 2
    assert (found.trace, found.policy) == (path.with_name("run.drift"), path.with_name("policy.toml"))


def test_a_trace_can_be_named_by_the_environment(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTLINE_TRACE", str(tape.path))
    with dl.record() as recording:
        assert recording.path == tape.path

    monkeypatch.delenv("DRIFTLINE_TRACE")
    assert wrong(dl.start) == "nobody says where to record | pass a path, or set DRIFTLINE_TRACE"


def test_the_variables_say_the_same_settings_again() -> None:
    given = {
        "values": "digest", "capture": {"a,b#/x=y": "none"}, "secrets": ["iban"], "redact": "a.b:c.d",
        "max_value_bytes": 10, "sample": {"objects": 0.25}, "overflow": "drop", "depth": 2, "ordered": False,
    }  # fmt: skip
    found = resolve([from_code(**given)])

    again = resolve([from_environment(found.environment())])

    assert again == found
    assert set(found.environment()) == {variable(name) for name, setting in SETTINGS.items() if setting.shared}


def test_an_empty_variable_is_none() -> None:
    assert resolve([from_environment({"DRIFTLINE_DEPTH": ""})]) == Settings()


def test_start_and_record_take_every_setting() -> None:
    for function in (dl.start, dl.record):
        names = set(inspect.signature(function).parameters)
        assert names == {"path", "overwrite", "join", "export"} | (set(SETTINGS) - {"trace"})


# ---- what is wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("VALUES", "some", "'some' is none of its words | give one of full, digest, none"),
        ("DEPTH", "deep", "'deep' is no whole number | give a whole number, 1 or more"),
        ("DEPTH", "0", "0 is less than 1 | give a whole number, 1 or more"),
        ("ORDERED", "perhaps", "'perhaps' is neither true nor false | give true or false"),
        ("CAPTURE", "doc#/a", "'doc#/a' has no level | give patterns"),
        ("CAPTURE", "doc#a=none", "'doc#a' names no field | give patterns"),
        ("CAPTURE", "/a=none", "'/a' names no field | give patterns"),
        ("CAPTURE", "doc=some", "'some' (of 'doc') is no level | give patterns"),
        ("CAPTURE", "{", "Expecting property name"),
        ("REDACT", "module", "'module' names no function | give a function, or its name"),
        ("SAMPLE", "objects", "'objects' has no share | give a share from 0 to 1 for each of objects, branches"),
        ("SAMPLE", "objects=2", "2.0 is no share of objects | give a share"),
        ("SAMPLE", "fields=0.1", "'fields' cannot be sampled | give a share"),
        ("SECRETS", "!", "'!' is no name | give true, false, or a list"),
    ],
)
def test_a_bad_variable_is_named(name: str, text: str, said: str) -> None:
    message = wrong(lambda: resolve([from_environment({f"DRIFTLINE_{name}": text})]))

    assert message.startswith(f"DRIFTLINE_{name}: {said}")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("values = 3", "tool.driftline.values: 3 is none of its words | give one of"),
        ("depth = '3'", "tool.driftline.depth: '3' is no whole number | give"),
        ("ordered = 1", "tool.driftline.ordered: 1 is neither true nor false"),
        ("capture = 'x'", "tool.driftline.capture: 'x' is no table of patterns"),
        ("secrets = 'iban'", "tool.driftline.secrets: 'iban' is neither true, false nor a list of names"),
        ("secrets = [1]", "tool.driftline.secrets: 1 is no name"),
        ("sample = 0.1", "tool.driftline.sample: 0.1 is no table of shares"),
        ("redact = 1", "tool.driftline.redact: 1 cannot be called"),
        ("trace = 1", "tool.driftline.trace: 1 is no path"),
        ("value = 'none'", "tool.driftline.value: there is no such setting | did you mean values?"),
        ("max-value-bytes = 1", "tool.driftline.max-value-bytes: there is no such setting | did you mean max_value_"),
        ("zzz = 1", "tool.driftline.zzz: there is no such setting | use one of trace, values, "),
    ],
)
def test_a_bad_key_of_the_file_is_named(project: Project, toml: str, said: str) -> None:
    path = project(f"[tool.driftline]\n{toml}\n")

    assert wrong(in_force).startswith(f"{path}: {said}")


def test_a_policy_may_stand_beside_the_settings(project: Project) -> None:
    path = project("[tool.driftline]\ndepth = 2\n[tool.driftline.gate]\norphan-reference = 'warn'\n")

    assert in_force().depth == 2
    from driftline.discipline import load

    assert load(path)


def test_a_file_that_is_no_toml_matters_only_if_it_speaks_of_driftline(project: Project) -> None:
    project("[broken\n")
    assert in_force() == Settings()

    path = project("[tool.driftline\n")
    assert wrong(in_force).startswith(f"{path} is not TOML: ")

    path = project("tool.driftline = 3\n")
    assert wrong(in_force) == f"{path}: tool.driftline is no table | write [tool.driftline]"


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"# \xff\n[tool.driftline]\n")

    assert "cannot be read" in wrong(lambda: from_file(tmp_path))


@pytest.mark.parametrize("argument", [{"depth": 0}, {"values": "x"}, {"capture": 3}, {"secrets": 1}, {"sample": 0.5}])
def test_a_bad_argument_is_named_and_nothing_begins(tape: Tape, argument: dict[str, Any]) -> None:
    message = wrong(lambda: dl.start(tape.path, **argument))

    assert message.startswith(f"argument {next(iter(argument))}: ")
    assert not tape.path.exists()


def test_a_mistyped_variable_is_an_error() -> None:
    said = wrong(lambda: from_environment({"DRIFTLINE_VALUE": "none"}))

    assert said == "there is no setting DRIFTLINE_VALUE | did you mean DRIFTLINE_VALUES?"
    assert from_environment({"DRIFTLINE_OF_SOMEONE_ELSE": "1"}).values == {}


def test_a_bad_environment_does_not_stop_the_program(tape: Tape) -> None:
    ran = run_python("import driftline; print('ran on')", DRIFTLINE_TRACE=str(tape.path), DRIFTLINE_DEPTH="0")

    assert (ran.returncode, ran.stdout) == (0, "ran on\n")
    assert ran.stderr.startswith("driftline could not record (DRIFTLINE_TRACE): DRIFTLINE_DEPTH: 0 is less than 1")
    assert not tape.path.exists()


def test_a_working_folder_that_is_gone_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        assert in_force() == Settings()
    finally:
        os.chdir(tmp_path)
