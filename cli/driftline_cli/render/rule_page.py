"""The catalogue of rules, and the page of one rule."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.render.prose import prose

if TYPE_CHECKING:
    from driftline_analyzer import Rule

_WIDEST: Final = 92


def listing(rules: Iterable[Rule]) -> RenderableType:
    """Every rule on a line: code, name, severity and standard name."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_row(*(words.styled(title, "bold underline") for title in ("Code", "Rule", "Severity", "Also known as")))
    for rule in rules:
        standard = re.split(r" ?[(;]|, (?=[a-z]+ \()|, a form", rule.standard)[0]
        table.add_row(
            rule.code,
            words.styled(rule.name, "bold"),
            words.styled(rule.severity, words.SEVERITY[rule.severity]),
            standard,
        )
    return Constrain(
        Group(
            table,
            Text(),
            Text("What a rule finds, why it matters and how to mend it: ").append_text(words.command("rule", "CODE")),
        ),
        _WIDEST,
    )


def page(rule: Rule) -> RenderableType:
    """Everything about one rule."""
    head = Text.assemble(
        (rule.code, "bold"), " ", (rule.name, "bold"), "  ", (rule.severity, words.SEVERITY[rule.severity])
    )
    parts: list[RenderableType] = [head, Padding(words.styled(rule.standard, "italic"), (0, 0, 0, 2))]
    for title, text in rule.sections.items():
        parts += [Text(), words.styled(title, "bold underline"), Padding(prose(text), (0, 0, 0, 2))]
    return Constrain(Group(*parts), _WIDEST)


def as_json(rule: Rule) -> dict[str, object]:
    """A rule as `driftline rule --format json` prints it."""
    return {
        "code": rule.code,
        "rule": rule.name,
        "severity": rule.severity,
        "standard": rule.standard,
        "message": rule.message,
        "sections": rule.sections,
    }
