"""What tracked objects refer to: by declared paths, and by holding other tracked objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from tape import Tape

import driftline as dl


def references(tape: Tape) -> list[list[str]]:
    """What each write refers to."""
    return [
        [f"{item['path']}={item['object']}" for item in event.get("references", ())]
        for event in tape.events("write", "patch")
    ]


def test_a_star_stands_for_any_one_segment(tape: Tape) -> None:
    with tape.record():
        ctx: Any = dl.track(
            {"facts": [{"entity": "e/1"}, {"entity": ""}, "text"], "by": {"a": {"who": "w/1"}}},
            id="doc/1",
            references=["/facts/*/entity", "/by/*/who"],
        )
        ctx["facts"].append({"entity": "e/2"})
        ctx["by"]["b"] = {"who": "w/2"}
        ctx["by"]["a"]["who"] = "w/3"
        ctx["facts"] = []

    assert references(tape) == [
        ["/facts/0/entity=e/1", "/by/a/who=w/1"],
        ["/facts/0/entity=e/1", "/facts/3/entity=e/2"],
        ["/by/b/who=w/2"],
        ["/by/a/who=w/3"],
        [],
    ]


def test_a_list_by_itself_refers_too(tape: Tape) -> None:
    with tape.record():
        items = dl.track([{"who": "w/1"}], id="l/1", references=["/*/who"])
        items[0]["who"] = "w/2"

    assert references(tape) == [["/0/who=w/1"], ["/0/who=w/2"]]


@pytest.mark.parametrize("pattern", ["owner", "/a~2"])
def test_what_is_no_pointer_is_refused(pattern: str) -> None:
    with pytest.raises(dl.DriftlineError, match=f"references='{pattern}'"):
        dl.track({}, references=[pattern])


@dataclass
class Agent:
    name: str = "a"


@dataclass
class Team:
    lead: Any = None
    members: list[Any] = field(default_factory=list)


def test_a_tracked_object_inside_another_is_a_reference_and_keeps_its_own_history(tape: Tape) -> None:
    with tape.record():
        agent = dl.track(Agent(), id="agent/1")
        notes = dl.track({"n": 1}, id="notes/1")
        team = dl.track(Team(agent, [agent, {"deep": notes}]), id="team/1")
        assert team.lead is agent
        assert team.members[1]["deep"] is notes
        team.lead.name = "b"
        team.members[1]["deep"]["n"] = 2
        team.members.append(dl.track(["x"], id="list/1"))
        team.members[2].append("y")

    team_1, team_2 = tape.events("write", "patch")[2], tape.events("patch")[2]
    assert [item["value"] for item in team_1["fields"]] == [
        '{"$ref":"agent/1"}',
        '[{"$ref":"agent/1"},{"deep":{"$ref":"notes/1"}}]',
    ]
    assert [item["value"] for item in team_2["fields"]] == [
        '[{"$ref":"agent/1"},{"deep":{"$ref":"notes/1"}},{"$ref":"list/1"}]',
    ]
    assert references(tape)[2:] == [
        ["/lead=agent/1", "/members/0=agent/1", "/members/1/deep=notes/1"],
        [],
        [],
        [],
        ["/members/0=agent/1", "/members/1/deep=notes/1", "/members/2=list/1"],
        [],
    ]
    assert [f"{event['object']}@{event['version']}" for event in tape.events("patch")] == [
        "agent/1@2",
        "notes/1@2",
        "team/1@2",
        "list/1@2",
    ]


def test_what_is_tracked_later_becomes_a_reference_where_it_had_been_given_out(tape: Tape) -> None:
    with tape.record():
        team = dl.track(Team(Agent()), id="team/1")
        agent = team.lead
        dl.track(agent, id="agent/1")
        agent.name = "b"

    assert tape.lines("write", "patch", without=("type", "depth")) == [
        'main#1 write team/1@1 <-? /lead/name="a" /members=[]',
        'main#1 write agent/1@1 <-? /name="a"',
        'main#1 patch team/1@2 <1? ref:/lead=agent/1 /lead/name=~ /lead={"$ref":"agent/1"}',
        'main#1 patch agent/1@2 <1? /name="b"',
    ]


def test_an_object_may_hold_itself(tape: Tape) -> None:
    with tape.record():
        team = dl.track(Team(), id="team/1")
        team.lead = team
        team.members.append(team)
        ctx: Any = dl.track({}, id="doc/1")
        ctx["self"] = ctx
        own: list[Any] = []
        own.append(own)
        ctx["own"] = own

    assert team.lead.lead.members[0] is team
    assert ctx["self"]["self"] is ctx
    assert tape.record_of_process().faults == {}
    assert tape.lines("patch", without=("type", "depth")) == [
        'main#1 patch team/1@2 <1? ref:/lead=team/1 /lead={"$ref":"team/1"}',
        'main#1 patch team/1@3 <1? ref:/members/0=team/1 /members=[{"$ref":"team/1"}]<2?',
        'main#1 patch doc/1@2 <1? ref:/self=doc/1 /self={"$ref":"doc/1"}',
        'main#1 patch doc/1@3 <1? /own=[{"$type":"driftline.cycle"}]',
    ]
