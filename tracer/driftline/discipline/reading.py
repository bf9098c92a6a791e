"""From the raw tables of a policy to `Policy`, and every problem on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from driftline.discipline.choices import COMMON, read_fallback, read_gate, read_strategy
from driftline.discipline.documents import read_schema
from driftline.discipline.fitting import contradictions
from driftline.discipline.keys import TABLES, TOP
from driftline.discipline.policy import PHASES, FieldPolicy, Phases, Policy, Reconcile, TypePolicy, strategy_named
from driftline.discipline.problems import Problem, Reader
from driftline.discipline.schemas import kind_of
from driftline.discipline.strategies import STRATEGIES

_RULES = tuple(name for name in TABLES["fields"].names if name not in COMMON)


def read(table: dict[str, Any], key: tuple[str, ...], folder: Path | None) -> tuple[Policy, list[Problem]]:
    """A policy, and everything that is wrong with it.

    Args:
        table: Its tables.
        key: The names that lead to them in their file.
        folder: Where its schema files are; None if it has no folder.

    Returns:
        The policy, with defaults in place of what is wrong, and the problems; without any the policy is sound.
    """
    problems: list[Problem] = []
    reader = Reader(table, key, problems)
    reader.only(TOP, "table")
    reconcile = _reconcile(reader.inner("reconcile"))
    types = reader.inner("types")
    policy = Policy(
        phases=_phases(reader.inner("phases")),
        reconcile=reconcile,
        types={name: _type(types.inner(name), reconcile, folder) for name in types.table},
        gate=read_gate(reader.inner("gate")),
    )
    problems += contradictions(policy, types)
    return policy, problems


def _phases(reader: Reader) -> Phases:
    reader.only(TABLES["phases"].names)
    before = len(reader.problems)
    order = reader.texts("order")
    if order is None:
        return Phases()
    if not order or "" in order:
        reader.note("order", "a phase must have a name, and there must be one", f"write a list such as {list(PHASES)}")
    return Phases(order=order, stated=True) if len(reader.problems) == before else Phases()


def _reconcile(reader: Reader) -> Reconcile:
    reader.only(TABLES["reconcile"].names)
    sources = reader.texts("sources")
    floor = reader.share("min_confidence")
    base = Reconcile(
        fallback=read_fallback(reader, "fallback") or "quarantine",
        min_confidence=floor or 0.0,
        sources=("*",) if sources is None else sources,
    )
    default = read_strategy(reader, "default", base) or strategy_named("three-way", base.fallback)
    known = STRATEGIES[default.name]
    if known.fits:
        fitting = ", ".join(known.fits)
        reader.note(
            "default",
            f"{default.name} is for values of type {fitting} only, and the default is for every field",
            "choose it for single fields, and three-way here",
        )
    if default.name == "follow-field":
        reader.note("default", "follow-field is for single fields", "choose it there, and three-way here")
    return Reconcile(default=default, fallback=base.fallback, min_confidence=base.min_confidence, sources=base.sources)


def _type(reader: Reader, reconcile: Reconcile, folder: Path | None) -> TypePolicy:
    reader.only(TABLES["types"].names)
    required = reader.texts("required") or ()
    return TypePolicy(
        required=tuple(path for path in required if reader.pointer("required", path, patterns=False)),
        schema=read_schema(reader, folder),
        references=_references(reader.inner("references")),
        immutable=_immutable(reader),
        fields=_fields(reader.inner("fields"), reconcile),
    )


def _references(reader: Reader) -> dict[str, str]:
    found = {}
    for pattern in reader.table:
        target = reader.of_kind(pattern, str, "the type of the objects that the field names")
        if reader.pointer(pattern, pattern, patterns=True) and target is not None:
            if not target or "/" in target:
                reader.note(pattern, f"{target!r} is no type", "write what stands before the slash of an object's id")
                continue
            found[pattern] = target
    return found


def _immutable(reader: Reader) -> tuple[str, ...]:
    found = reader.table.get("immutable")
    if isinstance(found, bool):
        return ("",) if found else ()
    if found is not None and not isinstance(found, list):
        reader.note(
            "immutable", f"it is {kind_of(found)}", 'write true for the whole object, or a list of fields, ["/id"]'
        )
        return ()
    paths = reader.texts("immutable") or ()
    return tuple(path for path in paths if reader.pointer("immutable", path, patterns=False))


def _fields(reader: Reader, reconcile: Reconcile) -> tuple[FieldPolicy, ...]:
    return tuple(
        _field(reader, pattern, reconcile)
        for pattern in reader.table
        if reader.pointer(pattern, pattern, patterns=True)
    )


def _field(holder: Reader, pattern: str, reconcile: Reconcile) -> FieldPolicy:
    strategy = read_strategy(holder, pattern, reconcile, beside=_RULES)
    if not isinstance(holder.table[pattern], dict):
        return FieldPolicy(pattern=pattern, strategy=strategy)
    reader = holder.inner(pattern)
    accepted = reader.of_kind("accepted", list, "a list of values")
    if accepted == []:
        reader.note("accepted", "no value could be accepted", "list the values that may stand there")
    if any(not _is_json(item) for item in accepted or ()):
        reader.note("accepted", "a date or time is no value of JSON", "write it as text")
    low, high = reader.number("minimum"), reader.number("maximum")
    if low is not None and high is not None and low > high:
        reader.note("minimum", f"{low} is above the maximum, {high}", "swap them")
    if strategy is None and any(name in reader.table for name in COMMON if name != "strategy"):
        reader.note("strategy", "tie_break and fallback belong to a strategy", 'add strategy = "…"')
    return FieldPolicy(
        pattern=pattern,
        strategy=strategy,
        accepted=None if accepted is None else tuple(accepted),
        minimum=low,
        maximum=high,
        unique=reader.of_kind("unique", bool, "true or false") or False,
    )


def _is_json(found: Any) -> bool:
    if isinstance(found, dict | list):
        return all(_is_json(item) for item in (found.values() if isinstance(found, dict) else found))
    return isinstance(found, str | int | float)
