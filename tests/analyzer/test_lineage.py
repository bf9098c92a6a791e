"""`lineage`: up to everything that a value was derived from, and down to everything that was derived from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from driftline import DriftlineError
from driftline_analyzer import Analysis
from driftline_analyzer.lineage import LineageNode, lineage
from driftline_analyzer.targets import parse_target

Analyse = Callable[..., Analysis]


def up(analysis: Analysis, text: str, **options: Any) -> list[str]:
    return drawn(lineage(analysis, parse_target(text), "up", **options))


def down(analysis: Analysis, text: str, **options: Any) -> list[str]:
    return drawn(lineage(analysis, parse_target(text), "down", **options))


def drawn(node: LineageNode, indent: int = 0) -> list[str]:
    """One line a node, indented by depth: relation (`~` if inferred), object, version, field, value, branch."""
    moment = node.moment
    words = [f"{node.relation}{'~' * node.inferred}", f"{moment.object}@{moment.version}{node.path or ''}"]
    words += [] if node.value is None else [f"={node.value}"]
    words += [f"by {moment.branch}", *node.findings]
    words += ["…"] if node.repeated else []
    words += [f"+{node.more}"] if node.more else []
    own = "  " * indent + " ".join(words)
    return [own, *(line for child in node.children for line in drawn(child, indent + 1))]


# ---- up: fields ---------------------------------------------------------------------------------------------------


def test_a_field_goes_back_to_what_it_was_at_each_base(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0, m: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {m: 1} @3 base 2
        B: patch doc/1 {n: 2} @4 base 3
    """)
    assert up(analysis, "doc/1#/n") == [
        "root doc/1@4/n =2 by B",
        "  base doc/1@2/n =1 by A",
        "    base doc/1@1/n =0 by M",
    ]
    assert up(analysis, "doc/1@3#/n") == ["root doc/1@2/n =1 by A", "  base doc/1@1/n =0 by M"]
    assert up(analysis, "doc/1@3#/m") == ["root doc/1@3/m =1 by B", "  base doc/1@1/m =0 by M"]


def test_a_lost_value_is_no_cause_of_what_replaced_it(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {n: 2} @3 base 1
    """)
    assert up(analysis, "doc/1#/n") == ["root doc/1@3/n =2 by B DRF101", "  base doc/1@1/n =0 by M"]


def test_a_base_that_was_worked_out_is_marked(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: read doc/1 /n @1
        A: patch doc/1 {n: 1} @2
    """)
    assert up(analysis, "doc/1#/n", depth=1)[:2] == ["root doc/1@2/n =1 by A", "  base~ doc/1@1/n =0 by M"]


def test_a_removal_has_a_lineage_too(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: delete doc/1 @2 base 1
    """)
    assert up(analysis, "doc/1#/n") == ["root doc/1@2/n by A", "  base doc/1@1/n =0 by M"]


def test_a_field_of_a_merge_goes_back_to_what_it_was_at_each_of_its_bases(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0, m: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {m: 2} @3 base 1
        C: merge doc/1 {n: 1, m: 2} @4 bases 1 2 3
    """)
    assert up(analysis, "doc/1#/n", depth=1) == [
        "root doc/1@4/n =1 by C",
        "  base doc/1@2/n =1 by A",
        "  base doc/1@1/n =0 by M",
    ]


# ---- up: whole versions -------------------------------------------------------------------------------------------


def test_a_version_goes_back_to_its_base(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: write doc/1 {n: 2} @3 base 1
    """)
    assert up(analysis, "doc/1") == ["root doc/1@3 by B DRF101", "  base doc/1@1 by M"]


def test_a_patch_goes_back_to_the_newest_version_that_its_fields_rest_on(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0, m: 0} @1
        A: read doc/1 /n @1
        M: patch doc/1 {m: 1} @2
        A: read doc/1 /m @2
        A: patch doc/1 {n: 1, m: 2} @3
    """)
    assert up(analysis, "doc/1@3", depth=1) == ["root doc/1@3 by A", "  base~ doc/1@2 by M"]


