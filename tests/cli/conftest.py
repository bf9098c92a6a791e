"""Small traces, and two ways to put a question to the command line: in this process, or as a user does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import driftline as dl
from driftline_cli.app import app

Ask = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]

# A shell starts what runs in its background with this signal ignored; every program started here would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def driftline() -> str:
    """The script that the installed package provides."""
    return str(Path(sys.executable).with_name("driftline"))


@pytest.fixture
def ask() -> Ask:
    """Ask in this process: words of the command line, and environment variables by name."""

    def asked(*words: object, **variables: str) -> Result:
        environment = {"COLUMNS": "80", "NO_COLOR": "", "FORCE_COLOR": "", **variables}
        return CliRunner().invoke(app, [str(word) for word in words], env=environment, prog_name="driftline")

    return asked


@pytest.fixture
def run(driftline: str) -> Run:
    """Ask in a process of its own."""

    def ran(*words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "COLUMNS": "80", **variables}
        command = [driftline, *(str(word) for word in words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)

    return ran


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Record what a function does, once a session."""
    known: dict[str, Path] = {}

    def make(work: Callable[[], None], **options: Any) -> Path:
        name = work.__name__
        if name not in known:
            known[name] = tmp_path_factory.mktemp("traces") / f"{name}.drift"
            with dl.record(known[name], **options):
                work()
        return known[name]

    return make


@pytest.fixture
def lost(made: Callable[..., Path]) -> Path:
    """One lost update of two fields, by B over A, from declared bases."""
    return made(_lost)


@pytest.fixture
def clean(made: Callable[..., Path]) -> Path:
    """No drift."""
    return made(_clean)


@pytest.fixture
def notes(made: Callable[..., Path]) -> Path:
    """One note, nothing worse."""
    return made(_notes)


@pytest.fixture
def many(made: Callable[..., Path]) -> Path:
    """Thirty findings: one drift on thirty objects."""
    return made(_many)


@pytest.fixture
def unordered(made: Callable[..., Path]) -> Path:
    """A trace whose arrival order means nothing."""
    return made(_unordered, ordered=False)


@pytest.fixture
def digests(made: Callable[..., Path]) -> Path:
    """The lost update in a trace that keeps no values."""
    return made(_digests, values="digest")


def _lost() -> None:
    facts = [f"fact {i}" for i in range(30)]
    start = {"facts": [], "summary": "", "owner": "nobody"}
    dl.write("context/42", start, version=1, type="context")
    with dl.branch("alice", phase="reasoning"):
        dl.read("context/42", start, version=1)
        dl.patch("context/42", {"/facts": facts, "/summary": "what alice found"}, base=1, version=2, confidence=0.9)
    with dl.branch("bob", phase="enrichment"):
        dl.read("context/42", start, version=1)
        dl.patch("context/42", {"/summary": "what bob found"}, base=1, version=3)
    with dl.branch("carol"):
        dl.read("context/42", {**start, "facts": facts, "summary": "what bob found"}, version=3)
        dl.write("report/1", {"text": "all of it"}, version=1, type="report", inputs=[("context/42", 3)])


def _digests() -> None:
    _lost()


def _clean() -> None:
    dl.write("o/1", {"n": 0}, version=1, type="o")
    with dl.branch("A"):
        dl.patch("o/1", {"/n": 1}, base=1, version=2)


def _notes() -> None:
    dl.write("o/1", {"a": 0, "b": 0}, version=1, type="o")
    with dl.branch("A"):
        dl.patch("o/1", {"/a": 1}, base=1, version=2)
    with dl.branch("B"):
        dl.patch("o/1", {"/b": 1}, base=1, version=3)


def _many() -> None:
    for i in range(30):
        dl.write(f"o/{i}", {"n": 0}, version=1, type="o")
        with dl.branch("A"):
            dl.patch(f"o/{i}", {"/n": 1}, base=1, version=2)
        with dl.branch("B"):
            dl.patch(f"o/{i}", {"/n": 2}, base=1, version=3)


def _unordered() -> None:
    dl.write("o/1", {"n": 0}, version="a", type="o")
    with dl.branch("A"):
        dl.patch("o/1", {"/n": 1}, base="a", version="b")
