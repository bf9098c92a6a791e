"""Recorded histories from elsewhere: what is imported of them, and lost updates against their published numbers.

The histories themselves are not part of the repository: they lie beside it, in `../shared/histories`, or where
`DRIFTLINE_HISTORIES` says.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import Result

from driftline import DriftlineError
from driftline.reader import Trace
from driftline_analyzer import analyze
from driftline_analyzer.importers import formats, import_history

HISTORIES: Final = Path(os.environ.get("DRIFTLINE_HISTORIES") or Path(__file__).parents[2] / "shared" / "histories")

#: File → sessions, transactions, operations, groups of lost updates, transactions in them.
PUBLISHED: Final = {
    "polysi/galera.txt": (2, 7, 14, 1, 2),
    "awdit-tests/causal/lost-update.txt": (3, 3, 5, 1, 2),
    "awdit-tests/causal/generated/l100e1000sqrt.txt": (33, 278, 1100, 4, 10),
    "awdit-tests/causal/generated/l20e200sqrt.txt": (16, 69, 220, 2, 3),
    "awdit-tests/causal/generated/l50e1000sqrt.txt": (33, 263, 1050, 3, 7),
    "awdit-tests/causal/fully-ser.txt": (3, 4, 5, 0, 0),
    "awdit-tests/causal/long-fork.txt": (3, 5, 8, 0, 0),
    "awdit-tests/read-atomic/generated/l100e1000sqrt.txt": (33, 235, 1100, 4, 8),
    "awdit-tests/read-atomic/generated/l6e30sqrt.txt": (7, 14, 36, 1, 2),
    "awdit-tests/read-committed/generated/l100e1000sqrt.txt": (33, 242, 1100, 3, 6),
    "awdit-tests/read-committed/generated/l10e100sqrt.txt": (11, 35, 110, 1, 2),
    "awdit-tests/read-committed/generated/l6e30sqrt.txt": (7, 14, 36, 1, 2),
}


def lost_updates(folder: Path) -> tuple[int, int]:
    """From how many versions a lost update forks, and how many transactions take part in one."""
    with analyze(folder) as analysis:
        found = [finding for finding in analysis.findings(["DRF101"]) if finding.object is not None]
        units = dict(
            analysis.rows(
                "SELECT p.process || ':' || e.seq, u.unit FROM event AS e JOIN process AS p ON p.p = e.p"
                " JOIN unit AS u ON u.u = e.u",
            ),
        )
    groups = {(finding.object, finding.base) for finding in found}
    return len(groups), len({units[event] for finding in found for event in finding.evidence})


def counts(folder: Path) -> tuple[int, int, int]:
    ops = [op for _, batch in Trace(folder).batches() for op in batch.column("op").to_pylist()]
    return ops.count("branch-start"), ops.count("unit-begin"), ops.count("read") + ops.count("write")


@pytest.mark.skipif(not HISTORIES.is_dir(), reason="the histories are not there: ../shared/histories")
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_history_has_the_lost_updates_that_were_published(tmp_path: Path, name: str) -> None:
    *expected, groups, transactions = PUBLISHED[name]
    import_history("polysi" if name.startswith("polysi") else "awdit", HISTORIES / name, tmp_path / "run.drift")
    assert counts(tmp_path / "run.drift") == tuple(expected)
    assert lost_updates(tmp_path / "run.drift") == (groups, transactions)


@pytest.mark.skipif(not HISTORIES.is_dir(), reason="the histories are not there: ../shared/histories")
def test_all_other_histories_have_none(tmp_path: Path) -> None:
    others = [path for path in HISTORIES.rglob("*.txt") if str(path.relative_to(HISTORIES)) not in PUBLISHED]
    assert len(others) == 11
    for number, path in enumerate(others):
        import_history("awdit", path, tmp_path / f"{number}.drift")
        assert lost_updates(tmp_path / f"{number}.drift") == (0, 0)


# ---- what becomes of a history ------------------------------------------------------------------------------------

AWDIT: Final = "w 1 0\n====\nr 1 0\nr 1 0\nw 1 5\nw 1 6\nr 1 6\n----\n\nw 1 7\n=======\n----\nr 1 5\n"
POLYSI: Final = "r(1,0,4,2)\nw(1,5,4,2)\nr(1,0,9,3)\nw(1,7,4,-1)\n r( 1, 5 , 4, 5)\nw(1,8,4,-1)"


def events(tmp_path: Path, format_: str, text: str) -> list[dict[str, Any]]:
    (tmp_path / "history.txt").write_text(text)
    import_history(format_, tmp_path / "history.txt", tmp_path / "run.drift")
    trace = Trace(tmp_path / "run.drift")
    rows = [row for _, batch in trace.batches() for row in batch.to_pylist()]
    assert not trace.header.ordered
    assert trace.complete
    return rows


def told(rows: list[dict[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        line = f"{row['branch']} {row['unit'] or ''} {row['op']}"
        if row["object"] is not None:
            (field,) = row["fields"]
            assert (field["path"], field["value"], row["type"]) == ("", row["label"], "key")
            line += f" {row['object']}@{row['label']}" + (f" from {row['base_label']}" if row["base_label"] else "")
        lines.append(line)
    return lines


def test_awdit(tmp_path: Path) -> None:
    assert told(events(tmp_path, "awdit", AWDIT)) == [
        "session-1#1  branch-start",
        "session-1#1 transaction-1#1 unit-begin",
        "session-1#1 transaction-1#1 write key/1@0",
        "session-1#1 transaction-1#1 unit-commit",
        "session-2#1  branch-start",
        "session-2#1 transaction-2#1 unit-begin",
        "session-2#1 transaction-2#1 read key/1@0",
        "session-2#1 transaction-2#1 read key/1@0",
        "session-2#1 transaction-2#1 write key/1@5 from 0",
        "session-2#1 transaction-2#1 write key/1@6 from 5",
        "session-2#1 transaction-2#1 read key/1@6",
        "session-2#1 transaction-2#1 unit-commit",
        "session-2#1 transaction-3#1 unit-begin",
        "session-2#1 transaction-3#1 write key/1@7",
        "session-2#1 transaction-3#1 unit-commit",
        "session-3#1  branch-start",
        "session-3#1 transaction-4#1 unit-begin",
        "session-3#1 transaction-4#1 read key/1@5",
        "session-3#1 transaction-4#1 unit-commit",
        "session-1#1  branch-end",
        "session-2#1  branch-end",
        "session-3#1  branch-end",
    ]


def test_polysi(tmp_path: Path) -> None:
    rows = events(tmp_path, "polysi", POLYSI)
    assert [line for line in told(rows) if not line.startswith("session-9")] == [
        "session-4#1  branch-start",
        "session-4#1 transaction-2#1 unit-begin",
        "session-4#1 transaction-2#1 read key/1@0",
        "session-4#1 transaction-2#1 write key/1@5 from 0",
        "session-4#1 transaction-2#1 unit-commit",
        "session-4#1 aborted-1#1 unit-begin",
        "session-4#1 aborted-1#1 write key/1@7",
        "session-4#1 aborted-1#1 unit-abort",
        "session-4#1 transaction-5#1 unit-begin",
        "session-4#1 transaction-5#1 read key/1@5",
        "session-4#1 transaction-5#1 unit-commit",
        "session-4#1 aborted-2#1 unit-begin",
        "session-4#1 aborted-2#1 write key/1@8",
        "session-4#1 aborted-2#1 unit-abort",
        "session-4#1  branch-end",
    ]


def test_an_empty_history_is_an_empty_trace(tmp_path: Path) -> None:
    assert events(tmp_path, "awdit", "\n---\n===\n") == []


def test_the_same_history_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "history.txt").write_text(AWDIT)
    made = []
    for name in ("a.drift", "b.drift"):
        import_history("awdit", tmp_path / "history.txt", tmp_path / name)
        made.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert made[0] == made[1]


# ---- what is none -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_", "text", "message"),
    [
        ("awdit", b"w 1 1\nw 1\n", "line 2: 'w 1' is not understood"),
        ("awdit", b"x 1 1\n", "line 1: 'x 1 1' is not understood"),
        ("awdit", b"w 1 1\n\n--=--\n", "line 3: '--=--' is not understood"),
        ("awdit", "w ١ 1".encode(), "line 1: 'w ١ 1' is not understood"),  # noqa: RUF001 - digits that are none of ours
        ("awdit", b"w 1 " + b"9" * 5000, "line 1: 'w 1 9999"),
        ("awdit", b"\xff\xfe\x00", "is not text: invalid start byte"),
        ("polysi", b"w(1,1,1)\n", "line 1: 'w(1,1,1)' is not understood"),
        ("polysi", b"w(1,1,1,1)\nw(1,2,1,2)\nw(1,3,1,1)\n", "line 3: transaction 1 goes on after it had ended"),
        ("polysi", b"w(1,1,1,1)\nw(1,2,2,1)\n", "line 2: transaction 1 goes on after it had ended"),
        ("oracle", b"", "no format 'oracle' can be imported"),
    ],
)
def test_what_is_no_history_is_refused_by_file_and_line(
    tmp_path: Path, format_: str, text: bytes, message: str
) -> None:
    source = tmp_path / "history.txt"
    source.write_bytes(text)
    with pytest.raises(DriftlineError) as caught:
        import_history(format_, source, tmp_path / "run.drift")
    assert message in caught.value.message
    assert caught.value.hint
    assert format_ == "oracle" or str(source) in caught.value.message
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DriftlineError, match="cannot be read"):
        import_history("awdit", tmp_path / name, tmp_path / "run.drift")


# ---- the command --------------------------------------------------------------------------------------------------


def test_the_command_imports(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from driftline_cli.app import app

    def ask(*words: object) -> Result:
        return CliRunner().invoke(app, ["import", *map(str, words)])

    (tmp_path / "history.txt").write_text(AWDIT)
    words = ("awdit", tmp_path / "history.txt", "-o", tmp_path / "run.drift")
    done = ask(*words)
    assert (done.exit_code, done.stdout) == (0, f"22 events imported to {tmp_path / 'run.drift'}\n")
    assert ask(*words).exit_code == 2
    assert ask(*words, "--overwrite").exit_code == 0
    assert ask("polysi", *words[1:], "--overwrite").exit_code == 2
    assert ask("oracle", *words[1:], "--overwrite").exit_code == 2
    assert Trace(tmp_path / "run.drift").header.argv == ["driftline", "import", "awdit", "history.txt"]


def test_the_help_names_every_format() -> None:
    from driftline_cli.commands import import_

    parameters: Callable[..., None] = import_.import_
    assert parameters.__annotations__["format_"].count(" or ") == 1
    assert all(name in parameters.__annotations__["format_"] for name in formats())