def test_a_merge_goes_back_to_each_of_its_bases(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {m: 1} @3 base 1
        C: merge doc/1 {n: 1, m: 1} @4 bases 2 3
    """)
    assert up(analysis, "doc/1") == [
        "root doc/1@4 by C",
        "  base doc/1@3 by B DRF107",
        "    base doc/1@1 by M",
        "  base doc/1@2 by A",
        "    base doc/1@1 by M …",
    ]


def test_the_inputs_that_a_write_names(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write plan/1 {step: 1} @1
        M: write plan/1 {step: 2} @2
        M: write fact/1 {x: 1} @1
        A: write answer/1 {text: "so"} @1 inputs plan/1@1 fact/1@1 ghost/1@9
    """)
    assert up(analysis, "answer/1") == [
        "root answer/1@1 by A DRF201",
        "  input fact/1@1 by M",
        "  input plan/1@1 by M",
    ]
    assert up(analysis, "answer/1#/text") == [
        'root answer/1@1/text ="so" by A DRF201',
        "  input fact/1@1 by M",
        "  input plan/1@1 by M",
    ]


def test_without_named_inputs_what_the_branch_had_read_counts(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write plan/1 {step: 1} @1
        M: write fact/1 {x: 1} @1
        A: read plan/1 @1
        M: write plan/1 {step: 2} @2
        A: read plan/1 @2
        B: read fact/1 @1
        A: write answer/1 {text: "so"} @1
        A: read fact/1 @1
    """)
    assert up(analysis, "answer/1", depth=1) == ["root answer/1@1 by A", "  read~ plan/1@2 by M"]


def test_named_inputs_take_the_place_of_what_was_read(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write plan/1 {step: 1} @1
        M: write fact/1 {x: 1} @1
        A: read plan/1 @1
        A: write answer/1 {text: "so"} @1 inputs fact/1@1
    """)
    assert up(analysis, "answer/1") == ["root answer/1@1 by A", "  input fact/1@1 by M"]


def test_in_a_task_only_what_was_read_there_counts(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write plan/1 {step: 1} @1
        M: write fact/1 {x: 1} @1
        A: read plan/1 @1
        A: start t
        A: read fact/1 @1
        A: write answer/1 {text: "so"} @1
        A: finish t
        A: write answer/2 {text: "so"} @1
    """)
    assert up(analysis, "answer/1") == ["root answer/1@1 by A", "  read~ fact/1@1 by M"]
    assert up(analysis, "answer/2") == [
        "root answer/2@1 by A",
        "  read~ fact/1@1 by M",
        "  read~ plan/1@1 by M",
    ]


def test_what_was_read_of_an_older_version_is_that_version(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write plan/1 {step: 1} @1
        M: write plan/1 {step: 2} @2
        A: read plan/1 @1
        A: write answer/1 {text: "so"} @1
    """)
    assert up(analysis, "answer/1") == ["root answer/1@1 by A DRF201", "  read~ plan/1@1 by M"]


def test_inputs_by_label(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write plan/1 {step: 1} @red
        M: write plan/1 {step: 2} @blue
        A: write answer/1 {text: "so"} @1 inputs plan/1@red
    """)
    assert up(analysis, "answer/1") == ["root answer/1@1 by A DRF201", "  input plan/1@red by M"]


def test_aborted_writes_are_no_causes_by_reading(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write plan/1 {step: 1} @1
        B: begin u
        B: patch plan/1 {step: 2} @2
        B: abort u
        A: read plan/1 @2
        A: write answer/1 {text: "so"} @1
    """)
    assert up(analysis, "answer/1") == ["root answer/1@1 by A", "  read~ plan/1@1 by M"]


# ---- the shape of the tree ----------------------------------------------------------------------------------------


def test_a_cycle_ends(analyse: Analyse) -> None:
    analysis = analyse("""
        A: write one/1 {n: 1} @1 inputs two/1@1
        B: write two/1 {n: 1} @1 inputs one/1@1
    """)
    assert up(analysis, "one/1") == [
        "root one/1@1 by A",
        "  input two/1@1 by B",
        "    input one/1@1 by A …",
    ]


