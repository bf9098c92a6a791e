"""The formats of `analyze --format`: `as_NAME.py` is the format NAME, and holds one function, `render(report)`.

There is no other list of them: to add a format, add its file.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

if TYPE_CHECKING:
    from rich.console import RenderableType

    from driftline_analyzer import Analysis, Finding

_PREFIX: Final = "as_"
DEFAULT: Final = "text"


@dataclass(frozen=True)
class Report:
    """What there is to report of a trace.

    Attributes:
        analysis: The analysed trace, open for questions.
        trace: The trace as the user named it.
        findings: The findings of the rules chosen, by time.
        codes: The codes of those rules.
        limit: For readers: at most this many findings in full; None for all.
    """

    analysis: Analysis
    trace: str
    findings: list[Finding]
    codes: frozenset[str]
    limit: int | None

    def counts(self) -> dict[str, int]:
        """How many findings each rule has, by name, in the order of their codes; only rules that found something."""
        found = Counter((finding.code, finding.rule.name) for finding in self.findings)
        return {name: found[code, name] for code, name in sorted(found)}


class Format(Protocol):
    """What a format's file provides."""

    def render(self, report: Report) -> RenderableType:
        """The report as rich renders it; a string is written as it is."""


def names() -> list[str]:
    """The names of all formats.

    Example:
        >>> names()[:2]
        ['json', 'text']
    """
    return sorted(
        found.name.removeprefix(_PREFIX) for found in iter_modules(__path__) if found.name.startswith(_PREFIX)
    )


def render(name: str, report: Report) -> RenderableType:
    """A report in the format of this name."""
    module: Any = import_module(f"{__name__}.{_PREFIX}{name}")
    return cast(Format, module).render(report)
