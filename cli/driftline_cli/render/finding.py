"""One finding, as a good compiler would put it: what and where, who against whom, which values, and what to do now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftline_analyzer.changes import told
from driftline_cli.render import words
from driftline_cli.render.values import Value, contrast, value
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from driftline_analyzer import Blast, Finding
    from driftline_analyzer.changes import Change, Part, Setting
    from driftline_analyzer.moments import Moment
    from driftline_analyzer.witnesses import Witnesses

_FIELDS: Final = 4  # fields whose values are shown
_PARTIES: Final = 3  # other branches beside the one at fault
_MOMENTS: Final = 3  # events of each
_WRITES: Final = frozenset({"write", "patch", "merge", "delete"})
_VERSION: Final = 12  # cells of a version beside its value
#: Sign and style of the values that are not merely told.
_SIGNS: Final[dict[str, tuple[str, str]]] = {
    "base": (" ", words.QUIET),
    "lost": ("-", "red"),
    "won": ("+", "green"),
    "wrote": ("-", "red"),
    "found": ("+", "green"),
}
_BASIS: Final = {
    "recorded": "recorded: every fact was declared",
    "inferred": "inferred: the base is what the branch had read or written last",
}


@dataclass(frozen=True)
class Recurring:
    """The other findings of the same drift.

    Attributes:
        findings: How many there are.
        objects: In how many objects the drift is, this one counted.
        some: A few of them.
    """

    findings: int
    objects: int
    some: tuple[Finding, ...]


@dataclass(frozen=True)
class Case:
    """A finding and everything that is known about it.

    Attributes:
        finding: The finding.
        witnesses: The events that show it.
        trace: The trace, as the user named it.
        started: Clock of the trace's first event.
        ordered: Whether the trace records an order of versions.
        recurring: The other findings of the same drift, if they are to be told of.
    """

    finding: Finding
    witnesses: Witnesses
    trace: str
    started: int
    ordered: bool
    recurring: Recurring | None = None


def message(case: Case) -> RenderableType:
    """The whole message."""
    finding = case.finding
    parts = [
        _header(finding),
        _place(case),
        Padding(Text(plain(finding.message)), (0, 0, 0, 2)),
        Text(),
        Padding(_sides(case), (0, 0, 0, 2)),
        *_values(case),
        Text(),
        *_closing(case),
    ]
    return Group(*parts)


def _header(finding: Finding) -> Text:
    style = words.SEVERITY[finding.severity]
    text = (
        words.styled(f"{finding.severity}[{finding.code}]", style).append(f" {finding.rule.name}", "bold").append("  ")
    )
    text.append_text(words.object_(finding.object or ""))
    for path in finding.fields[:_FIELDS]:
        text.append(" ").append_text(words.field(path))
    if len(finding.fields) > _FIELDS:
        text.append(f" and {len(finding.fields) - _FIELDS} more", words.QUIET)
    return text


def _target(finding: Finding) -> Text:
    return words.versioned(finding.object, finding.version) if finding.object else Text(plain(finding.branch_id))


def _place(case: Case) -> Text:
    text = words.styled("  --> ", "bold blue").append(plain(case.trace)).append("  ").append_text(_target(case.finding))
    text.append("  ").append_text(words.when(case.started, case.finding.time))
    return text.append(f"  event {plain(case.finding.evidence[0])}", words.QUIET)


# ---- who against whom ---------------------------------------------------------------------------------------------


def _sides(case: Case) -> RenderableType:
    """The branch at fault on the left, the others on the right, line by line."""
    own = case.witnesses.own
    left = [words.actor(own)]
    if case.witnesses.seen is not None:
        left.append(_event(case, case.witnesses.seen))
    elif case.finding.base is not None:
        left.append(words.styled("from     version ", words.QUIET).append_text(words.version(case.finding.base)))
    left.append(_event(case, own, head=case.finding.head if own.op in _WRITES else None))
    right: list[Text] = []
    by_branch = [list(moments) for _, moments in groupby(_by_branch(case), key=lambda moment: moment.branch_id)]
    for moments in by_branch[:_PARTIES]:
        right.append(words.actor(moments[0]))
        right += [_event(case, moment) for moment in moments[:_MOMENTS]]
        if len(moments) > _MOMENTS:
            right.append(words.styled(f"and {len(moments) - _MOMENTS} times more", words.QUIET))
    if len(by_branch) > _PARTIES:
        right.append(words.styled(f"and {words.count(len(by_branch) - _PARTIES, 'more branch')}", words.QUIET))
    if not right:
        return Group(*left)
    table = Table.grid(expand=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(width=3)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for row in range(max(len(left), len(right))):
        table.add_row(
            left[row] if row < len(left) else "",
            words.styled(" │ ", words.QUIET),
            right[row] if row < len(right) else "",
        )
    return table


def _by_branch(case: Case) -> list[Moment]:
    """What the others did, branch by branch, the branch that came first in front."""
    against = case.witnesses.against
    first = {moment.branch_id: moment.e for moment in reversed(against)}
    return sorted(against, key=lambda moment: (first[moment.branch_id], moment.e))


def _event(case: Case, moment: Moment, *, head: str | None = None) -> Text:
    """What happened when at which version; for a write that stood on `head`, `HEAD→VERSION`."""
    text = Text(f"{words.verb(moment.op):<8} ").append_text(words.when(case.started, moment.time)).append("  ")
    if moment.object is None:
        return text
    if moment.object != case.finding.object:
        return text.append_text(words.versioned(moment.object, moment.version))
    text.append("version ", words.QUIET)
    if head is not None:
        text.append_text(words.version(head)).append("→", words.QUIET)
    return text.append_text(words.version(moment.version))


# ---- which values -------------------------------------------------------------------------------------------------


def _values(case: Case) -> list[RenderableType]:
    own = case.witnesses.own
    known = [(change, parts) for change in case.finding.changes if (parts := told(change, own.op, own.e))]
    blocks: list[RenderableType] = [
        block for change, parts in known[:_FIELDS] for block in (Text(), _block(change, parts))
    ]
    more = len(case.finding.fields) - _FIELDS
    if known and more > 0:
        blocks.append(words.styled(f"  … and {words.count(more, 'more field')}", words.QUIET))
    return blocks


def _block(change: Change, parts: Mapping[Part, Setting]) -> RenderableType:
    """The values of one field."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=1)
    table.add_column(width=max(map(len, parts)))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=_VERSION)
    table.add_column()
    for (label, setting), shown in zip(parts.items(), _shown(parts), strict=True):
        sign, style = _SIGNS.get(label, (" ", ""))
        version = words.styled("@", words.QUIET).append_text(words.version(setting.version, "?"))
        table.add_row(words.styled(sign, f"bold {style}"), words.styled(label, style), version, shown)
    return Group(Padding(words.field(change.path), (0, 0, 0, 2)), Padding(table, (0, 0, 0, 4)))


