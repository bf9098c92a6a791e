"""`replay --verify`: what a live store decided is decided again, and the first decision that differs is named."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from store_programs import OBJECTS, POLICY, Player, branch
from typer.testing import CliRunner

import driftline as dl
from driftline.discipline import loads
from driftline.errors import DriftlineError
from driftline.store import RefusedError, Store
from driftline_analyzer import analyze
from driftline_analyzer.replay import Verified, replay, verify
from driftline_cli.app import app

#: `TRIED_EXAMPLES=500` for a long run.
TRIED = int(os.environ.get("TRIED_EXAMPLES", "6"))
COUNTED = '[types.doc.fields]\n"/n" = "counter"\n'


@contextlib.contextmanager
def recorded(policy: str, **options: Any) -> Iterator[tuple[Store, Path]]:
    """A store under a policy, recorded for as long as the block runs."""
    with TemporaryDirectory() as folder, Store(policy=policy) as store:
        path = Path(folder) / "run.drift"
        with dl.record(path, **options):
            yield store, path


def race(store: Store) -> None:
    """Three writes of one field, two of them from one base; and one that says nothing new."""
    with dl.branch("m"):
        store.write("doc/1", {"n": 0, "m": 0})
    for agent, number in (("a", 1), ("b", 5)):
        with dl.branch(agent), contextlib.suppress(RefusedError):
            store.patch("doc/1", {"n": number}, base=1)


def verified(path: Path, policy: str | None = None) -> Verified:
    with analyze(path, policy=None if policy is None else loads(policy)) as analysis:
        return verify(analysis)


@given(st.lists(branch, min_size=1, max_size=5))
@settings(
    max_examples=TRIED, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow], report_multiple_bugs=False,
)  # fmt: skip
def test_a_run_recorded_under_enforce_verifies(branches: list[Any]) -> None:
    with TemporaryDirectory() as folder, Store(policy=POLICY) as store:
        path, player = Path(folder) / "run.drift", Player(store)
        with dl.record(path):
            for name, phase, steps in branches:
                player.branch(name, phase, steps)
        with analyze(path) as analysis:
            try:
                found = verify(analysis)
            except DriftlineError:  # nothing was written
                return
            assert found.differing is None, json.dumps(found.differing.as_json(), indent=1)
            with replay(analysis, recorded=True) as replayed:
                for _ in replayed.decisions():
                    pass
                states = {state["object"]: state["fields"] for state in replayed.states()}
                for object_id in OBJECTS:
                    standing = store.get(object_id)
                    own = {path: dl_text(value) for path, value in (standing.fields if standing else {}).items()}
                    assert states.get(object_id, {}) == own


def dl_text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


@pytest.mark.parametrize("policy", ["", COUNTED])
def test_what_was_decided_live_is_decided_again(policy: str) -> None:
    with recorded(policy) as (store, path):
        race(store)
        dl.write("elsewhere/1", {"n": 1})  # of no store
        dl.stop()
        found = verified(path)
    assert (found.checked, found.undecided, found.differing) == (3, 0, None)


def test_another_policy_differs_and_the_first_decision_is_named(tmp_path: Path) -> None:
    with recorded("") as (store, path):
        race(store)
        dl.stop()
        found = verified(path, COUNTED)
        assert found.differing is not None
        assert (found.checked, found.differing.recorded) == (2, "quarantined")
        assert found.differing.decided.decision.verdict == "merged"
        policy = tmp_path / "p.toml"
        policy.write_text(COUNTED)
        answer = CliRunner().invoke(app, ["replay", str(path), "--verify", "--policy", str(policy)])
        assert answer.exit_code == 1
        assert "not verified: 2 decisions" in answer.stdout
        assert "doc/1@3" in answer.stdout
        answer = CliRunner().invoke(app, ["replay", str(path), "--verify", "--format", "json"])
        assert (answer.exit_code, json.loads(answer.stdout)["checked"]) == (0, 3)
        answer = CliRunner().invoke(app, ["replay", str(path), "--verify"])
        assert answer.stdout.startswith("verified: 3 decisions")


def test_a_merge_to_another_value_differs() -> None:
    with recorded(COUNTED) as (store, path):
        race(store)
        dl.stop()
        found = verified(path, COUNTED.replace("counter", "first-writer-wins"))
    assert found.differing is not None
    assert (found.differing.recorded, found.differing.fields) == ("merged", ("/n",))


def test_a_release_is_decided_again() -> None:
    with recorded("") as (store, path):
        race(store)
        for entry in store.quarantined():
            store.release(entry, by="Ada", why="the second is right")
        dl.stop()
        with analyze(path) as analysis:
            assert verify(analysis).differing is None
            with replay(analysis, recorded=True) as found:
                decided = [one.decision.verdict for one in found.decisions()]
                assert decided == ["promoted", "promoted", "quarantined", "promoted"]
                assert found.waiting() == []
                assert [entry.released_by for entry in found.quarantine()] == [None, "Ada"]


def test_what_was_not_recorded_is_not_checked() -> None:
    with recorded(COUNTED, values="digest") as (store, path):
        race(store)
        dl.stop()
        found = verified(path, COUNTED)
    assert (found.checked, found.undecided, found.differing) == (2, 1, None)


def test_a_trace_without_decisions_is_refused() -> None:
    with recorded("") as (_, path):
        dl.write("doc/1", {"n": 1})
        dl.stop()
        with pytest.raises(DriftlineError, match="records no decisions of a live store"):
            verified(path)
        assert CliRunner().invoke(app, ["replay", str(path), "--verify"]).exit_code == 2
