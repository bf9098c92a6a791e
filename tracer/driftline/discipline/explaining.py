"""A policy in plain words: what would happen to which field, and why. Pure; the command line only lays it out."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from driftline.discipline.checks import CHECKS
from driftline.discipline.definitions import ACTIONS
from driftline.discipline.policy import FieldPolicy, Policy, Strategy, TypePolicy
from driftline.discipline.strategies import STRATEGIES, TIE_BREAKS


class Statement(msgspec.Struct, frozen=True):
    """One thing that a policy says.

    Attributes:
        about: What of: a field, a check, a word.
        says: What happens, as sentences.
        because: The key that says so, or that it is the default.
    """

    about: str
    says: str
    because: str


class Section(msgspec.Struct, frozen=True):
    """Statements under one heading."""

    title: str
    statements: tuple[Statement, ...]


def explain(policy: Policy, type_: str | None = None) -> list[Section]:
    """What a policy says.

    Args:
        policy: The policy.
        type_: Only what concerns objects of this type; None for everything.

    Example:
        >>> [section.title for section in explain(Policy())]
        ['Phases', 'Concurrent writes', 'Gate']
    """
    names = list(policy.types) if type_ is None else [type_]
    sections = [
        Section("Phases", (_phases(policy),)),
        Section("Concurrent writes", tuple(_reconcile(policy))),
        *(_of_type(policy, name) for name in names),
        Section("Gate", tuple(_gate(policy))),
    ]
    return [section for section in sections if section.statements]


def _of_type(policy: Policy, name: str) -> Section:
    return Section(f"Type {name}", tuple(_type(policy, policy.types.get(name, TypePolicy()), name)))


def sentence(strategy: Strategy) -> str:
    """What a strategy does with a field that several branches wrote from one base.

    Example:
        >>> sentence(Policy().reconcile.default).partition("; ")[0]
        'If only one branch changed it, that value is kept'
    """
    known = STRATEGIES[strategy.name]
    told = [f"{known.plain}."]
    chosen = [f"{name} {_shown(value)}" for name, value in strategy.options.items() if value is not None]
    if chosen:
        told.append(f"With {', '.join(chosen)}.")
    if strategy.tie_break and not known.settles:
        told.append(f"Between equals decides {', then '.join(TIE_BREAKS[name] for name in strategy.tie_break)}.")
    if known.lossy:
        told.append("It loses updates, and every decision is marked so.")
    if not known.settles:
        told.append(f"A conflict is settled by {strategy.fallback}.")
    return " ".join(told)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {weight:g}" for name, weight in value.items()) or "none"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _phases(policy: Policy) -> Statement:
    order = policy.phases.order
    says = f"{', then '.join(order)}. A phase rests only on what the phases before it have promoted."
    return Statement("order", says, "phases.order" if policy.phases.stated else "default")


def _reconcile(policy: Policy) -> Iterator[Statement]:
    rules = policy.reconcile
    yield Statement("every field", sentence(rules.default), f"reconcile.default: {rules.default.name}")
    if rules.min_confidence > 0:
        says = f"A write that declares less than {rules.min_confidence:g} is discarded before anything is compared."
        yield Statement("confidence", says, "reconcile.min_confidence")
    if rules.sources != ("*",):
        trusted = ", then ".join("any other" if name == "*" else name for name in rules.sources)
        yield Statement("sources", f"Trusted in this order: {trusted}.", "reconcile.sources")


def _type(policy: Policy, type_: TypePolicy, name: str) -> Iterator[Statement]:
    key = f"types.{name}"
    for path in type_.required:
        check = policy.gate["completeness"]
        says = f"Must be there and filled. If not: {ACTIONS[check.action]}."
        yield Statement(path, says, f"{key}.required, gate.completeness: {check.action}")
    for path in type_.immutable:
        says = "Never changes once it is set." if path else "No field ever changes after the first version."
        yield Statement(path or "every field", says, f"{key}.immutable")
    for pattern, target in type_.references.items():
        check = policy.gate["reference"]
        says = f"Names an object of type {target}, which must exist. If not: {ACTIONS[check.action]}."
        yield Statement(pattern, says, f"{key}.references, gate.reference: {check.action}")
    for field in type_.fields:
        yield from _field(field, key)
    if type_.schema is not None:
        check = policy.gate["schema"]
        says = f"The object must be valid by its schema. If not: {ACTIONS[check.action]}."
        yield Statement("the object", says, f"{key}.schema, gate.schema: {check.action}")
    default = policy.reconcile.default
    says = sentence(default)
    yield Statement("every other field" if type_.fields else "every field", says, f"reconcile.default: {default.name}")


def _field(field: FieldPolicy, key: str) -> Iterator[Statement]:
    because = f'{key}.fields."{field.pattern}"'
    if field.strategy is not None:
        yield Statement(field.pattern, sentence(field.strategy), f"{because}: {field.strategy.name}")
    rules = []
    if field.accepted is not None:
        rules.append(f"is one of {', '.join(map(repr, field.accepted))}")
    if field.minimum is not None:
        rules.append(f"is at least {field.minimum:g}")
    if field.maximum is not None:
        rules.append(f"is at most {field.maximum:g}")
    if field.unique:
        rules.append("differs from that of every other live object of the type")
    if rules:
        yield Statement(field.pattern, f"Its value {' and '.join(rules)}.", f"{because}, gate.values")


def _gate(policy: Policy) -> Iterator[Statement]:
    for name, check in policy.gate.items():
        known = CHECKS[name]
        chosen = [f"{option} {_shown(value)}" for option, value in check.options.items() if value is not None]
        limits = f" With {', '.join(chosen)}." if chosen and check.action != "off" else ""
        outcome = "Not checked." if check.action == "off" else f"If not: {ACTIONS[check.action]}."
        default = " (default)" if check.action == known.default else ""
        yield Statement(name, f"{known.text}{limits} {outcome}", f"gate.{name}: {check.action}{default}")