def _shown(parts: Mapping[Part, Setting]) -> list[Value]:
    """The values themselves; of the two that exclude each other, what differs stands out."""
    made = {
        label: _one(setting, words.QUIET) if label == "base" else _one(setting, lines=2)
        for label, setting in parts.items()
    }
    rivals = [label for label in parts if label in _SIGNS and label != "base"]
    if len(rivals) == 2:  # noqa: PLR2004 - a contrast has two sides
        made |= dict(zip(rivals, _contrast(*(parts[label] for label in rivals)), strict=True))
    return [made[label] for label in parts]


def _one(setting: Setting, style: str = "", *, lines: int = 1) -> Value:
    if setting.value is None:
        return Value(words.styled(_unseen(setting), "dim italic"))
    return value(setting.value, style=style, lines=lines, length=setting.length)


def _contrast(old: Setting, new: Setting) -> tuple[Value, Value]:
    if old.value is None or new.value is None:
        return _one(old, "red", lines=2), _one(new, "green", lines=2)
    return contrast(old.value, new.value, lengths=(old.length, new.length))


def _unseen(setting: Setting) -> str:
    if setting.removed:
        return "removed"
    return f"not kept in this trace: {words.size(setting.size or 0)}, digest {setting.digest}"


# ---- what to do ---------------------------------------------------------------------------------------------------


