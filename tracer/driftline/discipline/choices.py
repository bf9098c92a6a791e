"""Reads what a policy chooses: strategies with their options, and checks of the gate with theirs."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, get_args

from driftline.discipline.checks import ALIASES, CHECKS
from driftline.discipline.definitions import ACTIONS, KINDS, Action, Option, StrategyDefinition
from driftline.discipline.policy import GateCheck, Reconcile, Strategy
from driftline.discipline.problems import Problem, Reader, dotted, suggestion
from driftline.discipline.schemas import kind_of
from driftline.discipline.strategies import STRATEGIES, TIE_BREAKS

#: Keys that every strategy takes beside its own options.
COMMON: Final = ("strategy", "tie_break", "fallback")
_FUNCTION: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def read_strategy(holder: Reader, name: str, reconcile: Reconcile, *, beside: tuple[str, ...] = ()) -> Strategy | None:
    """The strategy at a key: its name alone, or a table with its options.

    Args:
        holder: The table that it stands in.
        name: Its key there.
        reconcile: The policy's defaults, as far as they are read.
        beside: Other keys that may stand in the table.

    Returns:
        The strategy; None if the table names none, or if it is not understood.
    """
    found = holder.table.get(name)
    if isinstance(found, str):
        reader, given = Reader({"strategy": found}, (*holder.key, name), holder.problems), found
        before = len(holder.problems)
        strategy = _strategy(reader, given, reconcile, beside)
        if len(holder.problems) > before:  # there is no key below one that holds only text
            own = Problem(dotted([*holder.key, name]), holder.problems[before].what, holder.problems[before].remedy)
            holder.problems[before:] = [own]
        return strategy
    if not isinstance(found, dict):
        if found is not None:
            holder.note(name, f"it is {kind_of(found)}", 'write the name of a strategy, or { strategy = "…", … }')
        return None
    reader = Reader(found, (*holder.key, name), holder.problems)
    chosen = reader.of_kind("strategy", str, "the name of a strategy")
    if chosen is None:
        if "strategy" not in found:
            reader.only((*COMMON, *beside))
        return None
    return _strategy(reader, chosen, reconcile, beside)


def _strategy(reader: Reader, name: str, reconcile: Reconcile, beside: tuple[str, ...]) -> Strategy | None:
    known = STRATEGIES.get(name)
    if known is None:
        reader.note("strategy", f"there is no strategy {name!r}", suggestion(name, STRATEGIES))
        return None
    options = read_options(reader, known.options, f"the strategy {name}", (*COMMON, *beside))
    ties = reader.texts("tie_break")
    for tie in ties or ():
        if tie not in TIE_BREAKS:
            reader.note("tie_break", f"there is no tie-break {tie!r}", suggestion(tie, TIE_BREAKS))
    fallback = read_fallback(reader, "fallback")
    return Strategy(
        name=name,
        options=_with_policy_defaults(known, options, reconcile),
        tie_break=known.tie_break if ties is None else ties,
        fallback=fallback or reconcile.fallback,
    )


def _with_policy_defaults(known: StrategyDefinition, options: dict[str, Any], reconcile: Reconcile) -> dict[str, Any]:
    """Options that by default are the policy's own are taken from there."""
    if known.name == "source-priority" and options["sources"] is None:
        return {**options, "sources": reconcile.sources}
    if known.name == "highest-confidence" and options["floor"] is None:
        return {**options, "floor": reconcile.min_confidence}
    return options


def read_fallback(reader: Reader, key: str) -> str | None:
    """The name of a strategy that always settles a conflict."""
    name: str | None = reader.of_kind(key, str, "the name of a strategy")
    settling = [known.name for known in STRATEGIES.values() if known.settles]
    if name is None or name in settling:
        return name
    if name in STRATEGIES:
        reader.note(key, f"{name} can itself end in a conflict", f"use one of {', '.join(settling)}")
    else:
        reader.note(key, f"there is no strategy {name!r}", suggestion(name, settling))
    return None


