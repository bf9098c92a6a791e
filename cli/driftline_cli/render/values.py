"""Values as they are shown: canonical JSON, cut to what fits, with what differs between two of them standing out."""

from __future__ import annotations

from typing import Final

from rich.cells import chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from driftline_cli.render.words import styled
from driftline_cli.safe import plain

_LEAD: Final = 24  # characters of a shared beginning that stay
_ELIDED: Final = 48  # a shared beginning longer than this is cut


class Value:
    """A value on at most so many lines, cut at the end if it is longer.

    Args:
        text: What to show.
        lines: At most this many lines.
        length: How long the whole value is, in characters; said when it is cut.
    """

    def __init__(self, text: Text, lines: int = 1, length: int | None = None) -> None:
        self._text = text
        self._lines = lines
        self._length = len(text) if length is None else length

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(options.max_width, 1)
        text, start = self._text, 0
        for _ in range(self._lines - 1):
            end = _line_end(text.plain, start, width)
            if end == len(text):
                break
            yield text[start:end]
            start = end + (text.plain[end] == " ")
        last = text[start:]
        if last.cell_len > width:
            note = f"… ({self._length:,} characters)"
            note = note if len(note) * 2 < width else "…"
            last.truncate(width - len(note))
            last.rstrip()
            last.append(note, "dim")
        yield last

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(len(self._text), 8), min(self._text.cell_len, options.max_width))


def _line_end(text: str, start: int, width: int) -> int:
    """Where to break a line: at a space if there is one in its second half."""
    fitting = len(chop_cells(text[start : start + width], width)[0]) if start < len(text) else 0
    end = start + fitting
    if end >= len(text) or text[end] == " ":
        return end
    space = text.rfind(" ", start + fitting // 2, end)
    return space if space > start else end


def value(
    text: str | None,
    *,
    kept: bool = True,
    absent: str = "absent",
    lines: int = 1,
    style: str = "",
    length: int | None = None,
) -> Value:
    """One value.

    Args:
        text: Canonical JSON, or None.
        kept: Whether the trace keeps values: None means absent only if it does.
        absent: What to say of a value that is not there.
        lines: At most this many lines.
        style: Its style.
        length: How long the whole value is, in characters, where the text is only its beginning.
    """
    if text is None:
        return Value(styled(absent if kept else "not kept in this trace", "dim italic"))
    return Value(styled(plain(text), style), lines, length)


def contrast(
    old: str | None,
    new: str | None,
    *,
    kept: bool = True,
    lines: int = 2,
    lengths: tuple[int | None, int | None] = (None, None),
) -> tuple[Value, Value]:
    """Two values of one field, what differs between them standing out.

    Args:
        old: Canonical JSON of what is no more, or None.
        new: Canonical JSON of what is there instead, or None.
        kept: Whether the trace keeps values.
        lines: At most this many lines each.
        lengths: How long the whole values are, in characters, where these are only their beginnings.
    """
    if old is None or new is None:
        return (
            value(old, kept=kept, lines=lines, style="red"),
            value(new, kept=kept, lines=lines, style="green"),
        )
    first, second = plain(old), plain(new)
    begin, end = shared(first, second)
    cut = begin - _LEAD if begin > _ELIDED else 0
    return (
        _marked(first, begin, end, cut=cut, style="red", lines=lines, length=lengths[0]),
        _marked(second, begin, end, cut=cut, style="green", lines=lines, length=lengths[1]),
    )


def shared(first: str, second: str) -> tuple[int, int]:
    """How many characters two texts share at the beginning, and how many of the rest at the end.

    Example:
        >>> shared("a cat sat", "a dog sat"), shared("aa", "aaa")
        ((2, 4), (2, 0))
    """
    shorter = min(len(first), len(second))
    begin = next((i for i in range(shorter) if first[i] != second[i]), shorter)
    rest = shorter - begin
    end = next((i for i in range(rest) if first[-1 - i] != second[-1 - i]), rest)
    return begin, end


def _marked(text: str, begin: int, end: int, *, cut: int, style: str, lines: int, length: int | None) -> Value:
    made = styled("…" if cut else "", "dim")
    made.append(text[cut:begin], style)
    made.append(text[begin : len(text) - end], f"bold {style}")
    made.append(text[len(text) - end :], style)
    return Value(made, lines, len(text) if length is None else length)
