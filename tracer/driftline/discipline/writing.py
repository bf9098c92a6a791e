"""A policy as TOML that is whole in itself: schemas stand in it, so that a trace can carry it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from driftline.discipline.checks import CHECKS
from driftline.discipline.policy import FieldPolicy, GateCheck, Policy, Strategy, TypePolicy
from driftline.discipline.problems import dotted, quoted


def dumps(policy: Policy) -> str:
    r"""A policy as TOML; `loads` makes the same policy of it.

    Example:
        >>> from driftline.discipline.load import loads
        >>> print(dumps(loads('[types.a]\nrequired = ["/b"]')).partition("[types")[2].partition("\n\n")[0])
        .a]
        required = ["/b"]
    """
    return "\n".join(_lines(policy))


def value(found: object) -> str:
    """A value as TOML writes it on one line.

    Example:
        >>> value({"a b": [1, True, "x"], "c": {}})
        '{ "a b" = [1, true, "x"], c = {} }'
    """
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, str):
        return quoted(found)
    if isinstance(found, Mapping):
        inner = ", ".join(f"{dotted([str(name)])} = {value(item)}" for name, item in found.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(found, Iterable):
        return f"[{', '.join(value(item) for item in found)}]"
    return repr(found)  # numbers and moments, which Python and TOML write alike


def _lines(policy: Policy) -> Iterator[str]:
    if policy.phases.stated:
        yield from ("[phases]", f"order = {value(policy.phases.order)}", "")
    reconcile = policy.reconcile
    yield from (
        "[reconcile]",
        f"default = {_strategy(reconcile.default)}",
        f"fallback = {value(reconcile.fallback)}",
        f"min_confidence = {value(reconcile.min_confidence)}",
        f"sources = {value(reconcile.sources)}",
        "",
    )
    for name, type_ in policy.types.items():
        yield from _type(name, type_)
    yield "[gate]"
    for name, check in policy.gate.items():
        yield f"{name} = {_check(name, check)}"
    yield ""


def _strategy(strategy: Strategy, beside: Mapping[str, Any] | None = None) -> str:
    options = {name: stated for name, stated in strategy.options.items() if stated is not None}
    table = {"strategy": strategy.name, **options, "tie_break": strategy.tie_break, "fallback": strategy.fallback}
    return value({**table, **(beside or {})})


def _type(name: str, type_: TypePolicy) -> Iterator[str]:
    yield f"[{dotted(['types', name])}]"
    if type_.required:
        yield f"required = {value(type_.required)}"
    if type_.schema is not None:
        # As JSON text: TOML has no null. A schema that is true or false alone must be a table.
        whole = type_.schema if isinstance(type_.schema, dict) else {} if type_.schema else {"not": {}}
        yield f"schema = {quoted(json.dumps(whole))}"
    if type_.references:
        yield f"references = {value(type_.references)}"
    if type_.immutable:
        yield f"immutable = {value(True if type_.immutable == ('',) else type_.immutable)}"
    yield ""
    if type_.fields:
        yield f"[{dotted(['types', name, 'fields'])}]"
        yield from (f"{quoted(field.pattern)} = {_field(field)}" for field in type_.fields)
        yield ""


def _field(field: FieldPolicy) -> str:
    stated = {
        "accepted": field.accepted,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "unique": field.unique or None,
    }
    rules = {name: found for name, found in stated.items() if found is not None}
    return value(rules) if field.strategy is None else _strategy(field.strategy, rules)


def _check(name: str, check: GateCheck) -> str:
    known = {option.name for option in CHECKS[name].options}
    options = {option: stated for option, stated in check.options.items() if stated is not None and option in known}
    return value(check.action if not options or check.action == "off" else {"action": check.action, **options})
