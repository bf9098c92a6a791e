"""What OpenTelemetry is told, with the real SDK: span events, links, metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.baggage import set_baggage
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer
from tape import Tape, run_python

import driftline as dl
from driftline import freshness
from driftline.freshness import Freshness
from driftline.recorder import Recorder
from driftline.scope import Branch


class Spans:
    """Spans that are kept in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer: Tracer = provider.get_tracer("test")

    def __getitem__(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self._exporter.get_finished_spans() if span.name == name]
        return found

    def events(self) -> list[dict[str, Any]]:
        """The attributes of each event of ours."""
        spans = self._exporter.get_finished_spans()
        return [dict(event.attributes or {}) for span in spans for event in span.events if event.name[:6] == "drift."]


@pytest.fixture
def spans() -> Spans:
    return Spans()


# ---- stale bases --------------------------------------------------------------------------------------------------


def test_a_write_that_rests_on_what_stands_is_no_event(tape: Tape, spans: Spans) -> None:
    with spans.tracer.start_as_current_span("run"), tape.record():
        dl.write("doc/1", {"a": 0}, version=1)
        with dl.branch("a"):
            dl.patch("doc/1", {"a": 1}, version=2)
            dl.patch("doc/1", {"a": 2}, version=3, base=1)  # nobody else's is lost
        with dl.branch("b"):
            dl.read("doc/1", {"a": 2}, version=3)
            dl.patch("doc/1", {"a": 3}, version=4)
        with dl.branch("c"):
            dl.write("doc/2", 1)  # never seen by anyone

    assert spans.events() == []


def test_a_stale_base_is_an_event_of_the_span_in_force(tape: Tape, spans: Spans) -> None:
    token = attach(set_baggage("gen_ai.conversation.id", "chat-7"))
    with spans.tracer.start_as_current_span("run"), tape.record():
        dl.write("context/1", {"summary": "a"}, version=1, type="context")
        with dl.branch("researcher"):
            dl.patch("context/1", {"summary": "b"}, version=2)
        with dl.branch("writer", phase="compression"), spans.tracer.start_as_current_span("late"):
            dl.write("context/1", {"summary": "c"}, version=3, base=1, type="context", confidence=0.4)
    detach(token)

    (event,) = spans["late"].events
    assert event.name == "drift.stale_base"
    assert dict(event.attributes or {}) == {
        "drift.object.id": "context/1",
        "drift.object.type": "context",
        "drift.object.version": 3,
        "drift.object.base_version": 1,
        "drift.branch.id": "writer#3",
        "drift.branch.name": "writer",
        "drift.phase": "compression",
        "drift.fields": ("/summary",),
        "drift.confidence": 0.4,
        "drift.other.version": 2,
        "drift.other.branch.id": "researcher#2",
        "drift.other.branch.name": "researcher",
        "gen_ai.operation.name": "upsert_memory",
        "gen_ai.agent.name": "writer",
        "gen_ai.memory.record.id": "context/1",
        "gen_ai.conversation.id": "chat-7",
    }
    assert tape.record_of_process().faults == {}


def test_inferred_bases_follow_forks_and_joins(tape: Tape, spans: Spans) -> None:
    with spans.tracer.start_as_current_span("run"), tape.record():
        dl.write("doc/1", {"a": 0, "b": 0})
        with dl.branch("early"):
            early = dl.propagate(dl.patch)
            with dl.branch("child"):
                dl.patch("doc/1", {"b": 1})  # nothing stale: what the parent had seen is inherited
            dl.patch("doc/1", {"b": 2})  # nor here: the child has joined
        with dl.branch("late"):
            dl.patch("doc/1", {"a": 1})
            early("doc/1", {"b": 3})  # another field
            early("doc/1", {"a": 2})  # stale: it had seen a at version 1

    (event,) = spans.events()
    assert (event["drift.object.version"], event["drift.object.base_version"]) == (6, 1)
    assert (event["drift.branch.name"], event["drift.other.branch.name"]) == ("early", "late")
    assert event["drift.fields"] == ("/a",)


def test_tasks_that_ran_side_by_side_are_seen_though_the_first_has_joined(tape: Tape, spans: Spans) -> None:
    with spans.tracer.start_as_current_span("run"), tape.record() as recording:
        dl.write("doc/1", 0)
        lines = recording.recorder.lines
        first, second = lines.fork("first"), lines.fork("second")
        for scope in (first, second):
            lines.adopt(scope)
            dl.write("doc/1", scope.branch.name)
            lines.end(scope.branch, None)

    (event,) = spans.events()
    assert (event["drift.branch.name"], event["drift.object.base_version"]) == ("second", 1)


def test_labels_are_ordered_by_mention_and_a_failed_branch_hands_on_nothing(tape: Tape, spans: Spans) -> None:
    with spans.tracer.start_as_current_span("run"), tape.record():
        dl.write("doc/1", "x", version="v1")
        with suppress(ZeroDivisionError), dl.branch("failing"):
            dl.write("doc/1", "y", version="v2")
            raise ZeroDivisionError
        dl.write("doc/1", "z", version="v0")

    (event,) = spans.events()
    assert (event["drift.object.version"], event["drift.object.base_version"]) == ("v0", "v1")
    assert event["drift.other.version"] == "v2"


