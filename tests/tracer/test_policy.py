"""Policies: what they mean once loaded, and what is said of one that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from driftline import DriftlineError
from driftline.discipline import CHECKS, STRATEGIES, Policy, check, check_text, discover, load, loads
from driftline.discipline.checks import ALIASES
from driftline.discipline.schemas import breaches, faults
from driftline.discipline.strategies import TIE_BREAKS
from driftline.discipline.writing import dumps

WHOLE = """
[phases]
order = ["reasoning", "enrichment", "compression", "orchestration"]
[reconcile]
default = "three-way"
fallback = "keep-base"
min_confidence = 0.3
sources = ["planner", "researcher", "*"]
[types.context]
required = ["/facts", "/summary"]
schema = "context.schema.json"
references = { "/owner" = "agent", "/facts/*/entity" = "entity" }
immutable = ["/id"]
[types.context.fields]
"/summary" = { strategy = "highest-confidence", tie_break = ["source", "latest"], decay_over = "2h" }
"/facts"   = { strategy = "union", key = "id" }
"/notes/*" = "append"
"/notes/first" = "write-once"
"/status" = { accepted = ["open", "done"], unique = true }
[gate]
orphan-reference = "quarantine"
lineage-present = { action = "warn", max_depth = 12 }
freshness = { action = "reject", max_age = "15m" }
schema = "off"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "context.schema.json").write_text(json.dumps({"type": "object", "properties": {"facts": {}}}))
    (tmp_path / "driftline.toml").write_text(WHOLE)
    return tmp_path


# ---- what a policy means ------------------------------------------------------------------------------------------


def test_a_whole_policy_is_read(folder: Path) -> None:
    policy = load(folder / "driftline.toml")
    assert policy.phases.stated
    assert policy.phases.rank("compression") == 3
    assert (policy.reconcile.min_confidence, policy.reconcile.fallback) == (0.3, "keep-base")
    context = policy.types["context"]
    assert context.required == ("/facts", "/summary")
    assert context.references == {"/owner": "agent", "/facts/*/entity": "entity"}
    assert context.immutable == ("/id",)
    assert context.schema == {"type": "object", "properties": {"facts": {}}}
    summary = policy.strategy("context", "/summary")
    assert (summary.name, summary.tie_break, summary.fallback) == (
        "highest-confidence",
        ("source", "latest"),
        "keep-base",
    )
    assert summary.options == {"floor": 0.3, "decay_over": 7200.0, "decay_to": 0.0, "downgrade": 0.0}
    assert policy.gate["orphan"].action == "quarantine"
    assert policy.gate["lineage-present"].options == {"max_depth": 12}
    assert policy.gate["freshness"].options == {"max_age": 900.0}
    assert policy.gate["schema"].action == "off"
    assert set(policy.gate) == set(CHECKS)


@pytest.mark.parametrize(
    ("type_", "path", "strategy"),
    [
        ("context", "/facts", "union"),
        ("context", "/facts/deeper", "union"),
        ("context", "/factsheet", "three-way"),
        ("context", "/notes/a", "append"),
        ("context", "/notes/a/b", "append"),
        ("context", "/notes/first", "write-once"),
        ("context", "/notes", "three-way"),
        ("context", "/status", "three-way"),
        ("other", "/facts", "three-way"),
        (None, "/facts", "three-way"),
    ],
)
def test_the_nearest_field_decides_which_strategy(folder: Path, type_: str | None, path: str, strategy: str) -> None:
    assert load(folder / "driftline.toml").strategy(type_, path).name == strategy


def test_rules_of_a_field_are_found_by_the_longest_pattern(folder: Path) -> None:
    policy = load(folder / "driftline.toml")
    status = policy.field("context", "/status")
    assert status is not None
    assert (status.accepted, status.unique, status.strategy) == (("open", "done"), True, None)
    assert policy.field("context", "/nothing") is None


def test_an_empty_text_is_the_default_policy() -> None:
    assert loads("") == Policy()
    assert not Policy().phases.stated
    assert {name: check.action for name, check in Policy().gate.items()} == {
        name: check.default for name, check in CHECKS.items()
    }


