"""What a definition of a strategy or of a gate check says: the shape of `strategies.py` and `checks.py`.

Validation, `driftline policy explain` and docs/policy.md are all made from these definitions; there is no other list.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

#: What the value of an option may be.
Kind = Literal[
    "count",  # a whole number, 0 or more
    "duration",  # seconds, or text such as "90s", "15m", "2h", "7d"
    "field",  # a JSON Pointer
    "function",  # "module:function"
    "share",  # a number from 0 to 1
    "strategy",  # the name of a strategy that needs no option itself
    "text",
    "texts",  # a list of text
    "weights",  # a table from text to a number above 0
    "choice",  # one of `Option.choices`
]

#: JSON types, as JSON Schema names them.
JsonType = Literal["string", "number", "boolean", "array", "object", "null"]

#: What is done when a check fails.
Action = Literal["off", "warn", "quarantine", "reject", "fail"]

ACTIONS: Final[dict[Action, str]] = {
    "off": "the check is not made",
    "warn": "the version is promoted, and a warning recorded",
    "quarantine": "the version is set aside, with reason, evidence and base, until it is released",
    "reject": "the write is refused; the version before it stays",
    "fail": "the write is refused and its branch has failed",
}

#: What each kind of option looks like, for error messages and the documentation.
KINDS: Final[dict[Kind, str]] = {
    "count": "a whole number, 0 or more",
    "duration": 'seconds, or text such as "90s", "15m", "2h" or "7d"',
    "field": 'a JSON Pointer such as "/summary"',
    "function": 'text such as "package.module:function"',
    "share": "a number from 0 to 1",
    "strategy": "the name of a strategy",
    "text": "text",
    "texts": "a list of text",
    "weights": "a table from name to a number above 0",
    "choice": "one of its choices",
}


class Option(msgspec.Struct, frozen=True):
    """One option of a strategy or of a gate check.

    Attributes:
        name: The key in the policy.
        kind: What its value may be.
        text: What it means, as a phrase.
        default: Its value where the policy states none; None if there is none.
        required: Whether the policy must state it.
        choices: The values of a `choice`.
    """

    name: str
    kind: Kind
    text: str
    default: object = None
    required: bool = False
    choices: tuple[str, ...] = ()


class StrategyDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy for values that were written concurrently.

    Attributes:
        name: As the policy writes it.
        standard: The name that the field has for it, and where it comes from.
        text: What it does, as a sentence or two.
        plain: What happens to a field, completing "the value kept is …" or a sentence of its own; for `policy explain`.
        options: Its options.
        lattice: Whether it is commutative, associative and idempotent on its candidates, so that the order in which
            they arrive never matters.
        lossy: Whether it may throw away a valid update without anybody having decided so.
        settles: Whether it always gives an outcome, so that it can be what others fall back to.
        fits: The JSON types that it can be used for; empty for all.
        tie_break: What decides between equally good candidates, by default (see `TIE_BREAKS`).
    """

    name: str
    standard: str
    text: str
    plain: str
    options: tuple[Option, ...] = ()
    lattice: bool = False
    lossy: bool = False
    settles: bool = False
    fits: tuple[JsonType, ...] = ()
    tie_break: tuple[str, ...] = ()


class CheckDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One check of the gate, made before a version is promoted.

    Attributes:
        name: As the policy writes it.
        standard: The name that the field has for it.
        text: What it checks, as a sentence.
        default: What is done when it fails, where the policy does not say.
        options: Its options.
        rules: Names of the rules that find what it would have held back; each may stand for its name in a policy.
    """

    name: str
    standard: str
    text: str
    default: Action
    options: tuple[Option, ...] = ()
    rules: tuple[str, ...] = ()
