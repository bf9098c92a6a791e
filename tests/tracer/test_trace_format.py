"""docs/trace-format.md against the code: its tables, its numbers, its example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import msgspec
import pyarrow as pa
import pytest
from hypothesis import example, given
from opentelemetry.sdk.trace import TracerProvider
from tape import Tape
from xxhash import xxh3_64_intdigest

import driftline as dl
from driftline.clock import MAX_AHEAD
from driftline.header import Capturing, Header, ProcessRecord
from driftline.reader import Trace
from driftline.schema import (
    CACHE_FOLDER,
    EVENT,
    FIELD,
    FORMAT,
    HEADER_FILE,
    INPUT,
    OPERATIONS,
    REFERENCE,
    VERSION,
    process_name,
    segment_name,
)
from driftline.values import encode_payload, freeze
from driftline_analyzer import analyze

PAGE = (Path(__file__).parents[2] / "docs" / "trace-format.md").read_text()

GROUPS = {
    "all": set(OPERATIONS),
    "writes": {"write", "patch", "delete", "merge"},
    "marks": {"snapshot", "promote", "quarantine", "reject"},
    "starts": {"branch-start", "unit-begin", "task-start"},
    "ends": {"branch-end", "unit-commit", "unit-abort", "task-end"},
}
EVERYWHERE = {"seq", "clock", "op", "branch", "unit", "task", "trace_id", "span_id"}


def tables(*header: str) -> list[list[dict[str, str]]]:
    """Every table of the page with these columns; each row a mapping."""
    found: list[list[dict[str, str]]] = []
    for block in re.findall(r"(?:^\|.*\|\n)+", PAGE, re.MULTILINE):
        rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in block.splitlines()]
        if tuple(rows[0]) == header:
            assert all(len(row) == len(header) for row in rows), rows
            found.append([dict(zip(header, row, strict=True)) for row in rows[2:]])
    return found


def table(*header: str) -> list[dict[str, str]]:
    (found,) = tables(*header)
    return found


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


# ---- columns ------------------------------------------------------------------------------------------------------


def type_name(type_: pa.DataType) -> str:
    """A type as the page names it; dictionary encoding is the writer's choice."""
    structs = {FIELD: "field", VERSION: "version", INPUT: "input", REFERENCE: "reference"}
    if pa.types.is_dictionary(type_):
        return type_name(type_.value_type)
    if pa.types.is_list(type_):
        return f"list<{structs[type_.value_type]}>"
    return {"string": "utf8", "double": "float64"}.get(str(type_), str(type_))


def columns(schema: pa.Schema | pa.StructType) -> list[tuple[str, str, str]]:
    return [(column.name, type_name(column.type), "yes" if column.nullable else "no") for column in schema]


def test_the_table_of_columns_is_the_schema() -> None:
    rows = table("column", "type", "nullable", "meaning", "used by")

    assert [(*code(row["column"]), row["type"], row["nullable"]) for row in rows] == columns(EVENT)
    assert all(row["meaning"] for row in rows)


def test_the_tables_of_members_are_the_structs() -> None:
    found = tables("member", "type", "nullable", "meaning")

    said = [[(*code(row["member"]), row["type"], row["nullable"]) for row in rows] for rows in found]
    assert said == [columns(struct) for struct in (FIELD, VERSION, INPUT, REFERENCE)]


def test_the_tables_of_keys_are_the_headers() -> None:
    for struct, rows in zip(
        (Header, Capturing, ProcessRecord), tables("key", "type", "required", "meaning"), strict=True
    ):
        keys = msgspec.structs.fields(struct)
        assert [code(row["key"])[0] for row in rows] == [key.name for key in keys]
        assert [row["required"] == "yes" for row in rows] == [key.required for key in keys]
        for row, key in zip(rows, keys, strict=True):
            said = row["required"].removeprefix("no, ").strip("`")
            if not key.required:
                empty = key.default_factory is not msgspec.NODEFAULT or key.default == ""
                default = "empty" if empty else json.dumps(key.default).strip('"')
                assert said == default


# ---- operations ---------------------------------------------------------------------------------------------------


def operations() -> dict[str, tuple[list[set[str]], set[str]]]:
    """For each operation what it must have (each a set of alternatives), and what it may have."""
    return {
        code(row["operation"])[0]: (
            [set(code(part)) for part in row["required"].split(", ")],
            {name for part in row["optional"].split(", ") for name in code(part)},
        )
        for row in table("operation", "required", "optional")
    }


def test_the_table_of_operations_is_complete() -> None:
    found = table("operation", "required", "optional")

    assert sorted(code(row["operation"])[0] for row in found) == sorted(OPERATIONS)
    for operation in OPERATIONS:
        assert re.search(rf"^- .*\*\*{operation}\*\*|^  .*\*\*{operation}\*\*", PAGE, re.MULTILINE), operation


