"""`replay --format json` and `ndjson`: the same records, in one object or each on its own line, as they are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from driftline_cli.safe import json_line

if TYPE_CHECKING:
    from driftline_analyzer.replay import Replay

Records = Iterable[dict[str, Any]]


def pieces(replay: Replay, trace: str, *, whole: bool) -> Iterator[str]:
    """The answer, piece by piece.

    Args:
        replay: The replay, not begun.
        trace: The trace, as the user named it.
        whole: Whether it is to be one JSON object; else one record a line, each with the key `record`.
    """
    head = _head(replay, trace)
    sections = _sections(replay)
    yield from _object(head, sections, replay) if whole else _lines(head, sections, replay)


def _head(replay: Replay, trace: str) -> dict[str, Any]:
    analysis = replay.analysis
    return {
        "format": 1,
        "trace": {
            "path": trace,
            "run": analysis.header.run,
            "events": analysis.summary.events,
            "complete": analysis.summary.complete,
        },
        "policy": analysis.policy.origin,
        "order": replay.order,
    }


def _sections(replay: Replay) -> Iterator[tuple[str, str, Records]]:
    """Each list of records: its name, that of one record, and the records; in the order in which they are known."""
    yield "decisions", "decision", (one.as_json() for one in replay.decisions())
    yield "quarantine", "quarantine", (row for entry in replay.quarantine() for row in entry.rows())
    yield "differences", "difference", (one.as_json() for one in replay.differences())
    yield "findings", "finding", _findings(replay)
    yield "state", "object", replay.states()


def _findings(replay: Replay) -> Records:
    yield from (one.as_json() for one in replay.judged())
    yield from (one.as_json() for one in replay.new())


def _summary(replay: Replay, counted: dict[str, int], fates: Counter[str]) -> dict[str, Any]:
    return {
        "writes": counted["decisions"],
        "verdicts": {verdict: replay.counts[verdict] for verdict in sorted(replay.counts)},
        "differences": counted["differences"],
        "set_aside": len(replay.waiting()),
        "findings": {fate: fates[fate] for fate in ("prevented", "remaining", "new")},
        "held_back_without_finding": replay.innocent,
    }


def _object(head: dict[str, Any], sections: Iterator[tuple[str, str, Records]], replay: Replay) -> Iterator[str]:
    yield "{\n" + "".join(f"{json_line(key)}: {json_line(value)},\n" for key, value in head.items())
    counted: dict[str, int] = {}
    fates: Counter[str] = Counter()
    for name, _, found in sections:
        yield f"{json_line(name)}: ["
        number = 0
        for number, record in enumerate(found, 1):
            fates[record.get("fate", "")] += 1
            yield f"{',' if number > 1 else ''}\n{json_line(record)}"
        counted[name] = number
        yield "\n],\n" if number else "],\n"
    yield f'"summary": {json_line(_summary(replay, counted, fates))}\n}}\n'


def _lines(head: dict[str, Any], sections: Iterator[tuple[str, str, Records]], replay: Replay) -> Iterator[str]:
    yield json_line({"record": "replay", **head}) + "\n"
    counted: dict[str, int] = {}
    fates: Counter[str] = Counter()
    for name, single, found in sections:
        counted[name] = 0
        for record in found:
            counted[name] += 1
            fates[record.get("fate", "")] += 1
            yield json_line({"record": single, **record}) + "\n"
    yield json_line({"record": "summary", **_summary(replay, counted, fates)}) + "\n"
