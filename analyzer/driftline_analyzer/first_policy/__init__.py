"""A first policy, from what a trace shows: each line with a comment that says what led to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from driftline.discipline import CHECKS, pointers
from driftline.discipline.definitions import ACTIONS
from driftline.discipline.problems import dotted, quoted
from driftline.discipline.writing import value
from driftline_analyzer.catalogue import rules
from driftline_analyzer.database import sql
from driftline_analyzer.first_policy.behaviour import Change, decoded, suggest
from driftline_analyzer.first_policy.referring import Reference, references
from driftline_analyzer.first_policy.trial import Verdict, verdicts

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis

__all__ = ["first_policy"]

_ENOUGH: Final = 20  # objects of a type from which on required fields are learned (DRF402)
_STEPWISE: Final = 20  # more than one object in so many is made in steps: what is not whole yet is no fault
_CHOICES: Final = frozenset({"three-way", "highest-confidence", "most-complete"})
_FIELDS: Final = 200  # of a type that are listed: more are no policy that anybody reads


def first_policy(analysis: Analysis) -> str:
    r"""A policy as TOML, whole in itself and sound.

    Args:
        analysis: The analysed trace.

    Example:
        >>> import tempfile, driftline as dl
        >>> from driftline_analyzer import analyze
        >>> with dl.record(tempfile.mkdtemp() + "/run.drift") as recording:
        ...     with dl.branch("a", phase="draft"):
        ...         _ = dl.write("o/1", {"n": 1}, type="o")
        >>> with analyze(recording.path) as analysis:
        ...     "\n".join(line for line in first_policy(analysis).splitlines() if line.startswith("order"))
        'order = ["draft"]'
    """
    return "\n".join(_lines(analysis))


def _lines(analysis: Analysis) -> Iterator[str]:
    summary = analysis.summary
    yield _comment(f"A first policy, from what {analysis.path.name} shows: {summary.events:,} events of"
                   f" {summary.branches:,} branches on {summary.objects:,} objects.")  # fmt: skip
    yield "# Each comment says what in the trace led to its line. Change what is wrong, then see what it finds:"
    yield "#   driftline policy check FILE"
    yield "#   driftline analyze TRACE --policy FILE"
    yield ""
    learned = analysis.rows(sql("first_policy", "required"))
    body = [*_phases(analysis), *_reconcile(analysis), *_types(analysis, learned)]
    yield from body
    yield from _gate(analysis, "\n".join(body), learned)


def _comment(text: str) -> str:
    """A line of comment; nothing in it can end it, or drive a terminal."""
    return f"# {quoted(text)[1:-1]}"


def _phases(analysis: Analysis) -> Iterator[str]:
    seen = analysis.rows(
        "SELECT phase, count(*) FROM branch WHERE phase <> '' GROUP BY phase"
        " ORDER BY min(coalesce(started, began)), phase"
    )
    if not seen:
        yield "# No branch said which phase it belongs to, so there is no [phases]."
    else:
        yield "[phases]"
        counts = ", ".join(f"{name} {branches:,}" for name, branches in seen)
        yield _comment(f"In the order in which their first branches began. Branches of each: {counts}.")
        yield f"order = {value([name for name, _ in seen])}"
    yield ""


def _reconcile(analysis: Analysis) -> Iterator[str]:
    yield "[reconcile]"
    yield "# Where only one branch changed a field its value is taken; a conflict is set aside for somebody to decide."
    yield 'default = "three-way"'
    yield 'fallback = "quarantine"'
    ((least, most),) = analysis.rows("SELECT min(confidence), max(confidence) FROM write WHERE isfinite(confidence)")
    if least is not None:
        yield f"# Declared confidences go from {least:g} to {most:g}. Below a floor a write would have no say:"
        yield "# min_confidence = 0.3"
    sources = analysis.rows(
        "SELECT source FROM event WHERE source IS NOT NULL GROUP BY source ORDER BY min(e) LIMIT ?", [_FIELDS]
    )
    if sources:
        yield "# The sources that were named, in the order of their first write. Put the most trusted first:"
        yield f"# sources = {value([*(name for (name,) in sources), '*'])}"
    yield ""


# ---- types --------------------------------------------------------------------------------------------------------


def _types(analysis: Analysis, learned: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    required = {row[0]: (row[1], row[3] or []) for row in learned}
    referring = references(analysis)
    strategies = _strategies(analysis)
    names = analysis.rows("SELECT type, count(*) FROM object WHERE type IS NOT NULL GROUP BY type ORDER BY type")
    for name, objects in names:
        yield f"[{dotted(['types', name])}]"
        yield from _required(objects, *required.get(name, (0, [])))
        yield ""
        yield from _references(name, referring.get(name, ()))
        yield from _fields(name, strategies.get(name, ()))
    ((untyped,),) = analysis.rows("SELECT count(*) FROM object WHERE type IS NULL")
    if untyped:
        yield f"# {untyped:,} objects have no type, so nothing can be said of them here."
        yield ""


def _required(objects: int, peers: int, fields: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    named = [field for field in fields if _is_field(field["path"], patterns=False)]
    if peers < _ENOUGH:
        yield f"# Of {objects:,} objects {peers:,} stand whole at the end: too few to learn which fields all must have."
    elif not named:
        yield f"# No field is filled in 95 % of the {peers:,} objects that stand at the end."
    else:
        yield f"# Filled in 95 % or more of the {peers:,} objects that stand at the end."
        yield "required = ["
        for field in named:
            share = "all of them" if field["have"] == peers else f"{field['have']:,} of them"
            yield f"  {quoted(field['path'])},  # {share}"
        yield "]"


def _references(name: str, found: Iterable[Reference]) -> Iterator[str]:
    named = [reference for reference in found if _is_field(reference.pattern, patterns=True)]
    if named:
        yield f"[{dotted(['types', name, 'references'])}]"
        yield from (f"{quoted(one.pattern)} = {quoted(one.target)}  # {one.because}" for one in named[:_FIELDS])
        yield ""


def _fields(name: str, told: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    named = [(pattern, chosen, why) for pattern, chosen, why in told if _is_field(pattern, patterns=True)]
    if named:
        yield f"[{dotted(['types', name, 'fields'])}]"
        for pattern, chosen, why in named[:_FIELDS]:
            yield _comment(why)
            yield f"{quoted(pattern)} = {chosen}"
        if len(named) > _FIELDS:
            yield f"# {len(named) - _FIELDS:,} more fields were changed by several branches."
        yield ""


def _is_field(path: str, *, patterns: bool) -> bool:
    """Whether a policy can name a field: a program may call its fields anything."""
    return pointers.fault(path) is None and (patterns or (path != "" and pointers.ANY not in pointers.segments(path)))


def _strategies(analysis: Analysis) -> dict[str, list[tuple[str, str, str]]]:
    """For each type its fields that several branches changed: pattern, strategy as TOML, and why."""
    found: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    rows = analysis.rows(sql("first_policy", "patterns") + sql("first_policy", "changes"))
    for (type_, pattern, changes, branches, lost), group in groupby(rows, key=lambda row: row[:5]):
        fit = suggest([
            Change(decoded(seen, seen_size), decoded(wrote, size), confidence, seen_size, size)
            for *_, seen, wrote, confidence, seen_size, size in group
        ])  # fmt: skip
        if fit.strategy in _CHOICES and not lost:
            continue  # nobody had to choose
        chosen = value({"strategy": fit.strategy, **fit.options} if fit.options else fit.strategy)
        losses = f"; {lost:,} of these lost what another branch had put there" if lost else ""
        why = f"Changed {changes:,} times by {branches:,} branches{losses}: {fit.because}."
        found[type_].append((pattern, chosen, why))
    return found


# ---- gate ---------------------------------------------------------------------------------------------------------


def _gate(analysis: Analysis, rest: str, learned: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    by_code = dict(analysis.rows("SELECT code, count(*) FROM finding GROUP BY code"))
    known = {rule.name: rule for rule in rules()}
    counts = {name: by_code.get(rule.code, 0) for name, rule in known.items()}
    tried = verdicts(analysis, rest)
    yield "[gate]"
    yield f"# What is done when a check fails, one of {', '.join(ACTIONS)}; and what of it was found in this trace."
    late = {type_: objects for type_, peers, objects, _ in learned if _STEPWISE * objects > peers >= _ENOUGH}
    for name, check in CHECKS.items():
        found = [(rule, counts[rule]) for rule in check.rules if counts.get(rule)]
        severe = any(known[rule].severity == "error" for rule, _ in found)
        action = "quarantine" if check.default == "warn" and severe else check.default
        told = [f"{rule} {times:,}" for rule, times in found]
        verdict = tried.get(name, Verdict())
        if verdict.writes:
            told.append(f"{verdict.writes:,} {'write' if verdict.writes == 1 else 'writes'} would fail it")
        if action != "off" and verdict.usual is not None:
            action = "warn"
            told.append(f"nearly every {verdict.usual or 'object'} among them, so it only warns at first")
        elif name == "completeness" and late:
            action = "warn"
            some = ", ".join(f"{objects:,} of {type_}" for type_, objects in late.items())
            told.append(f"{some} got required fields only after their first version, so it only warns at first")
        comment = f"  {_comment('; '.join(told))}" if told else ""
        yield f"{name} = {quoted(action)}{comment}"
    yield ""
