"""The promotion gate: what a draft must pass before it becomes part of the shared state.

One function a check, named after it in `checks.py`; each looks at the draft and at the world into which it would be
promoted, and gives the reasons why it may not be. Pure: the live store and the replay both call them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from driftline.canonical import encode
from driftline.discipline import pointers
from driftline.discipline.candidates import NotRecordedError, Unrecorded, extent, is_filled, key
from driftline.discipline.definitions import Action
from driftline.discipline.drafts import Draft
from driftline.discipline.policy import Policy, TypePolicy
from driftline.discipline.schemas import breaches
from driftline.discipline.world import World
from driftline.values import ABSENT

#: What should have been, where a write rests on state that never was.
WAS_PROMOTED: Final = "what was promoted"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why a draft does not pass as it is.

    Attributes:
        check: Name of the check.
        action: What the policy does about it.
        reason: What is wrong, as a sentence without a full stop.
        path: JSON Pointer of the field, or None if it is about the whole object.
        observed: What was found, as text.
        expected: What should have been, as text.
        undecided: Whether it could not be checked, for it needs values that were not recorded (in a replay).
    """

    check: str
    action: Action
    reason: str
    path: str | None = None
    observed: str = ""
    expected: str = ""
    undecided: bool = False


class Finding(msgspec.Struct, frozen=True):
    """What a check says; the gate adds its name and action."""

    reason: str
    path: str | None = None
    observed: str = ""
    expected: str = ""


_NOTHING_SAID: Final = TypePolicy()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a check looks at.

    Attributes:
        draft: What would be promoted.
        world: What it would be promoted into; the rest of its unit included.
        policy: The policy.
        options: Those of the check.
        out_of_phase: Why the write breaks the order of the phases, as sentences; the pipeline knows who works on what.
    """

    draft: Draft
    world: World
    policy: Policy
    options: dict[str, Any]
    out_of_phase: tuple[str, ...] = ()

    @property
    def type(self) -> TypePolicy:
        """What the policy says of the object's type."""
        return self.policy.types.get(self.draft.after.type or "", _NOTHING_SAID)


def examine(policy: Policy, world: World, draft: Draft, *, out_of_phase: tuple[str, ...] = ()) -> tuple[Failure, ...]:
    """Every reason why a draft does not pass as it is, in the order of the checks.

    Args:
        policy: Says what is checked, and what is done about it.
        world: What the draft would be promoted into.
        draft: What would be promoted.
        out_of_phase: Why the write breaks the order of the phases, as sentences.
    """
    failures: list[Failure] = []
    known = policy.types.get(draft.after.type or "", _NOTHING_SAID)
    for name, check in _CHECKS.items():
        chosen = policy.gate[name]
        idle = _IDLE.get(name)
        if chosen.action == "off" or (idle is not None and idle(draft, known, out_of_phase)):
            continue
        asked = Asked(draft=draft, world=world, policy=policy, options=chosen.options, out_of_phase=out_of_phase)
        failures += _failures(name, chosen.action, check, asked)
    return tuple(failures)


def _failures(name: str, action: Action, check: Callable[[Asked], Iterator[Finding]], asked: Asked) -> list[Failure]:
    """What one check finds."""
    try:
        return [
            Failure(
                check=name, action=action, reason=found.reason, path=found.path, observed=found.observed,
                expected=found.expected,
            )
            for found in check(asked)
        ]  # fmt: skip
    except NotRecordedError:
        reason = f"{name} cannot be checked: it needs values that were not recorded"
        return [Failure(check=name, action=action, reason=reason, undecided=True)]


# ---- what an object must be ---------------------------------------------------------------------------------------


def _schema(asked: Asked) -> Iterator[Finding]:
    if asked.type.schema is not None and asked.draft.after.live:
        demand(*asked.draft.after.values().values())
        for path, reason in breaches(asked.type.schema, pointers.document(asked.draft.after.values())):
            yield Finding(reason, path, expected="valid by the schema of its type")


def _completeness(asked: Asked) -> Iterator[Finding]:
    if not asked.draft.after.live:
        return
    values = asked.draft.after.values()
    for required in asked.type.required:
        below = [value for path, value in values.items() if pointers.covers(required, path)]
        if not any(is_filled(value) for value in below):
            yield Finding(
                f"{required} is required and {'empty' if below else 'missing'}", required, expected="a filled value"
            )


