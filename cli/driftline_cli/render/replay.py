"""What a replay comes to: the verdicts, the findings that it would have prevented, and where the state differs."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftline_analyzer.catalogue import SEVERITIES, rules
from driftline_cli.render import words
from driftline_cli.render.values import contrast
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from driftline.discipline.quarantine import Entry
    from driftline_analyzer.replay import Difference, New, Replay, Side
    from driftline_analyzer.replay.fates import Fate

_WIDEST: Final = 112
_COMMAND: Final = 68  # beside a longer command, what it is for does not fit the line
_SHOWN: Final = 5  # of what is set aside, and of what is new
_POLICIES: Final = {"given": "the policy given", "trace": "the trace's own policy", "default": "the default policy"}
#: Each verdict, in the order in which they are listed: its style, and what it means.
_VERDICTS: Final = {
    "promoted": ("green", "as they were written"),
    "merged": ("cyan", "with concurrent writes, or in the fields that nobody disputes"),
    "quarantined": ("yellow", "until somebody decides"),
    "rejected": ("red", "by a check"),
    "failed": ("red", "and their branches with them"),
    "discarded": ("dim", "with their unit, or below the floor of confidence"),
    "deferred": ("dim", "for their unit has not ended"),
    "undecided": ("magenta", "for it takes values that were not recorded; decided as if set aside"),
}


def replay(replay: Replay, trace: str, *, until: str | None, limit: int | None) -> RenderableType:
    """What `driftline replay` prints.

    Args:
        replay: The replay, not begun.
        trace: The trace, as the user named it.
        until: Up to where, as the user typed it.
        limit: At most this many differences; None for all.
    """
    for _ in replay.decisions(every=False):
        pass
    found = Counter((one.finding.code, one.fate) for one in replay.judged())
    new, waiting = replay.new(), replay.waiting()
    shown, hidden = _telling(replay.differences(), limit)
    parts: list[RenderableType] = [_what(replay, trace, until), Text(), _verdicts(replay), Text()]
    parts += [*_saved(found, new, replay.innocent)]
    parts += _differences(shown, hidden, kept=replay.analysis.header.values == "full")
    parts += _quarantine(waiting)
    parts += [_heading("What to type next"), Text(), *_next(replay, trace, shown)]
    return Constrain(Group(*parts), _WIDEST)


def _telling(different: Iterator[Difference], limit: int | None) -> tuple[list[Difference], int]:
    """The most telling differences, and how many others there are: first values that rules chose between."""
    if limit is None:
        return list(different), 0
    number = 0

    def counted() -> Iterator[Difference]:
        nonlocal number
        for number, one in enumerate(different, 1):  # noqa: B007 - how many there are is asked for behind the loop
            yield one

    shown = heapq.nsmallest(limit, counted(), key=lambda one: (_rank(one), one.object, one.path))
    return shown, number - len(shown)


def _rank(one: Difference) -> int:
    if one.recorded is None or one.reconciled is None:
        return 2
    return 0 if one.note.right and one.note.rule not in {None, "only-change", "unanimous"} else 1


def _heading(text: str) -> Text:
    return words.styled(text, "bold underline")


def _what(replay: Replay, trace: str, until: str | None) -> Text:
    text = Text("Replay of ").append(plain(trace), "bold")
    text.append(f" under {_POLICIES[replay.analysis.policy.origin]}")
    if until is not None:
        text.append(" up to ").append(plain(until), "bold")
    return text.append(f": {words.count(sum(replay.counts.values()), 'write')}, {plain(replay.order)}.")


def _verdicts(replay: Replay) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for verdict, (style, meaning) in _VERDICTS.items():
        if number := next((count for known, count in replay.counts.items() if known == verdict), 0):
            table.add_row(f"{number:,}", words.styled(verdict, style), words.styled(meaning, words.QUIET))
    parts: list[RenderableType] = [Padding(table, (0, 0, 0, 2))]
    if "undecided" in replay.counts:
        parts += [Text(), Text("  To decide those, too, record values: driftline run --values full, or values='full'.")]
    return Group(*parts)


# ---- findings -----------------------------------------------------------------------------------------------------


def _saved(found: Counter[tuple[str, Fate]], new: Sequence[New], innocent: int) -> list[RenderableType]:
    if not found and not new:
        return [Text("Nothing was found in what really happened, so there is nothing to save."), Text()]
    prevented = sum(number for (_, fate), number in found.items() if fate == "prevented")
    text = words.styled(f"{prevented:,} of {words.count(found.total(), 'finding')}", "bold green")
    text.append(" would have been prevented")
    text.append(f"; {words.count(len(new), 'new one')}." if new else ", none is new.")
    if innocent:
        text.append(f" {words.count(innocent, 'write')} would have been held back without a finding of their own,")
        text.append(" since they rest on what was.")
    table = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    head = [words.styled(title, words.QUIET) for title in ("", "", "prevented", "remaining")]
    table.add_row(*head)
    for rule in sorted(rules(), key=lambda rule: (SEVERITIES.index(rule.severity), rule.code)):
        saved, left = found[rule.code, "prevented"], found[rule.code, "remaining"]
        if saved or left:
            table.add_row(
                rule.code,
                words.styled(rule.name, words.SEVERITY[rule.severity]),
                words.styled(f"{saved:,}", "green" if saved else words.QUIET),
                words.styled(f"{left:,}", words.QUIET if not left else ""),
            )
    parts: list[RenderableType] = [_heading("What it would have saved"), Text(), text, Text()]
    parts += [Padding(table, (0, 0, 0, 2)), Text(), *_new(new)]
    return parts


def _new(new: Sequence[New]) -> list[RenderableType]:
    if not new:
        return []
    parts: list[RenderableType] = [_heading("What would be new"), Text()]
    for one in new[:_SHOWN]:
        text = words.versioned(one.object, one.version, one.fields[0] if one.fields else None)
        parts.append(Padding(text.append(f"  {plain(one.check)}: {plain(one.why)}"), (0, 0, 0, 2)))
    if len(new) > _SHOWN:
        parts.append(words.styled(f"  … {len(new) - _SHOWN:,} more", words.QUIET))
    return [*parts, Text()]


# ---- differences --------------------------------------------------------------------------------------------------


def _differences(shown: Sequence[Difference], hidden: int, *, kept: bool) -> list[RenderableType]:
    total = len(shown) + hidden
    if not total:
        return [Text("The state that it comes to is the one that really came about."), Text()]
    parts: list[RenderableType] = [
        _heading("Where the state would differ"),
        Text(),
        Text(f"{words.count(total, 'field')} would not be what {'it is' if total == 1 else 'they are'}."),
        Text(),
    ]
    for one in shown:
        parts += [_difference(one, kept=kept), Text()]
    if hidden:
        parts += [Text(f"… {hidden:,} more: --all for every one, --object OBJECT for one object"), Text()]
    return parts


def _difference(one: Difference, *, kept: bool) -> RenderableType:
    before, after = contrast(_text(one.recorded), _text(one.reconciled), kept=kept, lines=1)
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=1)
    table.add_column(width=10)
    table.add_column()
    table.add_row(words.styled("-", "bold red"), words.styled("recorded", "red"), before)
    table.add_row("", "", _by(one.recorded))
    table.add_row(words.styled("+", "bold green"), words.styled("reconciled", "green"), after)
    table.add_row("", "", _by(one.reconciled))
    right = words.listed([plain(name) for name in one.note.right]) or "nobody"
    why = Text(right, words.BRANCH).append(": ", "default").append(plain(one.note.why), "default")
    table.add_row("", words.styled("right", "bold"), why)
    return Group(Padding(words.versioned(one.object, None, one.path), (0, 0, 0, 2)), Padding(table, (0, 0, 0, 4)))


def _text(side: Side | None) -> str | None:
    from driftline_analyzer.replay import records

    found = None if side is None else records.value(side.value)
    return found if found is None or isinstance(found, str) else f"not recorded, digest {found['digest']}"


def _by(side: Side | None) -> Text:
    if side is None:
        return Text()
    return (
        words.styled("version ", words.QUIET)
        .append_text(words.version(side.version))
        .append(" by ", words.QUIET)
        .append(plain(side.branch), words.BRANCH)
    )


# ---- what is set aside --------------------------------------------------------------------------------------------


def _quarantine(waiting: Sequence[Entry]) -> list[RenderableType]:
    if not waiting:
        return []
    gates: defaultdict[str, int] = defaultdict(int)
    for entry in waiting:
        gates[entry.reasons[0].gate] += 1
    told = [f"{plain(gate)} {number:,}" for gate, number in sorted(gates.items(), key=lambda item: (-item[1], item[0]))]
    parts: list[RenderableType] = [
        _heading("What is set aside"),
        Text(),
        Text(f"{words.count(len(waiting), 'write')}, by {words.listed(told)}. The first of them:"),
        Text(),
    ]
    for entry in waiting[:_SHOWN]:
        reason = entry.reasons[0]
        text = words.versioned(entry.object, entry.candidate, reason.path).append("  ")
        text.append(plain(entry.branch), words.BRANCH).append(f": {plain(reason.reason)}")
        parts.append(Padding(text, (0, 0, 0, 2)))
    return [*parts, Text()]


def _next(replay: Replay, trace: str, shown: Sequence[Difference]) -> list[Text]:
    rows = [(words.command("replay", trace, "--format", "ndjson", "-o", "replay.ndjson"), "every decision")]
    if shown:
        rows.append((words.command("replay", trace, "--object", shown[0].object, "--all"), "one object"))
        rows.append((words.command("log", trace, f"{shown[0].object}#{shown[0].path}"), "what really happened"))
    if replay.analysis.policy.origin == "default":
        rows.append((words.command("replay", trace, "--policy", "driftline.toml"), "under a policy of your own"))
    width = min(max(command.cell_len for command, _ in rows), _COMMAND)
    return [
        words.to_copy(
            Text("  "), command, words.styled(f"{' ' * max(0, width - command.cell_len)}  # {what}", words.QUIET)
        )
        for command, what in rows
    ]
