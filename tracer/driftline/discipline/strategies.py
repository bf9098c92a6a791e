"""The strategies for values that were written concurrently: one entry each, and nowhere else a list of them.

*Candidates* are the values that branches wrote from the same base. Those below the confidence floor are dropped first.
If one is left, or all are equal, that is the value; only then does a strategy decide. What its tie-break cannot decide
is a conflict, and goes to the strategy's fallback: no winner is ever arbitrary.
"""

from __future__ import annotations

from typing import Final

from driftline.discipline.definitions import Option, StrategyDefinition

#: What may decide between equally good candidates, in the order in which a policy lists them.
TIE_BREAKS: Final[dict[str, str]] = {
    "confidence": "the higher declared confidence",
    "fidelity": "the higher declared fidelity",
    "source": "the source that stands first in the policy's `sources`",
    "latest": "the later in the order of commits",
    "earliest": "the earlier in the order of commits",
    "branch": "the branch whose name comes first in the alphabet",
}

_SAME_KEY: Final = Option(
    "same_key", "strategy", "what decides where two branches changed the entry of one key", "three-way"
)
_KEY: Final = Option("key", "text", "the member that identifies an entry; without it, the whole entry does")

_ALL: Final = (
    StrategyDefinition(
        name="three-way",
        standard="three-way merge (diff3; Dolt, git)",
        text="If only one branch changed the field from its base, its value is taken; if all changed it alike, that"
        " value; else it is a conflict.",
        plain="If only one branch changed it, that value is kept; if two changed it differently, it is a conflict",
    ),
    StrategyDefinition(
        name="last-writer-wins",
        standard="LWW-Register (Johnson and Thomas 1975; Shapiro et al. 2011)",
        text="The greatest in the order of commits, then the branch's name. Every other update is thrown away, and the"
        " decision is flagged as lossy.",
        plain="The latest commit is kept and every other is lost",
        lattice=True,
        lossy=True,
        settles=True,
        tie_break=("latest", "branch"),
    ),
    StrategyDefinition(
        name="first-writer-wins",
        standard="oldest value (Reltio); first-committer-wins (Berenson et al. 1995)",
        text="The smallest in the order of commits, then the branch's name.",
        plain="The earliest commit is kept and every later one is lost",
        lattice=True,
        lossy=True,
        settles=True,
        tie_break=("earliest", "branch"),
    ),
    StrategyDefinition(
        name="most-recent-valid",
        standard="recency by valid time (Reltio; Snodgrass 1999)",
        text="The candidate whose own version says the latest valid time; when it arrived never counts. A candidate"
        " without one comes last.",
        plain="The value that says it is valid from the latest time is kept, whenever it arrived",
        options=(
            Option("valid_time", "field", "the field that says since when the object is valid", required=True),
        ),
        tie_break=("confidence", "source"),
    ),
    StrategyDefinition(
        name="source-priority",
        standard="source system priority (Reltio survivorship)",
        text="The first source of the list that gave a filled value. `*` stands for all sources not named.",
        plain="The value of the source that stands first in the list is kept",
        options=(Option("sources", "texts", "sources from the most to the least trusted; by default, the policy's"),),
        tie_break=("confidence",),
    ),
    StrategyDefinition(
        name="highest-confidence",
        standard="trust score (Informatica MDM)",
        text="The greatest declared confidence, aged and downgraded as the options say. A candidate without one comes"
        " last.",
        plain="The value of the highest confidence is kept",
        options=(
            Option("floor", "share", "a candidate below it is dropped; by default, the policy's min_confidence"),
            Option("decay_over", "duration", "over this time a confidence falls evenly from its value to decay_to"),
            Option("decay_to", "share", "how low it falls", 0.0),
            Option("downgrade", "share", "the share taken off the confidence of a value that breaks the schema", 0.0),
        ),
        tie_break=("source",),
    ),
    StrategyDefinition(
        name="most-complete",
        standard="most complete (record survivorship in master data management)",
        text="A filled value before an empty one, then the most filled leaves, then the longest.",
        plain="The value that says the most is kept",
        tie_break=("confidence", "source"),
    ),
    StrategyDefinition(
        name="majority-vote",
        standard="frequency (Reltio); weighted voting (Gifford 1979)",
        text="The value on which branches with more than the quorum of all weight agree.",
        plain="The value that most branches agree on is kept",
        options=(
            Option("quorum", "share", "the share of the weight that the winner must exceed", 0.5),
            Option("weights", "weights", "the weight of each source; 1 where it is not named"),
        ),
        tie_break=(),
    ),
    StrategyDefinition(
        name="union",
        standard="OR-Set, add-wins or remove-wins (Shapiro et al. 2011); aggregation (Reltio)",
        text="The entries that any branch added and none removed; `bias` says which of the two wins for one entry.",
        plain="What any branch added is kept",
        options=(
            _KEY,
            Option(
                "bias",
                "choice",
                "what wins where one branch removes an entry that another adds or changes",
                "add-wins",
                choices=("add-wins", "remove-wins"),
            ),
            _SAME_KEY,
        ),
        lattice=True,
        fits=("array", "object"),
    ),
    StrategyDefinition(
        name="append",
        standard="append-only log merge (LangGraph `operator.add`; grow-only set in causal order)",
        text="The entries of the base, then what each branch added, in causal and then in commit order; an entry that"
        " is there already is not added again.",
        plain="What each branch added stands one after the other, each entry once",
        options=(_KEY,),
        fits=("array",),
    ),
    StrategyDefinition(
        name="map-merge",
        standard="recursive JSON merge (Dolt)",
        text="A mapping is merged key by key; a key that two branches changed goes to `same_key`.",
        plain="It is merged key by key",
        options=(_SAME_KEY,),
        fits=("object",),
    ),
    StrategyDefinition(
        name="multi-value",
        standard="MV-Register (Shapiro et al. 2011); Automerge conflicts",
        text="All distinct values are kept side by side until a later write resolves them.",
        plain="All values are kept side by side",
        lattice=True,
        settles=True,
    ),
    StrategyDefinition(
        name="max",
        standard="max register, a join semilattice",
        text="The greatest number, or the last text in order of code points.",
        plain="The greatest value is kept",
        lattice=True,
        fits=("number", "string"),
    ),
    StrategyDefinition(
        name="min",
        standard="min register, a meet semilattice",
        text="The smallest number, or the first text in order of code points.",
        plain="The smallest value is kept",
        lattice=True,
        fits=("number", "string"),
    ),
    StrategyDefinition(
        name="counter",
        standard="PN-Counter (Shapiro et al. 2011)",
        text="The base plus what each branch added to it. A candidate counts once, by its version; equal candidates"
        " of two branches count twice.",
        plain="What each branch added is summed",
        fits=("number",),
    ),
    StrategyDefinition(
        name="any",
        standard="boolean OR, enable-wins flag",
        text="True if one candidate is true.",
        plain="It is true if one branch says so",
        lattice=True,
        fits=("boolean",),
    ),
    StrategyDefinition(
        name="all",
        standard="boolean AND, disable-wins flag",
        text="True if every candidate is true.",
        plain="It is true if every branch says so",
        lattice=True,
        fits=("boolean",),
    ),
    StrategyDefinition(
        name="follow-field",
        standard="other attribute winner (Reltio)",
        text="The value of the branch that won another field, so that no object is half one branch's and half the"
        " other's.",
        plain="It comes from the branch that wins the field it follows",
        options=(Option("field", "field", "the field to follow", required=True),),
    ),
    StrategyDefinition(
        name="write-once",
        standard="immutable register; write-once (single assignment)",
        text="The first value stays; a second one that differs is rejected.",
        plain="The first value stays and another one is rejected",
    ),
    StrategyDefinition(
        name="custom",
        standard="resolution function (Bleiholder and Naumann 2008)",
        text="A pure function of base and candidates, named in code; it gives a value, or says that it is a conflict."
        " It is only ever taken from a policy that the user names, never from a trace.",
        plain="A function of the project decides",
        options=(Option("function", "function", "the function", required=True),),
    ),
    StrategyDefinition(
        name="quarantine",
        standard="conflict set aside (Nessie NORMAL)",
        text="No winner: the candidates are set aside for somebody to decide, and the value before them stays.",
        plain="The value before stays and the candidates are set aside for somebody to decide",
        settles=True,
    ),
    StrategyDefinition(
        name="keep-base",
        standard="no winner (Nessie DROP)",
        text="The value that all of them started from stays; every candidate is dropped.",
        plain="The value that they started from stays",
        lossy=True,
        settles=True,
    ),
)  # fmt: skip

#: Every strategy by name.
STRATEGIES: Final[dict[str, StrategyDefinition]] = {definition.name: definition for definition in _ALL}
