"""Findings as Python objects: what is known of one drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from driftline_analyzer.catalogue import Rule, Severity
from driftline_analyzer.changes import Change
from driftline_analyzer.times import iso


@dataclass(frozen=True)
class Party:
    """Another branch that a finding is about.

    Attributes:
        branch: Its name.
        branch_id: Its id, unique in the run.
    """

    branch: str
    branch_id: str


@dataclass(frozen=True)
class Blast:
    """What a finding went on to contaminate.

    Attributes:
        versions: Number of later versions that hold, or were derived from, a field that it got wrong.
        branches: Number of branches that read such a field.
        objects: Number of objects with such a version.
        outputs: The objects that still hold one at the end, by id; the first `blast.NAMED` of them.
        output_count: Number of such objects.
        version_ids: Those versions, `OBJECT@VERSION`, in clock order; where there are more than `blast.NAMED`, so many
            of those whose branches were reached first.
        branch_ids: Ids of those branches in the order in which it reached them; the first `blast.NAMED` of them.
    """

    versions: int
    branches: int
    objects: int
    outputs: tuple[str, ...]
    output_count: int
    version_ids: tuple[str, ...] = ()
    branch_ids: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As part of a finding in JSON."""
        return {
            "versions": self.versions,
            "version_ids": list(self.version_ids),
            "branches": self.branches,
            "branch_ids": list(self.branch_ids),
            "objects": self.objects,
            "outputs": list(self.outputs),
            "output_count": self.output_count,
        }


@dataclass(frozen=True)
class Finding:
    """One drift that a rule found.

    Attributes:
        number: Its place among all findings of the trace, from 1, by time.
        rule: The rule.
        object: Id of the object, or None (duplicated work has none).
        type: The object's type, or None.
        fields: JSON Pointers of the fields at fault.
        version: The version that the write made, or that was read; None for neither.
        base: The version that the writer had seen, or None.
        head: The version that stood just before, when it wrote or when it read; None where there was none, or the trace
            has no order.
        branch: Name of the branch at fault.
        branch_id: Its id.
        others: The other branches.
        time: Of the event at fault, in nanoseconds since 1970.
        message: The finding in one sentence.
        fix: What to do about it, in a sentence or two.
        changes: What became of each field, by path; of the first `pipeline.STAKE_FIELDS` fields.
        basis: `recorded` if every fact was recorded, `inferred` if the base was worked out.
        evidence: Event ids, `PROCESS:SEQ`; the event at fault first.
        also: The other rules that see the same event, by code; those that gave way to this one among them.
        part_of: The rule whose finding at the same event speaks for this one, since both are of one fault; None if this
            one speaks itself.
        blast: What it contaminated; None if it was not followed.
        fingerprint: The same from run to run for the same drift.
    """

    number: int
    rule: Rule
    object: str | None
    type: str | None
    fields: tuple[str, ...]
    version: str | None
    base: str | None
    head: str | None
    branch: str
    branch_id: str
    others: tuple[Party, ...]
    time: int
    message: str
    fix: str
    changes: tuple[Change, ...]
    basis: str
    evidence: tuple[str, ...]
    also: tuple[Rule, ...]
    part_of: Rule | None
    blast: Blast | None
    fingerprint: str

    @property
    def code(self) -> str:
        """The rule's code, `DRF101`."""
        return self.rule.code

    @property
    def severity(self) -> Severity:
        """The rule's severity."""
        return self.rule.severity

    def as_json(self) -> dict[str, Any]:
        """The finding as `driftline analyze --format json` prints it."""
        return {
            "code": self.code,
            "rule": self.rule.name,
            "severity": self.severity,
            "object": self.object,
            "type": self.type,
            "fields": list(self.fields),
            "version": self.version,
            "base": self.base,
            "head": self.head,
            "branch": self.branch,
            "branch_id": self.branch_id,
            "others": [other.branch for other in self.others],
            "other_ids": [other.branch_id for other in self.others],
            "time": iso(self.time),
            "message": self.message,
            "fix": self.fix,
            "changes": [change.as_json() for change in self.changes],
            "basis": self.basis,
            "evidence": list(self.evidence),
            "also": [known.name for known in self.also],
            "part_of": self.part_of and self.part_of.name,
            "blast_radius": self.blast and self.blast.as_json(),
            "fingerprint": self.fingerprint,
        }
