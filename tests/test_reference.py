"""The reference itself, on histories small enough to judge by eye.

Every rule has histories where it finds something, where it keeps quiet, and some just beside the line between the two.
Events are numbered in the order in which they are listed, from 0.
"""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from reference import (
    dropped_field,
    duplicated_work,
    fidelity_loss,
    orphan_reference,
    partial_write,
    silent_revert,
    stale_base,
    stale_merge,
    stale_overwrite,
)
from reference.events import Event, Field, Version, in_order
from reference.history import BEFORE_EVERYTHING, History

RICH = Field(digest=1, size=100, leaves=10)
POOR = Field(digest=2, size=49, leaves=10)
HOLLOW = Field(digest=3, size=100, leaves=4)
HALF = Field(digest=4, size=50, leaves=5)


# ---- a small notation ---------------------------------------------------------------------------------------------


def write(branch: str, version: Version, *, op: str = "write", obj: str = "doc", **given: Any) -> Event:
    """A write. `base` is declared, `seen` inferred for the object and each field; a=1 sets /a, a=None removes it."""
    columns = {name: given.pop(name) for name in list(given) if name in Event.__dataclass_fields__}
    seen = given.pop("seen", None)
    listed = {f"/{name}": v if isinstance(v, Field) else Field(v, size=1, leaves=1) for name, v in given.items()}
    if "base" in columns or "bases" in columns:
        return Event(op, branch, obj, version, listed, **columns)
    listed = {path: replace(value, base=seen if value.base is None else value.base) for path, value in listed.items()}
    return Event(op, branch, obj, version, listed, base=seen, base_inferred=True, **columns)


def patch(branch: str, version: Version, **given: Any) -> Event:
    return write(branch, version, op="patch", **given)


def delete(branch: str, version: Version, **given: Any) -> Event:
    return write(branch, version, op="delete", **given)


def read(branch: str, version: Version, *, obj: str = "doc", **columns: Any) -> Event:
    return Event("read", branch, obj, version, **columns)


def begin(unit: str, parent: str | None = None, branch: str = "A") -> Event:
    return Event("unit-begin", branch, unit=unit, parent=parent)


def commit(unit: str, branch: str = "A") -> Event:
    return Event("unit-commit", branch, unit=unit, status="ok")


def abort(unit: str, branch: str = "A") -> Event:
    return Event("unit-abort", branch, unit=unit, status="failed")


def start(branch: str, task: str, signature: int) -> Event:
    return Event("task-start", branch, task=task, signature=signature)


def end(branch: str, task: str, status: str = "ok") -> Event:
    return Event("task-end", branch, task=task, status=status)


def finds(rule: ModuleType, *events: Event, ordered: bool = True) -> list[str]:
    """What a rule finds, and does not give way with: event, object, fields, other branches, base, basis."""
    return [
        " ".join(
            [
                found.event.removeprefix("p:"),
                found.object or "-",
                ",".join(sorted(found.fields)) or "-",
                ",".join(sorted(found.others)) or "-",
                found.base or "-",
                found.basis,
            ]
        )
        for found in rule.find(History(in_order(*events), ordered=ordered))
        if not found.gives_way
    ]


# ---- the vocabulary -----------------------------------------------------------------------------------------------


def test_versions_that_a_store_numbered_stand_where_their_number_says() -> None:
    late, early = write("A", 7, a=1), write("B", 3, a=2)
    history = History(in_order(late, early))
    late, early = history.events
    assert history.writes_in_order("doc") == [early, late]
    assert history.stands_before(late, "/a").value.digest == 2


def test_labels_stand_where_they_are_first_mentioned_even_if_only_read() -> None:
    history = History(in_order(read("A", "y"), write("A", "x", a=1), write("B", "y", a=2)))
    _, x, y = history.events
    assert history.writes_in_order("doc") == [y, x]
    assert history.position(x, "never mentioned") == BEFORE_EVERYTHING


def test_one_label_among_numbers_orders_all_of_them_by_mention() -> None:
    history = History(in_order(write("A", 9, a=1), write("A", 2, a=1), write("A", "z", a=1)))
    assert [history.position_of(event) for event in history.events] == [0, 1, 2]


def test_two_processes_that_number_an_object_each_have_their_own_numbers() -> None:
    here = write("A", 1, a=1, version_inferred=True)
    there = replace(here, process="q", clock=9)
    history = History([here, there])
    assert [history.position_of(event) for event in history.events] == [0, 1]


