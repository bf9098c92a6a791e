"""Branch and clock across processes, threads and queues that know only headers."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from opentelemetry.baggage import get_all, set_baggage
from opentelemetry.context import attach, detach
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


# ---- carriers -----------------------------------------------------------------------------------------------------


def as_it_is(headers: dict[str, str]) -> Any:
    return headers


def capitalised(headers: dict[str, str]) -> Any:
    return {name.title(): value for name, value in headers.items()}


def as_environment(headers: dict[str, str]) -> Any:
    return {name.upper(): value for name, value in headers.items()}


def as_wsgi(headers: dict[str, str]) -> Any:
    return {f"HTTP_{name.upper()}": value for name, value in headers.items()}


def as_asgi(headers: dict[str, str]) -> Any:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def as_lists(headers: dict[str, str]) -> Any:
    return {name: value.split(",") for name, value in headers.items()}


def as_repeated_pairs(headers: dict[str, str]) -> Any:
    return [(name.upper(), part) for name, value in headers.items() for part in value.split(",")]


@pytest.mark.parametrize(
    "carried",
    [as_it_is, capitalised, as_environment, as_wsgi, as_asgi, as_lists, as_repeated_pairs],
)
def test_headers_are_found_however_they_are_written(tape: Tape, carried: Any) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    with tape.record():
        with tracer.start_as_current_span("step") as span, dl.branch("sender", phase="reasoning"):
            headers: dict[str, str] = dl.inject({})
        with dl.extract(carried(headers)):
            found = dl.current()
            inside = get_current_span().get_span_context()

    assert found is not None
    assert (found.id, found.phase) == ("sender#2", "reasoning")
    assert inside.span_id == span.get_span_context().span_id
    assert tape.record_of_process().faults == {}


@pytest.mark.parametrize(
    ("carrier", "expected"),
    [
        ([], [("baggage", "")]),
        ([("x", "y"), ("Baggage", "old=1")], [("x", "y"), ("baggage", "old=1")]),
        ([(b"x", b"y")], [(b"x", b"y"), (b"baggage", b"")]),
        ([("kafka", b"y")], [("kafka", b"y"), ("baggage", b"")]),
    ],
    ids=str,
)
def test_a_list_of_pairs_is_filled_with_pairs_of_its_kind(tape: Tape, carrier: Any, expected: Any) -> None:
    with tape.record():
        assert dl.inject(carrier) is carrier

    assert [name for name, _ in carrier] == [name for name, _ in expected]
    assert [type(value) for _, value in carrier] == [type(value) for _, value in expected]
    last, before = carrier[-1][1], expected[-1][1]
    assert before in last
    assert (b"driftline.branch=main%231" if isinstance(last, bytes) else "driftline.branch=main%231") in last


def test_the_programs_own_baggage_stays_and_ours_is_said_once(tape: Tape) -> None:
    token = attach(set_baggage("user", "a b"))
    try:
        with tape.record():
            headers = {"Baggage": "tenant=7;p=1,user=old,driftline.branch=old%231"}
            dl.inject(headers)
            dl.inject(headers)
    finally:
        detach(token)

    assert set(headers) == {"Baggage"}
    entries = headers["Baggage"].split(",")
    assert sorted(entry.partition("=")[0] for entry in entries) == [
        "driftline.branch",
        "driftline.clock",
        "tenant",
        "user",
    ]
    assert "tenant=7;p=1" in entries


def test_what_a_message_says_to_us_is_not_passed_on_as_the_programs_baggage(tape: Tape) -> None:
    with tape.record(), dl.extract({"baggage": "tenant=7,driftline.branch=far%231,driftline.clock=5"}):
        assert dict(get_all()) == {"tenant": "7"}
    assert dict(get_all()) == {}


@pytest.mark.parametrize(
    "name",
    ["a,b;c=d", "Ünïcödé 日本語", "a b+c%20", "x#y#z", '"quoted"', "line\nbreak", "é" * 500, ""],
    ids=ascii,
)
def test_names_survive_whatever_is_in_them(tape: Tape, name: str) -> None:
    with tape.record():
        with dl.branch(name):
            headers: dict[str, str] = dl.inject({})
        headers = json.loads(json.dumps(headers))
        assert headers["baggage"].isascii()
        with dl.extract(headers):
            dl.write("doc/1", 1)

    (start,) = [event for event in tape.events("branch-start") if event["branch"].endswith("#2")]
    assert tape.events("write")[0]["branch"] == start["branch"]
    assert tape.record_of_process().faults == {}


def test_a_name_too_long_for_a_header_is_not_sent_and_that_is_counted(tape: Tape) -> None:
    with tape.record(), dl.branch("x" * 5000):
        assert dl.inject({"x": "y"}) == {"x": "y"}

    assert tape.record_of_process().faults == {"inject: DriftlineError": 1}
    assert tape.trace().complete


def test_an_environment_is_told_from_headers(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_VARIABLE", "1")
    with tape.record():
        made = dl.inject(dict(os.environ))
        small = dl.inject({"SOME_VARIABLE": "1"})
        declared: dict[str, str] = dl.inject({}, environment=True)
        headers = dl.inject({"SOME_VARIABLE": "2"})
        denied = dl.inject({"SOME_VARIABLE": "1"}, environment=False)

    for environment in (made, small, declared):
        assert environment["DRIFTLINE_TRACE"] == str(tape.path)
        assert "driftline.branch=main%231" in environment["BAGGAGE"]
        assert "baggage" not in environment
    assert set(headers) == set(denied) == {"SOME_VARIABLE", "baggage"}
    assert "BAGGAGE" not in os.environ


@pytest.mark.parametrize(
    "environment",
    [
        {"BAGGAGE": "driftline.branch="},
        {"BAGGAGE": "%%%,=,driftline.clock=x"},
        {"TRACEPARENT": "00-1-2-3"},
        {"HTTP_BAGGAGE": ""},
    ],
    ids=str,
)
def test_an_environment_that_says_nothing_changes_nothing(tape: Tape, environment: dict[str, str]) -> None:
    ran = run_python("import driftline as dl; dl.write('doc/1', 1)", DRIFTLINE_TRACE=str(tape.path), **environment)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert tape.lines(without=("depth",)) == [
        "main#1 branch-start name=main",
        "main#1 write doc/1@1? <-? =1",
        "main#1 branch-end status=ok",
    ]


# ---- what follows -------------------------------------------------------------------------------------------------


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
