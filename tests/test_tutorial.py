"""The tutorial: each of its files is written, each of its commands run, each of its answers compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"\s+# exit status (?P<status>\d+)$")
#: What differs from run to run: moments, events, the numbers that make branches unique.
_CHANCE = re.compile(r"\+\d+\.\d+s|p\d+-[0-9a-f]+:\d+|#[0-9a-f]{6}\.\d+\b")


@dataclass(frozen=True)
class Step:
    """A command of the page.

    Attributes:
        command: As a shell takes it.
        status: The exit status that the page states, else 0.
        answer: The lines of the answer that the page shows.
    """

    command: str
    status: int
    answer: tuple[str, ...]


def told(page: str) -> tuple[dict[str, str], list[Step]]:
    """The files of the page by name, and its commands in order."""
    files: dict[str, str] = {}
    steps: list[Step] = []
    for block in _BLOCK.finditer(page):
        kind, text = block["kind"], block["text"]
        first, _, rest = text.partition("\n")
        if kind in {"python", "toml"}:
            files[first.removeprefix("# ")] = rest
        elif kind == "sh":
            stated = _STATUS.search(first)
            assert not rest, "one command a block"
            steps.append(Step(_STATUS.sub("", first), int(stated["status"]) if stated else 0, ()))
        elif kind == "text":
            steps[-1] = Step(steps[-1].command, steps[-1].status, tuple(text.splitlines()))
        else:
            raise AssertionError(f"a block of {kind!r}: nothing says what to do with it")
    return files, steps


def plain(line: str) -> str:
    """A line without what differs from run to run, and without its columns."""
    return " ".join(_CHANCE.sub("", line).split())


def missing(answer: tuple[str, ...], output: str) -> list[str]:
    """The lines of an answer that are not in the output, each after the one before it.

    A line of the page may leave out what stands between its words: columns of a table.
    """
    lines = iter([plain(line) for line in output.splitlines()])
    return [line for line in answer if not any(_shows(plain(line), shown) for shown in lines)]


def _shows(wanted: str, shown: str) -> bool:
    words = iter(shown.split())
    return all(word in words for word in wanted.split())


def test_every_command_of_the_tutorial_answers_as_the_page_says(tmp_path: Path) -> None:
    files, steps = told(PAGE.read_text())
    assert set(files) == {"drifting.py", "policy.toml", "disciplined.py"}
    assert len(steps) == 9
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    folders = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": folders, "NO_COLOR": "1", "COLUMNS": "80"}
    for step in steps:
        ran = subprocess.run(
            ["/bin/sh", "-c", step.command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == step.status, (step.command, ran.stdout, ran.stderr)
        assert step.answer
        assert missing(step.answer, ran.stdout) == [], (step.command, ran.stdout, ran.stderr)


def test_an_answer_that_is_not_given_is_told() -> None:
    output = "a  1\nb  2 +0.5s x\nc  3\n"
    assert missing(("a 1", "b 2 x", "c 3"), output) == []
    assert missing(("b 2", "a 1"), output) == ["a 1"]
    assert missing(("b 3",), output) == ["b 3"]
