"""The formats of `analyze --format`: `as_NAME.py` is the format NAME, and holds one function, `render(report)`.

There is no other list of them: to add a format, add its file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
        codes: The codes of the rules chosen.
        like: Only findings with this fingerprint; None for all.
        limit: For readers: at most this many drifts; None for every finding.
    """

    analysis: Analysis
    trace: str
    codes: frozenset[str]
    like: str | None
    limit: int | None

    def counts(self) -> dict[str, int]:
        """How many findings each rule has, by code, in the order of codes; only rules that found something."""
        return self.analysis.counts(self.codes, like=self.like)

    def findings(self) -> Iterator[Finding]:
        """The findings, by time; never more than a page of them is in memory."""
        return self.analysis.each_finding(self.codes, like=self.like)


class Format(Protocol):
    """What a format's file provides."""

    def render(self, report: Report) -> Iterable[RenderableType]:
        """The report in parts, each as rich renders it; a string is written as it is."""


def names() -> list[str]:
    """The names of all formats.

    Example:
        >>> names()[:2]
        ['json', 'text']
    """
    return sorted(
        found.name.removeprefix(_PREFIX) for found in iter_modules(__path__) if found.name.startswith(_PREFIX)
    )


def render(name: str, report: Report) -> Iterable[RenderableType]:
    """A report in the format of this name, part by part."""
    module: Any = import_module(f"{__name__}.{_PREFIX}{name}")
    return cast(Format, module).render(report)
