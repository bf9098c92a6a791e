"""The vocabulary of what is shown: how an object, a field, a version, a branch or a time looks, wherever it stands.

Every name comes from a trace, so each is made safe here and is a `Text`, never markup.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from driftline_analyzer.moments import Moment
from driftline_analyzer.times import since
from driftline_cli.safe import plain

#: Style of each severity.
SEVERITY: Final = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
PATH: Final = "cyan"
VERSION: Final = "yellow"
BRANCH: Final = "magenta"
QUIET: Final = "dim"

_VERBS: Final = {
    "read": "read",
    "write": "wrote",
    "patch": "patched",
    "merge": "merged",
    "delete": "deleted",
    "snapshot": "sealed",
    "promote": "promoted",
    "quarantine": "quarantined",
    "reject": "rejected",
    "task-start": "started",
    "task-end": "finished",
}

#: Fields of one object that a page shows: each takes a terminal half a millisecond, and an object may have a million.
FIELDS: Final = 500


def styled(text: str, style: str) -> Text:
    """Text in a style of its own: what is appended to it does not take it on, as it would with `Text(text, style)`."""
    return Text().append(text, style)


def object_(name: str | None) -> Text:
    """An object's id."""
    return styled(plain(name or ""), "bold")


def left_out(total: int) -> list[Text]:
    """A line about the fields beyond the first `FIELDS`, if there are any."""
    if total <= FIELDS:
        return []
    return [Text(), styled(f"and {count(total - FIELDS, 'more field')}: --format json names them all", QUIET)]


def field(path: str) -> Text:
    """A field's JSON Pointer; the empty one is the whole value."""
    return styled(plain(path) or "(whole value)", PATH)


def safe(name: str | None, none: str = "-") -> Text:
    """Any other name."""
    return styled(none, QUIET) if name is None else Text(plain(name))


def version(number: str | None, none: str = "-") -> Text:
    """A version, as a number or label alone."""
    return styled(none, QUIET) if number is None else styled(plain(number), VERSION)


def versioned(name: str | None, number: str | None, path: str | None = None) -> Text:
    """`OBJECT@VERSION#/field`, as it can be typed."""
    text = object_(name)
    if number is not None:
        text.append("@", QUIET).append(plain(number), VERSION)
    if path is not None:
        text.append("#", QUIET).append(plain(path), PATH)
    return text


def branch(name: str, branch_id: str) -> Text:
    """A branch by its id, its name standing out."""
    if branch_id.startswith(name):
        return styled(plain(name), BRANCH).append(plain(branch_id.removeprefix(name)), f"{QUIET} {BRANCH}")
    return styled(plain(name), BRANCH).append(f" ({plain(branch_id)})", QUIET)


def actor(moment: Moment) -> Text:
    """The branch of a moment, and its phase if it has one."""
    text = branch(moment.branch, moment.branch_id)
    return text.append(f" · {plain(moment.phase)}", QUIET) if moment.phase else text


def when(start: int, time: int) -> Text:
    """A time as seconds since the start of the run."""
    return styled(since(start, time), QUIET)


def verb(operation: str) -> str:
    """What an operation did, in the past tense."""
    return _VERBS.get(operation, operation.replace("-", " "))


def participle(operation: str) -> str:
    """What was done by an operation: `written by`."""
    return "written" if operation == "write" else verb(operation)


def codes(found: tuple[str, ...]) -> Text:
    """The codes of findings, each in the colour of its severity."""
    from driftline_analyzer import rule

    return Text(" ").join(styled(code, SEVERITY[rule(code).severity]) for code in dict.fromkeys(found))


def rules(found: tuple[str, ...]) -> Text:
    """The codes of findings and the names of their rules."""
    from driftline_analyzer import rule

    known = [rule(code) for code in dict.fromkeys(found)]
    return Text(", ").join(styled(f"{rule.code} {rule.name}", SEVERITY[rule.severity]) for rule in known)


def command(*words: str) -> Text:
    """A command to type next, quoted for the shell where it must be."""
    return styled(" ".join(["driftline", *(quoted(word) for word in words)]), "bold green")


def to_copy(*parts: Text) -> Text:
    """A line with a command in it, neither broken nor cut, so that it can be copied; a table would cut it."""
    return Text("", no_wrap=True, overflow="ignore").join(parts)


def quoted(word: str) -> str:
    r"""A word as it is typed in a shell; one that cannot be typed as it is, in the form `$'...'`.

    Example:
        >>> print(quoted("run.drift"), quoted("context/42#/facts"), quoted("o\x1b/1"))
        run.drift 'context/42#/facts' $'o\x1b/1'
    """
    if plain(word) == word:
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{plain(escaped)}'"


def count(number: int, thing: str) -> str:
    """A number of things, in words.

    Example:
        >>> count(1, "branch"), count(12_345, "branch"), count(2, "error"), count(3, "process")
        ('1 branch', '12,345 branches', '2 errors', '3 processes')
    """
    plural = f"{thing}es" if re.search(r"(ch|s|sh|x)$", thing) else f"{re.sub('y$', 'ie', thing)}s"
    return f"{number:,} {thing if number == 1 else plural}"


def listed(words: list[str]) -> str:
    """Words as a list in prose.

    Example:
        >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
        ('a', 'a and b', 'a, b and c')
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def size(number: int) -> str:
    """A number of bytes, in the unit that suits it.

    Example:
        >>> size(999), size(304_400), size(2_500_000_000)
        ('999 B', '304.4 kB', '2.5 GB')
    """
    amount, units = float(number), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while amount >= 1000 and unit != "TB":  # noqa: PLR2004 - SI
        amount, unit = amount / 1000, next(units)
    return f"{number} B" if unit == "B" else f"{amount:.1f} {unit}"


def padded(text: Text, width: int) -> Text:
    """A copy of a text that takes exactly so many cells: cut with an ellipsis, or filled with spaces."""
    made = text.copy()
    made.truncate(width, overflow="ellipsis")
    return made.append(" " * (width - cell_len(made.plain)))
