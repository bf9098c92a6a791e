"""The acceptance cases that the project is handed, kept beside the repository and never copied into it."""

from __future__ import annotations

import builtins
import runpy
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

CASES = Path(__file__).resolve().parents[2] / "shared" / "acceptance" / "contract.py"
DRIFTLINE = Path(sys.executable).with_name("driftline")


def _load() -> dict[str, Any]:
    if not CASES.is_file():
        return {"CASES": {}}

    # One case expects no particular fields and says so with None, which a helper of that file hands to sorted() and to
    # tuple(): that raises while the file is imported. Here the two let None through; otherwise they are Python's own.
    def sorted_(values: Iterable[Any] | None) -> list[Any] | None:
        return None if values is None else builtins.sorted(values)

    def tuple_(values: Iterable[Any] | None = ()) -> tuple[Any, ...] | None:
        return None if values is None else builtins.tuple(values)

    sys.path.insert(0, str(CASES.parent))  # for the module that it shares with its neighbours
    try:
        return runpy.run_path(str(CASES), init_globals={"sorted": sorted_, "tuple": tuple_})
    finally:
        sys.path.remove(str(CASES.parent))


CONTRACT = _load()


@pytest.mark.skipif(not CONTRACT["CASES"], reason="the acceptance cases are not beside this repository")
@pytest.mark.parametrize("name", CONTRACT["CASES"])
def test_contract(name: str) -> None:
    run: Callable[[str, list[str]], str] = CONTRACT["run"]
    assert run(name, [str(DRIFTLINE)]) == ""
