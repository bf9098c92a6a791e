"""An object as it stood at a version or a moment, and beside it what a branch had seen of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.render.values import contrast, value
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from driftline_analyzer.moments import Moment
    from driftline_analyzer.state import StateView

_NAMES: Final = 30


def state(view: StateView, *, started: int, kept: bool) -> RenderableType:
    """What `driftline show` prints.

    Args:
        view: The answer.
        started: Clock of the trace's first event.
        kept: Whether the trace keeps values.
    """
    parts: list[RenderableType] = [_head(view), *_origin(view, started)]
    if view.seen_by is not None:
        parts.append(_sight(view))
    parts.append(Text())
    if not view.fields:
        parts.append(words.styled("no field is there", words.QUIET))
    elif view.seen_by is None:
        parts.append(_fields(view, started, kept=kept))
    else:
        parts += [
            _beside(view, kept=kept),
            Text(),
            words.styled("- what the branch had seen, + what stood", words.QUIET),
        ]
    return Group(*parts, *words.left_out(len(view.fields)))


def _head(view: StateView) -> Text:
    text = words.versioned(view.object, None if view.last is None else view.last.version)
    if view.type:
        text.append(f"  {plain(view.type)}", words.QUIET)
    return text.append("  removed", "bold red") if view.removed else text


def _origin(view: StateView, started: int) -> list[Text]:
    if view.last is None:
        return [words.styled("not written yet", words.QUIET)]
    text = words.styled(f"{words.participle(view.last.op)} by ", words.QUIET).append_text(words.actor(view.last))
    return [text.append(" at ", words.QUIET).append_text(words.when(started, view.last.time))]


def _sight(view: StateView) -> Text:
    text = words.styled("as seen by ", words.QUIET).append(plain(view.seen_by or ""), words.BRANCH)
    if view.seen_version is None:
        return text.append(", which had not seen it", words.QUIET)
    text.append(" up to version ", words.QUIET).append_text(words.version(view.seen_version))
    stale = sum(field.stale for field in view.fields)
    return text.append(
        f": {stale} of {words.count(len(view.fields), 'field')} stale", "bold yellow" if stale else words.QUIET
    )


def _fields(view: StateView, started: int, *, kept: bool) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=_NAMES)
    table.add_column(ratio=1, min_width=16)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column(no_wrap=True)
    table.add_row(*(words.styled(title, "bold underline") for title in ("Field", "Value", "Version", "Branch", "Time")))
    for field in view.fields[: words.FIELDS]:
        table.add_row(words.field(field.path), value(field.value, kept=kept), *_written(field.written, started))
    return table


def _written(moment: Moment | None, started: int) -> tuple[Text, Text, Text]:
    if moment is None:
        return Text("-"), Text(), Text()
    return (
        words.version(moment.version),
        words.branch(moment.branch, moment.branch_id),
        words.when(started, moment.time),
    )


def _beside(view: StateView, *, kept: bool) -> Table:
    """What the branch had seen, and what stood."""
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    table.add_column(width=1)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=_NAMES)
    table.add_column(ratio=1)
    table.add_column(no_wrap=True, justify="right", overflow="ellipsis", max_width=28)
    for field in view.fields[: words.FIELDS]:
        path = words.field(field.path)
        if not field.stale:
            table.add_row("", path, value(field.value, kept=kept), _at(field.written))
            continue
        seen, stood = contrast(field.seen_value, field.value, kept=kept, lines=2)
        if field.seen is None:
            seen = value(None)
        table.add_row(words.styled("-", "bold red"), path, seen, _at(field.seen))
        table.add_row(words.styled("+", "bold green"), path, stood, _at(field.written))
    return table


def _at(moment: Moment | None) -> Text:
    if moment is None:
        return Text()
    text = words.styled("v", words.QUIET).append_text(words.version(moment.version)).append(" ")
    return text.append_text(words.branch(moment.branch, moment.branch_id))
