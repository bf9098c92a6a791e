"""Traces that are well formed and make no sense: each is answered, within a bound of time and of memory.

The size of each is such that anything quadratic, or a chain followed without a guard, would break the bound.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest
from bounded import Answer, ask
from xxhash import xxh3_64_intdigest

from driftline.header import Header, ProcessRecord
from driftline.offline import ProcessStream, new_trace
from driftline.schema import EVENT, FORMAT

Row = dict[str, Any]

EVENTS: Final = 6_000
FIELDS: Final = 60_000
HOUR: Final = 3_600_000_000_000
SECONDS: Final = 60  # of processor time, for one question
MEGABYTES: Final = 900
EXTREMES: Final = (2**63 - 1, -(2**63), 0, -1, 2**62, 2**63 - 2)


def make(folder: Path, rows: Iterable[Row], *, ordered: bool = True) -> Path:
    """A trace of one process out of these events; their clock rises by one unless they say otherwise."""
    path = folder / "odd.drift"
    header = Header(format=FORMAT, run="odd", created=0, ordered=ordered)
    with new_trace(path, header) as making, ProcessStream(making, "odd", ProcessRecord(process="p", pid=0)) as stream:
        left = iter(rows)
        while chunk := list(itertools.islice(left, 16_384)):
            numbered = [{"seq": at, "clock": at + 1, **row} for at, row in enumerate(chunk, stream.written)]
            stream.write(pa.RecordBatch.from_pylist(numbered, schema=EVENT))
    return path


def field(path: str, value: object, base: int | None = None) -> Row:
    text = json.dumps(value)
    digest = xxh3_64_intdigest(text.encode())
    return {"path": path, "digest": digest, "size": len(text), "leaves": 1, "value": text, "base": base}


def patch(at: int, version: int | str | None, base: int | str | None, **said: Any) -> Row:
    """The `at`-th patch of one object, by one of seven branches."""
    row = {"op": "patch", "branch": f"b#{at % 7}", "object": "doc/1", "type": "doc", "fields": [field("/n", at)]}
    named = {"label": version, "base_label": base} if isinstance(version, str) else {"version": version, "base": base}
    return {**row, **named, **said}


def counts(answer: Answer) -> dict[str, int]:
    assert answer.status in {0, 1}, answer.err
    assert answer.peak < MEGABYTES
    found: dict[str, int] = json.loads(answer.out)["counts"]
    return {name: number for name, number in found.items() if number}


def asked(trace: Path) -> dict[str, int]:
    """What is found; every other question about the object must be answered as well."""
    questions = [(word, trace, "doc/1") for word in ("log", "blame", "lineage", "show")]
    first, *others = ask(("analyze", trace, "--format", "json"), ("info", trace), *questions, seconds=SECONDS)
    for answer in others:  # a trace without an order has no state to show
        assert answer.status == 0 or "records no order of versions" in answer.err, answer.err
    assert others[-1].peak < MEGABYTES
    return counts(first)


def found_in(trace: Path) -> dict[str, int]:
    """What is found."""
    (answer,) = ask(("analyze", trace, "--format", "json"), seconds=SECONDS)
    return counts(answer)


# ---- versions -----------------------------------------------------------------------------------------------------


def test_versions_that_regress(tmp_path: Path) -> None:
    rows = (patch(at, EVENTS - at, EVENTS - at - 1) for at in range(EVENTS))
    assert asked(make(tmp_path, rows)) == {}  # the store's order is the truth, whatever came first


def test_versions_that_repeat(tmp_path: Path) -> None:
    found = asked(make(tmp_path, (patch(at, 1, 0) for at in range(EVENTS))))
    assert found["stale-overwrite"] == EVENTS - 1  # each from 0, over the one before


def test_bases_in_a_cycle(tmp_path: Path) -> None:
    found = asked(make(tmp_path, (patch(at, at % 3, (at + 1) % 3) for at in range(EVENTS))))
    assert found["stale-overwrite"] > 0


@pytest.mark.parametrize("ordered", [True, False])
def test_labels_in_a_cycle(tmp_path: Path, *, ordered: bool) -> None:
    rows = (patch(at, f"v{at % 3}", f"v{(at + 1) % 3}") for at in range(EVENTS))
    asked(make(tmp_path, rows, ordered=ordered))


@pytest.mark.parametrize("ordered", [True, False])
def test_a_long_chain_of_labels(tmp_path: Path, *, ordered: bool) -> None:
    found = asked(make(tmp_path, (patch(at, f"v{at}", f"v{at - 1}") for at in range(EVENTS)), ordered=ordered))
    assert found == {}


@pytest.mark.parametrize("ordered", [True, False])
def test_very_many_labels_from_one(tmp_path: Path, *, ordered: bool) -> None:
    asked(make(tmp_path, (patch(at, f"v{at}", "v0") for at in range(EVENTS)), ordered=ordered))


def test_a_version_that_is_its_own_base(tmp_path: Path) -> None:
    asked(make(tmp_path, (patch(at, f"v{at}", f"v{at}") for at in range(EVENTS))))


def test_versions_at_the_ends_of_what_a_number_holds(tmp_path: Path) -> None:
    rows = []
    for at in range(EVENTS):
        version, base, seen = (EXTREMES[(at + step) % len(EXTREMES)] for step in range(3))
        where = {"object": "doc/1", "op": ("patch", "write", "delete")[at % 3], "unit": f"u#{at % 4}"}
        rows.append(patch(at, version, base, **where, base_inferred=bool(at % 2)))
        read = {"op": "read", "branch": f"r#{at % 5}", "object": "doc/1", "type": "doc", "version": seen, "whole": True}
        rows.append({**read, "fields": [field("/n", at, base)]})
    found = found_in(make(tmp_path, rows))
    assert "partial-write" in found


# ---- time ---------------------------------------------------------------------------------------------------------


def test_clocks_that_jump_an_hour_back(tmp_path: Path) -> None:
    rows = (patch(at, at + 1, at, clock=10 * HOUR + at - (at // 100 % 2) * HOUR) for at in range(EVENTS))
    assert asked(make(tmp_path, rows)) == {}


def test_clocks_at_the_ends_of_what_a_number_holds(tmp_path: Path) -> None:
    rows = (patch(at, at + 1, at, clock=EXTREMES[at % len(EXTREMES)]) for at in range(600))
    assert asked(make(tmp_path, rows)) == {}


def test_events_of_one_branch_in_the_reverse_of_their_order(tmp_path: Path) -> None:
    rows = (patch(at, at + 1, at, branch="b#1", clock=EVENTS - at) for at in range(EVENTS))
    assert asked(make(tmp_path, rows)) == {}


# ---- branches, units, tasks ---------------------------------------------------------------------------------------


def started(at: int, parent: int | None) -> Row:
    return {"op": "branch-start", "branch": f"b#{at}", "name": "b", "parent": None if parent is None else f"b#{parent}"}


def test_a_branch_that_is_its_own_ancestor(tmp_path: Path) -> None:
    rows = [*(started(at, (at + 1) % EVENTS) for at in range(EVENTS)), started(EVENTS, EVENTS)]
    assert asked(make(tmp_path, [*rows, patch(0, 1, 0), patch(1, 2, 1)])) == {}


def test_a_long_chain_of_branches(tmp_path: Path) -> None:
    rows = [started(at, at - 1 if at else None) for at in range(EVENTS)]
    assert asked(make(tmp_path, [*rows, patch(0, 1, 0), patch(1, 2, 1)])) == {}


@pytest.mark.parametrize("step", [0, 1, -1])
def test_units_in_themselves_and_in_each_other(tmp_path: Path, step: int) -> None:
    """Each its own parent, each the next one's in a circle, or each in the one before."""
    parents = [f"u#{(at + step) % EVENTS}" if step >= 0 or at else None for at in range(EVENTS)]
    rows: list[Row] = [
        {"op": "unit-begin", "branch": "b#1", "unit": f"u#{at}", "name": "u", "parent": parent}
        for at, parent in enumerate(parents)
    ]
    found = asked(make(tmp_path, [*rows, patch(0, 1, 0, unit=f"u#{EVENTS - 1}")]))
    assert found == {"partial-write": 1}


