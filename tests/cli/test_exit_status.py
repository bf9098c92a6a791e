"""What each command ends with: 0 nothing found, 1 findings, 2 usage or an unreadable trace, 3 an internal error."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from driftline_cli import diagnostics

Ask = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("trace", "options", "status"),
    [
        ("lost", [], 1),
        ("lost", ["--exit-zero"], 0),
        ("lost", ["--fail-on", "never"], 0),
        ("lost", ["--fail-on", "note"], 1),
        ("lost", ["--ignore", "DRF1"], 0),
        ("lost", ["--select", "DRF3,partial-write"], 0),
        ("lost", ["--format", "json"], 1),
        ("notes", [], 0),
        ("notes", ["--fail-on", "warning"], 0),
        ("notes", ["--fail-on", "note"], 1),
        ("clean", ["--fail-on", "note"], 0),
    ],
)
def test_analyze(request: pytest.FixtureRequest, ask: Ask, trace: str, options: list[str], status: int) -> None:
    result = ask("analyze", request.getfixturevalue(trace), *options)
    assert result.exit_code == status, result.output


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["analyse"],
        ["analyze"],
        ["analyze", "absent.drift"],
        ["analyze", "TRACE", "--format", "xml"],
        ["analyze", "TRACE", "--fail-on", "sometimes"],
        ["analyze", "TRACE", "--select", "DRF999"],
        ["analyze", "TRACE", "--limit", "-1"],
        ["analyze", "TRACE", "--no-such-option"],
        ["analyze", "TRACE", "and", "more"],
        ["blame", "TRACE", "context/43"],
        ["blame", "TRACE", "context/42#/summry"],
        ["log", "TRACE", "context/42@9"],
        ["show", "TRACE", "context/42", "--at", "yesterday"],
        ["show", "TRACE", "context/42", "--seen-by", "bop"],
        ["diff", "TRACE", "context/42@1"],
        ["lineage", "TRACE", "context/42", "--depth", "0"],
        ["rule", "stale-overwite"],
        ["demo", "--nodes", "0"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_2_and_says_once_what_to_try(lost: Path, ask: Ask, words: list[str]) -> None:
    result = ask(*(lost if word == "TRACE" else word for word in words))
    assert result.exit_code == diagnostics.USAGE
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    if words:
        first, second = result.stderr.splitlines()
        assert first.startswith("error: ")
        assert second.startswith("  try: ")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["analyse"], "did you mean 'analyze'?"),
        (["analyze", "TRACE", "--formt", "json"], "did you mean --format?"),
        (["blame", "TRACE", "context/24"], "did you mean context/42?"),
        (["blame", "TRACE", "context/42#/summry"], "did you mean /summary?"),
        (["show", "TRACE", "context/42", "--seen-by", "alise"], "did you mean alice"),
        (["rule", "stale-overwite"], "did you mean stale-overwrite?"),
    ],
)
def test_a_slip_is_recognised(lost: Path, ask: Ask, words: list[str], hint: str) -> None:
    assert hint in ask(*(lost if word == "TRACE" else word for word in words)).stderr


def test_an_internal_error_is_3_and_says_how_to_report_it(
    lost: Path,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("driftline_cli.commands.analyze.emit_each", lambda *_: 1 / 0)
    result = ask("analyze", lost)
    assert result.exit_code == diagnostics.INTERNAL
    first, second = result.stderr.splitlines()
    assert first == "internal error: ZeroDivisionError: division by zero"
    assert second.startswith("  try: report it with the traceback that --debug shows, the command, and that this is ")
    traced = ask("analyze", lost, DRIFTLINE_DEBUG="1")
    assert traced.exit_code == diagnostics.INTERNAL
    assert "Traceback (most recent call last)" in traced.stderr
    assert "internal error: ZeroDivisionError" in traced.stderr


def test_debug_is_an_option_of_every_command(run: Run) -> None:
    for words in (["--debug", "rule", "nonesuch"], ["rule", "nonesuch", "--debug"]):
        result = run(*words)
        assert result.returncode == diagnostics.USAGE
        assert "Traceback" in result.stderr


def test_an_interrupt_is_130(lost: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("driftline_cli.commands.analyze.emit_each", pressed)
    result = ask("analyze", lost)
    assert result.exit_code == diagnostics.INTERRUPTED
    assert result.output == ""


def test_an_interrupt_is_130_also_where_a_library_wraps_it() -> None:
    program = (
        "import os, signal, sys\n"
        "from driftline_cli import diagnostics\n"
        "def work():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    except KeyboardInterrupt as pressed:\n"
        "        raise RuntimeError('query failed') from pressed\n"
        "sys.exit(diagnostics.guarded(work))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, text=True)
    assert (result.returncode, result.stderr) == (diagnostics.INTERRUPTED, "")


def test_a_running_analysis_can_be_interrupted(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "import driftline_analyzer\n"
        "from contextlib import contextmanager\n"
        "@contextmanager\n"
        "def slow(path, **_options):\n"
        "    print('begun', file=sys.stderr, flush=True)\n"
        "    time.sleep(30)\n"
        "    yield\n"
        "driftline_analyzer.analyze = slow\n"
        "from driftline_cli.app import main\n"
        f"sys.argv = ['driftline', 'analyze', {str(tmp_path)!r}]\n"
        "main()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (diagnostics.INTERRUPTED, "")


def test_a_question_does_not_record_itself(lost: Path, tmp_path: Path, run: Run) -> None:
    run("analyze", lost, DRIFTLINE_TRACE=str(tmp_path / "own.drift"))
    assert not (tmp_path / "own.drift").exists()


def test_damaged_traces_are_explained(tmp_path: Path, ask: Ask) -> None:
    empty = tmp_path / "empty.drift"
    empty.mkdir()
    assert ask("analyze", empty).exit_code == diagnostics.USAGE
    (empty / "trace.json").write_text("{")
    result = ask("info", empty)
    assert result.exit_code == diagnostics.USAGE
    assert "is damaged" in result.stderr


def test_it_runs_as_a_module(driftline: str) -> None:
    result = subprocess.run([sys.executable, "-m", "driftline_cli", "--version"], capture_output=True, check=True)
    installed = subprocess.run([driftline, "--version"], capture_output=True, check=True)
    assert result.stdout == installed.stdout