def test_immutable_true_is_the_whole_object() -> None:
    assert loads("[types.a]\nimmutable = true").types["a"].immutable == ("",)
    assert loads("[types.a]\nimmutable = false").types["a"].immutable == ()


def test_pyproject_toml_holds_it_under_tool_driftline(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text('[project]\nname = "x"\n[tool.driftline.phases]\norder = ["a", "b"]\n')
    assert load(path).phases.order == ("a", "b")
    path.write_text('[tool.driftline.phases]\nordre = ["a", "b"]\n')
    with pytest.raises(DriftlineError, match=r"pyproject\.toml, line 2: tool\.driftline\.phases\.ordre"):
        load(path)
    path.write_text("[project]\n")
    with pytest.raises(DriftlineError, match="has no table"):
        load(path)


def test_a_folder_holds_it_in_driftline_toml_or_pyproject_toml(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(DriftlineError, match=r"there is no driftline\.toml"):
        discover(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.driftline]\n")
    assert discover(tmp_path).name == "pyproject.toml"
    (tmp_path / "driftline.toml").write_text("")
    assert discover(tmp_path).name == "driftline.toml"


def test_a_schema_may_stand_in_the_policy_itself() -> None:
    schema = {"type": "object", "$defs": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/$defs/n"}}}
    as_text = f"[types.a]\nschema = '{json.dumps(schema)}'"
    as_table = '[types.a.schema]\ntype = "object"\nproperties.n = { "$ref" = "#/$defs/n" }\n"$defs".n.type = "integer"'
    assert loads(as_text).types["a"].schema == loads(as_table).types["a"].schema == schema


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[phases]\norder = ['a b', 'c\"d']",
        r"""[types."a b"]
        immutable = true
        [types."a/b".fields]
        "/n/*" = { strategy = "majority-vote", weights = { "a b" = 2, c = 0.5 }, minimum = -1, unique = true }
        "/x~1y" = { accepted = ["a", 1, 0.5, true, ["\\"], { k = "" }] }
        "/late" = { strategy = "most-recent-valid", valid_time = "/at", tie_break = [], fallback = "multi-value" }
        [types.plain]
        """,
        '[types.a]\nschema = \'{"enum": [null, "\\u0000\u00e9"]}\'',
    ],
)
def test_what_is_written_is_read_back_the_same(text: str) -> None:
    assert loads(dumps(loads(text))) == loads(text)


def test_a_whole_policy_is_written_and_read_back_the_same(folder: Path) -> None:
    policy = load(folder / "driftline.toml")
    assert loads(dumps(policy)) == policy


# ---- what is wrong with one ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "what", "remedy"),
    [
        ("[phase]", "phase", "there is no such table", "did you mean phases?"),
        ('[phases]\norder = ["a", "b", "a"]', "phases.order", "'a' stands there 2 times", "name each once"),
        ("[phases]\norder = []", "phases.order", "a phase must have a name", "write a list"),
        ('[phases]\norder = "a"', "phases.order", "it is text", "write a list of text"),
        ("[phases]\norder = [1]", "phases.order", "one of it is a number", "write a list of text"),
        ("phases = 3", "phases", "it is a number, not a table", "write [phases]"),
        ('[reconcile]\ndefualt = "union"', "reconcile.defualt", "there is no such key", "did you mean default?"),
        ('[reconcile]\ndefault = "uninon"', "reconcile.default", "no strategy 'uninon'", "did you mean union?"),
        ('[reconcile]\ndefault = "counter"', "reconcile.default", "number only", "for single fields"),
        (
            '[reconcile]\ndefault = { strategy = "follow-field", field = "/a" }',
            "reconcile.default",
            "follow-field is for single fields",
            "three-way",
        ),
        ('[reconcile]\nfallback = "three-way"', "reconcile.fallback", "can itself end in a conflict", "keep-base"),
        ('[reconcile]\nfallback = "qarantine"', "reconcile.fallback", "no strategy", "did you mean quarantine?"),
        ("[reconcile]\nmin_confidence = 3", "reconcile.min_confidence", "not between 0 and 1", "from 0 to 1"),
        ("[reconcile]\nmin_confidence = nan", "reconcile.min_confidence", "no finite number", "finite"),
        ("[reconcile]\nmin_confidence = true", "reconcile.min_confidence", "true or false", "write a number"),
        ('[reconcile]\nsources = ["a", "a"]', "reconcile.sources", "2 times", "once"),
        ('[types.a]\nreqired = ["/b"]', "types.a.reqired", "there is no such key", "did you mean required?"),
        ('[types.a]\nrequired = ["b"]', "types.a.required", "does not begin with a slash", "write '/b'"),
        ('[types.a]\nrequired = ["/b~2"]', "types.a.required", "must be written ~0", "write"),
        ('[types.a]\nrequired = ["/b/*"]', "types.a.required", "has a segment *", "name the field itself"),
        ('[types.a]\nrequired = ["/b", "/b"]', "types.a.required", "2 times", "once"),
        ("[types]\na = 1", "types.a", "it is a number, not a table", "write [types.a]"),
        ('[types.a.references]\n"/b" = "agent/1"', 'types.a.references."/b"', "is no type", "before the slash"),
        ('[types.a.references]\nb = "agent"', "types.a.references.b", "no JSON Pointer", "write '/b'"),
        ('[types.a]\nimmutable = "yes"', "types.a.immutable", "it is text", "write true for the whole object"),
        ('[types."a b".fields]\n"/c" = "uninon"', 'types."a b".fields."/c"', "no strategy", "did you mean union?"),
        ('[types.a.fields]\n"/c" = 3', 'types.a.fields."/c"', "it is a number", "name of a strategy"),
        (
            '[types.a.fields]\n"/c" = { strategy = "union", kye = "id" }',
            'types.a.fields."/c".kye',
            "the strategy union has no option kye",
            "did you mean key?",
        ),
        (
            '[types.a.fields]\n"/c" = { strategy = "three-way", key = "id" }',
            'types.a.fields."/c".key',
            "no option key",
            "three-way takes no options",
        ),
        (
            '[types.a.fields]\n"/c" = { strategy = "union", bias = "add" }',
            'types.a.fields."/c".bias',
            "none of its choices",
            "use one of add-wins, remove-wins",
        ),
        ('[types.a.fields]\n"/c" = "follow-field"', 'types.a.fields."/c"', "follow-field needs it", "JSON Pointer"),
        (
            '[types.a.fields]\n"/c" = { strategy = "custom", function = "f" }',
            'types.a.fields."/c".function',
            "names no function",
            "package.module:function",
        ),
        (
            '[types.a.fields]\n"/c" = { strategy = "union", same_key = "custom" }',
            'types.a.fields."/c".same_key',
            "custom needs options of its own",
            "",
        ),
        (
            '[types.a.fields]\n"/c" = { strategy = "highest-confidence", decay_over = "soon" }',
            'types.a.fields."/c".decay_over',
            "'soon' is no duration",
            "15m",
        ),
        (
            '[types.a.fields]\n"/c" = { strategy = "majority-vote", weights = { planner = 0 } }',
            'types.a.fields."/c".weights.planner',
            "0 is no weight",
            "above 0",
        ),
        (
            '[types.a.fields]\n"/c" = { strategy = "most-complete", tie_break = ["lates"] }',
            'types.a.fields."/c".tie_break',
            "no tie-break 'lates'",
            "did you mean latest?",
        ),
        (
            '[types.a.fields]\n"/c" = { tie_break = ["latest"] }',
            'types.a.fields."/c".strategy',
            "belong to a strategy",
            "add strategy",
        ),
        ('[types.a.fields]\n"/c" = { minimum = 3, maximum = 1 }', 'types.a.fields."/c".minimum', "above", "swap"),
        ('[types.a.fields]\n"/c" = { accepted = [] }', 'types.a.fields."/c".accepted', "no value", "list"),
        ('[types.a.fields]\n"/c" = { acepted = [1] }', 'types.a.fields."/c".acepted', "no such key", "accepted?"),
        (
            """[types.a.fields]
            "/c" = { strategy = "follow-field", field = "/d" }
            "/d" = { strategy = "follow-field", field = "/c" }""",
            'types.a.fields."/c".field',
            "in a circle: /c → /d → /c",
            "let one of them decide",
        ),
        (
            '[types.a.fields]\n"/c" = { strategy = "follow-field", field = "/c/x" }',
            'types.a.fields."/c".field',
            "in a circle",
            "let one of them decide",
        ),
        (
            '[types.a]\nimmutable = ["/c"]\n[types.a.fields]\n"/c/d" = "union"',
            'types.a.fields."/c/d".strategy',
            "/c is immutable",
            "write-once",
        ),
        ("[types.a.fields]\n'/c' = { accepted = [2026-01-31] }", 'types.a.fields."/c".accepted', "a date", "as text"),
        ("[gate]\northodox = 'warn'", "gate.orthodox", "there is no such check", "there are schema"),
        ("[gate]\norphan-refrence = 'warn'", "gate.orphan-refrence", "no such check", "did you mean orphan-reference?"),
        ("[gate]\norphan = 'wran'", "gate.orphan", "no action 'wran'", "did you mean warn?"),
        ("[gate]\norphan = { action = 'wran' }", "gate.orphan.action", "no action 'wran'", "did you mean warn?"),
        ("[gate]\norphan = 'warn'\norphan-reference = 'warn'", "gate.orphan-reference", "a second time", "once"),
        ("[gate]\nfreshness = 'warn'", "gate.freshness", "needs max_age", "max_age"),
        ("[gate]\nfreshness = { action = 'warn' }", "gate.freshness.max_age", "needs it", "15m"),
        ("[gate]\nlineage-present = { max_depth = -1 }", "gate.lineage-present.max_depth", "below 0", "0 or more"),
        ("[gate]\nlineage-present = { max_dept = 1 }", "gate.lineage-present.max_dept", "no option", "max_depth?"),
        ("[gate]\norphan = 1", "gate.orphan", "it is a number", "an action"),
        ("[types.a]\nschema = 'https://x.org/a.json'", "types.a.schema", "is on the network", "beside the policy"),
        ("[types.a]\nschema = 'a.json'", "types.a.schema", "this policy is no file", "write the schema itself"),
        ("[types.a]\nschema = '{'", "types.a.schema", "is not JSON", "mend"),
        ("[types.a]\nschema = 7", "types.a.schema", "it is a number", "JSON file"),
        ("a = ", "", "it is not TOML: Invalid value (at end", "mend"),
    ],
)  # fmt: skip
def test_each_problem_names_key_fault_and_remedy(text: str, key: str, what: str, remedy: str) -> None:
    (problem,) = check_text(text).problems
    assert problem.key == key
    assert what in problem.what
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        ({"$ref": "https://example.org/a.json"}, "is another document"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "at #/properties/a/$ref: 'other.json' is another document"),
        ({"items": {"$dynamicRef": "file:///etc/passwd"}}, "is another document"),
        ({"$ref": "#/$defs/no"}, "leads to nothing"),
        ({"$ref": "#no"}, "leads to nothing"),
        ({"$ref": "#/const", "const": {"type": "txt"}}, "leads to what is no schema"),
        ({"$ref": "#/const", "const": 3}, "leads to what is no schema"),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, "is another document"),
        ({"$ref": "http://[::1"}, "is another document"),
        ({"$ref": 3}, "at #/$ref: 3 is not of type 'string'"),
        ({"$schema": 3}, "at #/$schema: 3 is not of type 'string'"),
        ({"type": "txt"}, "at #/type: 'txt' is not one of ['array', 'boolean'"),
        ({"type": ["string", 3]}, "3 is not one of ['array', 'boolean'"),
        ({"properties": {"a": 3}}, "at #/properties/a: 3 is not of type 'object', 'boolean'"),
        ({"properties": 3}, "3 is not of type 'object'"),
        ({"allOf": 3}, "3 is not of type 'array'"),
        ({"items": {"pattern": "("}}, "at #/items/pattern: '(' is not a regular expression"),
        ({"patternProperties": {"[": {}}}, "'[' is not a regular expression"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "no"}]}, "'no' is not one of"),
        ({"required": "a"}, "'a' is not of type 'array'"),
        ({"enum": 3}, "3 is not of type 'array'"),
        ([], "[] is not of type 'object', 'boolean'"),
    ],
)
def test_a_schema_that_is_not_sound_or_not_whole_is_refused(tmp_path: Path, schema: Any, what: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(schema))
    (tmp_path / "p.toml").write_text('[types.a]\nschema = "a.json"')
    (problem,) = check(tmp_path / "p.toml").problems
    assert problem.key == "types.a.schema"
    assert what in problem.what


