"""Which objects need deciding in Python: those with a write that may not be promoted as it is. SQL does the others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from driftline.discipline import Policy
from driftline.discipline.policy import FieldPolicy, TypePolicy
from driftline_analyzer.database import sql

if TYPE_CHECKING:
    from driftline_analyzer.workspace import Workspace

#: Strategies by which even a write from what stands is not simply taken, or that look at other fields first.
_STRICT: Final = frozenset({"write-once", "follow-field"})
_INPUTS: Final = ("read-set", "freshness", "phase-order")
_STATE: Final = """
SELECT (SELECT count(*) FROM suspect), (SELECT count(*) FROM deciding)
"""


def variables(policy: Policy) -> dict[str, Any]:
    """What the steps ask of a policy by `getvariable`."""
    on = {name for name, check in policy.gate.items() if check.action != "off"}
    floors = [policy.reconcile.min_confidence, policy.gate["confidence"].options["floor"] or 0.0]
    floors += [one.options.get("floor") or 0.0 for one in _strategies(policy)]
    deepest = policy.gate["lineage-present"].options["max_depth"] if "lineage-present" in on else None
    return {
        "floor": max(floors),
        "max_depth": 2**31 - 1 if deepest is None else deepest,
        "check_lineage": "lineage-present" in on,
        "check_references": not on.isdisjoint({"reference", "orphan"}),
        "check_inputs": not on.isdisjoint(_INPUTS),
        "check_phases": "phase-order" in on,
        "check_duplicates": "duplicate" in on,
        "check_completeness": "completeness" in on,
    }


def choose(workspace: Workspace, policy: Policy, *, whole: bool) -> None:
    """Make the table `deciding`: the objects to decide in Python.

    Args:
        workspace: With the table `proposal`.
        policy: The policy.
        whole: Whether all of them are, whatever is certain.
    """
    if whole or _is_strict(policy):
        workspace.run("CREATE TABLE deciding AS SELECT DISTINCT o FROM proposal")
        return
    workspace.run("CREATE TABLE strict (type VARCHAR)")
    for name, known in policy.types.items():
        if _has_rules(policy, known):
            workspace.run("INSERT INTO strict VALUES (?)", [name])
    workspace.run(sql("replay", "suspects"))
    before: tuple[Any, ...] | None = None
    while True:
        workspace.run(sql("replay", "spreading"))
        (now,) = workspace.rows(_STATE)
        if now == before:
            return
        before = now


def _is_strict(policy: Policy) -> bool:
    """Whether nothing is certain: a check may fail a whole branch, or any field may be written once."""
    fails = any(check.action == "fail" for check in policy.gate.values())
    return fails or policy.reconcile.default.name in _STRICT or not math.isfinite(policy.reconcile.min_confidence)


def _has_rules(policy: Policy, known: TypePolicy) -> bool:
    """Whether a type states what only the values of an object can tell."""
    checked = policy.gate["schema"].action != "off" and known.schema is not None
    if policy.gate["values"].action != "off":
        checked = checked or bool(known.immutable) or any(map(_limits, known.fields))
    return checked or any(one.strategy is not None and one.strategy.name in _STRICT for one in known.fields)


def _limits(field: FieldPolicy) -> bool:
    return field.unique or (field.accepted, field.minimum, field.maximum) != (None, None, None)


def _strategies(policy: Policy) -> list[Any]:
    own = [one.strategy for known in policy.types.values() for one in known.fields if one.strategy is not None]
    return [policy.reconcile.default, *own]
