"""What a policy means, in plain words: which strategy decides which field, and what the gate does. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from driftline.discipline import pointers
from driftline.discipline.checks import CHECKS
from driftline.discipline.definitions import ACTIONS, Action
from driftline.discipline.policy import FieldPolicy, Policy, Strategy, TypePolicy
from driftline.discipline.problems import dotted
from driftline.discipline.strategies import STRATEGIES, TIE_BREAKS


class Statement(msgspec.Struct, frozen=True):
    """One thing that a policy says.

    Attributes:
        about: What of: a field, or a word.
        says: What holds, as sentences.
        key: The key that says so; empty where it is the default.
    """

    about: str
    says: str
    key: str = ""


class FieldRule(msgspec.Struct, frozen=True, kw_only=True):
    """Who decides a field that several branches wrote from one base.

    Attributes:
        path: JSON Pointer, with a segment `*` for any one; None for every field that no other rule covers.
        strategy: Name of the strategy.
        options: Those of its options that have a value.
        tie_break: What decides between equals, in turn.
        fallback: Name of the strategy that settles a conflict; None where there can be none.
        lossy: Whether valid updates may be thrown away without anybody having decided so.
        says: The same as sentences.
        key: The key that says so; empty where it is the default.
    """

    path: str | None
    strategy: str
    options: dict[str, Any]
    tie_break: tuple[str, ...]
    fallback: str | None
    lossy: bool
    says: str
    key: str = ""


class TypeRules(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the objects of one type.

    Attributes:
        type: Its name; None for every type that the policy does not name.
        stated: Whether the policy says anything of it.
        demands: What it asks of objects and values.
        fields: Who decides which field.
    """

    type: str | None
    stated: bool
    demands: tuple[Statement, ...]
    fields: tuple[FieldRule, ...]