def test_every_column_says_who_uses_it() -> None:
    users: dict[str, set[str]] = {name: set() for name in EVENT.names}
    for operation, (required, optional) in operations().items():
        for name in {*EVERYWHERE, *optional}.union(*required):
            users[name].add(operation)
    for row in table("column", "type", "nullable", "meaning", "used by"):
        said: set[str] = set()
        for word in row["used by"].split(", "):
            said |= GROUPS.get(word, {word})
        (name,) = code(row["column"])
        if name == "reason":
            said -= {"unit-commit"}
        assert said == users[name], name


@pytest.fixture(scope="module")
def every_operation(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The events of a program that says all that can be said."""
    tape = Tape(tmp_path_factory.mktemp("format") / "run.drift")
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    said: dict[str, Any] = {"confidence": 0.5, "fidelity": 0.5, "source": "s", "refs": {"/a": "doc/2"}}
    with tape.record(), tracer.start_as_current_span("step"), dl.branch("a", phase="reasoning"):
        for given_version in ({}, {"version": 5}, {"version": "x"}):
            dl.read("doc/1", {"a": 1}, **given_version, type="doc")
            dl.read("doc/1", {"b": 1}, **given_version, partial=True)
            dl.write("doc/1", {"a": 1}, **given_version, **said)
            dl.write("doc/1", {"a": 1}, **given_version, base=1, inputs=[("doc/2", 1), ("doc/3", "x")])
            dl.patch("doc/1", {"a": 1}, **given_version, **said)
            dl.patch("doc/1", {"a": dl.ABSENT}, **given_version, base="x")
            dl.merge("doc/1", {"a": 1}, bases=[1, "x"], **given_version, strategy="union", **said)
            dl.delete("doc/1", **given_version)
            dl.snapshot("doc/1", **given_version)
            dl.promote("doc/1", **given_version, phase="reasoning")
            dl.quarantine("doc/1", **given_version, reason="r")
            dl.reject("doc/1", **given_version, reason="r")
        dl.snapshot("doc/9")
        for block in (dl.branch("b"), dl.unit("u"), dl.task("t", inputs=1)):
            with block:
                dl.write("doc/2", 1)
            with pytest.raises(ZeroDivisionError), dl.unit("u"), dl.task("t"), block:
                raise ZeroDivisionError
    return tape.events()


def test_every_event_has_what_its_operation_says(every_operation: list[dict[str, Any]]) -> None:
    said = operations()
    for event in every_operation:
        required, optional = said[event["op"]]
        present = set(event) - {"process"}
        for alternatives in required:
            assert len(alternatives & present) == 1, (event, alternatives)
        assert present <= EVERYWHERE.union(optional, *required), event
    assert {event["op"] for event in every_operation} == set(OPERATIONS)


def test_structs_have_what_the_page_says(every_operation: list[dict[str, Any]]) -> None:
    for event in every_operation:
        assert not {"version", "label"} <= set(event)
        assert not {"base", "base_label"} <= set(event)
        for item in event.get("fields", ()):
            valued = {"size", "leaves", "value"}
            assert valued <= set(item) if "digest" in item else not valued & set(item)
            if "base" in item or "base_label" in item:
                assert event["base_inferred"]
        if event["op"] == "delete":
            assert all("digest" not in item for item in event["fields"])


# ---- names and numbers --------------------------------------------------------------------------------------------


def test_files_are_called_what_the_page_calls_them() -> None:
    assert f"# Trace format {FORMAT}\n" in PAGE
    assert HEADER_FILE == "trace.json"
    assert f"  {CACHE_FOLDER}/ " in PAGE
    for name in (HEADER_FILE, process_name("PROCESS"), segment_name("PROCESS", 0), segment_name("PROCESS", 1)):
        assert re.search(rf"^  {re.escape(name)}\s", PAGE, re.MULTILINE)


def test_a_stream_ends_as_the_page_says(tape: Tape) -> None:
    with tape.record():
        dl.write("doc/1", 1)

    (path,) = tape.path.glob("*.arrows")
    (ending,) = re.findall(r"the eight bytes `([0-9A-F ]+)`", PAGE)
    assert path.read_bytes().endswith(bytes.fromhex(ending))


def test_digests_are_those_of_the_page(tape: Tape) -> None:
    ((one, e),) = re.findall(r'The digest of `1` is (\d+); of `"é"` \(four\nbytes\) it is (\d+)', PAGE)
    with tape.record():
        dl.write("doc/1", {"one": 1, "e": "é"})

    assert [(item["digest"], item["size"]) for item in tape.events("write")[0]["fields"]] == [
        (int(one), 1),
        (int(e), 4),
    ]
    assert xxh3_64_intdigest(b"1", seed=0) == int(one)


def test_the_clock_believes_an_hour() -> None:
    assert "wall clock + 1 hour" in PAGE
    assert MAX_AHEAD == 3600 * 10**9


def page_number(value: float) -> str:
    """A floating-point number as the page says that it is written."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    minus, text, power = "-" * sign, "".join(map(str, digits)), len(digits) - 1 + int(exponent)
    if value == 0:
        return f"{minus}0.0"
    if not 1e-5 <= abs(value) < 1e16:
        return f"{minus}{text[0]}{'.' * (len(text) > 1)}{text[1:]}e{power}"
    if power < 0:
        return f"{minus}0.{'0' * (-power - 1)}{text}"
    return f"{minus}{text[: power + 1].ljust(power + 1, '0')}.{text[power + 1 :] or '0'}"


@given(
    st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(1e-7, 1e-3)
    | st.floats(1e14, 1e18)
    | st.integers(-(10**17), 10**17).map(float)
)
@example(1e-5)
@example(9.999e-6)
@example(1e16)
@example(9999999999999998.0)
@example(-0.0)
@example(5e-324)
@example(1.7976931348623157e308)
def test_numbers_are_written_as_the_page_says(value: float) -> None:
    assert encode_payload(freeze(value)).decode() == page_number(value)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_texts_are_written_as_the_page_says(text: str) -> None:
    escapes = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    said = "".join(escapes.get(c, f"\\u{ord(c):04x}" if c < " " else c) for c in text)

    assert encode_payload(freeze(text)).decode() == f'"{said}"'


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.none(), min_size=1))
def test_keys_are_sorted_as_the_page_says(value: dict[str, None]) -> None:
    keys = [key for key, _ in json.loads(encode_payload(freeze(value)), object_pairs_hook=list)]

    assert keys == sorted(value, key=str.encode)