def test_a_process_that_only_reads_the_newest_number_has_numbered_nothing() -> None:
    wrote = write("A", 5, a=1, version_inferred=True)
    reading = read("B", 5, version_inferred=True, process="q", clock=9)
    assert History([wrote, reading]).numbered_by_the_store("doc")


def test_a_number_that_nobody_recorded_still_has_its_place_among_numbers() -> None:
    history = History(in_order(write("A", 3, a=1), write("B", 7, base=5, a=2)))
    assert history.position(history.events[1], 5) == 5


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((commit("inner"), commit("outer")), "committed"),
        ((commit("inner"), abort("outer")), "aborted"),
        ((commit("inner"),), "unknown"),
        ((abort("inner"), commit("outer")), "aborted"),
        ((abort("inner"),), "aborted"),
        ((commit("outer"),), "unknown"),
    ],
)
def test_the_outcome_of_a_unit_counts_those_around_it(ends: tuple[Event, ...], expected: str) -> None:
    history = History(in_order(begin("outer"), begin("inner", "outer"), *ends))
    assert history.effective_outcome("inner") == expected


def test_void_writes_set_nothing_and_unknown_ones_do() -> None:
    history = History(
        in_order(
            begin("dead"),
            begin("open"),
            write("A", 1, a=1),
            write("A", 2, a=2, unit="open"),
            write("A", 3, a=3, unit="dead"),
            abort("dead"),
            write("A", 4, a=4),
        )
    )
    assert history.stands_before(history.writes[-1], "/a").value.digest == 2


def test_a_full_write_changes_what_it_leaves_out_and_a_patch_does_not() -> None:
    history = History(in_order(write("A", 1, a=1, b=1), patch("A", 2, a=2), write("A", 3, a=2)))
    _, patched, written = history.events
    assert history.changes(patched) == {"/a"}
    assert history.changes(written) == {"/b"}


def test_setting_what_stands_or_removing_what_does_not_is_no_change() -> None:
    history = History(in_order(write("A", 1, a=1), patch("B", 2, a=1, b=None)))
    assert not history.changes(history.events[1])


def test_the_base_is_the_declared_one_else_that_of_the_field_else_that_of_the_event() -> None:
    declared = write("A", 9, base=4, a=Field(1, base=7))
    merged = write("A", 9, op="merge", bases=(2, 6, 4), a=1)
    inferred = write("A", 9, seen=3, a=Field(1, base=5), b=1)
    history = History([declared, merged, inferred, write("B", 1, x=1)])
    assert history.b(declared, "/a") == 4
    assert history.b(merged, "/a") == 6
    assert (history.b(inferred, "/a"), history.b(inferred, "/b"), history.b(inferred, "/left-out")) == (5, 3, 3)


# ---- DRF101 stale-overwrite ---------------------------------------------------------------------------------------


def test_a_lost_update_is_a_stale_overwrite() -> None:
    assert finds(
        stale_overwrite,
        write("A", 1, a=0),
        patch("B", 2, base=1, a=1),
        patch("C", 3, base=1, a=2),
    ) == ["2 doc /a B 1 recorded"]


def test_an_overwrite_names_every_branch_in_between_and_an_inferred_base() -> None:
    assert finds(
        stale_overwrite,
        write("A", 1, a=0, b=0),
        patch("B", 2, seen=1, a=1),
        patch("D", 3, seen=2, a=3, b=3),
        patch("C", 4, seen=1, a=2, b=2),
    ) == ["3 doc /a,/b B,D 1 inferred"]


def test_the_base_of_a_finding_is_the_oldest_of_its_fields() -> None:
    assert finds(
        stale_overwrite,
        write("A", 1, a=0, b=0),
        write("A", 2, a=1, b=1),
        patch("B", 3, seen=2, a=2, b=2),
        patch("C", 4, a=Field(3, base=2), b=Field(3, base=1)),
    ) == ["3 doc /a,/b A,B 1 inferred"]


