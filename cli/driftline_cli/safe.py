"""Text from a trace made safe to show.

A name or a value may hold anything: escape sequences that drive the terminal, line breaks that forge a line of output,
bidirectional overrides that show text in another order than it has (Boucher and Anderson 2021, "Trojan Source"), or
lone surrogates that no encoding can write. Everything that is shown goes through here; nothing is ever rich markup.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any, Final

#: Control, format, surrogate, private, separator characters; joiners stay: scripts and emoji are made with them.
_KINDS: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_JOINERS: Final = "\u200c\u200d"
_SHORT: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_UNUSUAL: Final = re.compile(
    r"[^\x20-\x7e\xa1-\xac\xae-\u05ff]"
)  # the rest: ASCII, Latin, Greek, Cyrillic, Armenian, Hebrew


def plain(text: str) -> str:
    r"""The text on one line, with every character that a terminal might obey written as its escape.

    Example:
        >>> print(plain("\x1b[31mred\nnext\u202e"))
        \x1b[31mred\nnext\u202e
    """
    return _UNUSUAL.sub(lambda found: _visible(found[0]), text)


def json_text(data: Any, *, indent: int | None = 2) -> str:
    r"""Data as JSON in which what a terminal might obey is escaped, and the rest is readable.

    A number that JSON has no word for (not a number, infinity) becomes null.

    Args:
        data: What to write.
        indent: Spaces for each level; None for all on one line.

    Example:
        >>> print(json_text({"name": "é\u202e", "confidence": float("nan")}))
        {
          "name": "é\u202e",
          "confidence": null
        }
    """
    try:
        text = json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(data), indent=indent, ensure_ascii=False)
    return _UNUSUAL.sub(
        lambda found: json.dumps(found[0])[1:-1] if _is_obeyed(found[0]) and found[0] != "\n" else found[0], text
    )


def json_line(data: Any) -> str:
    r"""The same on one line, for streams of many.

    Example:
        >>> print(json_line({"name": "a\nb", "n": 1}))
        {"name":"a\nb","n":1}
    """
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(data), ensure_ascii=False, separators=(",", ":"))
    return _UNUSUAL.sub(lambda found: json.dumps(found[0])[1:-1] if _is_obeyed(found[0]) else found[0], text)


def _visible(character: str) -> str:
    if not _is_obeyed(character):
        return character
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004


def _is_obeyed(character: str) -> bool:
    return unicodedata.category(character) in _KINDS and character not in _JOINERS


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
