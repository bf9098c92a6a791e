"""What in a policy contradicts itself, once each part of it is sound."""

from __future__ import annotations

from collections.abc import Iterator

from driftline.discipline import pointers
from driftline.discipline.policy import FieldPolicy, Policy, Strategy, TypePolicy
from driftline.discipline.problems import Problem, Reader, dotted, suggestion
from driftline.discipline.schemas import Unknown, types_at
from driftline.discipline.strategies import STRATEGIES


def contradictions(policy: Policy, types: Reader) -> Iterator[Problem]:
    """Every contradiction in a policy.

    Args:
        policy: The policy.
        types: The table of its types, for the names of their keys.
    """
    for name, type_ in policy.types.items():
        key = (*types.key, name)
        yield from _unknown_fields(type_, key)
        for field in type_.fields:
            if field.strategy is not None:
                own = (*key, "fields", field.pattern)
                yield from _misfits(type_, field, field.strategy, own)
                yield from _cycles(policy, name, field, field.strategy, own)


def _unknown_fields(type_: TypePolicy, key: tuple[str, ...]) -> Iterator[Problem]:
    """Fields that the type's own schema does not allow."""
    named = [
        *((("required",), path) for path in type_.required),
        *((("immutable",), path) for path in type_.immutable),
        *((("references", path), path) for path in type_.references),
        *((("fields", field.pattern), field.pattern) for field in type_.fields),
    ]
    for inner, path in named:
        try:
            types_at(type_.schema, pointers.segments(path))
        except Unknown as unknown:
            yield Problem(
                dotted([*key, *inner]),
                f"the type's schema allows no field {path}",
                suggestion(path.rpartition("/")[2], unknown.known, "name a field that it allows, or add it there"),
            )


def _misfits(type_: TypePolicy, field: FieldPolicy, strategy: Strategy, key: tuple[str, ...]) -> Iterator[Problem]:
    """A strategy that cannot work on the field."""
    at = dotted([*key, "strategy"])
    known = STRATEGIES[strategy.name]
    try:
        types = types_at(type_.schema, pointers.segments(field.pattern))
    except Unknown:
        types = None
    if known.fits and types is not None and not types & {*known.fits}:
        fitting = [other.name for other in STRATEGIES.values() if types & {*other.fits}]
        yield Problem(
            at,
            f"{strategy.name} is for values of type {' or '.join(known.fits)},"
            f" and the schema says {' or '.join(sorted(types))}",
            f"use {', '.join(fitting)} or one for every type, such as three-way" if fitting else "use three-way",
        )
    fixed = next((path for path in type_.immutable if pointers.covers(path, field.pattern)), None)
    if fixed is not None and strategy.name != "write-once":
        what = f"{fixed} is" if fixed else "the whole object is"
        yield Problem(
            at, f"{what} immutable, so {strategy.name} has nothing to decide", "use write-once, or leave it out"
        )


def _cycles(
    policy: Policy, type_: str, field: FieldPolicy, strategy: Strategy, key: tuple[str, ...]
) -> Iterator[Problem]:
    """Fields that follow each other in a circle."""
    way = [field.pattern]
    found: Strategy = strategy
    while found.name == "follow-field" and (target := found.options["field"]) is not None:
        way.append(target)
        if pointers.covers(field.pattern, target):
            if field.pattern == min(way[:-1]):  # each of them sees it; one says so
                what = f"the fields follow each other in a circle: {' → '.join(way)}"
                yield Problem(dotted([*key, "field"]), what, "let one of them decide")
            return
        if target in way[:-1]:
            return  # a circle further on, which is told where it begins
        found = policy.strategy(type_, target)