def test_without_an_order_nothing_is_stale(tape: Tape, spans: Spans) -> None:
    with spans.tracer.start_as_current_span("run"), tape.record(ordered=False):
        dl.write("doc/1", 0, version=1)
        with dl.branch("a"):
            dl.write("doc/1", 1, version=2)
        with dl.branch("b"):
            dl.write("doc/1", 2, version=3, base=1)

    assert spans.events() == []


# ---- links --------------------------------------------------------------------------------------------------------


def test_a_merge_is_linked_with_the_spans_of_what_it_merged(tape: Tape, spans: Spans) -> None:
    with spans.tracer.start_as_current_span("run"), tape.record():
        for name, version in (("a", 1), ("b", 2)):
            with spans.tracer.start_as_current_span(name), dl.branch(name, phase="reasoning"):
                dl.write("doc/1", name, version=version, base=0)
        with spans.tracer.start_as_current_span("plan"):
            dl.write("plan/1", "p", version=7)
        with spans.tracer.start_as_current_span("merge"), dl.branch("merger"):
            dl.merge("doc/1", "ab", bases=[1, 2, 99], version=3, inputs=[("plan/1", 7)])

    links = spans["merge"].links
    assert [link.context.span_id for link in links] == [
        spans[name].get_span_context().span_id  # type: ignore[union-attr]
        for name in ("a", "b", "plan")
    ]
    assert dict(links[0].attributes or {}) == {
        "drift.object.id": "doc/1",
        "drift.object.version": 1,
        "drift.branch.id": "a#2",
        "drift.branch.name": "a",
        "drift.phase": "reasoning",
        "drift.merged_into": "doc/1",
        "gen_ai.operation.name": "search_memory",
        "gen_ai.agent.name": "a",
        "gen_ai.memory.record.id": "doc/1",
    }


# ---- against the ledger -------------------------------------------------------------------------------------------

NAMES = "abc"
STEPS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["read", "look", "patch", "write", "fork", "end"]),
        st.sampled_from(["x", "y"]),
    ),
    max_size=40,
)


def play(steps: list[tuple[str, str, str]]) -> None:
    """Branches that take turns on one object; a fork replaces a branch by a child of it, whose end brings it back."""
    acts: dict[str, list[Any]] = {}
    with ExitStack() as stack:
        dl.write("doc/1", {"x": 0, "y": 0}, version=1)
        top = dl.current()
        for name in NAMES:
            block = stack.enter_context(dl.branch(name, parent=top))
            acts[name] = [(dl.propagate(lambda function, *args, **kwargs: function(*args, **kwargs)), block)]
        version = 1
        for number, (name, step, path) in enumerate(steps):
            act = acts[name][-1][0]
            if step in {"read", "look"}:
                act(dl.read, "doc/1", {path: number}, version=version, partial=step == "look")
            elif step == "patch":
                version = act(dl.patch, "doc/1", {path: number})
            elif step == "write":
                version = act(dl.write, "doc/1", {"x": number, "y": number})
            elif step == "fork":
                act(begin_child, acts[name])
            elif len(acts[name]) > 1:
                acts[name].pop()[1].__exit__(None, None, None)
        for stacked in acts.values():
            while len(stacked) > 1:
                stacked.pop()[1].__exit__(None, None, None)


def begin_child(into: list[Any]) -> None:
    block = dl.branch("child")
    with ExitStack() as stack:
        stack.enter_context(block)
        into.append((dl.propagate(lambda function, *args, **kwargs: function(*args, **kwargs)), block))
        stack.pop_all()


def stale_by_the_ledger(tape: Tape) -> Iterator[tuple[int, int, list[str]]]:
    """From the bases that were recorded: version, oldest base, fields."""
    last: dict[str, tuple[str, int]] = {}
    for event in tape.events("write", "patch"):
        found = []
        for item in event["fields"]:
            base = item.get("base", event.get("base"))
            setter = last.get(item["path"])
            if base is not None and setter is not None and setter[0] != event["branch"] and base < setter[1]:
                found.append((base, item["path"]))
            last[item["path"]] = (event["branch"], event["version"])
        if found:
            yield event["version"], min(base for base, _ in found), sorted(path for _, path in found)


@given(STEPS)
def test_what_is_said_live_is_what_the_ledger_works_out(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]
) -> None:
    tape, spans = Tape(tmp_path_factory.mktemp("run") / "run.drift"), Spans()
    with spans.tracer.start_as_current_span("run"), tape.record():
        play(steps)

    said = [
        (event["drift.object.version"], event["drift.object.base_version"], sorted(event["drift.fields"]))
        for event in spans.events()
    ]
    assert said == list(stale_by_the_ledger(tape))


