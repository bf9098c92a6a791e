"""What a live store decided, decided again: a recorded run under `enforce` tells a fresh pipeline the same story."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
import msgspec
from hypothesis import Phase, given, settings
from retold import Retold, differences
from store_programs import OBJECTS, POLICY, Player, branch
from tape import Tape

import driftline as dl
from driftline.store import RefusedError, Store

#: `TRIED_EXAMPLES=2000` for a long run.
TRIED = int(os.environ.get("TRIED_EXAMPLES", "25"))


def check(tape: Tape, store: Store) -> Counter[str]:
    assert tape.record_of_process().faults == {}
    retold = Retold(tape.events(), store.policy)
    assert differences(retold) == []
    world = retold.pipeline.world
    for object_id in OBJECTS:
        state = world.get(object_id)
        standing = store.get(object_id)
        assert (standing.fields if standing else {}) == (state.values() if state is not None and state.live else {})
    return Counter(retold.recorded.values())


@given(st.lists(branch, min_size=1, max_size=5))
@settings(max_examples=TRIED, phases=[Phase.explicit, Phase.reuse, Phase.generate], report_multiple_bugs=False)
def test_a_fresh_pipeline_decides_the_same_of_a_run_in_one_thread(branches: list[Any]) -> None:
    with TemporaryDirectory() as folder, Store(policy=POLICY) as store:
        tape, player = Tape(Path(folder) / "run.drift"), Player(store)
        with tape.record():
            for name, phase, steps in branches:
                player.branch(name, phase, steps)
        check(tape, store)


@given(st.lists(branch, min_size=1, max_size=5))
@settings(max_examples=TRIED, phases=[Phase.explicit, Phase.reuse, Phase.generate], report_multiple_bugs=False)
def test_a_store_in_a_file_decides_as_one_in_memory_does(branches: list[Any]) -> None:
    told = []
    with TemporaryDirectory() as folder:
        for number, path in enumerate((None, Path(folder) / "state.db")):
            with Store(path, policy=POLICY) as store:
                tape, player = Tape(Path(folder) / f"{number}.drift"), Player(store)
                with tape.record():
                    for name, phase, steps in branches:
                        player.branch(name, phase, steps)
                check(tape, store)
                entries = [one for object_id in OBJECTS for one in store.history(object_id)]
                waiting = store.quarantined()
            told.append((tape.lines(), [msgspec.structs.replace(one, time=0) for one in entries], waiting))
    assert told[0] == told[1]


@given(st.lists(branch, min_size=2, max_size=4), st.lists(branch, max_size=2))
@settings(max_examples=TRIED, phases=[Phase.explicit, Phase.reuse, Phase.generate], report_multiple_bugs=False)
def test_a_fresh_pipeline_decides_the_same_of_branches_inside_branches(outer: list[Any], inner: list[Any]) -> None:
    with TemporaryDirectory() as folder, Store(policy=POLICY) as store:
        tape, player = Tape(Path(folder) / "run.drift"), Player(store)
        with tape.record():
            for name, phase, steps in outer:
                with contextlib.suppress(RefusedError), dl.branch(name, phase=phase):
                    for step in steps:
                        player.step(step)
                    for own in inner:
                        player.branch(*own)
        check(tape, store)


@given(st.lists(branch, min_size=2, max_size=4))
@settings(max_examples=TRIED, phases=[Phase.explicit, Phase.reuse, Phase.generate], report_multiple_bugs=False)
def test_a_fresh_pipeline_decides_the_same_of_threads(branches: list[Any]) -> None:
    with TemporaryDirectory() as folder, Store(policy=POLICY) as store:
        tape = Tape(Path(folder) / "run.drift")
        start = threading.Barrier(len(branches))
        odd: list[BaseException] = []

        def play(own: Any) -> None:
            try:
                start.wait()
                for _ in range(3):
                    Player(store).branch(*own)
            except BaseException as fault:  # noqa: BLE001 - told by the test
                odd.append(fault)

        with tape.record():
            threads = [threading.Thread(target=play, args=(own,)) for own in branches]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert odd == []
        check(tape, store)
