"""What `import driftline` offers, and what it loads."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import re
import sys
from pathlib import Path

import pytest
from tape import Tape, run_python

import driftline as dl

API = Path(__file__).parents[1] / "typing" / "api.py"


def test_all_is_what_there_is() -> None:
    public = {name for name, value in vars(dl).items() if not name.startswith("_") and not inspect.ismodule(value)}

    loaded = {"TYPE_CHECKING", "Any", "Final", "follow_forks", "start_from_environment"}
    assert (public - loaded) | dl._IN_STORE == set(dl.__all__)
    assert all(hasattr(dl, name) for name in dl.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Shop'"):
        dl.Shop  # noqa: B018 - looked up, and not there
    assert dl.__all__ == sorted(dl.__all__, key=lambda name: (not name.isupper(), name))


def test_everything_public_says_what_it_is_for() -> None:
    for name in set(dl.__all__) - {"ABSENT"}:
        assert (getattr(dl, name).__doc__ or "").strip(), name


def test_every_name_is_in_the_typed_example() -> None:
    used = set(re.findall(r"\bdl\.(\w+)", API.read_text()))

    assert used == set(dl.__all__)


def test_the_typed_example_runs(tape: Tape, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    specification = importlib.util.spec_from_file_location("api", API)
    assert specification is not None
    assert specification.loader is not None
    api = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "api", api)  # where dataclasses look for their annotations
    specification.loader.exec_module(api)

    for recording in (False, True):
        if recording:
            dl.start(tape.path)
        api.operations()
        api.blocks()
        asyncio.run(api.asynchronous_blocks())
        api.threads()
        api.processes()
        api.tracked()
        api.tracked_objects()
        dl.stop()
    api.recordings(tmp_path)
    api.stores(tmp_path)
    asyncio.run(api.asynchronous_stores())
    api.guards()
    api.errors(tmp_path)

    assert tape.trace().complete
    assert tape.record_of_process().faults == {}


LIGHT = """
import sys
before = set(sys.modules)
import pyarrow, opentelemetry.context, opentelemetry.baggage.propagation, msgspec, xxhash
libraries = set(sys.modules)
import driftline
added = {name.partition(".")[0] for name in set(sys.modules) - libraries}
print(sorted(name for name in added if name not in sys.stdlib_module_names and name[0] != "_"))
print(sorted(added & {"asyncio", "multiprocessing", "sqlite3"}))
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "driftline.store", "driftline.disc"))])
"""


def test_import_is_light() -> None:
    ran = run_python(LIGHT)

    assert ran.stderr == ""
    assert ran.stdout.splitlines() == ["['driftline', 'opentelemetry', 'pyarrow']", "[]", "[]"]
