"""What is wrong with a policy, and what it means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from driftline.discipline.explaining import CheckRule, Explanation, FieldRule, Statement, TypeRules
    from driftline_analyzer.policies import Found

_WIDEST: Final = 112
_ACTIONS: Final = {"off": "dim", "warn": "yellow", "quarantine": "magenta", "reject": "red", "fail": "bold red"}
_TITLES: Final = ("Field", "Decided by", "Between equals", "A conflict", "Loses updates")
_ORIGINS: Final = {
    "file": "a file of its own",
    "pyproject": "its table [tool.driftline]",
    "trace": "the trace carries it",
    "default": "nothing says otherwise",
}


# ---- check --------------------------------------------------------------------------------------------------------


def checked(found: Found) -> RenderableType:
    """What `driftline policy check` prints."""
    problems = found.checked.problems
    head = words.styled(plain(found.checked.where), "bold")
    if not problems:
        return Group(head.append(": sound", "green"))
    head.append(f": {words.count(len(problems), 'problem')}", "red")
    table = Table.grid(padding=(0, 2, 0, 0))
    for right in (True, False):
        table.add_column(no_wrap=right, justify="right" if right else "left")
    for problem in problems:
        line = "" if problem.line is None else f"line {problem.line}"
        told = Text.assemble((plain(problem.key), words.PATH), ": " if problem.key else "", plain(problem.what))
        table.add_row(words.styled(line, words.QUIET), told.append(f"\n{plain(problem.remedy)}", words.QUIET))
    return Constrain(Group(head, Padding(table, (0, 0, 0, 2))), _WIDEST)


def check_as_json(found: Found) -> dict[str, Any]:
    """The same as `--format json` prints it."""
    problems = [msgspec.to_builtins(problem) for problem in found.checked.problems]
    return {
        "policy": found.checked.where,
        "origin": found.origin,
        "sound": not problems,
        "problems": [{**problem, "key": problem["key"] or None} for problem in problems],
    }


# ---- explain ------------------------------------------------------------------------------------------------------


def explanation(found: Found, told: Explanation) -> RenderableType:
    """What `driftline policy explain` prints."""
    head = Text.assemble(("Policy: ", words.QUIET), (plain(found.checked.where), "bold"))
    head.append(f"  {_ORIGINS[found.origin]}", words.QUIET)
    note = words.styled("What has no key behind it is the default.", words.QUIET)
    parts: list[RenderableType] = [head, note, Text(), _statements(told.general)]
    for rules in told.types:
        parts += [Text(), *_type(rules, "Every other type" if len(told.types) > 1 else "Every type")]
    parts += [Text(), words.styled("Before a version is promoted", "bold"), *_gate(told.gate)]
    return Constrain(Group(*parts), _WIDEST)


def explanation_as_json(found: Found, told: Explanation) -> dict[str, Any]:
    """The same as `--format json` prints it."""
    answer: dict[str, Any] = msgspec.to_builtins(told)
    for rule in [rule for rules in answer["types"] for rule in [*rules["demands"], *rules["fields"]]]:
        rule["key"] = rule["key"] or None
    for rule in [*answer["general"], *answer["gate"]]:
        rule["key"] = rule["key"] or None
    return {"policy": found.checked.where, "origin": found.origin, **answer}


def _statements(statements: Iterable[Statement]) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=10)
    table.add_column(ratio=1)
    for statement in statements:
        table.add_row(words.styled(plain(statement.about), words.PATH), _said(statement.says, statement.key))
    return Padding(table, (0, 0, 0, 2))


def _said(says: str, key: str) -> Text:
    return Text(plain(says)).append(f"  {plain(key)}" if key else "", words.QUIET)


def _type(rules: TypeRules, rest: str) -> list[RenderableType]:
    title = Text(rest if rules.type is None else "Type ")
    title.append(plain(rules.type or ""))
    title.stylize("bold")
    if rules.type is not None and not rules.stated:
        title.append("  the policy says nothing of it", words.QUIET)
    parts: list[RenderableType] = [title]
    if rules.demands:
        parts += [_statements(rules.demands), Text()]
    parts.append(_fields(rules.fields))
    parts += [Text(), *_in_words(rules.fields)]
    return parts


def _fields(rules: Sequence[FieldRule]) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    for title in _TITLES:  # names of paths may be long, those of strategies are not
        table.add_column(overflow="fold", no_wrap=title != _TITLES[0])
    table.add_row(*(words.styled(title, "bold underline") for title in _TITLES))
    for rule in rules:
        lossy = Text("yes", "red") if rule.lossy else Text("no")
        table.add_row(
            words.styled("every other field" if rule.path is None else plain(rule.path) or "the value", words.PATH),
            rule.strategy,
            ", then ".join(rule.tie_break) or words.styled("none", words.QUIET),
            rule.fallback or words.styled("there is none", words.QUIET),
            lossy,
        )
    return Padding(table, (0, 0, 0, 2))


def _in_words(rules: Iterable[FieldRule]) -> Iterable[RenderableType]:
    """What the strategies of some rules do, each once for all that say the same."""
    for says, of in {rule.says: rule for rule in rules}.items():
        yield Padding(Text.assemble((of.strategy, "bold"), ": ").append_text(_said(says, of.key)), (0, 0, 0, 2))


def _gate(checks: Sequence[CheckRule]) -> Iterable[RenderableType]:
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for check in checks:
        table.add_row(
            words.styled(check.check, words.PATH),
            words.styled(check.action, _ACTIONS[check.action]),
            _said(check.says, check.key),
        )
    yield Padding(table, (0, 0, 0, 2))
    yield Text()
    for action, then in {check.action: check.then for check in checks}.items():
        yield Padding(Text.assemble((action, _ACTIONS[action]), f": {then}", style=words.QUIET), (0, 0, 0, 2))
