"""The tables and keys of a policy: what `reading.py` takes, and what docs/policy.md lists. No other list of them."""

from __future__ import annotations

from typing import Final

import msgspec


class Key(msgspec.Struct, frozen=True):
    """One key of a table.

    Attributes:
        name: The key.
        takes: What its value may be, as a phrase.
        default: What holds where it is not stated, as a phrase.
        says: What it means, as a sentence.
    """

    name: str
    takes: str
    default: str
    says: str


class Table(msgspec.Struct, frozen=True):
    """One table of a policy.

    Attributes:
        heading: As TOML writes it.
        says: What it is for, as sentences.
        keys: Its keys; empty where they are names of the user's or defined elsewhere.
    """

    heading: str
    says: str
    keys: tuple[Key, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its keys."""
        return tuple(key.name for key in self.keys)


#: Every table by the name of its key.
TABLES: Final[dict[str, Table]] = {
    "phases": Table(
        "[phases]",
        "The phases of a run. A phase rests only on what the phases before it have promoted.",
        (
            Key(
                "order",
                "a list of names, each once",
                '`["reasoning", "enrichment", "compression", "orchestration"]`',
                "The phases from first to last. A phase that is not listed is held to no order.",
            ),
        ),
    ),
    "reconcile": Table(
        "[reconcile]",
        "What becomes of a field that several branches wrote from the same base, where no field says more.",
        (
            Key("default", "a strategy", "`three-way`", "The strategy for every field that has none of its own."),
            Key(
                "fallback",
                "the name of a strategy that always settles: FALLBACKS",
                "`quarantine`",
                "What settles a conflict that a strategy and its tie-breaks cannot decide.",
            ),
            Key(
                "min_confidence",
                "a number from 0 to 1",
                "`0`",
                "A write that declares a lower confidence has no say: its fields are discarded before anything is"
                " compared. One that declares none is heard.",
            ),
            Key(
                "sources",
                "a list of names, each once",
                '`["*"]`',
                "Sources from the most to the least trusted; `*` stands for all that are not named. `source-priority`"
                " and the tie-break `source` go by it.",
            ),
        ),
    ),
    "types": Table(
        "[types.NAME]",
        "What holds for the objects of one type.",
        (
            Key(
                "required",
                "a list of fields (JSON Pointers)",
                "none",
                "The fields that a finished object must have, filled. A type that the policy names has its required"
                " fields from here alone; of others they are learned (DRF402).",
            ),
            Key(
                "schema",
                "the name of a JSON file beside the policy, or a JSON Schema as a table or as JSON text",
                "none",
                "A JSON Schema for the object as a whole. It may refer to parts of itself only; nothing is fetched.",
            ),
            Key(
                "references",
                "a table from field to type",
                "none",
                "The text at the field names an object of that type: as it stands if it begins with `TYPE/`, else with"
                " that put before it. A segment `*` stands for any one, also inside lists.",
            ),
            Key(
                "immutable",
                "true, or a list of fields",
                "none",
                "Fields that never change once they are set; true for the whole object.",
            ),
            Key("fields", "a table from field to a strategy or rules", "none", "See the next table."),
        ),
    ),
    "fields": Table(
        "[types.NAME.fields]",
        "What holds for one field, and for those below it: the name of a strategy, or a table with a strategy, its"
        " options and rules for the value. The key is a JSON Pointer in which a segment `*` stands for any one; of"
        " several that cover a field the longest speaks, and of equally long ones the one with fewer `*`.",
        (
            Key("strategy", "the name of a strategy", "that of `[reconcile]`", "How the field is reconciled."),
            Key(
                "tie_break",
                "a list of tie-breaks",
                "the strategy's own",
                "What decides between equally good candidates, in turn.",
            ),
            Key(
                "fallback",
                "the name of a strategy that always settles",
                "that of `[reconcile]`",
                "What settles a conflict of this field.",
            ),
            Key("accepted", "a list of values", "any value", "The only values that the field may have."),
            Key("minimum", "a number", "none", "The least number that it may be."),
            Key("maximum", "a number", "none", "The greatest number that it may be."),
            Key("unique", "true or false", "`false`", "Whether no two live objects of the type may have the same."),
        ),
    ),
    "gate": Table(
        "[gate]",
        "The checks that a version passes before it is promoted, each with what is done when it fails: an action, or a"
        " table with `action` and the check's options. The name of a rule may stand for the check that holds back what"
        " the rule finds.",
    ),
}

#: The tables that a policy consists of.
TOP: Final = ("phases", "reconcile", "types", "gate")