def test_a_name_that_looks_like_a_keyword_is_a_name() -> None:
    schema = {"properties": {"$ref": {"type": "string"}}, "const": {"$ref": "https://x"}, "enum": [{"type": "no"}]}
    assert not check_text(f"[types.a]\nschema = '{json.dumps(schema)}'").problems


def test_a_schema_may_refer_to_itself_by_its_own_name() -> None:
    schema = {"$id": "https://example.org/a", "$ref": "a#/$defs/n", "$defs": {"n": {"type": "integer"}}}
    assert not list(faults(schema))
    assert breaches(schema, "x") == [("", "'x' is not of type 'integer'")]


def test_a_schema_that_leads_to_itself_ends_in_a_breach() -> None:
    assert not list(faults({"$ref": "#"}))
    assert breaches({"$ref": "#"}, {}) == [("", "it cannot be checked by its schema: it is nested too deeply")]


def test_a_schema_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('[types.a]\nschema = "a.json"')
    for deep in (2_000, 200_000):
        (tmp_path / "a.json").write_text('{"not":' * deep + "{}" + "}" * deep)
        (problem,) = check(tmp_path / "p.toml").problems
        assert "nested" in problem.what or "recursion" in problem.what


@pytest.mark.parametrize("name", ["missing.json", ".", "a\0b"])
def test_a_schema_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "p.toml").write_text(f"[types.a]\nschema = {json.dumps(name)}")
    (problem,) = check(tmp_path / "p.toml").problems
    assert problem.key == "types.a.schema"


SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": ["integer", "null"]},
        "text": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "object", "properties": {"score": {"type": "number"}}}},
        "linked": {"$ref": "#/$defs/text"},
        "either": {"anyOf": [{"type": "string"}]},
        "inner": {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
    },
    "$defs": {"text": {"type": "string"}},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("field", "strategy", "what"),
    [
        ("/n", "counter", None),
        ("/n", "union", "the schema says null or number"),
        ("/text", "counter", "counter is for values of type number"),
        ("/text", "max", None),
        ("/linked", "any", "the schema says string"),
        ("/tags", "union", None),
        ("/tags/*/score", "max", None),
        ("/tags/*/score", "all", "the schema says number"),
        ("/either", "counter", None),
        ("/txt", "three-way", "allows no field /txt"),
        ("/inner/b", "three-way", "allows no field /inner/b"),
        ("/inner/a", "counter", None),
    ],
)
def test_a_strategy_must_fit_what_the_schema_says(field: str, strategy: str, what: str | None) -> None:
    text = f"[types.a]\nschema = '{json.dumps(SCHEMA)}'\n[types.a.fields]\n'{field}' = '{strategy}'"
    problems = check_text(text).problems
    assert [what in problem.what for problem in problems if what] == [True] * (what is not None)
    assert len(problems) == (what is not None)


