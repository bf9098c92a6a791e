"""The quarantine: what is set aside, why, and how it is released."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from driftline import ABSENT
from driftline.discipline import Base, loads
from driftline.discipline.pipeline import Decision, Pipeline
from driftline.discipline.proposals import Proposal
from driftline.discipline.quarantine import Entry, Quarantine
from driftline.errors import DriftlineError


class Desk:
    """A pipeline and its quarantine, told of writes in a few words."""

    def __init__(self, policy: str = "") -> None:
        self.pipeline, self.quarantine, self.made = Pipeline(loads(policy)), Quarantine("run"), 0

    def proposal(self, branch: str, fields: dict[str, Any], seen: dict[str, Base], **said: Any) -> Proposal:
        self.made += 1
        return Proposal(
            event=f"p:{self.made}", op="patch", object="doc/1", type="doc", version=str(self.made),
            position=self.made, order=self.made, branch=branch, branch_id=f"{branch}#1", fields=fields, seen=seen,
            **said,
        )  # fmt: skip

    def write(self, branch: str, fields: dict[str, Any], seen: dict[str, Base] | None = None) -> Entry | None:
        proposal = self.proposal(branch, fields, seen or {})
        return self.quarantine.hold(proposal, self.pipeline.write(proposal), self.pipeline.world)

    def release(self, number: int, **seen: Base) -> tuple[Decision, Entry | None]:
        held = self.quarantine.anew(
            number, event="p:99", version="9", position=9, order=9, branch="person", branch_id="person#1"
        )
        held = replace(held, seen={f"/{name}": base for name, base in seen.items()})
        decision = self.pipeline.write(held)
        return decision, self.quarantine.settle(number, held, decision, by="Ada", why="b is right")


def conflict() -> Desk:
    desk = Desk()
    assert desk.write("m", {"/n": 0, "/m": 0}) is None
    assert desk.write("a", {"/n": 1}, {"/n": Base(0, "1")}) is None
    assert desk.write("b", {"/n": 2, "/m": 2}, {"/n": Base(0, "1"), "/m": Base(0, "1")}) is not None
    return desk


def test_of_a_merged_write_the_conflict_alone_is_set_aside() -> None:
    (entry,) = conflict().quarantine.entries
    assert (entry.number, entry.candidate, entry.base, entry.head, entry.branch) == (1, "3", "1", "3", "b")
    assert (entry.paths, entry.status, entry.evidence) == (("/n",), "held", ("p:3",))
    first, second = entry.rows()
    assert (first["gate"], first["path"], first["severity"], first["observed"]) == ("three-way", "/n", "error", "2")
    assert first["expected"] == "a decision between it and 1"
    assert (second["gate"], second["severity"]) == ("base-version", "warning")
    assert {row["run"] for row in (first, second)} == {"run"}


def test_a_release_is_a_new_entry_and_the_old_one_stays() -> None:
    desk = conflict()
    decision, entry = desk.release(1, n=Base(1, "2"))
    assert (decision.verdict, desk.pipeline.world.get("doc/1").values()) == ("promoted", {"/n": 2, "/m": 2})  # type: ignore[union-attr]
    assert entry is not None
    assert (entry.status, entry.answers, entry.released_by, entry.why) == ("released", 1, "Ada", "b is right")
    assert [one.status for one in desk.quarantine.entries] == ["held", "released"]
    assert desk.quarantine.waiting == ()
    assert next(entry.rows())["released_by"] == "Ada"
    with pytest.raises(DriftlineError, match="nothing is set aside under number 1"):
        desk.quarantine.proposal(1)


def test_what_changes_nothing_releases_nothing() -> None:
    desk = conflict()
    decision, entry = desk.release(1, n=Base(0, "1"))  # whoever releases has not seen what stands either
    assert (decision.verdict, entry) == ("quarantined", None)
    assert [one.number for one in desk.quarantine.waiting] == [1]


def test_what_a_gate_holds_back_is_set_aside_whole() -> None:
    desk = Desk('[types.doc]\nrequired = ["/body"]\n')
    entry = desk.write("a", {"/n": 1})
    assert entry is not None
    assert (entry.paths, entry.head, [reason.gate for reason in entry.reasons]) == ((), None, ["completeness"])
    assert desk.quarantine.proposal(1).fields == {"/n": 1}


def test_a_sound_write_of_a_unit_says_what_held_it_back() -> None:
    desk = Desk()
    good = desk.proposal("a", {"/n": 1}, {}, unit="u")
    bad = desk.proposal("a", {"/o": "x"}, {}, unit="u", references={"/o": "agent/1"})
    for proposal in (good, bad):
        desk.pipeline.write(proposal)
    held = [
        desk.quarantine.hold(proposal, decision, desk.pipeline.world)
        for proposal, decision in zip((good, bad), desk.pipeline.commit_unit("u"), strict=True)
    ]
    assert [entry.reasons[0].gate for entry in held if entry is not None] == ["atomicity", "reference"]


def test_what_is_refused_or_promoted_is_not_set_aside() -> None:
    desk = Desk('[types.doc]\nrequired = ["/body"]\n[gate]\ncompleteness = "reject"\n')
    assert desk.write("a", {"/n": 1}) is None
    assert desk.write("a", {"/body": 1}) is None
    assert desk.quarantine.entries == ()


def test_it_is_made_again_of_what_it_held() -> None:
    desk = conflict()
    kept = [(entry, desk.quarantine.proposal(entry.number)) for entry in desk.quarantine.entries]
    desk.quarantine = Quarantine("run", kept)
    assert desk.release(1, n=Base(1, "2"))[1] is not None
    assert [entry.status for entry in desk.quarantine.entries] == ["held", "released"]


def test_a_conflict_over_a_removal_shows_that() -> None:
    desk = Desk()
    desk.write("m", {"/n": 0})
    desk.write("a", {"/n": 1}, {"/n": Base(0, "1")})
    entry = desk.write("b", {"/n": ABSENT}, {"/n": Base(0, "1")})
    assert entry is not None
    assert entry.reasons[0].observed == "absent"