def test_a_delete_overwrites_whatever_its_writer_had_not_seen() -> None:
    assert finds(stale_overwrite, write("A", 1, a=0), patch("B", 2, base=1, b=1), delete("A", 3, base=1)) == [
        "2 doc /b B 1 recorded"
    ]


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(patch("C", 3, base=2, a=2), id="a base that holds the change"),
        pytest.param(patch("C", 3, base=1, a=1), id="the value that stands already"),
        pytest.param(patch("C", 3, base=1, b=2), id="another field"),
        pytest.param(patch("B", 3, base=1, a=2), id="the branch's own change"),
        pytest.param(patch("C", 3, a=2), id="a field never seen: that is blind"),
    ],
)
def test_nothing_is_overwritten_by(last: Event) -> None:
    assert not finds(stale_overwrite, write("A", 1, a=0), patch("B", 2, base=1, a=1), last)


def test_void_writes_lose_nothing_and_are_lost_by_nobody() -> None:
    first, aborted = write("A", 1, a=0), abort("dead")
    assert not finds(
        stale_overwrite, first, patch("B", 2, base=1, a=1, unit="dead"), aborted, patch("C", 3, base=1, a=2)
    )
    assert not finds(
        stale_overwrite, first, patch("B", 2, base=1, a=1), patch("C", 3, base=1, a=2, unit="dead"), aborted
    )


def test_a_unit_of_unknown_outcome_is_lost_like_any_other() -> None:
    assert finds(
        stale_overwrite,
        write("A", 1, a=0),
        patch("B", 2, base=1, a=1, unit="open"),
        patch("C", 3, base=1, a=2),
    ) == ["2 doc /a B 1 recorded"]


def test_what_was_recorded_late_but_happened_early_is_no_loss_of_the_later() -> None:
    assert finds(
        stale_overwrite,
        write("A", 1, a=0),
        patch("C", 3, base=1, a=2),
        patch("B", 2, base=1, a=1),
    ) == ["1 doc /a B 1 recorded"]


def test_two_writes_that_made_the_same_version_are_ordered_by_the_clock() -> None:
    assert finds(
        stale_overwrite,
        write("A", 1, a=0),
        patch("B", 2, base=1, a=1),
        patch("C", 2, base=1, a=2),
    ) == ["2 doc /a B 1 recorded"]


# ---- DRF102 silent-revert -----------------------------------------------------------------------------------------


def test_a_full_write_that_carries_an_old_value_back_reverts_it() -> None:
    assert finds(
        silent_revert,
        write("A", 1, a=0, b=0),
        patch("B", 2, base=1, a=1),
        write("C", 3, base=1, a=0, b=5),
    ) == ["2 doc /a B 1 recorded"]


def test_a_field_gone_at_the_base_and_since_made_is_dropped_rather_than_reverted() -> None:
    events = (write("A", 1, b=0), patch("B", 2, base=1, a=1), write("C", 3, base=1, b=5))
    assert not finds(silent_revert, *events)
    assert finds(dropped_field, *events)


def test_a_patch_means_what_it_sets_so_it_overwrites_rather_than_reverts() -> None:
    events = (write("A", 1, a=0), patch("B", 2, base=1, a=1), patch("C", 3, base=1, a=0))
    assert not finds(silent_revert, *events)
    assert finds(stale_overwrite, *events) == ["2 doc /a B 1 recorded"]


def test_what_stood_at_the_base_includes_older_writes() -> None:
    assert finds(
        silent_revert,
        write("A", 1, a=0, b=0),
        patch("A", 2, base=1, b=1),
        patch("B", 3, base=2, a=1),
        write("C", 4, seen=2, a=0, b=1),
    ) == ["3 doc /a B 2 inferred"]


def test_a_new_value_is_no_revert() -> None:
    assert not finds(silent_revert, write("A", 1, a=0), patch("B", 2, base=1, a=1), write("C", 3, base=1, a=2))


# ---- DRF103 dropped-field -----------------------------------------------------------------------------------------


def test_a_full_write_that_leaves_out_a_new_field_drops_it() -> None:
    assert finds(
        dropped_field,
        write("A", 1, a=0),
        patch("B", 2, base=1, b=1),
        write("C", 3, seen=1, a=2),
    ) == ["2 doc /b B 1 inferred"]


def test_a_full_write_that_removes_a_new_field_drops_it_too() -> None:
    assert finds(
        dropped_field,
        write("A", 1, a=0),
        patch("B", 2, base=1, b=1),
        write("C", 3, a=2, b=Field(None, base=1)),
    ) == ["2 doc /b B 1 inferred"]