@pytest.mark.parametrize("key", ["required", "immutable"])
def test_fields_that_the_schema_does_not_allow_are_named(key: str) -> None:
    text = f"[types.a]\nschema = '{json.dumps(SCHEMA)}'\n{key} = ['/texts']"
    (problem,) = check_text(text).problems
    assert (problem.key, problem.remedy) == (f"types.a.{key}", "did you mean text?")


WHERE = """# a policy
phases.order = ["a", "a"]

[reconcile]
min_confidence = 3
sources = [
  "a",  # ]
  "b",
]
fallbak = "x"
[types."a b".fields]
"/c" = { strategy = "union", kye = "id" }
"/d" = \'\'\'
[gate]
uninon\'\'\'
[types.c]
schema = "https://example.org/c.json"
[gate]
orphan = 1
"""


def test_each_problem_names_its_line() -> None:
    assert [(problem.key, problem.line) for problem in check_text(WHERE).problems] == [
        ("phases.order", 2),
        ("reconcile.min_confidence", 5),
        ("reconcile.fallbak", 10),
        ('types."a b".fields."/c".kye', 12),
        ('types."a b".fields."/d"', 13),
        ("types.c.schema", 17),
        ("gate.orphan", 19),
    ]
    assert [problem.line for problem in check_text(WHERE.replace("\n", "\r\n")).problems][:3] == [2, 5, 10]
    assert [problem.line for problem in check_text("[gate]\na = \n").problems] == [2]


