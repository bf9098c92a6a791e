"""The only writer of standard output and of `--output` files.

Standard output carries data and nothing else. A reader that goes away (`driftline analyze t.drift | head`) is no fault:
what is left is discarded, and the exit status is still the command's own.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Width of text where there is no terminal to ask, in cells.
WIDTH: Final = 80
_NARROWEST: Final = 40
_PIECE: Final = 1 << 16  # characters
_TRAILING: Final = re.compile(r" +$", re.MULTILINE)  # what fills up a column
#: For terminals whose encoding has none of these.
_ASCII: Final = str.maketrans("─━│├└┌→↳▸·…●○▪", "--|+++>>>.~*ox")


def emit(content: RenderableType, destination: Path | None = None) -> None:
    """Write an answer: a string as it is, anything else as rich renders it.

    Args:
        content: What to write.
        destination: A file, written whole or not at all; None for standard output.

    Raises:
        DriftlineError: If it cannot be written.
    """
    emit_each([content], destination)


def emit_each(parts: Iterable[RenderableType], destination: Path | None = None) -> None:
    """Write an answer part by part, each as `emit` would: it need not fit into memory.

    Args:
        parts: Its parts; they are asked for only as long as somebody reads what is written.
        destination: A file, written whole or not at all; None for standard output.

    Raises:
        DriftlineError: If it cannot be written.
    """
    if destination is not None:
        _write_file((_text(part, WIDTH) for part in parts), destination)
        return
    width, colour = terminal_width(), is_colourful(sys.stdout)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    for text in _together(_text(part, width, colour=colour) for part in parts):
        fitting = text
        if not encoding.lower().startswith("utf"):
            fitting = text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
        if not _write(fitting):
            break


def _together(texts: Iterable[str]) -> Iterator[str]:
    """Texts joined to pieces that are worth a write."""
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= _PIECE:
            yield "".join(waiting)
            waiting, size = [], 0
    yield "".join(waiting)


def _text(part: RenderableType, width: int, *, colour: bool = False) -> str:
    return part if isinstance(part, str) else rendered(part, width, colour=colour)


def emit_json(data: object, destination: Path | None = None) -> None:
    """Write an answer as one JSON object, on lines of its own; otherwise as `emit`."""
    from driftline_cli.safe import json_text

    emit(f"{json_text(data)}\n", destination)


def rendered(content: RenderableType, width: int, *, colour: bool = False) -> str:
    """What rich makes of a renderable, interpreting nothing in its text.

    Args:
        content: The renderable.
        width: Cells in a line.
        colour: Whether to style it; if not, it holds no escape sequence at all.
    """
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="auto" if colour else None,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        console.print(content, crop=False)  # a command to copy may be longer than the line
    return _TRAILING.sub("", capture.get())


def is_colourful(stream: TextIO) -> bool:
    """Whether to write colour to a stream: a terminal that has it, unless the user says otherwise (no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and stream is not None and stream.isatty()


def terminal_width() -> int:
    """Cells in a line of the terminal; 80 where there is none."""
    return max(shutil.get_terminal_size((WIDTH, 24)).columns, _NARROWEST)


def _write(text: str) -> bool:
    """Write to standard output; False once nobody reads it any more."""
    if sys.stdout is None:  # the user closed it: `>&-`
        return False
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_the_rest()
        return False
    except OSError as fault:
        from driftline.errors import DriftlineError

        _discard_the_rest()
        reason = fault.strerror or fault
        raise DriftlineError(
            f"standard output cannot be written: {reason}", "free some space, or use -o FILE"
        ) from fault
    return True


def _discard_the_rest() -> None:
    """Point standard output nowhere, so that the interpreter's own flush at exit cannot fail."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _write_file(texts: Iterable[str], path: Path) -> None:
    """A temporary file beside it, then a rename; a device or a pipe is written to directly."""
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            with target.open("w", encoding="utf-8") as file:
                file.writelines(texts)
            return
        try:
            with temporary.open("x", encoding="utf-8") as file:
                file.writelines(texts)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as fault:
        from driftline.errors import DriftlineError

        raise DriftlineError(
            f"{path} cannot be written: {fault.strerror or fault}",
            "name a file in a folder that you may write to",
        ) from fault
