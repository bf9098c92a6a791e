"""The lineage of a value as a tree: what it was derived from, or what was derived from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from driftline_analyzer.lineage import LineageNode

_RELATIONS: Final = {
    "root": "",
    "base": "from base",
    "input": "from input",
    "read": "after reading",
    "reader": "read as",
    "derived": "led to",
}
_VALUE: Final = 60


def lineage(root: LineageNode, *, direction: str, started: int) -> RenderableType:
    """What `driftline lineage` prints.

    Args:
        root: The answer.
        direction: `up` or `down`.
        started: Clock of the trace's first event.
    """
    what = "what it was derived from" if direction == "up" else "what was derived from it"
    parts: list[RenderableType] = [*_lines(root, "", "", started)]
    if not root.children:
        nothing = "nothing: it was derived from nothing recorded" if direction == "up" else "nothing: nobody read it"
        parts.append(words.styled(nothing, words.QUIET))
    return Group(words.styled(what, "italic dim"), *parts)


def _lines(root: LineageNode, first: str, rest: str, started: int) -> list[Text]:
    """Two lines a node, and those of its children, without recursion: a tree may be deep."""
    made: list[Text] = []
    waiting = [(root, first, rest)]
    while waiting:
        node, first, rest = waiting.pop()
        has_children = bool(node.children or node.more)
        made += _node(node, first, rest + ("│  " if has_children else "   "), started)
        if node.more:
            made.append(_line(f"{rest}└─ ").append(f"… and {words.count(node.more, 'more step')}", words.QUIET))
        below = []
        for child in node.children:
            last = child is node.children[-1] and not node.more
            below.append((child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  ")))
        waiting += reversed(below)
    return made


def _node(node: LineageNode, first: str, rest: str, started: int) -> list[Text]:
    moment = node.moment
    head = _line(first)
    relation = _RELATIONS.get(node.relation, node.relation)
    if relation:
        head.append(f"{relation} ", "italic")
    head.append_text(words.versioned(moment.object, moment.version, node.path))
    if node.value is not None:
        head.append(" = ", words.QUIET).append(_cut(plain(node.value)))
    detail = _line(rest).append(f"{words.participle(moment.op)} by ", words.QUIET).append_text(words.actor(moment))
    detail.append("  ").append_text(words.when(started, moment.time))
    if node.inferred:
        detail.append("  inferred", "yellow")
    if node.findings:
        detail.append("  ").append_text(words.codes(node.findings))
    if node.repeated:
        detail.append("  repeated", words.QUIET)
    return [head, detail]


def _line(guide: str) -> Text:
    return Text(no_wrap=True, overflow="ellipsis").append(guide, words.QUIET)


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}…"
