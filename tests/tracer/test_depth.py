"""Mutation depth: one more than the deepest version that a write was derived from."""

from __future__ import annotations

from tape import Tape

import driftline as dl


def depths(tape: Tape) -> list[tuple[str, int]]:
    return [(event["object"], event["depth"]) for event in tape.events("write", "patch", "merge", "delete")]


def test_a_chain_of_writes_deepens_by_one(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", 1)
        dl.patch("doc/1", {"/a": 2})
        dl.merge("doc/1", 3, bases=[1, 2])
        dl.delete("doc/1")

    assert depths(tape) == [("doc/1", 1), ("doc/1", 2), ("doc/1", 3), ("doc/1", 4)]


def test_an_object_that_was_read_is_an_input_of_another(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", 1)
        dl.write("doc/1", 2)
        with dl.branch("a"):
            dl.read("doc/1", 2)
            dl.write("doc/2", 1)
        with dl.branch("b"):
            dl.write("doc/3", 1)

    assert depths(tape)[2:] == [("doc/2", 3), ("doc/3", 1)]


def test_what_is_read_from_outside_counts_as_no_mutation(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", 2, version=99)
        dl.write("doc/2", 1)

    assert depths(tape) == [("doc/2", 1)]


def test_declared_inputs_are_taken_at_their_word(tape: Tape) -> None:
    with tape.record():
        for n in range(3):
            dl.write("doc/1", n)
        dl.write("doc/2", 1)
        dl.read("doc/1", 2)
        dl.write("doc/3", 1, inputs=[("doc/2", 1)])
        dl.write("doc/4", 1, inputs=[("doc/1", 3), ("doc/2", 1), ("doc/nowhere", 1)])
        dl.write("doc/5", 1, inputs=[])

    assert depths(tape)[4:] == [("doc/3", 2), ("doc/4", 4), ("doc/5", 1)]


def test_a_declared_base_is_as_deep_as_the_newest_version_or_the_one_seen(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", 1)
        main = dl.current()
        with dl.branch("a"):
            dl.write("doc/1", 2)
            dl.write("doc/1", 3)
            with dl.branch("b", parent=main):
                dl.write("doc/1", 4, base=1)
            with dl.branch("c", parent=main):
                dl.write("doc/1", 5, base=2)

    assert depths(tape) == [("doc/1", 1), ("doc/1", 2), ("doc/1", 3), ("doc/1", 2), ("doc/1", 3)]


def test_reads_outside_a_task_do_not_deepen_what_it_writes(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", 1)
        dl.write("doc/1", 2)
        with dl.branch("a"):
            dl.read("doc/1", 2)
            with dl.task("t"):
                dl.write("doc/2", 1)
                dl.read("doc/1", 2)
                dl.write("doc/3", 1)
            with dl.unit("u"):
                dl.write("doc/4", 1)
            dl.write("doc/5", 1)

    assert depths(tape)[2:] == [("doc/2", 1), ("doc/3", 3), ("doc/4", 3), ("doc/5", 3)]


def test_what_a_task_or_unit_read_is_known_after_it(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", 1)
        dl.write("doc/1", 2)
        with dl.branch("a"):
            with dl.task("t"), dl.unit("u"):
                dl.read("doc/1", 2)
            dl.write("doc/2", 1)

    assert depths(tape)[2:] == [("doc/2", 3)]