def test_leaving_out_a_field_that_stood_at_the_base_is_an_overwrite() -> None:
    events = (write("A", 1, a=0, b=0), patch("B", 2, base=1, b=1), write("C", 3, base=1, a=0))
    assert not finds(dropped_field, *events)
    assert finds(stale_overwrite, *events) == ["2 doc /b B 1 recorded"]


def test_before_a_base_that_nobody_mentioned_every_label_is_new() -> None:
    assert finds(dropped_field, write("B", "x", b=1), write("C", "y", base="lost", a=2)) == ["1 doc /b B lost recorded"]


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(patch("C", 3, base=1, a=2), id="a patch"),
        pytest.param(delete("C", 3, base=1), id="a delete: that overwrites"),
        pytest.param(write("C", 3, base=2, a=2), id="a writer who had seen it"),
        pytest.param(write("C", 3, a=2), id="a writer who had seen nothing"),
    ],
)
def test_nothing_is_dropped_by(last: Event) -> None:
    assert not finds(dropped_field, write("A", 1, a=0), patch("B", 2, base=1, b=1), last)


# ---- DRF105 fidelity-loss -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "poorer"),
    [
        (RICH, POOR, True),
        (RICH, HOLLOW, True),
        (RICH, HALF, False),  # exactly half is not under half
        (Field(1, size=64, leaves=1), Field(2, size=31, leaves=1), True),
        (Field(1, size=63, leaves=1), Field(2, size=1, leaves=1), False),
        (RICH, Field(None), False),  # removed, not impoverished
    ],
)
def test_a_poorer_value_has_under_half_of_a_long_one(old: Field, new: Field, *, poorer: bool) -> None:
    found = finds(fidelity_loss, write("A", 1, a=0), patch("B", 2, base=1, a=old), patch("C", 3, base=1, a=new))
    assert found == (["2 doc /a B 1 recorded"] if poorer else [])


@pytest.mark.parametrize(("old", "new", "poorer"), [(0.9, 0.8, True), (0.9, 0.9, False), (None, 0.1, False)])
def test_declared_fidelity_counts_where_both_declare_it(old: float | None, new: float, *, poorer: bool) -> None:
    found = finds(
        fidelity_loss,
        write("A", 1, a=0),
        patch("B", 2, base=1, a=1, fidelity=old),
        patch("C", 3, base=1, a=2, fidelity=new),
    )
    assert found == (["2 doc /a B 1 recorded"] if poorer else [])


def test_a_poorer_value_that_reverts_is_told_as_poorer() -> None:
    events = (write("A", 1, a=0), patch("B", 2, base=1, a=RICH), write("C", 3, base=1, a=0))
    assert finds(fidelity_loss, *events)
    assert not finds(silent_revert, *events)


def test_a_poorer_value_on_a_fresh_base_is_the_writers_right() -> None:
    assert not finds(fidelity_loss, write("A", 1, a=0), patch("B", 2, base=1, a=RICH), patch("C", 3, base=2, a=POOR))


# ---- DRF107 stale-base --------------------------------------------------------------------------------------------


def test_a_stale_base_that_cost_nothing_is_noted() -> None:
    assert finds(
        stale_base,
        write("A", 1, a=0, b=0, c=0),
        patch("B", 2, base=1, b=1),
        patch("D", 3, base=2, c=1),
        patch("C", 4, base=1, a=2),
    ) == ["3 doc /b,/c B,D 1 recorded"]


def test_a_write_that_lost_something_is_not_noted_as_well() -> None:
    assert not finds(stale_base, write("A", 1, a=0, b=0), patch("B", 2, base=1, b=1), patch("C", 3, base=1, a=2, b=2))


def test_a_write_that_overwrote_something_unseen_is_not_noted_either() -> None:
    last = patch("C", 3, seen=1, a=2, b=2)
    unseen = replace(last, fields={**last.fields, "/b": Field(2)})
    events = (write("A", 1, a=0, b=0), patch("B", 2, base=1, b=1))
    assert not finds(stale_base, *events, unseen)


def test_an_inferred_object_base_counts_only_if_some_field_rests_on_it() -> None:
    events = (write("A", 1, a=0, b=0), patch("B", 2, base=1, b=1))
    assert finds(stale_base, *events, patch("C", 3, seen=1, a=2)) == ["2 doc /b B 1 inferred"]
    fresh = replace(patch("C", 3, seen=1), fields={"/a": Field(2, base=2)})
    assert not finds(stale_base, *events, fresh)


