"""Standard output is data and nothing else; files are written whole or not at all; colour is for terminals."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import Result

from driftline_cli import output

Ask = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]


def test_data_goes_to_standard_output_and_warnings_do_not(lost: Path, tmp_path: Path, run: Run) -> None:
    cut = tmp_path / "cut.drift"
    cut.mkdir()
    for path in lost.glob("[!.]*.*"):
        (cut / path.name).write_bytes(path.read_bytes())
    record = next(path for path in cut.glob("p*.json"))
    record.write_text(record.read_text().replace('"closed": true', '"closed": false'))
    result = run("analyze", cut, "--format", "json")
    assert json.loads(result.stdout)["trace"]["complete"] is False
    assert result.stderr.startswith(f"warning: {cut} is incomplete")
    assert "no" in run("info", cut).stdout.partition("complete")[2].splitlines()[0]


@pytest.mark.parametrize("words", [["analyze"], ["info"], ["blame", "context/42"], ["lineage", "context/42"]])
def test_no_escape_sequence_in_a_pipe(lost: Path, run: Run, words: list[str]) -> None:
    result = run(words[0], lost, *words[1:])
    assert result.stdout
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_lines_fit_the_terminal(lost: Path, many: Path, ask: Ask) -> None:
    for words in (["analyze", lost], ["analyze", many], ["info", lost], ["rule"], ["rule", "DRF101"], ["--help"]):
        for line in ask(*words).stdout.splitlines():
            # A command to copy is never broken, and the path of a trace is as long as it is.
            assert cell_len(line) <= output.WIDTH or "driftline " in line or ".drift" in line


def test_forced_colour_and_no_colour(lost: Path, run: Run) -> None:
    assert "\x1b[" in run("analyze", lost, FORCE_COLOR="1", TERM="xterm-256color").stdout
    assert "\x1b" not in run("analyze", lost, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b" not in run("--help", NO_COLOR="1").stdout


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_on_a_terminal(driftline: str, variables: dict[str, str], coloured: bool) -> None:  # noqa: FBT001
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color", **variables}
    for name in ("NO_COLOR", "FORCE_COLOR"):
        if name not in variables:
            environment.pop(name, None)
    ours, theirs = pty.openpty()
    process = subprocess.Popen([driftline, "rule", "DRF101"], stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    assert process.wait(timeout=30) == 0
    os.close(ours)
    assert (b"\x1b[" in shown) is coloured


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other side is closed
        return b""


def test_a_reader_that_goes_away_is_no_fault(many: Path, driftline: str) -> None:
    process = subprocess.Popen(
        [driftline, "analyze", str(many), "--all"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=30), said) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_explained(lost: Path, driftline: str) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [driftline, "info", str(lost)], stdout=full, stderr=subprocess.PIPE, check=False, text=True
        )
    assert result.returncode == 2
    assert result.stderr.startswith("error: standard output cannot be written: No space left")


def test_a_closed_standard_output_is_no_fault(lost: Path, driftline: str) -> None:
    closing = f"exec {driftline} analyze {lost} --exit-zero >&-"
    result = subprocess.run(["/bin/sh", "-c", closing], stderr=subprocess.PIPE, check=False, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_terminal_without_unicode_gets_ascii(lost: Path, run: Run) -> None:
    result = run("analyze", lost, PYTHONIOENCODING="ascii")
    assert result.stdout.isascii()
    assert " | " in result.stdout


def test_output_to_a_file(lost: Path, tmp_path: Path, run: Run) -> None:
    target = tmp_path / "found.json"
    target.write_text("old")
    result = run("analyze", lost, "--format", "json", "-o", target)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "")
    assert json.loads(target.read_text())["counts"] == {"stale-overwrite": 1}
    run("analyze", lost, "-o", target, FORCE_COLOR="1")
    assert target.read_text().startswith("error[DRF101]")
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]


def test_a_file_is_left_alone_when_something_goes_wrong(
    tmp_path: Path,
    lost: Path,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "found.txt"
    target.write_text("old")

    def fails(_path: Path, _other: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    result = ask("analyze", lost, "-o", target)
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {target} cannot be written: No space left on device\n"
        "  try: name a file in a folder that you may write to\n"
    )
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["found.txt"]


@pytest.mark.parametrize("name", ["absent/found.txt", "."])
def test_an_unwritable_file_is_explained(tmp_path: Path, lost: Path, ask: Ask, name: str) -> None:
    result = ask("analyze", lost, "-o", tmp_path / name)
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_output_to_a_device(lost: Path, ask: Ask) -> None:
    assert ask("analyze", lost, "-o", os.devnull).exit_code == 1
    assert not Path(os.devnull).is_file()


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from driftline_cli.app import app\n"
        "try:\n"
        "    app(['--help'], prog_name='driftline')\n"
        "except SystemExit:\n"
        "    heavy = {'duckdb', 'pyarrow', 'rich', 'driftline', 'textual', 'plotly', 'opentelemetry'}\n"
        "    print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert result.stdout.splitlines()[-1] == "[]"