def test_ends_without_starts_and_starts_without_ends(tmp_path: Path) -> None:
    ops = itertools.cycle(("unit-commit", "task-end", "branch-end", "unit-abort", "branch-start", "task-start"))
    rows: list[Row] = [
        {"op": op, "branch": f"b#{at % 11}", "unit": f"u#{at % 13}", "task": f"t#{at % 17}", "status": "ok"}
        for at, op in zip(range(EVENTS), ops, strict=False)
    ]
    asked(make(tmp_path, [*rows, patch(0, 1, 0), patch(1, 2, 1)]))


# ---- size ---------------------------------------------------------------------------------------------------------


def test_very_many_fields_in_one_object(tmp_path: Path) -> None:
    many = [field(f"/f{number}", number) for number in range(FIELDS)]
    about = {"object": "doc/1", "type": "doc"}
    rows: list[Row] = [
        {**about, "op": "write", "branch": "a#1", "version": 1, "fields": many},
        {**about, "op": "read", "branch": "b#1", "version": 1, "whole": True, "fields": many},
        {**about, "op": "patch", "branch": "a#1", "version": 2, "base": 1, "fields": [field("/f1", "new")]},
        {**about, "op": "write", "branch": "b#1", "version": 3, "base": 1, "fields": [*many[:-1], field("/g", 1)]},
    ]
    trace = make(tmp_path, rows)
    assert asked(trace) == {"silent-revert": 1}
    differing = ("diff", trace, "doc/1@1", "@3")
    blamed, shown, beside, differ = ask(
        ("blame", trace, "doc/1"), ("show", trace, "doc/1"), ("show", trace, "doc/1", "--seen-by", "a#1"), differing
    )
    gone = 1  # which only the branch still has in view
    for answer, fields in ((blamed, FIELDS), (shown, FIELDS), (beside, FIELDS + gone)):
        assert f"and {fields - 500:,} more fields: --format json names them all" in answer.out
    assert "more field" not in differ.out


