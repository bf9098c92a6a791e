"""A store in a SQLite file: reopened, shared by processes, damaged, foreign, locked."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from retold import Retold, differences
from tape import Tape, run_python

import driftline as dl
from driftline.store import Store

COUNTER = '[types.doc.fields]\n"/n" = "counter"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


# ---- reopened -------------------------------------------------------------------------------------------------------


def test_a_store_goes_on_where_it_stopped(path: Path) -> None:
    with Store(path) as store:
        store.write("agent/1", {"name": "a"})
        store.write("doc/1", {"n": 0, "deep": {"er": [1, {"x": None}]}}, refs={"/owner": "agent/1"})
        with dl.branch("a"):
            store.patch("doc/1", {"n": 1}, base=1, confidence=0.5, source="s", fidelity=0.25)
        with dl.branch("b"):
            store.patch("doc/1", {"n": 2}, base=1, inputs=[("agent/1", 1)])
        before = (store.history("doc/1"), store.read("doc/1").fields, store.quarantined())
        moment = store.read("doc/1").time
    with Store(path) as store:
        assert (store.history("doc/1"), store.read("doc/1").fields, store.quarantined()) == before
        with dl.branch("c"):
            assert store.patch("doc/1", {"n": 3}, base=1).verdict == "quarantined"  # it knows from where
            assert store.patch("doc/1", {"n": 3}, base=2).verdict == "promoted"
        assert store.read("doc/1").version == 5
        assert store.read("doc/1").time > moment
        assert store.release(1, by="Ada", why="so").verdict == "promoted"
        assert store.read("doc/1")["n"] == 2
        assert [entry.number for entry in store.quarantined()] == [2]
        assert store.ids() == ["agent/1", "doc/1"]


def test_who_refers_to_whom_and_what_is_unique_is_kept(path: Path) -> None:
    policy = '[types.user.fields]\n"/mail" = { unique = true }\n'
    with Store(path, policy=policy) as store:
        store.write("user/1", {"mail": "a@b"})
        store.write("note/1", {"by": "user/1"}, refs={"/by": "user/1"})
    with Store(path, policy=policy) as store:
        assert store.delete("user/1", base=1).reason == "note/1 still refers to it at /by"
        assert store.write("user/2", {"mail": "a@b"}).reason == "/mail must be unique, and user/1 has the same"
        store.write("note/1", {"by": ""}, base=1)
        assert store.delete("user/1", base=1).verdict == "promoted"
        assert store.write("user/2", {"mail": "a@b"}).verdict == "promoted"


def test_tasks_and_what_was_refused_are_kept(path: Path) -> None:
    policy = '[gate]\nduplicate = "reject"\nread-set = "reject"\n'
    with Store(path, policy=policy) as store:
        store.write("doc/1", {"n": 0})
        with dl.branch("a"), dl.task("work", inputs=1):
            store.patch("doc/1", {"n": 1}, base=1)
        with dl.branch("b"):
            store.patch("doc/1", {"n": 2}, base=1)
    with Store(path, policy=policy) as store, dl.branch("c"):
        with pytest.raises(dl.RefusedError, match="was not promoted"):
            store.write("doc/2", {"n": 1}, inputs=[("doc/1", 3)])
        with dl.task("work", inputs=1), pytest.raises(dl.RefusedError, match="had finished the same task before"):
            store.write("doc/2", {"n": 1})


# ---- several processes ----------------------------------------------------------------------------------------------

WORKER = """
import sys
import driftline as dl
with dl.Store(sys.argv[1], policy=sys.argv[2]) as store:
    for number in range(20):
        with dl.branch("worker"):
            seen = store.read("doc/1")
            store.patch("doc/1", {"n": seen["n"] + 1}, base=seen)
            store.append("doc/1", "/log", f"{sys.argv[3]}.{number}")
"""


def test_processes_and_threads_lose_nothing_of_each_other(path: Path) -> None:
    with Store(path, policy=COUNTER) as store:
        store.write("doc/1", {"n": 0, "log": []})
        workers = [
            subprocess.Popen([sys.executable, "-W", "error", "-c", WORKER, path, COUNTER, str(number)])
            for number in range(3)
        ]

        def work() -> None:
            for _ in range(10):
                with dl.branch("thread"):
                    seen = store.read("doc/1")
                    store.patch("doc/1", {"n": seen["n"] + 1}, base=seen)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [worker.wait(60) for worker in workers] == [0, 0, 0]
        end = store.read("doc/1")
        assert end["n"] == 80
        assert sorted(end["log"]) == sorted(f"{worker}.{number}" for worker in range(3) for number in range(20))
        versions = [entry.version for entry in store.history("doc/1")]
        assert versions == list(range(1, len(versions) + 1))
        times = [entry.time for entry in store.history("doc/1")]
        assert times == sorted(times)


def test_processes_that_record_one_run_tell_one_story(path: Path, tape: Tape) -> None:
    with Store(path, policy=COUNTER) as store:
        with tape.record() as recording:
            store.write("doc/1", {"n": 0, "log": []})
            environment = {**os.environ, **recording.variables}
            workers = [
                subprocess.Popen([sys.executable, "-W", "error", "-c", WORKER, path, COUNTER, name], env=environment)
                for name in "ab"
            ]
            assert [worker.wait(60) for worker in workers] == [0, 0]
        retold = Retold(tape.events(), store.policy)
        assert differences(retold) == []
        state = retold.pipeline.world.get("doc/1")
        assert state is not None
        assert state.values() == store.read("doc/1").fields


def test_a_process_sees_at_once_what_another_has_done(path: Path) -> None:
    with Store(path) as store:
        store.write("doc/1", {"n": 0})
        code = """
