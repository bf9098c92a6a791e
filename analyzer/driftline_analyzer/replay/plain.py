"""The writes that are promoted as they are, without asking the discipline: as it would have decided them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from driftline.discipline.candidates import Base, Candidate
from driftline.discipline.pipeline import Decision
from driftline.discipline.proposals import Proposal
from driftline.discipline.reconcile import FieldDecision
from driftline.values import ABSENT
from driftline_analyzer.database import sql
from driftline_analyzer.replay import records
from driftline_analyzer.replay.told import Told, value_of

if TYPE_CHECKING:
    from driftline_analyzer.workspace import Workspace

#: The state of the objects that were not decided in Python, by object; a row for each field that stands.
_STATES: Final = """
WITH own AS (FROM proposal ANTI JOIN deciding USING (o)),
did AS (
    SELECT s.e, bool_or(s.changed) AS changed, count(*) FILTER (w.op <> 'delete' OR s.standing IS NOT NULL) AS fields
    FROM setting AS s JOIN own AS w ON w.e = s.e GROUP BY s.e
),
settling AS (  -- a write that changes nothing is no new version, unless it is the first, or there was nothing to change
    SELECT w.o, arg_max({'e': w.e, 'op': w.op}, {'pos': w.pos, 'e': w.e}) AS last
    FROM own AS w JOIN first ON first.o = w.o LEFT JOIN did ON did.e = w.e
    WHERE did.changed OR first.e = w.e OR coalesce(did.fields, 0) = 0
    GROUP BY w.o
),
standing AS (
    SELECT o, f, arg_max({'e': e, 'digest': digest}, {'pos': pos, 'e': e}) AS set
    FROM setting ANTI JOIN deciding USING (o) GROUP BY o, f
)
SELECT o.object, o.type, coalesce(e.label, e.version::VARCHAR, '') AS version, s.last.op = 'delete' AS removed,
    (SELECT list({'path': p.path, 'value': coalesce(f.value, twin.value), 'digest': f.digest, 'size': f.size,
            'leaves': f.leaves} ORDER BY p.path)
        FROM standing AS t JOIN path AS p ON p.f = t.f JOIN field AS f ON f.e = t.set.e AND f.f = t.f
        LEFT JOIN twin ON twin.digest = f.digest AND f.value IS NULL
        WHERE t.o = s.o AND t.set.digest IS NOT NULL) AS fields
FROM settling AS s JOIN object AS o ON o.o = s.o JOIN event AS e ON e.e = s.last.e
ORDER BY o.object
"""


def plain(workspace: Workspace) -> Iterator[tuple[Told, Decision]]:
    """These writes with their decisions, in the order of decisions."""
    for row in workspace.rows(sql("replay", "plain")):
        yield _decided(row)


def _decided(row: tuple[Any, ...]) -> tuple[Told, Decision]:
    (ordinal, e, event, op, object_id, type_, version, position, branch, branch_id, phase, clock, confidence, fidelity,
     source, cells) = row  # fmt: skip
    fields = []
    for cell in cells or ():
        own = value_of(cell["value"], cell["digest"], cell["size"], cell["leaves"])
        stood = value_of(cell["was_value"], cell["standing"], cell["was_size"], cell["was_leaves"])
        candidate = Candidate(
            value=own, version=version, branch=branch, order=ordinal, confidence=confidence, fidelity=fidelity,
            source=source, time=clock,
        )  # fmt: skip
        changed = cell["changed"]
        fields.append(
            FieldDecision(
                path=cell["path"], base=Base(stood, cell["started"]), candidates=(candidate,),
                outcome="taken" if changed else "kept", value=own if changed else stood,
                winners=(version,) if changed else (), rule="only-change" if changed else "unanimous",
            )
        )  # fmt: skip
    proposal = Proposal(
        event=event, op=op, object=object_id, type=type_, version=version, position=position, order=ordinal,
        branch=branch, branch_id=branch_id, phase=phase, time=clock,
    )  # fmt: skip
    decision = Decision(
        event=event, object=object_id, version=version, branch=branch, verdict="promoted", fields=tuple(fields)
    )
    return Told(e, ordinal, proposal), decision


def plain_states(workspace: Workspace) -> Iterator[dict[str, Any]]:
    """The state of these objects, by id, as `records.state` gives it."""
    for object_id, type_, version, removed, cells in workspace.rows(_STATES):
        found = {
            cell["path"]: value_of(cell["value"], cell["digest"], cell["size"], cell["leaves"]) for cell in cells or ()
        }
        shown = {path: records.value(value) for path, value in found.items() if value is not ABSENT}
        yield {"object": object_id, "type": type_, "version": version, "removed": removed, "fields": shown}
