"""Branch and clock across processes, threads and queues that know only headers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span
from tape import Tape, run_python

import driftline as dl


def clock(headers: dict[str, str]) -> int:
    return int(dict(entry.split("=") for entry in headers["baggage"].split(","))["driftline.clock"])


def test_headers_carry_the_branch_the_phase_and_the_clock(tape: Tape) -> None:
    with tape.record(), dl.branch("worker", phase="enrichment"):
        headers = dl.inject({"x": "y"})

    assert set(headers) == {"x", "baggage"}
    entries = dict(entry.split("=") for entry in headers["baggage"].split(","))
    assert entries["driftline.branch"] == "worker%232"
    assert entries["driftline.phase"] == "enrichment"
    assert clock(headers) > tape.events("branch-start")[-1]["clock"]


def test_the_span_in_force_goes_with_them(tape: Tape) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with tape.record():
        with tracer.start_as_current_span("step") as span:
            headers: dict[str, str] = dl.inject({})
        with dl.extract(headers):
            inside = get_current_span().get_span_context()

    context = span.get_span_context()
    assert headers["traceparent"].startswith(f"00-{context.trace_id:032x}-{context.span_id:016x}-")
    assert (inside.trace_id, inside.span_id) == (context.trace_id, context.span_id)
    assert not get_current_span().get_span_context().is_valid


def test_a_block_of_extract_acts_in_the_branch_that_sent(tape: Tape) -> None:
    with tape.record():
        with dl.branch("sender", phase="reasoning"):
            headers: dict[str, str] = dl.inject({})
        with dl.branch("elsewhere"):
            with dl.extract(headers):
                found = dl.current()
                dl.write("doc/1", 1)
                with dl.branch("inner"):
                    dl.write("doc/1", 2)
            dl.write("doc/1", 3)

    assert found is not None
    assert (found.id, found.name, found.phase, found.parent) == ("sender#2", "sender", "reasoning", None)
    assert tape.lines("write", "branch-start", without=("depth",))[3:] == [
        "sender#2 write doc/1@1? <-? =1",
        "inner#4 branch-start name=inner parent=sender#2 phase=reasoning",
        "inner#4 write doc/1@2? <1? =2",
        "elsewhere#3 write doc/1@3? <-? =3",
    ]


def test_what_happens_after_a_message_is_later_than_it(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", 1)
        sent = clock(dl.inject({})) + 1_000_000_000
        with dl.extract({"baggage": f"driftline.branch=far%231,driftline.clock={sent}"}):
            dl.write("doc/1", 2)
        dl.write("doc/1", 3)

    before, inside, after = (event["clock"] for event in tape.events("write"))
    assert before < sent < inside < after


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"baggage": "other=1"},
        {"baggage": "driftline.clock=soon"},
        {"baggage": "driftline.clock=-5"},
        {"baggage": "driftline.branch="},
        {"baggage": "driftline.clock=" + "9" * 400},
        {"baggage": "=;=,,"},
        {"traceparent": "nonsense"},
    ],
    ids=str,
)
def test_headers_that_say_nothing_change_nothing(tape: Tape, headers: dict[str, str]) -> None:
    with tape.record(), dl.branch("a"), dl.extract(headers):
        dl.write("doc/1", 1)

    assert tape.facts() == ["a#2 write doc/1@1? <-? =1"]


@pytest.mark.parametrize("headers", [None, {"baggage": 3}, {"traceparent": b"x"}, [("baggage", "x")]], ids=str)
def test_headers_that_are_none_raise_nothing(tape: Tape, headers: Any) -> None:
    with dl.extract(headers):
        pass
    with tape.record(), dl.extract(headers):
        dl.inject(headers)
        dl.write("doc/1", 1)

    assert tape.facts() == ["main#1 write doc/1@1? <-? =1"]


def test_an_exception_leaves_extract_as_it_is(tape: Tape) -> None:
    with tape.record():
        with pytest.raises(ZeroDivisionError), dl.extract(dl.inject({})):
            raise ZeroDivisionError
        assert str(dl.current()) == "<Branch main#1>"


CHILD = """
import json, sys
import driftline as dl
with dl.extract(json.loads(sys.argv[1])):
    dl.write("doc/1", "child")
    with dl.branch("inner"):
        print(json.dumps(dl.inject({})))
"""


def test_a_message_to_another_process_and_back(tape: Tape) -> None:
    with tape.record(), dl.branch("sender", phase="reasoning"):
        ran = run_python(CHILD, json.dumps(dl.inject({})), DRIFTLINE_TRACE=str(tape.path))
        assert ran.stderr == ""
        with dl.extract(json.loads(ran.stdout)):
            dl.write("doc/1", "back")

    events = tape.events()
    writes = {json.loads(event["fields"][0]["value"]): event for event in events if event["op"] == "write"}
    assert writes["child"]["branch"] == "sender#2"
    assert writes["back"]["branch"].startswith("inner#")
    assert writes["child"]["process"] != writes["back"]["process"]
    assert writes["child"]["clock"] < writes["back"]["clock"]
    (inner,) = (event for event in events if event.get("name") == "inner")
    assert (inner["parent"], inner["phase"]) == ("sender#2", "reasoning")
    assert len({event["branch"] for event in events}) == 3


LATE = """
import sys
import driftline as dl
with dl.record(sys.argv[1]):
    from opentelemetry.sdk.trace import TracerProvider
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with tracer.start_as_current_span("step"):
        dl.write("doc/1", 1)
"""


def test_the_span_in_force_is_named_though_its_library_was_loaded_after_recording_began(tape: Tape) -> None:
    ran = run_python(LATE, str(tape.path))

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "trace_id" in tape.events("write")[0]