def test_the_newest_of_a_merges_bases_counts() -> None:
    events = (write("A", 1, a=0, b=0), patch("B", 2, base=1, b=1), patch("D", 3, base=2, b=2))
    stale = write("C", 4, op="merge", bases=(1, 2), a=1, b=2)
    assert finds(stale_merge, *events, stale) == ["3 doc /b D 2 recorded"]
    assert not finds(stale_base, *events, stale)
    assert not finds(stale_merge, *events, write("C", 4, op="merge", bases=(1, 3), a=1, b=2))


def test_changes_undone_or_one_s_own_make_no_base_stale() -> None:
    assert not finds(stale_base, write("A", 1, a=0), patch("B", 2, base=1, a=0), patch("C", 3, base=1, b=1))
    assert not finds(stale_base, write("A", 1, a=0), patch("C", 2, base=1, c=1), patch("C", 3, base=1, b=1))


# ---- DRF302 orphan-reference --------------------------------------------------------------------------------------


def test_a_write_that_refers_to_a_removed_object_is_an_orphan() -> None:
    refs = (("/owner", "agent"), ("/reviewer", "agent"), ("/other", "alive"))
    assert finds(
        orphan_reference,
        write("A", 1, obj="agent", a=0),
        write("A", 1, obj="alive", a=0),
        delete("B", 2, obj="agent", base=1),
        patch("C", 1, a=1, references=refs),
    ) == ["3 doc /owner,/reviewer B - recorded"]


def test_a_read_of_a_version_from_before_the_removal_is_an_orphan() -> None:
    events = (write("A", 1, a=0), delete("B", 2, base=1))
    assert finds(orphan_reference, *events, read("C", 1)) == ["2 doc - B - recorded"]
    assert not finds(orphan_reference, *events, read("C", 2))  # it saw that it is gone


def test_what_was_written_again_is_no_longer_removed() -> None:
    events = (write("A", 1, a=0), delete("B", 2, base=1), write("A", 3, a=1))
    assert not finds(orphan_reference, *events, read("C", 1))


def test_a_removal_counts_once_it_has_happened_and_only_if_it_is_not_void() -> None:
    reading, deleting = read("C", 1), delete("B", 2, base=1, unit="u")
    assert not finds(orphan_reference, write("A", 1, a=0), reading, deleting)
    assert not finds(orphan_reference, write("A", 1, a=0), deleting, abort("u"), reading)


def test_a_removal_recorded_late_of_an_older_version_is_not_the_newest_write() -> None:
    assert not finds(orphan_reference, write("A", 3, a=0), delete("B", 2), read("C", 1))


def test_objects_that_never_existed_are_another_rules() -> None:
    assert not finds(orphan_reference, patch("C", 1, a=1, references=(("/owner", "ghost"),)))


def test_void_writes_refer_to_nothing_but_whoever_removed_an_object_is_no_exception() -> None:
    events = (write("A", 1, obj="agent", a=0), delete("B", 2, obj="agent", base=1))
    refs = (("/owner", "agent"),)
    assert not finds(orphan_reference, *events, patch("C", 1, a=1, references=refs, unit="u"), abort("u"))
    assert finds(orphan_reference, *events, patch("B", 1, a=1, references=refs)) == ["2 doc /owner B - recorded"]


# ---- DRF401 partial-write -----------------------------------------------------------------------------------------


def test_an_aborted_write_that_another_branch_read_was_visible() -> None:
    assert finds(
        partial_write,
        begin("u"),
        write("A", 1, a=0, unit="u"),
        read("B", 1),
        abort("u"),
    ) == ["1 doc /a B - recorded"]


def test_an_aborted_write_that_nobody_saw_is_quiet() -> None:
    events = (begin("u"), write("A", 2, a=0, unit="u"), abort("u"))
    assert not finds(partial_write, *events)
    assert not finds(partial_write, *events, read("B", 1))  # an older version
    assert not finds(partial_write, *events, read("A", 2))  # its own
    assert not finds(partial_write, read("B", 2), *events)  # before it was written


def test_a_later_version_holds_the_piece_until_it_is_set_again() -> None:
    events = (begin("u"), write("A", 1, a=0, b=0, unit="u"), abort("u"), patch("C", 2, base=0, a=1))
    assert finds(partial_write, *events, read("B", 2)) == ["1 doc /a,/b B - recorded"]  # /b is still there
    assert not finds(partial_write, *events, write("C", 3, base=0, a=1), read("B", 3))  # a full write ends it all


