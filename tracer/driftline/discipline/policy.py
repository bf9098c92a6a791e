"""The policy: what a run may do to shared state, as plain data. `load.py` makes it from TOML."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from driftline.discipline import pointers
from driftline.discipline.checks import CHECKS
from driftline.discipline.definitions import Action
from driftline.discipline.strategies import STRATEGIES

#: The order of phases where a policy states none.
PHASES: Final = ("reasoning", "enrichment", "compression", "orchestration")


class Phases(msgspec.Struct, frozen=True, kw_only=True):
    """The phases of a run.

    Attributes:
        order: Their names, first to last.
        stated: Whether the policy says so, or this is the default.
    """

    order: tuple[str, ...] = PHASES
    stated: bool = False

    def rank(self, phase: str | None) -> int | None:
        """The place of a phase, from 1; None if it is not in the order.

        Example:
            >>> Phases().rank("enrichment"), Phases().rank("lunch"), Phases().rank(None)
            (2, None, None)
        """
        return self.order.index(phase) + 1 if phase in self.order else None


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy as a policy chose it.

    Attributes:
        name: Its name in `STRATEGIES`.
        options: Every option of it by name: as stated, else its default; None if there is none.
        tie_break: What decides between equally good candidates, in this order; names in `TIE_BREAKS`.
        fallback: Name of the strategy that settles what these cannot decide.
    """

    name: str
    options: dict[str, Any] = {}
    tie_break: tuple[str, ...] = ()
    fallback: str = "quarantine"


class Reconcile(msgspec.Struct, frozen=True, kw_only=True):
    """How concurrent writes are reconciled where no field says more.

    Attributes:
        default: The strategy.
        fallback: Name of the strategy for what a strategy cannot decide.
        min_confidence: A write of a lower declared confidence is discarded; 0 for none.
        sources: Sources from the most to the least trusted; `*` stands for all that are not named.
    """

    default: Strategy = Strategy(name="three-way")
    fallback: str = "quarantine"
    min_confidence: float = 0.0
    sources: tuple[str, ...] = ("*",)


class FieldPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What a type says of one field, and of those below it.

    Attributes:
        pattern: JSON Pointer; a segment `*` stands for any one.
        strategy: How it is reconciled, or None for the default.
        accepted: The only values that it may have, or None.
        minimum: The least number that it may be, or None.
        maximum: The greatest.
        unique: Whether no two live objects of the type may have the same value.
    """

    pattern: str
    strategy: Strategy | None = None
    accepted: tuple[Any, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    unique: bool = False


class TypePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the objects of one type.

    Attributes:
        required: JSON Pointers of the fields that a finished object must have, filled.
        schema: A JSON Schema for the object as a whole, or None.
        references: JSON Pointer of a field (a segment `*` stands for any one) → type of the object that its text names.
        immutable: JSON Pointers of fields that never change once set; `("",)` for the whole object.
        fields: What is said of single fields.
    """

    required: tuple[str, ...] = ()
    schema: dict[str, Any] | bool | None = None
    references: dict[str, str] = {}
    immutable: tuple[str, ...] = ()
    fields: tuple[FieldPolicy, ...] = ()


class GateCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A check of the gate as a policy chose it.

    Attributes:
        action: What is done when it fails.
        options: Every option of it by name, as for a strategy.
    """

    action: Action
    options: dict[str, Any] = {}


def _default_gate() -> dict[str, GateCheck]:
    return {
        name: GateCheck(action=check.default, options={option.name: option.default for option in check.options})
        for name, check in CHECKS.items()
    }


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A whole policy. `Policy()` is the default one.

    Attributes:
        phases: The phases.
        reconcile: How concurrent writes are reconciled.
        types: What holds for each type.
        gate: Every check by name.

    Example:
        >>> Policy().strategy("context", "/summary").name
        'three-way'
    """

    phases: Phases = Phases()
    reconcile: Reconcile = Reconcile()
    types: dict[str, TypePolicy] = {}
    gate: dict[str, GateCheck] = msgspec.field(default_factory=_default_gate)

    def field(self, type_: str | None, path: str) -> FieldPolicy | None:
        """What the type says of a field: by the longest pattern that it, or a field above it, matches.

        Among patterns of one length the one with the fewer `*` speaks.
        """
        known = self.types.get(type_ or "")
        fitting = [field for field in known.fields if pointers.covers(field.pattern, path)] if known else []
        return max(fitting, key=lambda field: pointers.weight(field.pattern), default=None)

    def strategy(self, type_: str | None, path: str) -> Strategy:
        """The strategy for a field: its own, or that of the nearest field above it, or the default."""
        known = self.types.get(type_ or "")
        if known is None or not known.fields:
            return self.reconcile.default
        fitting = [
            field for field in known.fields if field.strategy is not None and pointers.covers(field.pattern, path)
        ]
        found = max(fitting, key=lambda field: pointers.weight(field.pattern), default=None)
        return self.reconcile.default if found is None or found.strategy is None else found.strategy


def strategy_named(name: str, fallback: str = "quarantine") -> Strategy:
    """A strategy without any option stated.

    Example:
        >>> strategy_named("highest-confidence").tie_break
        ('source',)
    """
    known = STRATEGIES[name]
    options = {option.name: option.default for option in known.options}
    return Strategy(name=name, options=options, tie_break=known.tie_break, fallback=fallback)
