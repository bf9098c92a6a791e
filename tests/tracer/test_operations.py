"""Exactly what each public call records."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from tape import Tape
from xxhash import xxh3_64_intdigest

import driftline as dl


def test_a_recording_is_a_branch_of_the_main_thread(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"n": 1})

    assert tape.lines() == [
        "main#1 branch-start name=main",
        "main#1 write doc/1@1? <-? depth=1 /n=1",
        "main#1 branch-end status=ok",
    ]


def test_a_recording_without_a_call_has_no_event(tape: Tape) -> None:
    with tape.record():
        pass

    assert tape.events() == []
    assert tape.trace().complete


def test_write_says_all_that_it_is_given(tape: Tape) -> None:
    with tape.record():
        made = dl.write(
            "context/42",
            {"summary": "…", "owner": "agent/1"},
            version=8,
            base=7,
            type="context",
            confidence=0.8,
            fidelity=0.5,
            source="planner",
            refs={"/owner": "agent/1"},
            inputs=[("plan/1", 3), ("plan/2", "rev-b")],
        )

    assert made == 8
    (said,) = tape.lines("write")
    assert said == (
        "main#1 write context/42@8 <7 type=context depth=1 confidence=0.8 fidelity=0.5 source=planner"
        ' ref:/owner=agent/1 from:plan/1@3 from:plan/2@rev-b /summary="…" /owner="agent/1"'
    )


def test_a_write_of_a_single_value_has_one_field_of_no_name(tape: Tape) -> None:
    with tape.record():
        dl.write("counter/1", 5, version=1)
        dl.write("counter/1", [1, {"a": 2}], version=2)
        dl.write("counter/1", None, version=3)

    assert tape.facts() == [
        "main#1 write counter/1@1 <-? =5",
        'main#1 write counter/1@2 <1? =[1,{"a":2}]',
        "main#1 write counter/1@3 <2? =null",
    ]


def test_a_write_of_an_empty_mapping_has_no_field_but_a_list_of_fields(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {})

    assert tape.events("write")[0]["fields"] == []


def test_nested_mappings_are_fields_down_to_the_depth(tape: Tape) -> None:
    with tape.record(depth=2):
        dl.write("doc/1", {"a": {"b": {"c": 1}}, "e": {}, "l": [{"x": 1}], "s/t~u": 1})

    assert tape.facts() == ['main#1 write doc/1@1? <-? /a/b={"c":1} /e={} /l=[{"x":1}] /s~1t~0u=1']


def test_patch_takes_pointers_and_names_and_removes(tape: Tape) -> None:
    with tape.record():
        made = dl.patch("doc/1", {"/a": 1, "b": {"c": 2}, "/d": dl.ABSENT, "/e/f": "g"}, base=8, source="planner")

    assert made == 1
    assert tape.facts() == ['main#1 patch doc/1@1? <8 source=planner /a=1 /b/c=2 /d=~ /e/f="g"']


def test_merge_names_every_version_that_went_in(tape: Tape) -> None:
    with tape.record():
        made = dl.merge("doc/1", {"a": 1}, bases=[7, "x", 8], version=9, strategy="union", confidence=1)

    assert made == 9
    assert tape.facts() == ["main#1 merge doc/1@9 <[7,x,8] confidence=1.0 strategy=union /a=1"]


def test_delete_is_a_version_of_no_field(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"a": 1}, version=1)
        made = [dl.delete("doc/1"), dl.delete("doc/1", version=9, base=1)]

    assert made == [2, 9]
    assert tape.facts()[1:] == ["main#1 delete doc/1@2? <1?", "main#1 delete doc/1@9 <1"]


def test_read_says_what_was_seen(tape: Tape) -> None:
    with tape.record():
        dl.read("doc/1", {"a": 1, "b": [2]}, version=7, type="doc")
        dl.read("doc/2", {"/a": 1, "gone": dl.ABSENT}, version="rev-a", partial=True)
        dl.read("doc/3", 5, version=1)
        dl.read("doc/4", version=1)
        dl.read("doc/5", {"a": 1})

    assert tape.lines("read") == [
        "main#1 read doc/1@7 whole type=doc /a=1 /b=[2]",
        "main#1 read doc/2@rev-a partly /~1a=1 /gone=~",
        "main#1 read doc/3@1 whole =5",
        "main#1 read doc/4@1 whole =null",
        "main#1 read doc/5@-? whole /a=1",
    ]


def test_a_read_of_no_version_takes_the_newest_known(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"a": 1}, version=4)
        with dl.branch("a"):
            dl.read("doc/1", {"a": 1})

    assert tape.facts()[-1] == "a#2 read doc/1@4? whole /a=1"


def test_marks_name_a_version_or_take_the_newest(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", {"a": 1}, version=4, type="doc")
        dl.snapshot("doc/1", version=3)
        dl.snapshot("doc/1")
        dl.promote("doc/1", version=4)
        dl.promote("doc/1", phase="enrichment")
        dl.quarantine("doc/1", version=4, reason="owner is gone")
        dl.reject("doc/1", reason="schema")
        dl.reject("doc/2", version="x")
        dl.snapshot("doc/3")

    assert tape.facts(without=())[1:] == [
        "main#1 snapshot doc/1@3 type=doc",
        "main#1 snapshot doc/1@4? type=doc",
        "main#1 promote doc/1@4 type=doc",
        "main#1 promote doc/1@4? type=doc phase=enrichment",
        "main#1 quarantine doc/1@4 type=doc reason=owner is gone",
        "main#1 reject doc/1@4? type=doc reason=schema",
        "main#1 reject doc/2@x reason=",
        "main#1 snapshot doc/3@-?",
    ]


def test_the_type_is_needed_once_and_may_come_late(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", 1)
        dl.write("doc/1", 2, type="doc")
        dl.write("doc/1", 3)

    assert [event.get("type") for event in tape.events("write")] == [None, "doc", "doc"]


def test_versions_that_the_tracer_numbers_go_on_from_the_highest_known(tape: Tape) -> None:
    with tape.record():
        made = [
            dl.write("doc/1", 1),
            dl.write("doc/1", 2),
            dl.write("doc/1", 3, version=10),
            dl.write("doc/1", 4),
            dl.write("doc/2", 1),
        ]
        dl.read("doc/1", 5, version=20)
        made.append(dl.write("doc/1", 6))

    assert made == [1, 2, 10, 11, 1, 21]


def test_a_field_has_the_digest_and_size_of_its_canonical_json(tape: Tape) -> None:
    text = '{"a":["one","two",""],"b":null,"c":"' + "x" * 40 + '"}'
    with tape.record(depth=1):
        dl.write("doc/1", {"f": {"c": "x" * 40, "b": None, "a": ["one", "two", ""]}, "é": "é", "none": None})
        dl.patch("doc/1", {"/f": dl.ABSENT})

    (first, second, third), (removed,) = (event["fields"] for event in tape.events("write", "patch"))
    assert first == {
        "path": "/f",
        "digest": xxh3_64_intdigest(text.encode()),
        "size": len(text),
        "leaves": 3,
        "value": text,
    }
    assert second == {
        "path": "/é",
        "digest": xxh3_64_intdigest('"é"'.encode()),
        "size": 4,
        "leaves": 1,
        "value": '"é"',
    }
    assert (third["size"], third["leaves"], third["value"]) == (4, 0, "null")
    assert removed == {"path": "/f", "base": 1}


def test_without_values_only_what_is_said_about_them_is_kept(tape: Tape) -> None:
    with tape.record(values="digest"):
        dl.write("doc/1", {"answer": "swordfish"})

    (field,) = tape.events("write")[0]["fields"]
    assert field == {"path": "/answer", "digest": xxh3_64_intdigest(b'"swordfish"'), "size": 11, "leaves": 1}
    assert all(b"swordfish" not in path.read_bytes() for path in tape.path.iterdir())


def test_sequence_numbers_have_no_gap_and_the_clock_rises(tape: Tape) -> None:
    with tape.record():
        for n in range(100):
            dl.write("doc/1", n)

    events = tape.events()
    clocks = [event["clock"] for event in events]
    assert [event["seq"] for event in events] == list(range(102))
    assert clocks == sorted(set(clocks))


def test_the_span_in_force_is_named(tape: Tape) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with tape.record():
        with tracer.start_as_current_span("step") as span:
            dl.write("doc/1", 1)
        dl.write("doc/1", 2)
    context = span.get_span_context()

    inside, outside = tape.events("write")
    assert (inside.get("trace_id"), inside.get("span_id")) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert "trace_id" not in outside
    assert "span_id" not in outside


@pytest.mark.parametrize("call", [lambda: dl.read("doc/1", 1), lambda: dl.snapshot("doc/1")])
def test_what_makes_no_version_returns_nothing(tape: Tape, call: object) -> None:
    assert callable(call)
    with tape.record():
        assert call() is None
