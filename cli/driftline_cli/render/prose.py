"""The prose of a rule's page: Markdown as far as the headers of the detectors use it, emphasis and code."""

from __future__ import annotations

import re
from typing import Final

from rich.text import Text

_MARKS: Final = re.compile(r"`([^`]+)`|(?<!\w)\*([^*\s][^*]*)\*(?!\w)")


def prose(markdown: str) -> Text:
    r"""Paragraphs of Markdown, each on one long line for the terminal to wrap.

    Example:
        >>> prose("A write *w* of\n`o/1`.\n\nNext.").plain
        'A write w of o/1.\n\nNext.'
    """
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", markdown.strip())]
    return Text("\n\n").join(_inline(paragraph) for paragraph in paragraphs)


def _inline(text: str) -> Text:
    made = Text()
    at = 0
    for found in _MARKS.finditer(text):
        made.append(text[at : found.start()])
        made.append(found[1] or found[2], "cyan" if found[1] else "italic")
        at = found.end()
    return made.append(text[at:])
