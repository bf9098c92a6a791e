"""docs/values.md: every row of its table is what happens."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from driftline.capture import Capture
from driftline.secret_names import SecretNames
from driftline.values import encode_payload, freeze

PAGE = (Path(__file__).parents[1] / "docs" / "values.md").read_text(encoding="utf-8")
_CELL = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`(.*)`")


def rows() -> list[tuple[str, str, str]]:
    table = PAGE.partition("| kind | value | recorded as |\n|---|---|---|\n")[2].partition("\n\n")[0]
    found = []
    for line in table.splitlines():
        kind, value, recorded = (cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1])
        codes = [_CODE.fullmatch(cell) for cell in (value, recorded)]
        assert all(codes), line
        found.append((kind, *(code[1] for code in codes if code)))
    return found  # type: ignore[return-value]


@pytest.fixture(scope="module")
def namespace() -> Iterator[dict[str, Any]]:
    """What the page defines, as a module of its own."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    module = types.ModuleType("docs")
    sys.modules["docs"] = module
    exec(code, vars(module))  # noqa: S102 - the page's own
    Capture([("full", {})], names=SecretNames(), key=bytes(16)).put_in_force()
    yield vars(module)
    Capture.put_out_of_force()
    del sys.modules["docs"]


@pytest.mark.parametrize(("kind", "value", "recorded"), rows(), ids=[kind[:50] for kind, _, _ in rows()])
def test_every_row_is_what_happens(namespace: dict[str, Any], kind: str, value: str, recorded: str) -> None:
    made = eval(value, namespace)  # noqa: S307 - the page's own

    text = encode_payload(freeze(made)).decode()

    assert re.fullmatch(".*".join(map(re.escape, recorded.split("…"))), text), f"{kind}: {text}"
    assert encode_payload(freeze(made)).decode() == text
    if type(made).__name__ == "generator":
        assert next(made) == 1


def test_every_kind_is_there() -> None:
    assert len(rows()) > 40