class CheckRule(msgspec.Struct, frozen=True, kw_only=True):
    """One check of the gate.

    Attributes:
        check: Its name.
        action: What is done when it fails.
        options: Those of its options that have a value.
        says: What it checks, as sentences.
        then: What is done if that is not so, as a phrase.
        key: The key that says so; empty where the default holds.
    """

    check: str
    action: Action
    options: dict[str, Any]
    says: str
    then: str
    key: str = ""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A whole policy, explained.

    Attributes:
        phases: The phases from first to last.
        general: What holds for everything: phases, confidence, sources.
        types: What holds for each type.
        gate: What the gate does.
    """

    phases: tuple[str, ...]
    general: tuple[Statement, ...]
    types: tuple[TypeRules, ...]
    gate: tuple[CheckRule, ...]


def explain(policy: Policy, type_: str | None = None, path: str | None = None) -> Explanation:
    """What a policy says.

    Args:
        policy: The policy.
        type_: Only what concerns objects of this type; None for every type.
        path: And only what concerns this field, a JSON Pointer; None for every field.

    Example:
        >>> told = explain(Policy(), "context", "/summary")
        >>> [(rule.path, rule.strategy, rule.fallback) for rule in told.types[0].fields]
        [('/summary', 'three-way', 'quarantine')]
    """
    names: list[str | None] = [*policy.types, None] if type_ is None else [type_]
    return Explanation(
        phases=policy.phases.order,
        general=tuple(_general(policy)),
        types=tuple(_type(policy, name, path) for name in names),
        gate=tuple(_gate(policy)),
    )


def sentence(strategy: Strategy) -> str:
    """What a strategy does with a field that several branches wrote from one base.

    Example:
        >>> sentence(Policy().reconcile.default).partition("; ")[0]
        'If only one branch changed it, that value is kept'
    """
    known = STRATEGIES[strategy.name]
    told = [f"{known.plain}."]
    if chosen := _options(strategy.options):
        told.append(f"With {_listed(chosen)}.")
    if strategy.tie_break and not known.settles:
        told.append(f"Between equals decides {', then '.join(TIE_BREAKS[name] for name in strategy.tie_break)}.")
    if known.lossy:
        told.append("It loses updates, and every decision is marked so.")
    if not known.settles:
        told.append(f"A conflict is settled by {strategy.fallback}.")
    return " ".join(told)


def _options(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _listed(options: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in options.items())


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return " and ".join(f"{weight:g} for {name}" for name, weight in value.items()) or "none"
    if isinstance(value, tuple | list):
        return " before ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _general(policy: Policy) -> Iterator[Statement]:
    order = ", then ".join(policy.phases.order)
    says = f"{order}. A phase rests only on what the phases before it have promoted."
    yield Statement("phases", says, "phases.order" if policy.phases.stated else "")
    rules = policy.reconcile
    if rules.min_confidence > 0:
        says = f"A write that declares less than {rules.min_confidence:g} has no say."
        yield Statement("confidence", says, "reconcile.min_confidence")
    if rules.sources != ("*",):
        trusted = ", then ".join("any other" if name == "*" else name for name in rules.sources)
        yield Statement("sources", f"Trusted in this order: {trusted}.", "reconcile.sources")


def _type(policy: Policy, name: str | None, path: str | None) -> TypeRules:
    known = policy.types.get(name or "") if name is not None else None
    demands = [] if known is None or name is None else list(_demands(policy, known, dotted(["types", name]), path))
    return TypeRules(
        type=name,
        stated=known is not None,
        demands=tuple(demands),
        fields=tuple(_fields(policy, known or TypePolicy(), name, path)),
    )


def _fields(policy: Policy, known: TypePolicy, name: str | None, path: str | None) -> Iterator[FieldRule]:
    default = policy.reconcile.default
    stated = "" if default == Policy().reconcile.default else "reconcile.default"
    own = [field for field in known.fields if field.strategy is not None]
    if path is None:
        for field in own:
            yield _field(
                field.pattern, field.strategy or default, dotted(["types", name or "", "fields", field.pattern])
            )
        yield _field(None, default, stated)
        return
    decides = policy.strategy(name, path)
    by = next((f for f in own if f.strategy is decides and pointers.covers(f.pattern, path)), None)
    yield _field(path, decides, stated if by is None else dotted(["types", name or "", "fields", by.pattern]))


def _field(path: str | None, strategy: Strategy, key: str) -> FieldRule:
    known = STRATEGIES[strategy.name]
    return FieldRule(
        path=path,
        strategy=strategy.name,
        options=_options(strategy.options),
        tie_break=strategy.tie_break,
        fallback=None if known.settles else strategy.fallback,
        lossy=known.lossy or (not known.settles and STRATEGIES[strategy.fallback].lossy),
        says=sentence(strategy),
        key=key,
    )


def _demands(policy: Policy, known: TypePolicy, key: str, path: str | None) -> Iterator[Statement]:
    if known.schema is not None and path is None:
        yield Statement("the object", f"It is valid by its schema{_else(policy, 'schema')}", f"{key}.schema")
    for field in known.required:
        if _concerns(field, path):
            says = f"It is there and filled{_else(policy, 'completeness')}"
            yield Statement(field, says, f"{key}.required")
    for field in known.immutable:
        if _concerns(field, path):
            what = "It never changes once it is set" if field else "No field ever changes once it is set"
            says = f"{what}{_else(policy, 'values')}"
            yield Statement(field or "the object", says, f"{key}.immutable")
    for field, target in known.references.items():
        if _concerns(field, path):
            says = f"It names an object of type {target}, which exists{_else(policy, 'reference')}"
            yield Statement(field, says, f"{key}.references")
    for rule in known.fields:
        if _concerns(rule.pattern, path) and (told := _values(rule)):
            says = f"Its value {' and '.join(told)}{_else(policy, 'values')}"
            yield Statement(rule.pattern, says, f"{key}.{dotted(['fields', rule.pattern])}")


def _concerns(pattern: str, path: str | None) -> bool:
    return path is None or pointers.covers(pattern, path)


def _else(policy: Policy, check: str) -> str:
    """The end of a sentence on what is asked for: what the gate does if it is not so."""
    action = policy.gate[check].action
    return ". The gate does not check it." if action == "off" else f"; if not: {action}."


def _values(field: FieldPolicy) -> list[str]:
    told = []
    if field.accepted is not None:
        told.append(f"is one of {', '.join(map(repr, field.accepted))}")
    if field.minimum is not None:
        told.append(f"is at least {field.minimum:g}")
    if field.maximum is not None:
        told.append(f"is at most {field.maximum:g}")
    if field.unique:
        told.append("differs from that of every other live object of the type")
    return told


def _gate(policy: Policy) -> Iterator[CheckRule]:
    plain = Policy().gate
    for name, check in policy.gate.items():
        known = CHECKS[name]
        chosen = _options(check.options) if check.action != "off" else {}
        limits = f" With {_listed(chosen)}." if chosen else ""
        yield CheckRule(
            check=name,
            action=check.action,
            options=chosen,
            says=f"{known.text}{limits}",
            then=ACTIONS[check.action],
            key="" if check == plain[name] else dotted(["gate", name]),
        )
