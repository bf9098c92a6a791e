"""What a run was: who recorded it, when, how much of what, and whether all of it is there."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from driftline_cli.render import words
from driftline_cli.safe import plain

if TYPE_CHECKING:
    from driftline_analyzer.overview import Overview

_WIDEST: Final = 112
_BAR: Final = 20
_ROWS: Final = 16  # kinds in a list of counts
_PROCESSES: Final = 20
_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60


def info(found: Overview, trace: str) -> RenderableType:
    """What `driftline info` prints."""
    summary = found.summary
    parts: list[RenderableType] = [
        words.styled(plain(trace), "bold").append(f"  run {plain(found.header.run)}", words.QUIET),
        Text(),
        _facts(found),
        Text(),
        _processes(found),
    ]
    for title, counts in (
        (words.count(summary.events, "event"), dict(found.operations)),
        (words.count(summary.objects, "object"), {type_ or "(no type)": n for type_, n in found.objects.items()}),
        (
            words.count(summary.branches, "branch"),
            {_phase(phase, failed): n for phase, (n, failed) in found.phases.items()},
        ),
    ):
        if counts:
            parts += [Text(), words.styled(title, "bold"), Padding(_bars(counts), (0, 0, 0, 2))]
    if summary.objects:
        command = words.command("info", trace, "--list", "objects")
        parts += [Text(), words.to_copy(Text("Which ones, and where to look first: "), command)]
    return Constrain(Group(*parts), _WIDEST)


def _facts(found: Overview) -> Table:
    header, summary = found.header, found.summary
    versions = dict(header.versions)
    platform = versions.pop("platform", "")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=8)
    table.add_column()

    def row(label: str, text: Text) -> None:
        table.add_row(words.styled(label, words.QUIET), text)

    row("recorded", Text(plain(_recorded(found))))
    row("command", Text(plain(shlex.join(header.argv)) or "unknown"))
    row(
        "with",
        Text(plain(", ".join([*(f"{name} {version}" for name, version in versions.items()), platform]).strip(", "))),
    )
    order = "in order" if header.ordered else "arrival order means nothing: only base links and program order count"
    values = {"full": "values kept", "none": "nothing kept of values"}.get(header.values, "digests only, no values")
    policy = "its own policy" if header.policy is not None else "no policy"
    row("how", Text(f"{order}, {values}, nested to depth {header.depth}, {policy}, trace format {header.format}"))
    row("withheld", Text(plain(_withheld(found))))
    if any(share < 1 for share in header.sample.values()):
        row("sample", words.styled(plain(_sample(found)), "yellow"))
    row("complete", _complete(found))
    cache = f", and {words.size(found.cache_bytes)} of analysis kept beside it" if found.cache_bytes else ""
    row("on disk", Text(f"{words.size(found.trace_bytes)}{cache}"))
    if summary.events == 0:
        row(
            "note", words.styled("nothing was recorded: is driftline.record in force where the work is done?", "yellow")
        )
    return table


def _withheld(found: Overview) -> str:
    """What decided about values, beside how much of them is kept."""
    capture = found.header.capture
    names = "secrets by name" if capture.secrets else "no secrets by name"
    more = len(capture.secrets) if isinstance(capture.secrets, list) else 0
    said = [f"{names} and {words.count(more, 'further name')}" if more else names]
    if capture.rules:
        said.append(words.count(len(capture.rules), "rule"))
    if capture.redact is not None:
        said.append(f"the redactor {capture.redact}")
    said.append(f"values over {words.size(capture.max_value_bytes)} cut")
    strangers = [process.process for process in found.processes if process.own_key]
    if strangers:
        said.append(f"under keys of their own, so not to be compared: {', '.join(strangers)}")
    return ", ".join(said)


def _sample(found: Overview) -> str:
    """Which share was recorded, and what was left out."""
    shares = [f"{share:.3g} of the {name}" for name, share in found.header.sample.items() if share < 1]
    left = {
        name: sum(process.left_out.get(name, 0) for process in found.processes)
        for name in ("objects", "events", "values")
    }
    counted = [words.count(number, name.removesuffix("s")) for name, number in left.items() if number]
    each = ", objects counted in each process" if left["objects"] and len(found.processes) > 1 else ""
    return f"{', '.join(shares)}; left out: {', '.join(counted) or 'nothing'}{each}"


def _recorded(found: Overview) -> str:
    header, summary = found.header, found.summary
    try:
        when = f"{datetime.fromtimestamp(header.created / _SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        when = f"{header.created} ns since 1970"
    host = f" on {header.host}" if header.host else ""
    return f"{when}{host}, {duration(summary.ended - summary.started)} from the first event to the last"


def duration(nanoseconds: int) -> str:
    """A length of time.

    Example:
        >>> duration(1_840_000_000), duration(432_000), duration(3_700 * 1_000_000_000)
        ('1.84 s', '0.432 ms', '61 min 40 s')
    """
    seconds = nanoseconds / _SECOND
    if seconds >= _MINUTE:
        minutes, rest = divmod(round(seconds), _MINUTE)
        return f"{minutes:,} min {rest} s"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def _complete(found: Overview) -> Text:
    missing = found.summary.missing
    if not missing:
        return words.styled("yes, every event that was recorded is here", "green")
    return words.styled("no", "bold red").append("".join(f"\n{plain(what)}" for what in missing), "red")


def _processes(found: Overview) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    titles = ("Process", "Pid", "State", "Events", "Lost", "Faults in the tracer")
    for title in titles:
        table.add_column(justify="right" if title in {"Pid", "Events", "Lost"} else "left")
    table.add_row(*(words.styled(title, "bold underline") for title in titles))
    for process in found.processes[:_PROCESSES]:
        faults = ", ".join(f"{kind} {number}x" for kind, number in process.faults.items())
        table.add_row(
            Text(plain(process.process)),
            Text("-" if process.pid is None else str(process.pid)),
            words.styled(process.state, "green" if process.state == "ended" else "yellow"),
            f"{process.events:,}",
            words.styled(f"{process.lost:,}", "red" if process.lost else words.QUIET),
            words.styled(plain(faults) or "none", "red" if faults else words.QUIET),
        )
    more = len(found.processes) - _PROCESSES
    return Group(table, words.styled(f"… and {words.count(more, 'more process')}", words.QUIET)) if more > 0 else table


def _phase(phase: str | None, failed: int) -> str:
    name = phase or "(no phase)"
    return f"{name}, {failed} failed" if failed else name


def _bars(counts: dict[str, int]) -> Table:
    most = max(counts.values())
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column(width=_BAR)
    table.add_column()
    for name, number in list(counts.items())[:_ROWS]:
        bar = words.styled("━" * max(1, round(number / most * _BAR)), "cyan")
        table.add_row(f"{number:,}", bar, Text(plain(name)))
    if len(counts) > _ROWS:
        table.add_row("", "", words.styled(f"… and {len(counts) - _ROWS} more kinds", words.QUIET))
    return table