def test_a_write_of_the_group_does_not_end_a_piece_of_it() -> None:
    assert finds(
        partial_write,
        begin("u"),
        patch("A", 1, a=0, unit="u"),
        patch("A", 2, a=1, unit="u"),
        abort("u"),
        read("B", 2),
    ) == ["1 doc /a B - recorded"]


def test_a_write_that_rests_on_the_piece_has_seen_it() -> None:
    events = (begin("u"), patch("A", 1, a=0, unit="u"), abort("u"))
    assert finds(partial_write, *events, patch("B", 2, seen=1, b=1)) == ["1 doc /a B - recorded"]
    assert not finds(partial_write, *events, patch("B", 2, b=1))


def test_a_unit_of_unknown_outcome_is_visible_once_it_lasts() -> None:
    assert finds(partial_write, begin("u"), patch("A", 1, a=0, unit="u")) == ["1 doc /a - - inferred"]
    assert not finds(partial_write, begin("u"), patch("A", 1, a=0, unit="u"), patch("B", 2, a=1))
    assert not finds(partial_write, begin("u"), patch("A", 1, a=0, unit="u"), commit("u"))


def test_one_finding_tells_of_the_outermost_open_unit_at_its_first_visible_write() -> None:
    assert finds(
        partial_write,
        begin("committed"),
        begin("outer", "committed"),
        begin("inner", "outer"),
        patch("A", 1, a=0, unit="outer", obj="other"),
        patch("A", 1, a=0, unit="inner"),
        commit("inner"),
        patch("A", 2, b=0, unit="outer"),
        abort("outer"),
        commit("committed"),
        read("B", 2),
        read("C", 1),
    ) == ["4 doc /a,/b B,C - recorded"]


def test_a_read_inside_the_unit_is_no_outsiders() -> None:
    assert not finds(partial_write, begin("u"), patch("A", 1, a=0, unit="u"), read("B", 1, unit="u"), abort("u"))


def test_a_delete_is_visible_until_the_object_is_written_again() -> None:
    events = (write("A", 1, a=0), begin("u"), delete("A", 2, unit="u"), abort("u"))
    assert finds(partial_write, *events, read("B", 2)) == ["2 doc /a B - recorded"]
    assert not finds(partial_write, *events, patch("C", 3, b=0), read("B", 3))


# ---- DRF601 duplicated-work ---------------------------------------------------------------------------------------


def test_a_task_begun_again_after_it_had_succeeded_is_done_twice() -> None:
    assert finds(
        duplicated_work,
        start("A", "t1", 7),
        end("A", "t1"),
        start("B", "t2", 7),
    ) == ["2 - - A - recorded"]


def test_every_repetition_is_found_and_names_the_earliest_end() -> None:
    assert finds(
        duplicated_work,
        start("A", "t1", 7),
        start("B", "t2", 7),
        end("B", "t2"),
        end("A", "t1"),
        start("A", "t3", 7),
        start("C", "t4", 7),
    ) == ["4 - - B - recorded", "5 - - B - recorded"]


def test_the_clock_is_all_that_it_needs() -> None:
    assert finds(duplicated_work, start("A", "t1", 7), end("A", "t1"), start("A", "t2", 7), ordered=False)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param((start("A", "t1", 7), start("B", "t2", 7), end("A", "t1"), end("B", "t2")), id="overlapping"),
        pytest.param((start("A", "t1", 7), end("A", "t1", "failed"), start("B", "t2", 7)), id="retried after failure"),
        pytest.param((start("A", "t1", 7), end("A", "t1"), start("B", "t2", 8)), id="another signature"),
        pytest.param((start("A", "t1", 7), start("B", "t2", 7)), id="never ended"),
    ],
)
def test_no_work_is_duplicated_when(events: tuple[Event, ...]) -> None:
    assert not finds(duplicated_work, *events)


# ---- no order -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [dropped_field, fidelity_loss, orphan_reference, partial_write, silent_revert, stale_base, stale_overwrite],
)
def test_rules_that_need_positions_are_silent_without_order(rule: ModuleType) -> None:
    events = (
        write("A", 1, a=0),
        patch("B", 2, base=1, a=RICH),
        write("C", 3, base=1, a=POOR, unit="open"),
        delete("C", 4, base=1),
        read("B", 1),
    )
    assert not finds(rule, *events, ordered=False)
