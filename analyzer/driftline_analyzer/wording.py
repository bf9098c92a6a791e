"""What a finding says in words: its sentence, and what to do about it, from the templates in its rule's header."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from driftline_analyzer.catalogue import Rule

#: What a finding may be, for the `fix` lines of a rule's header; exactly one of each group fits a finding.
CASES: Final[tuple[frozenset[str], ...]] = (
    frozenset({"recorded", "inferred"}),  # its basis
    frozenset({"write", "patch", "merge", "delete", "read", "other"}),  # what the branch at fault did
    frozenset({"unit", "loose"}),  # whether in a unit
    frozenset(
        {"kin", "stranger"}
    ),  # whether one of the others forked the branch at fault, however long ago, or was forked by it
    frozenset({"none", "one", "several"}),  # how many others there are
)

#: What a message may speak of.
NAMES: Final = frozenset({"base", "basis", "branch", "fields", "object", "others", "task", "version"})
#: What a fix may speak of: `seen`, `stood` and `lost` are the versions at the base, at the head, and of what was lost.
FIX_NAMES: Final = NAMES - {"basis"} | {"seen", "stood", "lost"}

_OPERATIONS: Final = frozenset({"write", "patch", "merge", "delete", "read"})


class Basis(str):
    """The basis in a message's template: `{basis:A|B}` is A where it is recorded and B where it is inferred."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        recorded, _, inferred = spec.partition("|")
        return recorded if self == "recorded" else inferred


def names(
    *,
    branch: str,
    branch_id: str,
    others: Iterable[tuple[str, str]],
    object: str | None,  # noqa: A002 - the name in the template
    fields: Sequence[str],
    version: str | None,
    base: str | None,
    task: str | None,
    basis: str,
) -> dict[str, object]:
    """What the names in a message's template stand for.

    Args:
        branch: Name of the branch at fault.
        branch_id: Its id, which stands for the name where another branch has the same one.
        others: Names and ids of the others.
        object: Id of the object.
        fields: Paths of the fields.
        version: The version that was made or read.
        base: The version that the writer had seen.
        task: Name of the task.
        basis: `recorded` or `inferred`.
    """
    parties = list(others)
    known = sorted({name for name, _ in parties})
    same_name = branch in known  # then only ids tell the branches apart
    return {
        "branch": branch_id if same_name else branch,
        "object": object,
        "fields": listed([path or "the value" for path in fields], "no field"),
        "base": base,
        "version": version,
        "others": listed(sorted(id_ for _, id_ in parties) if same_name else known, "another branch"),
        "task": task,
        "basis": Basis(basis),
    }


def cases(*, basis: str, op: str, in_unit: bool, kin: bool, others: int) -> frozenset[str]:
    """Which of `CASES` fit a finding.

    Example:
        >>> sorted(cases(basis="inferred", op="task-start", in_unit=False, kin=False, others=2))
        ['inferred', 'loose', 'other', 'several', 'stranger']
    """
    return frozenset(
        {
            basis,
            op if op in _OPERATIONS else "other",
            "unit" if in_unit else "loose",
            "kin" if kin else "stranger",
            ("none", "one")[others] if others < 2 else "several",  # noqa: PLR2004
        }
    )


def message(rule: Rule, known: Mapping[str, object]) -> str:
    """A finding in one sentence, without a full stop."""
    return rule.message.format_map(known)


def fix(
    rule: Rule,
    fitting: frozenset[str],
    known: Mapping[str, object],
    *,
    head: str | None,
    lost: Iterable[str | None] = (),
) -> str:
    """What to do about a finding, in a sentence or two.

    Args:
        rule: Its rule.
        fitting: The cases that fit it.
        known: What `names` gave.
        head: The version that stood at the event at fault.
        lost: The versions that had set what was lost.
    """
    base, versions = known["base"], list(dict.fromkeys(version for version in lost if version is not None))
    more = {
        "seen": "what it had seen" if base is None else f"version {base}",
        "stood": "the newest version" if head is None else f"version {head}",
        "lost": listed(versions, "an earlier version", "versions " if len(versions) > 1 else "version "),
    }
    return " ".join(
        sentence.template.format_map({**known, **more}) for sentence in rule.fixes if sentence.cases <= fitting
    )


def listed(words: Sequence[str], none: str, lead: str = "") -> str:
    """A list in prose, cut after four.

    Args:
        words: Its items.
        none: What to say if there are none.
        lead: What to put before it.

    Example:
        >>> listed(["a", "b", "c"], "none"), listed([], "none"), listed(list("abcdef"), "none")
        ('a, b and c', 'none', 'a, b, c and 3 more')
    """
    if not words:
        return none
    shown = list(words) if len(words) <= 4 else [*words[:3], f"{len(words) - 3} more"]  # noqa: PLR2004 - fits a line
    return lead + (shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}")