def test_a_write_may_name_itself(analyse: Analyse) -> None:
    analysis = analyse("A: write one/1 {n: 1} @1 inputs one/1@1")
    assert up(analysis, "one/1") == ["root one/1@1 by A", "  input one/1@1 by A …"]


def test_a_step_that_comes_up_twice_has_its_causes_once(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write src/1 {n: 0} @1
        M: write mid/1 {n: 1} @1 inputs src/1@1
        A: write left/1 {n: 1} @1 inputs mid/1@1
        A: write top/1 {n: 2} @1 inputs left/1@1 mid/1@1
    """)
    assert up(analysis, "top/1") == [
        "root top/1@1 by A",
        "  input left/1@1 by A",
        "    input mid/1@1 by M …",
        "  input mid/1@1 by M",
        "    input src/1@1 by M",
    ]


def test_depth_is_a_limit(analyse: Analyse) -> None:
    patches = "\n".join(f"A: patch doc/1 {{n: {n}}} @{n + 1} base {n}" for n in range(1, 12))
    analysis = analyse(f"A: write doc/1 {{n: 0}} @1\n{patches}")
    assert len(up(analysis, "doc/1#/n", depth=3)) == 4
    assert len(up(analysis, "doc/1#/n", depth=0)) == 1
    assert len(up(analysis, "doc/1#/n")) == 9
    assert len(up(analysis, "doc/1#/n", depth=99)) == 12


def test_of_very_many_causes_fifty_are_shown_and_the_rest_counted(analyse: Analyse) -> None:
    names = [f"src/{n}" for n in range(60)]
    writes = "\n".join(f"M: write {name} {{n: 1}} @1" for name in names)
    analysis = analyse(f"{writes}\nA: write top/1 {{n: 1}} @1 inputs {' '.join(f'{name}@1' for name in names)}")
    shown = up(analysis, "top/1")
    assert shown[0] == "root top/1@1 by A +10"
    assert len(shown) == 51


# ---- down ---------------------------------------------------------------------------------------------------------


def test_who_read_a_field_while_it_stood(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0, m: 0} @1
        A: read doc/1 @1
        B: read doc/1 /m @1
        C: read doc/1 /n @1
        M: patch doc/1 {m: 1} @2
        D: read doc/1 @2
        M: patch doc/1 {n: 1} @3
        E: read doc/1 @3
    """)
    assert down(analysis, "doc/1@1#/n", depth=1) == [
        "root doc/1@1/n =0 by M",
        "  reader doc/1@1/n =0 by A",
        "  reader doc/1@1/n =0 by C",
        "  reader doc/1@2/n =0 by D",
        "  derived~ doc/1@3/n =1 by M",
    ]


def test_what_a_reader_wrote_afterwards_may_derive_from_it(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: write early/1 {n: 1} @1
        A: read doc/1 @1
        A: write late/1 {n: 1} @1
        A: write named/1 {n: 1} @1 inputs early/1@1
    """)
    assert down(analysis, "doc/1") == [
        "root doc/1@1 by M",
        "  reader doc/1@1 by A",
        "    derived~ late/1@1 by A",
    ]


def test_what_names_a_version_as_its_input_derives_from_it(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: write other/1 {n: 1} @1 inputs doc/1@1
        B: write other/2 {n: 1} @1 inputs doc/1@2
    """)
    assert down(analysis, "doc/1") == ["root doc/1@1 by M", "  derived other/1@1 by A"]


def test_a_task_that_was_read_in_bounds_what_derives_from_it(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: start t
        A: read doc/1 @1
        A: write inside/1 {n: 1} @1
        A: finish t
        A: write outside/1 {n: 1} @1
    """)
    assert up(analysis, "inside/1") == ["root inside/1@1 by A", "  read~ doc/1@1 by M"]
    assert up(analysis, "outside/1") == ["root outside/1@1 by A", "  read~ doc/1@1 by M"]
    assert [line.strip() for line in down(analysis, "doc/1")[2:]] == [
        "derived~ inside/1@1 by A",
        "derived~ outside/1@1 by A",
    ]


def test_a_task_that_began_after_the_read_derives_nothing_from_it(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: read doc/1 @1
        A: start t
        A: write inside/1 {n: 1} @1
        A: finish t
        A: write outside/1 {n: 1} @1
    """)
    assert up(analysis, "inside/1") == ["root inside/1@1 by A"]
    assert [line.strip() for line in down(analysis, "doc/1")[2:]] == ["derived~ outside/1@1 by A"]


