"""The checks of the gate that a version passes before it is promoted: one entry each, and no other list of them."""

from __future__ import annotations

from typing import Final

from driftline.discipline.definitions import CheckDefinition, Option

_ALL: Final = (
    CheckDefinition(
        name="schema",
        standard="schema test",
        text="The object is valid by the JSON Schema of its type.",
        default="quarantine",
    ),
    CheckDefinition(
        name="completeness",
        standard="not-null constraint",
        text="Every required field is there and filled.",
        default="quarantine",
        rules=("incomplete-object",),
    ),
    CheckDefinition(
        name="atomicity",
        standard="torn write",
        text="The unit that the write is part of has committed whole.",
        default="quarantine",
        rules=("partial-write",),
    ),
    CheckDefinition(
        name="reference",
        standard="foreign key",
        text="Every object that it refers to exists in the state that it is promoted into.",
        default="quarantine",
        rules=("dangling-reference",),
    ),
    CheckDefinition(
        name="orphan",
        standard="foreign-key violation after a merge",
        text="No object that it refers to has been removed by another branch since, and nothing that is live refers"
        " to an object that it removes.",
        default="quarantine",
        rules=("orphan-reference", "delete-while-referenced"),
    ),
    CheckDefinition(
        name="base-version",
        standard="compare-and-set; first-committer-wins",
        text="For every field that it sets, its base is the version that stands; else reconciliation must have"
        " decided.",
        default="warn",
        rules=("stale-base",),
    ),
    CheckDefinition(
        name="read-set",
        standard="backward validation (optimistic concurrency control, Kung and Robinson 1981)",
        text="Every version that it was derived from is still current, and all of them stood at one moment.",
        default="warn",
        rules=("stale-derivation", "write-skew"),
    ),
    CheckDefinition(
        name="lineage-present",
        standard="provenance completeness",
        text="It names its version, its parents, its branch and its time, and is no deeper than allowed.",
        default="warn",
        options=(Option("max_depth", "count", "the greatest mutation depth allowed; without it, any"),),
    ),
    CheckDefinition(
        name="fidelity",
        standard="regression check",
        text="It does not put a poorer value over a richer one from a stale base.",
        default="quarantine",
        options=(Option("shrink", "share", "below this share of the size or filled leaves a value is poorer", 0.5),),
        rules=("fidelity-loss",),
    ),
    CheckDefinition(
        name="confidence",
        standard="threshold",
        text="Its declared confidence is not below the floor.",
        default="reject",
        options=(Option("floor", "share", "the least confidence; by default, the policy's min_confidence"),),
        rules=("confidence-inversion",),
    ),
    CheckDefinition(
        name="freshness",
        standard="freshness bound",
        text="No version that it was derived from is older than allowed.",
        default="off",
        options=(Option("max_age", "duration", "the greatest age of an input", required=True),),
    ),
    CheckDefinition(
        name="phase-order",
        standard="temporal isolation",
        text="It is written in its phase, from the promoted output of the phases before it.",
        default="quarantine",
        rules=("phase-violation", "live-compression", "unpromoted-read"),
    ),
    CheckDefinition(
        name="duplicate",
        standard="idempotency key",
        text="No other branch has finished the same task before.",
        default="warn",
        rules=("duplicated-work",),
    ),
    CheckDefinition(
        name="values",
        standard="check constraint (accepted values, range, unique)",
        text="Every field keeps the rules that its type states for it, and immutable fields are as they were.",
        default="quarantine",
        rules=("snapshot-mutation",),
    ),
)  # fmt: skip

#: Every check by name.
CHECKS: Final[dict[str, CheckDefinition]] = {definition.name: definition for definition in _ALL}

#: The names of rules that may stand for the check that holds back what they find.
ALIASES: Final[dict[str, str]] = {rule: definition.name for definition in _ALL for rule in definition.rules}