def test_the_line_of_a_missing_key_is_that_of_its_table() -> None:
    text = "\n[types.a.fields]\n'/c' = { strategy = 'follow-field' }\n[gate.freshness]\naction = 'warn'\n"
    assert [(problem.key, problem.line) for problem in check_text(text).problems] == [
        ('types.a.fields."/c".field', 3),
        ("gate.freshness.max_age", 4),
    ]


def test_what_is_too_long_to_take_apart_has_no_lines() -> None:
    text = "a = [\n" + "1,\n" * 20_000 + "]\n[phase]\n"
    assert [(problem.key, problem.line) for problem in check_text(text).problems] == [("a", None), ("phase", None)]


def test_every_problem_is_found_at_once_and_the_first_is_raised() -> None:
    text = "[phase]\n[reconcile]\nfallback = 'x'\n[gate]\norphan = 'x'"
    assert [problem.key for problem in check_text(text).problems] == ["phase", "reconcile.fallback", "gate.orphan"]
    with pytest.raises(DriftlineError, match=r"^my policy, line 1: phase: there is no such table \(2 more: "):
        loads(text, "my policy")


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"a = '" + b"x" * (5 << 20) + b"'"])
def test_a_file_that_is_no_text_or_no_policy_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(raw)
    with pytest.raises(DriftlineError):
        load(path)
    with pytest.raises(DriftlineError, match="cannot be read"):
        load(tmp_path / "missing.toml")


def test_toml_nested_without_end_is_a_problem_not_a_crash() -> None:
    assert check_text("a = " + "[" * 100_000).problems


# ---- the definitions ----------------------------------------------------------------------------------------------


def test_every_strategy_of_the_design_has_one_definition() -> None:
    assert list(STRATEGIES) == [
        "three-way", "last-writer-wins", "first-writer-wins", "most-recent-valid", "source-priority",
        "highest-confidence", "most-complete", "majority-vote", "union", "append", "map-merge", "multi-value", "max",
        "min", "counter", "any", "all", "follow-field", "write-once", "custom", "quarantine", "keep-base",
    ]  # fmt: skip
    for known in STRATEGIES.values():
        assert set(known.tie_break) <= set(TIE_BREAKS)
        assert known.text.endswith(".")
        assert known.standard
        assert not known.plain.endswith(".")


def test_every_check_of_the_design_has_one_definition() -> None:
    from driftline_analyzer.catalogue import rules

    assert set(CHECKS) == {
        "schema", "completeness", "atomicity", "reference", "orphan", "base-version", "read-set", "lineage-present",
        "fidelity", "confidence", "freshness", "phase-order", "duplicate", "values",
    }  # fmt: skip
    known = {rule.name for rule in rules()}
    assert known & set(ALIASES) >= {"orphan-reference", "partial-write", "fidelity-loss"}
    assert not set(ALIASES) & set(CHECKS)