# ---- bounds and faults --------------------------------------------------------------------------------------------


def branch(name: str) -> Branch:
    return Branch(name, name, None, None, None)


def made(fresh: Freshness, by: Branch, object_id: str, version: int, *paths: str, **kwargs: Any) -> Any:
    return fresh.wrote(by, object_id, version, bases=kwargs.get("bases"), paths=paths, span=None, whole=not paths)


def test_what_is_forgotten_is_not_called_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "_OBJECTS", 2)
    fresh, a, b = Freshness(), branch("a"), branch("b")
    fresh.saw(a, "o/1", 1, None)
    for n in range(10):
        made(fresh, b, f"other/{n}", 1)
    made(fresh, b, "o/1", 2)

    assert len(fresh._objects) == 2
    assert sum(map(len, fresh._touched.values())) <= 4
    assert made(fresh, a, "o/1", 3) is None


def test_what_a_branch_saw_long_ago_counts_as_new_once_its_steps_are_forgotten() -> None:
    fresh, parent, other = Freshness(), branch("parent"), branch("other")
    child = Branch("child", "child", None, parent, None)
    fresh.saw(parent, "o/1", 1, ("/x",))
    fresh.forked(child)
    made(fresh, other, "o/1", 2, "/x")
    assert made(fresh, child, "o/1", 3, "/x") is not None
    second = Branch("second", "second", None, parent, None)
    fresh.forked(second)
    for version in range(4, 40):
        made(fresh, parent, "o/1", version, "/x")
    assert made(fresh, second, "o/1", 40, "/x") is None


def test_a_delete_removes_what_another_branch_made() -> None:
    fresh, a, b = Freshness(), branch("a"), branch("b")
    fresh.saw(a, "o/1", 1, None)
    made(fresh, b, "o/1", 2)
    stale = made(fresh, a, "o/1", 3)

    assert (stale.base, stale.newest.version, stale.fields) == (1, 2, ("",))


def test_versions_and_fields_are_bounded() -> None:
    fresh, a = Freshness(), branch("a")
    for n in range(1, 1000):
        made(fresh, a, "o/1", n, f"/{n}")
    known = fresh._objects["o/1"]

    assert len(known.makers) == 64
    assert len(known.fields) == 256
    assert len(known.seen[a].fields) == 256


def test_a_fault_in_telemetry_is_counted_and_never_raised(
    tape: Tape, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("x")

    monkeypatch.setattr(Freshness, "wrote", broken)
    monkeypatch.setattr(Freshness, "saw", broken)
    with spans.tracer.start_as_current_span("run"), tape.record():
        assert dl.write("doc/1", 1) == 1
        dl.read("doc/2", 1, version=1)

    assert tape.record_of_process().faults == {"telemetry: OSError": 2}
    assert tape.trace().complete
    assert len(tape.events("read", "write")) == 2


def test_without_a_provider_the_recorder_is_what_it_is(tape: Tape) -> None:
    with tape.record() as recording, dl.branch("a"):
        assert not {"write", "read", "set_field", "start_branch", "end_branch", "fork"} & set(vars(recording.recorder))
        assert recording.recorder.write.__func__ is Recorder.write  # type: ignore[attr-defined]


# ---- metrics ------------------------------------------------------------------------------------------------------

METRICS = """
import json, os, shutil, sys
import driftline as dl
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

def collected():
    data = reader.get_metrics_data()
    found = {}
    for metric in (m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics) if data else ():
        for point in metric.data.data_points:
            found[metric.name + "".join(point.attributes.values())] = point.value
    return found

dl.start(sys.argv[1])
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))
trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
with dl.branch("a"):
    dl.write("doc/1", 1)
    with dl.branch("b"):
        dl.patch("doc/1", {"/x": 1})
        dl.patch("doc/1", {"/x": 2})
    dl.write("doc/1", 2, base=1)
    dl.delete("doc/1")
    child = os.fork()
    if not child:
        dl.write("doc/3", 1)
        dl.stop()
        print(json.dumps(collected()), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
dl.stop()
dl.start(sys.argv[2])
shutil.rmtree(sys.argv[2])
dl.write("doc/1", 1)
dl.stop()
print(json.dumps(collected()))
"""


def test_counts_are_collected_over_all_recordings_and_begin_anew_in_a_forked_process(tape: Tape) -> None:
    ran = run_python(METRICS, str(tape.path), str(tape.path) + "2")

    assert ran.returncode == 0, ran.stderr
    child, parent = (json.loads(line) for line in ran.stdout.splitlines())
    assert parent == {
        "drift.eventsbranch-start": 4,
        "drift.eventsbranch-end": 4,
        "drift.eventswrite": 3,
        "drift.eventspatch": 2,
        "drift.eventsdelete": 1,
        "drift.writes": 6,
        "drift.stale_bases": 1,
        "drift.dropped": 3,  # the folder was removed
    }
    assert (child["drift.eventswrite"], child["drift.writes"], child["drift.stale_bases"]) == (1, 1, 0)
