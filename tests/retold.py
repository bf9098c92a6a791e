"""What a live store recorded, told again to a fresh pipeline by a plain loop: the reference of "the same decisions".

Written from docs/discipline.md, and sharing nothing with the store: proposals are made of events alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from driftline import ABSENT
from driftline.discipline import Base, Policy
from driftline.discipline.pipeline import Decision, Pipeline
from driftline.discipline.proposals import Input, Proposal
from driftline.discipline.quarantine import Quarantine

Event = Mapping[str, Any]
Key = tuple[str, int]

PROPOSAL = "driftline.proposal"
RELEASE = "driftline.release"
WRITES = {"write", "patch", "merge", "delete"}
LANDED = {"promoted", "merged"}


class Retold:
    """A recorded run, told again.

    Args:
        events: All of it, as `Tape.events` gives them.
        policy: The policy of the store.

    Attributes:
        recorded: The verdict that the recording tells of each proposal, by object and version, in order.
        decided: The decision of the fresh pipeline, likewise.
        pipeline: That pipeline, as it ended.
        quarantine: What it set aside.
    """

    def __init__(self, events: Iterable[Event], policy: Policy) -> None:
        self.events = sorted(events, key=lambda event: (event["clock"], event["process"], event["seq"]))
        self.pipeline = Pipeline(policy)
        self.quarantine = Quarantine()
        self.recorded: dict[Key, str] = {}
        self.decided: dict[Key, Decision] = {}
        self._units = {event["unit"]: event for event in self.events if event["op"] == "unit-begin"}
        self._signatures = {event["task"]: event["signature"] for event in self.events if event["op"] == "task-start"}
        self._branches = {event["branch"]: event for event in self.events if event["op"] == "branch-start"}
        self._landed: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self._times: dict[Key, int] = {}
        self._proposals: dict[Key, Proposal] = {}
        self._mine = self._find_mine()
        self._read_verdicts()
        for place, event in enumerate(self.events):
            self._tell(place, event)

    # ---- what the recording says ------------------------------------------------------------------------------------

    def _find_mine(self) -> set[str]:
        """The writes that are the store's: proposals, and what is promoted by the same branch in its next event."""
        mine, last = set(), {}
        for event in self.events:
            before = last.get(event["branch"])
            promoted = event["op"] == "promote" and before is not None and before["op"] in WRITES
            if promoted and (before["object"], before["version"]) == (event["object"], event["version"]):
                mine.add(_id(before))
            if event["op"] in WRITES and self._is_proposal(event):
                mine.add(_id(event))
            last[event["branch"]] = event
        return mine

    def _read_verdicts(self) -> None:
        """Each proposal with what follows it."""
        proposed: set[Key] = set()
        for event in self.events:
            if event["op"] not in {*WRITES, "quarantine", "reject"} or (
                event["op"] in WRITES and _id(event) not in self._mine
            ):
                continue
            key = event["object"], event["version"]
            if event["op"] in WRITES and self._is_proposal(event):
                proposed.add(key)
                self.recorded[key] = "discarded"
            elif event["op"] == "merge" and key in proposed:
                self.recorded[key] = "merged"
            elif event["op"] in WRITES:
                self.recorded[key] = "released" if event.get("strategy") == RELEASE else "promoted"
            elif event["op"] in {"quarantine", "reject"}:
                self.recorded[key] = {"quarantine": "quarantined", "reject": "rejected"}[event["op"]]

    def _is_proposal(self, event: Event) -> bool:
        unit = event.get("unit")
        return unit is not None and self._units[unit]["name"] == PROPOSAL

    def _unit(self, event: Event) -> str | None:
        """The store's unit that a proposal counts as part of."""
        unit = event.get("unit")
        parent = self._units[unit].get("parent") if unit is not None and self._is_proposal(event) else unit
        return None if parent is None else str(parent)

    # ---- told again -------------------------------------------------------------------------------------------------

    def _tell(self, place: int, event: Event) -> None:
        op, pipeline = event["op"], self.pipeline
        if op == "branch-start":
            pipeline.begin_branch(event["branch"], event["name"], event.get("phase"), event.get("parent"))
        elif op == "branch-end":
            pipeline.end_branch(event["branch"], failed=event["status"] != "ok")
        elif op == "task-end" and event["status"] == "ok":
            pipeline.finish_task(self._signatures[event["task"]], event["branch"])
        elif op == "unit-commit":
            self._note(pipeline.commit_unit(event["unit"]))
        elif op == "unit-abort" and self._units[event["unit"]]["name"] != PROPOSAL:
            self._note(pipeline.abort_unit(event["unit"]))
        elif op in WRITES and _id(event) in self._mine:
            self._write(place, event)

    def _write(self, place: int, event: Event) -> None:
        key = object_id, version = event["object"], event["version"]
        if event.get("strategy") == RELEASE:
            set_aside = event["bases"][-1]["version"]
            (entry,) = (
                one for one in self.quarantine.waiting if (one.object, one.candidate) == (object_id, str(set_aside))
            )
            proposal = self.quarantine.anew(
                entry.number, event=_id(event), version=str(version), position=version, order=place,
                time=event["clock"], branch=self._branches[event["branch"]]["name"], branch_id=event["branch"],
            )  # fmt: skip
            decision = self.decided[key] = self.pipeline.release(proposal)
            self.quarantine.settle(entry.number, proposal, decision, by=event["source"], why=event["reason"])
        elif event["op"] == "merge" and key in self._proposals:
            pass  # the store's own result
        else:
            proposal = self._proposals[key] = self._proposal(place, event)
            self._times[key] = event["clock"]
            decision = self.pipeline.write(proposal)
            if proposal.unit is None:
                self._note([decision])
        if not self._is_proposal(event):
            self._land(event)

    def _note(self, decisions: Iterable[Decision]) -> None:
        for decision in decisions:
            key = decision.object, int(decision.version)
            self.decided[key] = decision
            self.quarantine.hold(self._proposals[key], decision, self.pipeline.world)

    def _land(self, event: Event) -> None:
        states = self._landed.setdefault(event["object"], [])
        fields = _fields(event)
        before = states[-1][1] if states and event["op"] == "patch" else {}
        after = {path: value for path, value in {**before, **fields}.items() if value is not ABSENT}
        states.append((event["version"], after))

    def _state(self, object_id: str, version: int) -> dict[str, Any]:
        return next((state for number, state in reversed(self._landed.get(object_id, [])) if number <= version), {})

    def _proposal(self, place: int, event: Event) -> Proposal:
        line, object_id, version = self._branches[event["branch"]], event["object"], event["version"]
        return Proposal(
            event=_id(event), op=event["op"], object=object_id, type=event.get("type"),
            version=str(version), position=version, order=place, branch=line["name"], branch_id=event["branch"],
            phase=line.get("phase"), time=event["clock"], fields=_fields(event), seen=self._seen(event),
            confidence=event.get("confidence"), fidelity=event.get("fidelity"), source=event.get("source"),
            references={item["path"]: item["object"] for item in event.get("references", ())},
            inputs=tuple(
                Input(
                    object=item["object"], position=item["version"],
                    time=self._times.get((item["object"], item["version"])),
                )
                for item in event.get("inputs", ())
            ),
            unit=self._unit(event), depth=event.get("depth"), signature=self._signatures.get(event.get("task")),
        )  # fmt: skip

    def _seen(self, event: Event) -> dict[str, Base]:
        """What its writer had seen of each field: what stood at the base, and what it had proposed itself since."""
        object_id, version, base = event["object"], event["version"], event["base"]
        paths = set(_fields(event))
        if event["op"] != "patch":
            paths |= set(self._state(object_id, version))
        unit = self._unit(event)
        mine = [
            proposal for (other, number), proposal in self._proposals.items()
            if other == object_id and base < number < version and proposal.branch_id == event["branch"]
            and ((unit is not None and proposal.unit == unit) or self._has_landed(other, number))
        ]  # fmt: skip
        if unit is not None:
            paths |= {
                path for (other, _), proposal in self._proposals.items()
                if other == object_id and proposal.unit == unit and event["op"] != "patch" for path in proposal.fields
            }  # fmt: skip
        state = self._state(object_id, base)
        seen = {path: Base(state.get(path, ABSENT), str(base)) for path in paths} if base else {}
        for proposal in mine:
            for path in paths:
                if path in proposal.fields:
                    seen[path] = Base(proposal.fields[path], proposal.version)
                elif proposal.op != "patch":
                    seen[path] = Base(ABSENT, proposal.version)
        return seen

    def _has_landed(self, object_id: str, version: int) -> bool:
        decision = self.decided.get((object_id, version))
        return decision is not None and decision.verdict in LANDED


def _id(event: Event) -> str:
    return f"{event['process']}:{event['seq']}"


def _fields(event: Event) -> dict[str, Any]:
    return {
        item["path"]: msgspec.json.decode(item["value"]) if "value" in item else ABSENT
        for item in event.get("fields", ())
    }


def differences(retold: Retold) -> list[str]:
    """Where the fresh pipeline decides otherwise than the recording says, one line each."""
    said = {"failed": "rejected"}
    out = []
    for key in {**retold.recorded, **retold.decided}:
        recorded = retold.recorded.get(key)
        decided = retold.decided.get(key)
        verdict = None if decided is None else said.get(decided.verdict, decided.verdict)
        if recorded == "released" and verdict in LANDED:
            continue  # a release says nothing of how
        if recorded != verdict:
            reason = "" if decided is None else f" ({decided.reason})"
            out.append(f"{key[0]}@{key[1]}: recorded {recorded}, decided {verdict}{reason}")
    return out
