"""One finding, as a good compiler would put it: what and where, who against whom, which values, and what to do now."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.render.prose import first_sentence
from driftline_cli.render.values import Value, contrast, value
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from driftline_analyzer import Blast, Finding
    from driftline_analyzer.evidence import FieldEvidence
    from driftline_analyzer.moments import Moment
    from driftline_analyzer.witnesses import Witnesses

_FIELDS: Final = 4  # fields whose values are shown
_PARTIES: Final = 3  # other branches beside the one at fault
_MOMENTS: Final = 3  # events of each
_BASIS: Final = {
    "recorded": "recorded: every fact was declared",
    "inferred": "inferred: the base is what the branch had read or written last",
}


@dataclass(frozen=True)
class Case:
    """A finding and everything that is known about it.

    Attributes:
        finding: The finding.
        witnesses: The events that show it.
        evidence: The values behind its fields.
        trace: The trace, as the user named it.
        started: Clock of the trace's first event.
        kept: Whether the trace keeps values.
        ordered: Whether the trace records an order of versions.
        same_as: An earlier finding of the same drift, or None.
    """

    finding: Finding
    witnesses: Witnesses
    evidence: list[FieldEvidence]
    trace: str
    started: int
    kept: bool
    ordered: bool
    same_as: Finding | None = None


def full(case: Case) -> RenderableType:
    """The whole message."""
    finding = case.finding
    parts = [
        _header(finding),
        _place(case),
        Padding(Text(plain(finding.message)), (0, 0, 0, 2)),
        Text(),
        Padding(_sides(case), (0, 0, 0, 2)),
        *_values(case, lines=2),
        Text(),
        *_closing(case),
    ]
    return Group(*parts)


def short(case: Case) -> RenderableType:
    """The message for one more finding of a drift that is already explained."""
    same = Text()
    if case.same_as is not None:
        same.append("the same drift as in ", words.QUIET).append_text(_target(case.same_as))
    closing = _labelled([("same", same)], _next_command(case))
    return Group(_header(case.finding), _place(case), *_values(case, lines=1), *closing)


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
    left.append(_event(case, own))
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


def _event(case: Case, moment: Moment) -> Text:
    text = Text(f"{words.verb(moment.op):<8} ").append_text(words.when(case.started, moment.time)).append("  ")
    if moment.object is None:
        return text
    if moment.object != case.finding.object:
        return text.append_text(words.versioned(moment.object, moment.version))
    return text.append("version ", words.QUIET).append_text(words.version(moment.version))


# ---- which values -------------------------------------------------------------------------------------------------


def _values(case: Case, *, lines: int) -> list[RenderableType]:
    if not case.kept:
        return []
    known = [
        field
        for field in case.evidence
        if field.lost is not None or not (field.base_value is None and field.won_value is None)
    ]
    blocks: list[RenderableType] = [block for field in known[:_FIELDS] for block in (Text(), _block(field, lines))]
    if len(known) > _FIELDS:
        blocks.append(words.styled(f"  … and {words.count(len(known) - _FIELDS, 'more field')}", words.QUIET))
    return blocks if lines > 1 else [block for block in blocks if not isinstance(block, Text) or block.plain]


def _block(field: FieldEvidence, lines: int) -> RenderableType:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=1)
    table.add_column(width=4)
    table.add_column()

    def row(sign: str, label: str, style: str, shown: Value) -> None:
        table.add_row(words.styled(sign, f"bold {style}"), words.styled(label, style), shown)

    if field.lost is None:
        if field.base_value is not None and lines > 1:
            row(" ", "base", words.QUIET, value(field.base_value, style=words.QUIET))
        row(" ", "set", "", value(field.won_value, lines=lines, absent="removed"))
    else:
        lost, won = contrast(field.lost_value, field.won_value, gone="gone", lines=lines)
        if lines > 1:
            row(" ", "base", words.QUIET, value(field.base_value, style=words.QUIET))
        row("-", "lost", "red", lost)
        row("+", "won", "green", won)
    return Group(Padding(words.field(field.path), (0, 0, 0, 2)), Padding(table, (0, 0, 0, 4)))


# ---- what to do ---------------------------------------------------------------------------------------------------


def _closing(case: Case) -> list[RenderableType]:
    finding = case.finding
    rows = [("basis", Text(_BASIS.get(finding.basis, plain(finding.basis))))]
    if finding.object is not None and finding.severity != "note":
        rows.append(("blast", _blast(finding.blast, case.witnesses)))
    if finding.also:
        rows.append(("also", Text(words.listed([f"{rule.code} {rule.name}" for rule in finding.also]))))
    rows.append(("fix", first_sentence(finding.rule.sections["Fix"])))
    return _labelled(rows, _next_command(case))


def _labelled(rows: list[tuple[str, Text]], command: Text) -> list[RenderableType]:
    """Labels and what they stand for, and last the command to type next."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=max(cell_len(label) for label, _ in rows) + 1)
    table.add_column()
    for label, text in rows:
        table.add_row(words.styled(f"{label}:", "bold"), text)
    width = max(cell_len(label) for label, _ in rows) + 2
    return [Padding(table, (0, 0, 0, 2)), words.to_copy(words.styled(f"  {'next:':<{width}}", "bold"), command)]


def _blast(blast: Blast | None, witnesses: Witnesses) -> Text:
    if blast is None:
        return words.styled("not followed: the trace has too many findings", words.QUIET)
    reached = []
    # What an aborted unit wrote never stood, so it is not followed; yet the branches beside it did read it.
    readers = blast.branches or len({moment.branch_id for moment in witnesses.against if moment.op == "read"})
    if readers:
        reached.append(f"read by {words.count(readers, 'branch')}")
    if blast.versions:
        reached.append(f"carried into {words.count(blast.versions, 'later version')}")
    text = Text(" and ".join(reached) or "nobody read it afterwards")
    if blast.outputs:
        text.append("; at the end it stands in ").append(plain(_some(list(blast.outputs))))
    elif not reached:
        text.append("; set again later")
    return text


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
    if not case.kept or any(field.path == path and field.won_value is not None for field in case.evidence):
        return words.command("blame", trace, f"{finding.object}@{finding.version}#{path}")
    return words.command("log", trace, f"{finding.object}@{finding.version}#{path}")