def _closing(case: Case) -> list[RenderableType]:
    finding = case.finding
    rows = [("basis", Text(_BASIS.get(finding.basis, plain(finding.basis))))]
    if finding.object is not None and finding.severity != "note":
        rows.append(("blast", _blast(finding.blast, case.witnesses)))
    if finding.also:
        rows.append(("also", Text(words.listed([f"{rule.code} {rule.name}" for rule in finding.also]))))
    rows.append(("fix", Text(plain(finding.fix))))
    if case.recurring is None:
        return _labelled(rows, [("next", _next_command(case))])
    rows.append(("more", _more(case.recurring)))
    each = words.command("analyze", case.trace, "--like", finding.fingerprint, "--all")
    return _labelled(rows, [("next", _next_command(case)), ("each", each)])


def _more(recurring: Recurring) -> Text:
    """How often the same drift recurred, and where."""
    text = Text(f"and {recurring.findings:,} more like it")
    if recurring.objects > 1:
        text.append(f" in {words.count(recurring.objects, 'object')}: ")
        text.append_text(Text(", ").join(_target(finding) for finding in recurring.some))
    else:
        text.append(", by ")
        text.append_text(Text(", ").join(words.branch(finding.branch, finding.branch_id) for finding in recurring.some))
    return text.append(", …") if recurring.findings > len(recurring.some) else text


def _labelled(rows: list[tuple[str, Text]], commands: list[tuple[str, Text]]) -> list[RenderableType]:
    """Labels and what they stand for, and last the commands to type next."""
    width = max(cell_len(label) for label, _ in [*rows, *commands]) + 1
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=width)
    table.add_column()
    for label, text in rows:
        table.add_row(words.styled(f"{label}:", "bold"), text)
    lines = [
        words.to_copy(words.styled(f"  {f'{label}:':<{width + 1}}", "bold"), command) for label, command in commands
    ]
    return [Padding(table, (0, 0, 0, 2)), *lines]


def _blast(blast: Blast | None, witnesses: Witnesses) -> Text:
    if witnesses.own.op == "read":
        return _went_on(witnesses)
    if blast is None:
        return words.styled("not followed: the trace has too many findings", words.QUIET)
    reached = []
    # What an aborted unit wrote never stood, so it is not followed; yet the branches beside it did read it.
    readers = blast.branches or len({moment.branch_id for moment in witnesses.against if moment.op == "read"})
    if readers:
        first = f", first by {plain(blast.branch_ids[0])}," if len(blast.branch_ids) > 1 else ""
        reached.append(f"read by {words.count(readers, 'branch')}{first}")
    if blast.versions:
        reached.append(f"carried into {words.count(blast.versions, 'later version')}")
    text = Text(" and ".join(reached) or "nobody read it afterwards")
    if blast.outputs:
        text.append("; at the end it stands in ").append(plain(_some(list(blast.outputs))))
    elif not reached:
        text.append("; set again later")
    return text


def _went_on(witnesses: Witnesses) -> Text:
    """What came of a read: it got no field wrong itself, but what its branch wrote afterwards may rest on it."""
    if witnesses.first is None:
        return Text("its branch wrote nothing afterwards")
    text = Text(f"its branch went on to make {words.count(witnesses.went_on, 'version')}, first ")
    return text.append_text(words.versioned(witnesses.first.object, witnesses.first.version))


def _some(names: list[str]) -> str:
    return words.listed(names if len(names) <= _FIELDS else [*names[:3], f"{len(names) - 3:,} more"])


def _next_command(case: Case) -> Text:
    finding, trace = case.finding, case.trace
    if finding.object is None:
        return words.command("rule", finding.code)
    if not case.ordered or not finding.fields or finding.version is None:
        return words.command("log", trace, finding.object)
    if finding.severity == "note":
        if finding.base is not None:
            return words.command(
                "diff", trace, f"{finding.object}@{finding.base}", f"{finding.object}@{finding.version}"
            )
        return words.command("log", trace, f"{finding.object}@{finding.version}")
    path = finding.fields[0]
    if any(change.path == path and change.won is not None and not change.won.removed for change in finding.changes):
        return words.command("blame", trace, f"{finding.object}@{finding.version}#{path}")
    return words.command("log", trace, f"{finding.object}@{finding.version}#{path}")
