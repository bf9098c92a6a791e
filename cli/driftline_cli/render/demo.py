"""What the demo ran, what was found in it, and what to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.text import Text

from driftline_analyzer import rule, rules
from driftline_analyzer.likeness import drifts
from driftline_cli.render import findings as several
from driftline_cli.render import words
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from driftline.demo import DemoSummary
    from driftline_analyzer import Analysis, Finding

#: The rules whose findings a newcomer understands best, in this order; one finding each of the first that found any.
_TELLING: Final = (
    "stale-overwrite",
    "fidelity-loss",
    "partial-write",
    "orphan-reference",
    "dropped-field",
    "silent-revert",
)
_SHOWN: Final = 3
_WIDEST: Final = 112
_COMMAND: Final = 56  # beside a longer command, what it is for does not fit the line


def demo(analysis: Analysis, trace: str, done: DemoSummary, *, calm: bool) -> RenderableType:
    """What `driftline demo` prints.

    Args:
        analysis: The analysed trace of the run.
        trace: The trace, as the user named it.
        done: What the run did.
        calm: Whether it ran so that nothing should drift.
    """
    found = analysis.counts()
    parts: list[RenderableType] = [_what_ran(done, trace, calm=calm, drifted=bool(found)), Text()]
    if found:
        parts += [
            words.styled("What drifted", "bold underline"),
            Text(),
            Padding(several.counts(found), (0, 0, 0, 2)),
            Text(),
        ]
    telling = _telling(analysis)
    if telling:
        parts += [words.styled("For example", "bold underline"), Text()]
        parts += several.messages(analysis, trace, [finding.number for finding in telling])
    parts += [several.verdict(found, analysis.summary, len(rules())), Text()]
    parts += [words.styled("What to type next", "bold underline"), Text(), *_next(trace, telling, calm=calm)]
    return Constrain(Group(*parts), _WIDEST)


def _what_ran(done: DemoSummary, trace: str, *, calm: bool, drifted: bool) -> RenderableType:
    system = "A research pipeline"
    if calm:
        system += " on a store under a policy" if done.decisions else " with care"
    text = Text(f"{system}: {words.count(done.nodes, 'node')} on {words.count(done.topics, 'topic')}")
    text.append(f" in {words.count(done.threads, 'thread')}, recorded to ").append(plain(trace), "bold")
    text.append(f" in {done.seconds:.1f} s. ")
    if done.failed:
        text.append(f"{words.count(done.failed, 'node')} lost a tool and failed; all others succeeded")
    else:
        text.append("Every node succeeded")
    text.append(", and every payload was valid." if drifted else ", every payload was valid, and nothing drifted.")
    if done.decisions:
        counted = ", ".join(f"{count:,} {verdict}" for verdict, count in done.decisions.items())
        text.append(f" The store decided {sum(done.decisions.values()):,} writes: {counted}.")
    return text


def _telling(analysis: Analysis) -> list[Finding]:
    known = drifts(analysis, [rule(name).code for name in _TELLING], limit=len(_TELLING))
    first: dict[str, int] = {}
    for drift in known.shown:
        first.setdefault(rule(drift.code).name, drift.number)
    return list(analysis.numbered([first[name] for name in _TELLING if name in first][:_SHOWN]).values())


def _next(trace: str, telling: list[Finding], *, calm: bool) -> list[Text]:
    rows = [(words.command("info", trace), "what was recorded")]
    if telling:
        finding = telling[0]
        field = f"{finding.object}#{finding.fields[0]}" if finding.fields else str(finding.object)
        rows += [
            (words.command("analyze", trace), "every finding"),
            (words.command("log", trace, field), "its whole history"),
            (words.command("lineage", trace, field, "--down"), "what came of it"),
            (words.command("rule", finding.rule.name), "the rule explained"),
        ]
    if calm:
        rows.append((words.command("demo"), "with drift"))
    else:
        rows.append((words.command("demo", "--discipline", "-o", "calm.drift"), "the same nodes, without drift"))
    width = min(max(command.cell_len for command, _ in rows), _COMMAND)
    lines = []
    for command, what in rows:
        gap = " " * max(0, width - command.cell_len)
        lines.append(words.to_copy(Text("  "), command, words.styled(f"{gap}  # {what}", words.QUIET)))
    return lines
