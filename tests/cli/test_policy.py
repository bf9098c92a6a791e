"""`driftline policy`: init, check and explain, as text and as JSON, and their exit statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import driftline as dl
from driftline.discipline import load

Ask = Callable[..., Result]

WRONG = '[phases]\norder = ["a", "a"]\n[tpyes]\n'
SOUND = '[types.context]\nrequired = ["/facts"]\n[types.context.fields]\n"/facts" = "append"\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def carrying(tmp_path: Path) -> Path:
    """A trace with a policy of its own."""
    with dl.record(tmp_path / "own.drift", policy=SOUND):
        dl.write("thing/1", {"facts": []}, type="context")
    return tmp_path / "own.drift"


# ---- the group ----------------------------------------------------------------------------------------------------


def test_the_word_alone_shows_its_page(ask: Ask) -> None:
    page = ask("policy", "--help")
    assert page.exit_code == 0
    for name in ("init", "check", "explain"):
        assert f"\n  {name} " in page.stdout
    nothing = ask("policy")
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert nothing.stderr.strip() == page.stdout.strip()


@pytest.mark.parametrize("name", ["init", "check", "explain"])
def test_each_has_a_page(ask: Ask, name: str) -> None:
    page = ask("policy", name, "--help").stdout
    assert page == ask("policy", name, "-h").stdout
    assert f"Usage: driftline policy {name} [OPTIONS]" in page
    assert "--debug" in page


def test_another_word_is_refused(ask: Ask) -> None:
    result = ask("policy", "chekc")
    assert result.exit_code == 2
    assert "did you mean 'check'?" in result.stderr


# ---- check --------------------------------------------------------------------------------------------------------


def test_check_names_every_problem_with_its_line(ask: Ask, here: Path) -> None:
    (here / "driftline.toml").write_text(WRONG)
    result = ask("policy", "check")
    assert result.exit_code == 2
    assert result.stdout.splitlines() == [
        "driftline.toml: 2 problems",
        "  line 2  phases.order: 'a' stands there 2 times",
        "          name each once",
        "  line 3  tpyes: there is no such table",
        "          did you mean types?",
    ]
    answer = ask("policy", "check", "--format", "json")
    assert answer.exit_code == 2
    assert json.loads(answer.stdout) == {
        "format": 1, "policy": "driftline.toml", "origin": "file", "sound": False,
        "problems": [
            {"key": "phases.order", "what": "'a' stands there 2 times", "remedy": "name each once", "line": 2},
            {"key": "tpyes", "what": "there is no such table", "remedy": "did you mean types?", "line": 3},
        ],
    }  # fmt: skip


def test_check_of_a_sound_policy_says_so(ask: Ask, here: Path) -> None:
    (here / "p.toml").write_text(SOUND)
    result = ask("policy", "check", "p.toml")
    assert (result.exit_code, result.stdout) == (0, "p.toml: sound\n")
    assert json.loads(ask("policy", "check", "p.toml", "--format", "json").stdout)["problems"] == []


def test_check_of_what_is_no_toml_names_the_line(ask: Ask, here: Path) -> None:
    (here / "p.toml").write_text("[phases]\norder = \n")
    result = ask("policy", "check", "p.toml", "--format", "json")
    (problem,) = json.loads(result.stdout)["problems"]
    assert (result.exit_code, problem["key"], problem["line"]) == (2, None, 2)


def test_check_finds_the_table_of_a_pyproject(ask: Ask, here: Path) -> None:
    (here / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.driftline]\nvalues = "full"\nphase = 1\n')
    answer = json.loads(ask("policy", "check", "--format", "json").stdout)
    assert (answer["policy"], answer["origin"]) == ("pyproject.toml", "pyproject")
    assert [(problem["key"], problem["line"]) for problem in answer["problems"]] == [("tool.driftline.phase", 5)]
    assert ask("policy", "check", ".").exit_code == 2


def test_check_of_a_trace_looks_at_what_it_carries(ask: Ask, carrying: Path, clean: Path) -> None:
    assert json.loads(ask("policy", "check", carrying, "--format", "json").stdout)["origin"] == "trace"
    result = ask("policy", "check", clean)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "carries no policy" in result.stderr


def test_check_without_any_policy_names_the_remedy(ask: Ask, here: Path) -> None:
    result = ask("policy", "check")
    assert result.exit_code == 2
    assert "driftline policy init TRACE" in result.stderr
    assert ask("policy", "check", here / "no.toml").exit_code == 2


# ---- explain ------------------------------------------------------------------------------------------------------


def test_explain_says_who_decides_and_where_that_is_said(ask: Ask, here: Path) -> None:
    (here / "driftline.toml").write_text(SOUND)
    page = ask("policy", "explain").stdout
    assert page.startswith("Policy: driftline.toml  a file of its own\n")
    assert "\nType context\n" in page
    assert "  append: What each branch added stands one after the other, each entry once." in page
    assert 'types.context.fields."/facts"' in page
    assert "\nEvery other type\n" in page
    answer = json.loads(ask("policy", "explain", "--format", "json").stdout)
    assert answer["origin"] == "file"
    facts, rest = answer["types"][0]["fields"]
    assert (facts["path"], facts["strategy"], facts["key"]) == ("/facts", "append", 'types.context.fields."/facts"')
    assert (rest["path"], rest["strategy"], rest["key"]) == (None, "three-way", None)
    assert [check["check"] for check in answer["gate"]][:2] == ["schema", "completeness"]


def test_explain_narrows_to_an_object_or_a_type(ask: Ask, here: Path, carrying: Path) -> None:
    (here / "driftline.toml").write_text(SOUND)

    def types(*words: object) -> list[tuple[str, bool, list[str]]]:
        answer = json.loads(ask("policy", "explain", *words, "--format", "json").stdout)
        return [(one["type"], one["stated"], [rule["path"] for rule in one["fields"]]) for one in answer["types"]]

    assert types("--object", "context/7#/facts/0") == [("context", True, ["/facts/0"])]
    assert types("--object", "thing/1") == [("thing", False, [None])]
    assert types(carrying, "--object", "thing/1") == [("context", True, ["/facts", None])]
    assert types(carrying, "--object", "other/1") == [("other", False, [None])]
    assert types("--type", "context") == [("context", True, ["/facts", None])]
    assert types("--type", "plan", "--object", "context/7#/n") == [("plan", False, ["/n"])]


@pytest.mark.parametrize("place", ["folder", "trace"])
def test_explain_without_any_policy_explains_the_default(ask: Ask, here: Path, clean: Path, place: str) -> None:
    answer = json.loads(ask("policy", "explain", *([clean] if place == "trace" else []), "--format", "json").stdout)
    assert answer["origin"] == "default"
    assert [one["type"] for one in answer["types"]] == [None]
    assert not list(here.iterdir())


def test_explain_of_a_wrong_policy_names_what_is_wrong(ask: Ask, here: Path, tmp_path: Path) -> None:
    (here / "driftline.toml").write_text(WRONG)
    result = ask("policy", "explain")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "driftline.toml, line 2: phases.order" in result.stderr
    with dl.record(tmp_path / "wrong.drift", policy=SOUND):
        pass
    header = json.loads((tmp_path / "wrong.drift/trace.json").read_text())
    (tmp_path / "wrong.drift/trace.json").write_text(json.dumps({**header, "policy": WRONG}))
    told = ask("policy", "explain", tmp_path / "wrong.drift")
    assert told.exit_code == 0
    assert "what is wrong of it is left out" in told.stderr


def test_names_in_a_policy_are_shown_as_they_are_and_drive_no_terminal(ask: Ask, here: Path) -> None:
    (here / "driftline.toml").write_text('[types."\\u001b[31m[bold]"]\nrequired = ["/\\u009bx"]\n')
    page = ask("policy", "explain").stdout
    assert "Type \\x1b[31m[bold]" in page
    assert "/\\x9bx" in page


# ---- init ---------------------------------------------------------------------------------------------------------


def test_init_prints_or_writes_a_policy_that_is_sound(ask: Ask, here: Path, lost: Path) -> None:
    printed = ask("policy", "init", lost)
    assert printed.exit_code == 0
    written = ask("policy", "init", lost, "-o", "driftline.toml")
    assert (written.exit_code, written.stdout) == (0, "")
    assert (here / "driftline.toml").read_text() == printed.stdout
    assert ask("policy", "check").exit_code == 0
    assert load("driftline.toml").phases.order == ("reasoning", "enrichment")
    assert ask("analyze", lost, "--policy", "driftline.toml").exit_code == 1


def test_init_replaces_nothing_without_force(ask: Ask, here: Path, lost: Path) -> None:
    (here / "p.toml").write_text("mine")
    refused = ask("policy", "init", lost, "-o", "p.toml")
    assert refused.exit_code == 2
    assert "p.toml exists" in refused.stderr
    assert "--force" in refused.stderr
    assert (here / "p.toml").read_text() == "mine"
    assert ask("policy", "init", lost, "-o", "p.toml", "--force").exit_code == 0
    assert load("p.toml").phases.stated