def _values(asked: Asked) -> Iterator[Finding]:
    changed = asked.draft.changed
    for path, value in changed.items():
        before = asked.draft.standing(path)
        if before is not ABSENT and any(pointers.covers(pattern, path) for pattern in asked.type.immutable):
            yield Finding(f"{path} is immutable and was set before", path, shown(value), shown(before))
        known = asked.policy.field(asked.draft.after.type, path)
        if known is None or value is ABSENT:
            continue
        if (known.accepted, known.minimum, known.maximum) != (None, None, None):
            demand(value)
        if known.accepted is not None and key(value) not in {key(one) for one in known.accepted}:
            yield Finding(f"{path} has none of its accepted values", path, shown(value), shown(list(known.accepted)))
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if known.minimum is not None and not (number and value >= known.minimum):
            yield Finding(f"{path} is below its minimum", path, shown(value), f"{known.minimum} or more")
        if known.maximum is not None and not (number and value <= known.maximum):
            yield Finding(f"{path} is above its maximum", path, shown(value), f"{known.maximum} or less")
        if known.unique:
            twin = _twin(asked, path, value)
            if twin is not None:
                yield Finding(f"{path} must be unique, and {twin} has the same", path, shown(value))


def _twin(asked: Asked, path: str, value: Any) -> str | None:
    for object_id, state in asked.world.of_type(asked.draft.after.type):
        other = state.fields.get(path)
        if object_id != asked.draft.proposal.object and other is not None and key(other.value) == key(value):
            return object_id
    return None


# ---- what it refers to --------------------------------------------------------------------------------------------


def _reference(asked: Asked) -> Iterator[Finding]:
    for path, target in _new_references(asked):
        if asked.world.get(target) is None and target != asked.draft.proposal.object:
            yield Finding(f"{path} refers to {target}, which never existed", path, target, "an object that exists")


def _orphan(asked: Asked) -> Iterator[Finding]:
    own = asked.draft.proposal.object
    for path, target in _new_references(asked):
        known = asked.world.get(target)
        if known is not None and not known.live and target != own:
            yield Finding(
                f"{path} refers to {target}, which {known.branch} removed", path, target, "an object that is live"
            )
    if not asked.draft.after.live:
        for holder, path in sorted(asked.world.referrers(own)):
            if holder != own:
                yield Finding(f"{holder} still refers to it at {path}", None, f"{holder}#{path}", "no live reference")


def _new_references(asked: Asked) -> list[tuple[str, str]]:
    """The references that the draft sets; those that were there before were judged then."""
    if not asked.draft.after.live:
        return []
    set_now = {decision.path for decision in asked.draft.decisions}
    for path, target_type in asked.type.references.items():
        for one in asked.draft.decisions:
            named = pointers.covers(path, one.path) and path.count("/") == one.path.count("/")
            if named and target_type and one.path not in asked.draft.proposal.references:
                demand(one.value)
    return [(path, target) for path, target in sorted(asked.draft.after.references.items()) if path in set_now]


def demand(*values: Any) -> None:
    """Demand that values were recorded.

    Raises:
        NotRecordedError: If one was not.
    """
    if any(type(value) is Unrecorded for value in values):
        raise NotRecordedError


# ---- what it was derived from -------------------------------------------------------------------------------------


def _base_version(asked: Asked) -> Iterator[Finding]:
    for decision in asked.draft.decisions:
        if decision.path in asked.draft.stale and decision.outcome in {"conflict", "rejected"}:
            yield Finding(
                f"{decision.path or 'the object'} was changed since its base: {decision.reason}",
                decision.path, f"base {decision.base.version or 'none'}", "the version that stands",
            )  # fmt: skip


def _read_set(asked: Asked) -> Iterator[Finding]:
    for used in asked.draft.proposal.inputs:
        known = asked.world.get(used.object)
        if asked.world.kept_out(used.object, used.position) is not None:
            yield Finding(
                f"it was derived from a version of {used.object} that was not promoted",
                None, f"{used.object} as of {used.position}", WAS_PROMOTED,
            )  # fmt: skip
        elif known is not None and known.position > used.position:
            yield Finding(
                f"it was derived from {used.object}, which {known.branch} has changed since",
                None, f"{used.object} as of {used.position}", f"{used.object} as of {known.position}",
            )  # fmt: skip


def _freshness(asked: Asked) -> Iterator[Finding]:
    oldest = asked.options["max_age"]
    for used in asked.draft.proposal.inputs:
        if used.time is not None and (age := (asked.draft.proposal.time - used.time) / 1e9) > oldest:
            yield Finding(
                f"it was derived from a version of {used.object} that is too old",
                None,
                f"{age:.3f} s",
                f"{oldest} s or less",
            )