def read_options(reader: Reader, options: tuple[Option, ...], owner: str, beside: tuple[str, ...]) -> dict[str, Any]:
    """Every option by name: as stated, or its default."""
    known = {option.name: option for option in options}
    for name in reader.table:
        if name not in known and name not in beside:
            takes = f"{owner} takes {', '.join(known)}" if known else f"{owner} takes no options"
            reader.note(name, f"{owner} has no option {name}", suggestion(name, list(known), takes))
    values = {}
    for option in options:
        value = _option(reader, option) if option.name in reader.table else None
        if value is None and option.required and option.name not in reader.table:
            reader.note(option.name, f"{owner} needs it: {option.text}", f"write {KINDS[option.kind]}")
        values[option.name] = option.default if value is None else value
    return values


def _option(reader: Reader, option: Option) -> Any:
    """The value stated for an option, or None if it does not fit."""
    readers: dict[str, Callable[[str], Any]] = {
        "count": reader.count,
        "duration": reader.duration,
        "share": reader.share,
        "texts": reader.texts,
        "weights": partial(_weights, reader),
    }
    read = readers.get(option.kind)
    return _text(reader, option) if read is None else read(option.name)


def _weights(reader: Reader, name: str) -> dict[str, float] | None:
    if name not in reader.table:
        return None
    inner = reader.inner(name)
    weights = {key: inner.number(key) for key in inner.table}
    for key, weight in weights.items():
        if weight is not None and weight <= 0:
            inner.note(key, f"{weight} is no weight", "write a number above 0")
    return {key: float(weight) for key, weight in weights.items() if weight is not None and weight > 0}


def _text(reader: Reader, option: Option) -> str | None:
    """An option that is text of some kind."""
    name = option.name
    found: str | None = reader.of_kind(name, str, KINDS[option.kind])
    if found is None:
        return None
    if option.kind == "field":
        return found if reader.pointer(name, found, patterns=True) else None
    if option.kind == "choice" and found not in option.choices:
        reader.note(name, f"{found!r} is none of its choices", suggestion(found, option.choices))
        return None
    if option.kind == "function" and not _FUNCTION.fullmatch(found):
        reader.note(name, f"{found!r} names no function", f"write {KINDS['function']}")
        return None
    if option.kind == "strategy":
        free = [known.name for known in STRATEGIES.values() if not any(own.required for own in known.options)]
        if found not in free:
            what = f"{found} needs options of its own" if found in STRATEGIES else f"there is no strategy {found!r}"
            reader.note(name, what, suggestion(found, free))
            return None
    return found


def read_gate(reader: Reader) -> dict[str, GateCheck]:
    """Every check by name: as the table says, or as its definition does."""
    stated: dict[str, str] = {}
    for name in reader.table:
        check = ALIASES.get(name, name)
        if check not in CHECKS:
            reader.note(
                name, "there is no such check", suggestion(name, [*CHECKS, *ALIASES], f"there are {', '.join(CHECKS)}")
            )
        elif check in stated:
            reader.note(name, f"the check {check} is named a second time: {stated[check]} is the same", "name it once")
        else:
            stated[check] = name
    return {name: _check(reader, name, stated.get(name)) for name in CHECKS}


def _check(reader: Reader, name: str, stated: str | None) -> GateCheck:
    known = CHECKS[name]
    defaults = {option.name: option.default for option in known.options}
    if stated is None:
        return GateCheck(action=known.default, options=defaults)
    found = reader.table[stated]
    if isinstance(found, dict):
        inner = reader.inner(stated)
        action = inner.of_kind("action", str, "an action")
        if action != "off":
            defaults = read_options(inner, known.options, f"the check {name}", ("action",))
        where, key = inner, "action"
    else:
        action = reader.of_kind(stated, str, 'an action, or { action = "…", … }')
        where, key = reader, stated
        if action not in (None, "off"):
            for option in known.options:
                if option.required:
                    reader.note(
                        stated,
                        f"the check {name} needs {option.name}: {option.text}",
                        f'write {{ action = "{action}", {option.name} = … }}, {KINDS[option.kind]}',
                    )
    actions: dict[str, Action] = {known_action: known_action for known_action in get_args(Action)}
    if action is not None and action not in actions:
        where.note(key, f"there is no action {action!r}", suggestion(action, list(ACTIONS)))
    return GateCheck(action=actions.get(action or "", known.default), options=defaults)