def test_very_many_references_in_one_write(tmp_path: Path) -> None:
    def refers(paths: Iterable[int]) -> list[Row]:
        return [{"path": f"/r{number}", "object": f"doc/{number % 3}"} for number in paths]

    rows = [patch(0, 1, 0), patch(1, 2, 1, op="delete", fields=[])]
    rows += [patch(2, 1, 0, object="doc/9", references=refers(range(FIELDS)))]
    found = found_in(make(tmp_path, rows))
    assert found["orphan-reference"] == 1


def test_a_value_nested_very_deeply_and_one_that_is_no_json(tmp_path: Path) -> None:
    deep, broken = "[" * FIELDS + "]" * FIELDS, "{not json\x00\x1b"
    values: list[Row] = [
        {"path": f"/{text[:1]}", "digest": at, "size": len(text), "leaves": 0, "value": text}
        for at, text in enumerate((deep, broken))
    ]
    rows = [patch(0, 1, None, fields=values), patch(1, 2, 1), patch(2, 3, 1, fields=values)]
    asked(make(tmp_path, rows))


# ---- what the files beside the streams say ------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
@pytest.mark.parametrize("key", ["pid", "started", "ended", "segments", "events", "lost"])
def test_a_process_that_says_numbers_that_no_column_holds(tmp_path: Path, key: str, number: int) -> None:
    from driftline.reader import Trace

    trace = make(tmp_path, [patch(0, 1, 0)])
    record = trace / "p.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), key: number}))
    opened = Trace(trace)
    assert sum(batch.num_rows for _, batch in opened.batches()) == 1
    assert "p.json is damaged" in opened.missing[0]


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_a_run_at_the_ends_of_time(tmp_path: Path, number: int) -> None:
    trace = make(tmp_path, [patch(0, 1, 0)])
    for name, keys in (("trace.json", ["created"]), ("p.json", ["started", "ended"])):
        path = trace / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **dict.fromkeys(keys, number)}))
    answers = ask(("info", trace), ("info", trace, "--format", "json"))
    assert [answer.status for answer in answers] == [0, 0]