import sys
import driftline as dl
with dl.Store(sys.argv[1]) as store, dl.branch("other", phase="reasoning"):
    print(store.patch("doc/1", {"n": 1}, base=1).verdict)
    print(store.patch("doc/1", {"n": 2}, base=0).verdict)
"""
        assert run_python(code, str(path)).stdout.split() == ["promoted", "promoted"]
        assert (store.read("doc/1")["n"], store.read("doc/1").branch) == (2, "other")
        with dl.branch("late"):
            assert store.patch("doc/1", {"n": 9}, base=1).verdict == "quarantined"
        assert len(store.quarantined()) == 1


def test_a_process_that_was_killed_holds_no_phase_open(path: Path) -> None:
    code = """
import os, signal, sys
import driftline as dl
store = dl.Store(sys.argv[1])
with dl.branch("reasoner", phase="reasoning"):
    store.write("doc/1", {"n": 1})
    os.kill(os.getpid(), signal.SIGKILL)
"""
    with Store(path) as store:
        assert run_python(code, str(path)).returncode == -9
        with dl.branch("enricher", phase="enrichment"):
            assert store.patch("doc/1", {"n": 2}, base=store.read("doc/1")).verdict == "promoted"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_a_connection_of_its_own(path: Path) -> None:
    with Store(path, policy=COUNTER) as store:
        store.write("doc/1", {"n": 0, "log": []})
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=_add, args=(store,)) for _ in range(2)]
        for child in children:
            child.start()
        _add(store)
        for child in children:
            child.join(60)
        assert [child.exitcode for child in children] == [0, 0]
        assert store.read("doc/1")["n"] == 30


def _add(store: Store) -> None:
    with dl.branch("adder"):
        for _ in range(10):
            seen = store.read("doc/1")
            store.patch("doc/1", {"n": seen["n"] + 1}, base=seen)


def test_coroutines_wait_for_a_file_in_threads(path: Path) -> None:
    async def agent(store: dl.AsyncStore, name: str) -> None:
        async with dl.branch(name), store.unit("both"):
            await store.append("doc/1", "/log", name)
            await store.write(f"note/{name}", {"by": name})

    async def main() -> list[str]:
        async with dl.AsyncStore(path) as store:
            await store.write("doc/1", {"log": []})
            for name in "abc":
                await agent(store, name)
            assert sorted((await store.read("doc/1"))["log"]) == ["a", "b", "c"]
            return await store.ids("note/")

    assert asyncio.run(main()) == ["note/a", "note/b", "note/c"]


# ---- bad files ------------------------------------------------------------------------------------------------------


def test_a_file_that_is_none_of_ours_is_left_alone(path: Path) -> None:
    path.write_bytes(b"a plain text, and a long one " * 400)
    with pytest.raises(dl.DriftlineError, match="is damaged, or no SQLite file"):
        Store(path)
    assert path.read_bytes().startswith(b"a plain text")


def test_the_database_of_another_program_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE object (id TEXT)")
    other.close()
    with pytest.raises(dl.DriftlineError, match="is a SQLite file, but no store of Driftline's"):
        Store(path)


def test_a_store_of_a_later_version_is_left_alone(path: Path) -> None:
    Store(path).close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 9")
    other.close()
    with pytest.raises(dl.DriftlineError, match="is a store of version 9; this Driftline keeps stores of version 1"):
        Store(path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(dl.DriftlineError, match="cannot be opened"):
        Store(tmp_path / "nowhere" / "state.db")


def test_a_damaged_store_is_told_and_changes_nothing(path: Path) -> None:
    with Store(path) as store:
        for number in range(200):
            store.write(f"doc/{number}", {"text": "x" * 100})
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    with pytest.raises(dl.DriftlineError, match="is damaged"):
        _use(path)


def _use(path: Path) -> None:
    with Store(path) as store:
        for number in range(200):
            store.write(f"doc/{number}", {"text": "y"}, base=1)


def test_one_file_is_opened_once_a_process(path: Path) -> None:
    with Store(path), pytest.raises(dl.DriftlineError, match="is open in this process already"):
        Store(path)
    Store(path).close()


def test_what_fails_half_way_is_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(path) as store:
        store.write("doc/1", {"n": 0})
        backend: Any = store._core.backend

        def full(*_args: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(backend.world, "flush", full)
        with pytest.raises(dl.DriftlineError, match="could not be written: database or disk is full"):
            store.patch("doc/1", {"n": 1})
        monkeypatch.undo()
        assert store.read("doc/1")["n"] == 0
        assert len(store.history("doc/1")) == 1
        assert store.patch("doc/1", {"n": 2}).verdict == "promoted"
        assert store.read("doc/1").version == 2


def test_a_store_without_a_file_loads_no_sqlite() -> None:
    code = "import sys, driftline; driftline.Store().write('a/1', {'n': 1}); print('sqlite3' in sys.modules)"
    assert run_python(code).stdout == "False\n"