def _lineage_present(asked: Asked) -> Iterator[Finding]:
    proposal = asked.draft.proposal
    if asked.draft.before is not None and proposal.fields and not proposal.seen:
        yield Finding("it does not say which version it was derived from", None, "no base", "a base version")
    deepest = asked.options["max_depth"]
    if deepest is not None and proposal.depth is not None and proposal.depth > deepest:
        yield Finding("it is too many mutations deep", None, str(proposal.depth), f"{deepest} or less")


def _fidelity(asked: Asked) -> Iterator[Finding]:
    share = asked.options["shrink"]
    for path, value in asked.draft.changed.items():
        before = asked.draft.before.fields.get(path) if asked.draft.before is not None else None
        if path not in asked.draft.stale or before is None or ABSENT in (value, before.value):
            continue
        declared, stood = asked.draft.proposal.fidelity, before.candidate.fidelity
        if declared is not None and stood is not None and declared < stood:
            yield Finding(f"{path} would lose fidelity", path, str(declared), f"{stood} or more")
            continue
        (own_leaves, own), (leaves, size) = extent(value), extent(before.value)
        if size >= _RICH and (own < share * size or own_leaves < share * leaves):
            yield Finding(f"{path} would become poorer from a stale base", path, f"{own} bytes", f"{size} bytes")


def _confidence(asked: Asked) -> Iterator[Finding]:
    floor = asked.options["floor"]
    floor = asked.policy.reconcile.min_confidence if floor is None else floor
    said = asked.draft.proposal.confidence
    if said is not None and said < floor:
        yield Finding("its confidence is below the floor", None, str(said), f"{floor} or more")


# ---- when it comes ------------------------------------------------------------------------------------------------


def _phase_order(asked: Asked) -> Iterator[Finding]:
    for reason in asked.out_of_phase:
        yield Finding(reason)


def _duplicate(asked: Asked) -> Iterator[Finding]:
    proposal = asked.draft.proposal
    if proposal.signature is not None:
        first = asked.world.who_did(proposal.signature)
        if first is not None and first != proposal.branch_id:
            yield Finding(f"{first} had finished the same task before")


def shown(value: Any) -> str:
    """A value as reasons show it: its JSON, cut short.

    Example:
        >>> shown({"n": 1}), shown(ABSENT)
        ('{"n":1}', 'absent')
    """
    if type(value) is Unrecorded:
        return "a value that was not recorded"
    text = "absent" if value is ABSENT else encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_RICH: Final = 64  # bytes: what is shorter has nothing to lose (DRF105)
_LONGEST: Final = 80

#: Every check by name, in the order in which they are made. Atomicity is the pipeline's: it knows how units end.
_CHECKS: Final[dict[str, Callable[[Asked], Iterator[Finding]]]] = {
    "schema": _schema,
    "completeness": _completeness,
    "reference": _reference,
    "orphan": _orphan,
    "base-version": _base_version,
    "read-set": _read_set,
    "lineage-present": _lineage_present,
    "fidelity": _fidelity,
    "confidence": _confidence,
    "freshness": _freshness,
    "phase-order": _phase_order,
    "duplicate": _duplicate,
    "values": _values,
}

#: When a check has nothing to look at: asking that costs less than the check, and most have nothing most of the time.
_IDLE: Final[dict[str, Callable[[Draft, TypePolicy, tuple[str, ...]], bool]]] = {
    "schema": lambda _, type_, __: type_.schema is None,
    "completeness": lambda _, type_, __: not type_.required,
    "reference": lambda draft, type_, _: not (draft.after.references or type_.references),
    "orphan": lambda draft, type_, _: draft.after.live and not (draft.after.references or type_.references),
    "base-version": lambda draft, _, __: not draft.stale,
    "read-set": lambda draft, _, __: not draft.proposal.inputs,
    "fidelity": lambda draft, _, __: not draft.stale,
    "confidence": lambda draft, _, __: draft.proposal.confidence is None,
    "freshness": lambda draft, _, __: not draft.proposal.inputs,
    "phase-order": lambda _, __, out_of_phase: not out_of_phase,
    "duplicate": lambda draft, _, __: draft.proposal.signature is None,
    "values": lambda _, type_, __: not (type_.immutable or type_.fields),
}