# ---- the example --------------------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tape:
    """The trace that the page's program writes, without the tracer."""
    program, _ = blocks()
    assert "driftline " not in re.sub(r'"[^"]*"', "", program)
    assert re.findall(r"^(?:import|from) (\w+)", program, re.MULTILINE) == ["json", "pathlib", "pyarrow", "xxhash"]
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "docs/trace-format.md", "exec"), {})  # noqa: S102 - the page's own program
    return Tape(tmp_path / "example.drift")


def cells(row: dict[str, str]) -> Iterator[tuple[str, Any]]:
    for name, cell in row.items():
        if name == "fields" and cell:
            path, value = code(cell)
            yield name, [(path, value)]
        elif cell:
            text = cell in {"true", "false"} or cell.isdecimal()
            yield name, json.loads(cell) if text else cell


def test_the_program_writes_the_events_of_the_table(written: Tape) -> None:
    header = "seq clock op branch object type version base base_inferred depth whole fields name parent status"
    said = [dict(cells(row)) for row in table(*header.split())]

    events = written.events()
    for event in events:
        assert event.pop("process") == "hand-1"
        if "fields" in event:
            event["fields"] = [(item["path"], item["value"]) for item in event["fields"]]
    assert events == said


def test_the_example_is_a_valid_trace(written: Tape) -> None:
    _, check = blocks()
    exec(compile(check, "docs/trace-format.md", "exec"), {})  # noqa: S102 - the page's own program

    assert Trace(written.path).header.values == "full"


def test_the_example_holds_one_stale_overwrite(written: Tape) -> None:
    with analyze(written.path) as analysis:
        (finding,) = analysis.findings()

    assert (finding.code, finding.rule.name, finding.severity) == ("DRF101", "stale-overwrite", "error")
    assert (finding.branch, finding.fields, finding.version, finding.base) == ("writer", ("/summary",), "3", "1")
    assert finding.evidence[0] == "hand-1:6"
    assert (
        "finds one thing: *stale-overwrite* (DRF101), error, by `writer`, in `/summary` of version 3, base 1." in PAGE
    )


def test_the_tracer_records_the_same_story(tape: Tape, written: Tape) -> None:
    with tape.record():
        dl.write("context/42", {"summary": ""}, version=1, type="context")
        main = dl.current()
        researcher, writer = dl.branch("researcher", parent=main), dl.branch("writer", parent=main)
        with researcher, writer:
            dl.read("context/42", {"summary": ""}, version=1)
        with dl.branch("again", parent=main):
            dl.patch("context/42", {"/summary": "three facts"}, version=2, base=1)

    ours = {tuple(sorted(set(event) - {"process"})) for event in tape.events("write", "read", "patch")}
    theirs = {tuple(sorted(set(event) - {"process"})) for event in written.events("write", "read", "patch")}
    assert ours == theirs
