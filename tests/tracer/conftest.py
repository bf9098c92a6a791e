import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tape import Tape

import driftline as dl
from driftline.settings import PREFIX

# A busy machine is not a failure.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    """A trace folder that does not exist yet."""
    return Tape(tmp_path / "run.drift")


@pytest.fixture(autouse=True)
def _nothing_records_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    assert dl.current() is None
    yield
    still = dl.current()
    dl.stop()
    assert still is None
