"""Reconciliation: what becomes of one field that several branches wrote from the same base, and why.

Pure functions of a policy and of what was written: the live store and the replay both call them, so the two cannot
disagree. First the candidates below the confidence floor are dropped, and those that change nothing. If one is left, or
all left are equal, that is the value. Else the field's strategy decides; what its rule leaves equal goes to its
tie-breaks, and what these leave undecided is a conflict for its fallback. No winner is ever arbitrary.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

import msgspec

from driftline.canonical import decode
from driftline.discipline import choosing, joining
from driftline.discipline.candidates import (
    Base,
    Candidate,
    Conflict,
    NotRecordedError,
    Unrecorded,
    break_tie,
    distinct,
    key,
)
from driftline.discipline.policy import Policy, Strategy, strategy_named
from driftline.values import ABSENT

#: `kept`: what stood stays, for nobody had a say; `taken`: one candidate's value; `merged`: a value made of several;
#: `base`: what they started from; `conflict`: nobody could decide, and what stood stays; `rejected`: it may not change;
#: `undecided`: the rule needs values that were not recorded (in a replay), and what stood stays.
Outcome = Literal["kept", "taken", "merged", "base", "conflict", "rejected", "undecided"]

#: A function of the user's: base value and candidates → the value, or a `Conflict`. It must be pure.
Custom = Callable[[Any, Sequence[Candidate]], Any]

_Chooser = Callable[[Sequence[Candidate], dict[str, Any]], "list[Candidate] | Conflict"]
_Joiner = Callable[[Base, Sequence[Candidate], dict[str, Any], joining.Inner], Any]

_CHOOSERS: Final[dict[str, _Chooser]] = {
    "last-writer-wins": choosing.last_writer_wins,
    "first-writer-wins": choosing.first_writer_wins,
    "most-recent-valid": choosing.most_recent_valid,
    "source-priority": choosing.source_priority,
    "highest-confidence": choosing.highest_confidence,
    "most-complete": choosing.most_complete,
    "majority-vote": choosing.majority_vote,
}
_JOINERS: Final[dict[str, _Joiner]] = {
    "union": joining.union,
    "append": joining.append,
    "map-merge": joining.map_merge,
    "multi-value": joining.multi_value,
    "max": joining.greatest,
    "min": joining.smallest,
    "counter": joining.counter,
    "any": joining.any_true,
    "all": joining.all_true,
}
#: What these give is what some candidates said; the others lose.
_EXTREMES: Final = frozenset({"max", "min", "any", "all"})
#: Equal candidates of two branches are two facts here, not one.
_COUNT_EACH: Final = frozenset({"counter"})
#: These leave what stood.
_UNCHANGED: Final = frozenset({"kept", "conflict", "rejected", "undecided"})
_LOSSY: Final = frozenset({"last-writer-wins", "first-writer-wins", "keep-base"})


class FieldDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one field, and why.

    Attributes:
        path: JSON Pointer of the field.
        base: What the candidates started from.
        candidates: All of them, in the order of commits.
        outcome: How it ended.
        value: What the field is afterwards; what stood before where the outcome is `kept`, `conflict`, `rejected` or
            `undecided`.
        winners: Versions whose value it is, or of which it was made.
        losers: Versions whose value is not in it.
        discarded: Versions below the confidence floor, which had no say.
        rule: The strategy that decided, or `unanimous`, or `only-change`, or `confidence-floor`.
        tie_break: The tie-breaks that told some candidates apart, in turn.
        fallback: The fallback, where it had to decide.
        lossy: Whether a valid update was thrown away without anybody having decided so.
        reason: Why it is a conflict or was rejected; else empty.
    """

    path: str
    base: Base
    candidates: tuple[Candidate, ...]
    outcome: Outcome
    value: Any
    winners: tuple[str, ...] = ()
    losers: tuple[str, ...] = ()
    discarded: tuple[str, ...] = ()
    rule: str
    tie_break: tuple[str, ...] = ()
    fallback: str | None = None
    lossy: bool = False
    reason: str = ""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy says."""

    outcome: Outcome
    value: Any = ABSENT
    winners: tuple[str, ...] = ()
    tie_break: tuple[str, ...] = ()
    reason: str = ""


def reconcile_field(
    policy: Policy,
    type_: str | None,
    path: str,
    base: Base,
    candidates: Sequence[Candidate],
    *,
    standing: Any = ABSENT,
    winner_of: Mapping[str, Sequence[str]] | None = None,
    customs: Mapping[str, Custom] | None = None,
) -> FieldDecision:
    """Decide one field.

    Args:
        policy: The policy.
        type_: Type of the object, or None.
        path: JSON Pointer of the field.
        base: What all candidates started from.
        candidates: What branches wrote to the field from that base, in any order.
        standing: What stands now; it stays where nobody wins.
        winner_of: For fields decided before this one in the same version: the versions that won them; `follow-field`
            looks there.
        customs: The functions that `custom` may call, by the name in the policy; those that are missing are imported.

    Returns:
        The decision.

    Example:
        >>> a = Candidate(value="short", version="2", branch="a", order=2, confidence=0.4)
        >>> b = Candidate(value="long and good", version="3", branch="b", order=3, confidence=0.9)
        >>> decision = reconcile_field(Policy(), "context", "/summary", Base("", "1"), [a, b], standing="short")
        >>> decision.outcome, decision.rule, decision.fallback
        ('conflict', 'three-way', 'quarantine')
    """
    ordered = tuple(sorted(candidates, key=lambda candidate: (candidate.order, candidate.version)))
    strategy = policy.strategy(type_, path)
    floor = strategy.options.get("floor") or policy.reconcile.min_confidence
    heard = [candidate for candidate in ordered if candidate.confidence is None or candidate.confidence >= floor]
    discarded = tuple(candidate.version for candidate in ordered if candidate not in heard)
    changing = [candidate for candidate in heard if key(candidate.value) != key(base.value)]
    question = _Question(
        sources=policy.reconcile.sources, strategy=strategy, path=path, base=base, winner_of=winner_of or {},
        customs=customs or {},
    )  # fmt: skip
    rule, fallback, answer = question.decide(changing, any_discarded=bool(discarded))
    winners = frozenset(answer.winners)
    losers = tuple(c.version for c in changing if c.version not in winners)
    return FieldDecision(
        path=path,
        base=base,
        candidates=ordered,
        outcome=answer.outcome,
        value=standing if answer.outcome in _UNCHANGED else answer.value,
        winners=answer.winners,
        losers=losers,
        discarded=discarded,
        rule=rule,
        tie_break=answer.tie_break,
        fallback=fallback,
        lossy=bool(losers) and (fallback or rule) in _LOSSY,
        reason=answer.reason,
    )


class _Question(msgspec.Struct, frozen=True, kw_only=True):
    """One field to decide, with all that a strategy may look at; attributes as in `reconcile_field`."""

    sources: tuple[str, ...]
    strategy: Strategy
    path: str
    base: Base
    winner_of: Mapping[str, Sequence[str]]
    customs: Mapping[str, Custom]

    def decide(self, candidates: list[Candidate], *, any_discarded: bool) -> tuple[str, str | None, _Answer]:
        """The rule that decided, the fallback if one had to, and what they say."""
        name = self.strategy.name
        if not candidates:
            return ("confidence-floor" if any_discarded else "unanimous"), None, _Answer(outcome="kept")
        if name == "write-once" and self.base.value is not ABSENT:
            reason = f"{self.path or 'the object'} is write-once and was set before"
            return name, None, _Answer(outcome="rejected", reason=reason)
        if len(candidates) == 1:
            return "only-change", None, _taken(candidates)
        if len(distinct(candidates)) == 1 and name not in _COUNT_EACH:
            return "unanimous", None, _taken(candidates)
        answer = self.answer(self.strategy, candidates)
        if answer.outcome != "conflict":
            return name, None, answer
        settled = self.answer(strategy_named(self.strategy.fallback), candidates)
        reason = answer.reason or settled.reason
        return name, self.strategy.fallback, msgspec.structs.replace(settled, reason=reason)

    def answer(self, strategy: Strategy, candidates: list[Candidate]) -> _Answer:
        """What a strategy says of two or more different candidates, whatever they hold."""
        try:
            return self.ask(strategy, candidates)
        except NotRecordedError:
            reason = f"{strategy.name} needs values that were not recorded"
            return _Answer(outcome="undecided", reason=reason)
        except OverflowError:
            return _Answer(outcome="conflict", reason="the numbers are too large to be reckoned with")

    def ask(self, strategy: Strategy, candidates: list[Candidate]) -> _Answer:
        """What a strategy says of two or more different candidates.

        Raises:
            NotRecordedError: If it needs a value that was not recorded.
            OverflowError: If it reckons with numbers that are too large.
        """
        name = strategy.name
        values = (self.base.value, *(candidate.value for candidate in candidates))
        if (name in _JOINERS or name == "custom") and any(type(value) is Unrecorded for value in values):
            raise NotRecordedError
        if name in _CHOOSERS:
            best = _CHOOSERS[name](candidates, strategy.options)
            return self._chosen(strategy, best)
        if name in _JOINERS:
            value = _JOINERS[name](self.base, candidates, strategy.options, self._decide_part)
            return _joined(value, candidates, of_all=name not in _EXTREMES)
        own: dict[str, Callable[[Strategy, list[Candidate]], _Answer]] = {
            "three-way": self._three_way,
            "follow-field": self._follow_field,
            "write-once": self._write_once,
            "custom": self._custom,
            "quarantine": self._quarantine,
            "keep-base": self._keep_base,
        }
        return own[name](strategy, candidates)

    def _chosen(self, strategy: Strategy, best: list[Candidate] | Conflict) -> _Answer:
        if isinstance(best, Conflict):
            return _Answer(outcome="conflict", reason=best.reason)
        left, used = break_tie(best, strategy.tie_break, self.sources)
        if len(distinct(left)) > 1:
            return _Answer(
                outcome="conflict", tie_break=used, reason=f"{len(left)} candidates are equally good by {strategy.name}"
            )
        return msgspec.structs.replace(_taken(left), tie_break=used)

    def _decide_part(self, base: Base, parts: Sequence[Candidate]) -> Any:
        """The value of a part of the field that two branches changed, or a conflict."""
        same_key = strategy_named(self.strategy.options.get("same_key") or "three-way", self.strategy.fallback)
        part = msgspec.structs.replace(self, strategy=same_key, base=base).ask(same_key, list(parts))
        if part.outcome in {"taken", "merged", "base"}:
            return part.value
        return Conflict(part.reason or f"two branches changed the same entry of {self.path or 'the object'}")

    # ---- strategies that look at more than the candidates ---------------------------------------------------------

    def _three_way(self, _strategy: Strategy, candidates: list[Candidate]) -> _Answer:
        branches = sorted({candidate.branch for candidate in candidates})
        who = " and ".join(branches) if len(branches) > 1 else f"{len(candidates)} writes by {branches[0]}"
        return _Answer(outcome="conflict", reason=f"{who} changed it differently from one base")

    def _follow_field(self, strategy: Strategy, candidates: list[Candidate]) -> _Answer:
        leader = strategy.options["field"]
        winners = frozenset(self.winner_of.get(leader, ()))
        followed = [candidate for candidate in candidates if candidate.version in winners]
        if followed and len(distinct(followed)) == 1:
            return _taken(followed)
        return _Answer(outcome="conflict", reason=f"no single version among them won {leader}")

    def _write_once(self, strategy: Strategy, candidates: list[Candidate]) -> _Answer:
        return self._chosen(strategy, choosing.first_writer_wins(candidates, {}))

    def _custom(self, strategy: Strategy, candidates: list[Candidate]) -> _Answer:
        name = strategy.options["function"]
        try:
            function = self.customs.get(name) or _imported(name)
            first, second = (function(*self._copied(candidates)) for _ in range(2))
        except Exception as fault:  # noqa: BLE001 - the function is the user's
            return _Answer(outcome="conflict", reason=f"{name} raised {type(fault).__name__}")
        if isinstance(first, Conflict):
            return _Answer(outcome="conflict", reason=first.reason)
        if isinstance(second, Conflict) or key(first) != key(second):
            return _Answer(outcome="conflict", reason=f"{name} gave two answers to one question: it is not pure")
        return _joined(_copy(first), candidates, of_all=False)  # what it keeps of it is its own affair

    def _copied(self, candidates: list[Candidate]) -> tuple[Any, tuple[Candidate, ...]]:
        """Base and candidates in values of their own: what a function does to them is done to nobody else."""
        return _copy(self.base.value), tuple(
            replace(candidate, value=_copy(candidate.value)) for candidate in candidates
        )

    def _quarantine(self, _strategy: Strategy, _candidates: list[Candidate]) -> _Answer:
        return _Answer(outcome="conflict")

    def _keep_base(self, _strategy: Strategy, _candidates: list[Candidate]) -> _Answer:
        return _Answer(outcome="base", value=self.base.value)


def _taken(candidates: Sequence[Candidate]) -> _Answer:
    return _Answer(
        outcome="taken", value=candidates[0].value, winners=tuple(candidate.version for candidate in candidates)
    )


def _joined(value: Any, candidates: Sequence[Candidate], *, of_all: bool) -> _Answer:
    """A value that was made of all candidates; or, if not, and some said just that, taken from those."""
    if isinstance(value, Conflict):
        return _Answer(outcome="conflict", reason=value.reason)
    same = [candidate for candidate in candidates if key(candidate.value) == key(value)]
    if same and not of_all:
        return _taken(same)
    return _Answer(outcome="merged", value=value, winners=tuple(candidate.version for candidate in candidates))


def _copy(value: Any) -> Any:
    """A JSON value of one's own, whatever it was made of."""
    return value if value is ABSENT else decode(key(value))


def _imported(name: str) -> Custom:
    module, _, function = name.partition(":")
    found: Custom = getattr(importlib.import_module(module), function)
    return found
