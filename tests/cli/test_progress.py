"""Progress is shown on a terminal, for work that takes a while, and leaves nothing behind."""

from __future__ import annotations

import io
import sys
import time

import pytest

from driftline_cli import diagnostics


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "_PATIENCE", 0.01)
    monkeypatch.setenv("TERM", "xterm")


def shown(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, seconds: float) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with diagnostics.progress("analysing") as tell:
        tell("load", 0.0)
        time.sleep(seconds)
        tell("order", 0.5)
    return stream.getvalue()


def test_slow_work_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(Terminal(), monkeypatch, 0.5)
    assert "analysing: load" in text
    assert text.endswith("\x1b[1A\x1b[2K")  # the line is taken back


def test_quick_work_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "_PATIENCE", 10.0)
    assert shown(Terminal(), monkeypatch, 0.0) == ""


def test_slow_work_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(io.StringIO(), monkeypatch, 0.1) == ""


def test_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with diagnostics.progress("analysing"):
        time.sleep(0.05)
    assert stream.getvalue() == ""