def test_a_value_that_was_carried_on_is_followed(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {n: 2} @3 base 2
    """)
    assert down(analysis, "doc/1@1#/n") == [
        "root doc/1@1/n =0 by M",
        "  derived doc/1@2/n =1 by A",
        "    derived doc/1@3/n =2 by B",
    ]


def test_going_down_a_cycle_ends(analyse: Analyse) -> None:
    analysis = analyse("""
        A: write one/1 {n: 1} @1 inputs two/1@1
        B: write two/1 {n: 1} @1 inputs one/1@1
    """)
    assert down(analysis, "one/1") == [
        "root one/1@1 by A",
        "  derived two/1@1 by B",
        "    derived one/1@1 by A …",
    ]


# ---- elsewhere ----------------------------------------------------------------------------------------------------


def test_without_an_order_named_inputs_and_bases_remain(analyse: Analyse) -> None:
    analysis = analyse("""
        unordered
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
        B: patch doc/1 {n: 2} @3 base 1
        C: merge doc/1 {n: 3} @4 bases 2 3
        A: write other/1 {n: 1} @1 inputs doc/1@4
    """)
    assert up(analysis, "other/1") == [
        "root other/1@1 by A",
        "  input doc/1@4 by C",
        "    base doc/1@3 by B DRF101",
        "      base doc/1@1 by M",
        "    base doc/1@2 by A",
        "      base doc/1@1 by M …",
    ]
    assert up(analysis, "doc/1@2#/n") == ["root doc/1@2/n =1 by A", "  base doc/1@1 by M"]
    assert down(analysis, "doc/1") == ["root doc/1@4 by C", "  derived other/1@1 by A"]
    assert down(analysis, "doc/1@1") == [
        "root doc/1@1 by M",
        "  derived doc/1@2 by A",
        "    derived doc/1@4 by C",
        "      derived other/1@1 by A",
        "  derived doc/1@3 by B DRF101",
        "    derived doc/1@4 by C …",
    ]


def test_without_an_order_a_reader_is_who_read_this_very_version(analyse: Analyse) -> None:
    analysis = analyse("""
        unordered
        M: write doc/1 {n: 0} @red
        A: read doc/1 @red
        B: read doc/1 @blue
        A: write other/1 {n: 1} @1
    """)
    assert down(analysis, "doc/1@red") == [
        "root doc/1@red by M",
        "  reader doc/1@red by A",
        "    derived~ other/1@1 by A",
    ]


def test_what_was_never_written_has_no_lineage(analyse: Analyse) -> None:
    analysis = analyse("A: read doc/1 /n @1")
    for text in ("doc/1", "doc/1#/n"):
        with pytest.raises(DriftlineError, match=f"no write of {text} was recorded"):
            up(analysis, text)


def test_values_that_were_not_kept_are_left_out(analyse: Analyse) -> None:
    analysis = analyse("M: write doc/1 {n: 0} @1\nA: patch doc/1 {n: 1} @2 base 1", values="digest")
    assert up(analysis, "doc/1#/n") == ["root doc/1@2/n by A", "  base doc/1@1/n by M"]


def test_json_of_a_lineage(analyse: Analyse) -> None:
    analysis = analyse("""
        M: write doc/1 {n: 0} @1
        A: patch doc/1 {n: 1} @2 base 1
    """)
    node = lineage(analysis, parse_target("doc/1#/n"))
    (child,) = node.children
    assert node.as_json() == {
        "relation": "root",
        "inferred": False,
        "object": "doc/1",
        "path": "/n",
        "value": "1",
        **node.moment.as_json(),
        "findings": [],
        "repeated": False,
        "more": 0,
        "children": [child.as_json()],
    }
    assert (child.as_json()["relation"], child.as_json()["children"]) == ("base", [])
