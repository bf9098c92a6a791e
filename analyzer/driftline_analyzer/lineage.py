"""`lineage`: from any value up to everything that it was derived from, or down to everything that was derived from it.

One step at a time (`causes`, `effects`), so that the browser can expand lazily; `lineage` takes the steps to a depth.
What was declared is told from what was inferred: inputs that a write names are recorded; where it names none,
everything that its branch had read in the same task (outside any task: since the branch began) counts, marked
inferred.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from driftline_analyzer.moments import Moment, codes, findings_at, moments, values
from driftline_analyzer.targets import Target, locate

if TYPE_CHECKING:
    from driftline_analyzer.analysis import Analysis

Direction = Literal["up", "down"]

#: How a node came to stand under its parent.
Relation = Literal["root", "base", "input", "read", "reader", "derived"]

_WIDTH: Final = 50  # children shown of one node


@dataclass(frozen=True)
class LineageNode:
    """One step of a lineage.

    Attributes:
        moment: The write or read.
        path: JSON Pointer of the field that the step is about, or None for the whole version.
        value: Canonical JSON of that field as this event wrote or read it; None for a whole version.
        relation: `root`; upwards `base` (what the field was before), `input` (declared) or `read` (the branch had read
            it); downwards `reader` (a branch that read it) or `derived` (what was written from it).
        inferred: Whether the step was worked out rather than declared.
        findings: Codes of the findings that this event is at fault for in this field.
        children: The next steps.
        repeated: Whether its children stand elsewhere in the tree, where the same step came first.
        more: How many further children there are that were left out.
    """

    moment: Moment
    path: str | None
    value: str | None
    relation: Relation
    inferred: bool
    findings: tuple[str, ...]
    children: tuple[LineageNode, ...] = ()
    repeated: bool = False
    more: int = 0

    def as_json(self) -> dict[str, Any]:
        """As `driftline lineage --format json` prints it."""
        return {
            "relation": self.relation,
            "inferred": self.inferred,
            "object": self.moment.object,
            "path": self.path,
            "value": self.value,
            **self.moment.as_json(),
            "findings": list(self.findings),
            "repeated": self.repeated,
            "more": self.more,
            "children": [child.as_json() for child in self.children],
        }


@dataclass(frozen=True)
class _Step:
    """A step before it is described: an event, perhaps one field of it, and how it follows."""

    e: int
    f: int | None
    relation: Relation
    inferred: bool


def lineage(analysis: Analysis, target: Target, direction: Direction = "up", *, depth: int = 8) -> LineageNode:
    """The lineage of a version or of one field of it.

    Args:
        analysis: The trace.
        target: The object; its version if not the newest; one field if not the whole version.
        direction: `up` to the causes, `down` to the victims.
        depth: How many steps at most.

    Returns:
        The tree. A step that comes up twice has its children at its first place only, so a cycle ends.

    Raises:
        DriftlineError: If the object, version or field is unknown or was never written.
    """
    root = root_step(analysis, target)
    # Breadth first, so that a step's children stand at its shallowest place.
    steps: list[tuple[_Step, int | None]] = [(root, None)]
    below: dict[int, list[int]] = {}
    cut: dict[int, int] = {}
    first: dict[tuple[int, int | None], int] = {(root.e, root.f): 0}
    repeated: set[int] = set()
    frontier = [0]
    for _ in range(depth):
        following: list[int] = []
        for at in frontier:
            step = steps[at][0]
            found = causes(analysis, step) if direction == "up" else effects(analysis, step)
            cut[at] = max(0, len(found) - _WIDTH)
            for child in found[:_WIDTH]:
                number = len(steps)
                steps.append((child, at))
                below.setdefault(at, []).append(number)
                if (child.e, child.f) in first:
                    repeated.add(number)
                else:
                    first[child.e, child.f] = number
                    following.append(number)
        frontier = following
    nodes = _described(analysis, [step for step, _ in steps])
    for number in range(len(steps) - 1, -1, -1):
        nodes[number] = replace(
            nodes[number],
            children=tuple(nodes[child] for child in below.get(number, [])),
            repeated=number in repeated,
            more=cut.get(number, 0),
        )
    return nodes[0]


def root_step(analysis: Analysis, target: Target) -> _Step:
    """Where a lineage begins: the write that made the version, or that set the field as it stood there.

    Raises:
        DriftlineError: If the object, version or field is unknown or was never written.
    """
    from driftline.errors import DriftlineError

    place = locate(analysis, target)
    e = place.e
    if place.f is not None and place.pos is not None:
        ((e,),) = analysis.rows(
            "SELECT max_by(e, {'pos': pos, 'e': e}) FROM setting WHERE o = ? AND f = ? AND (pos, e) <= (?, ?)",
            [place.o, place.f, place.pos, place.e],
        )
    if e is None:
        raise DriftlineError(f"no write of {target} was recorded", "`driftline log` shows what was")
    return _Step(e, place.f, "root", inferred=False)


# The version at a position was made by the newest write at or before it.
_UP: Final = """
WITH w AS (SELECT e, o, b, base_pos, declared FROM write WHERE e = $e),
own_task AS (SELECT coalesce(t.began, br.started, 0) AS since FROM event AS e
    LEFT JOIN task AS t ON t.t = e.t LEFT JOIN branch AS br ON br.b = e.b WHERE e.e = $e),
base AS (  -- what the field, or the object, was at the writer's base
    SELECT max_by(s.e, {'pos': s.pos, 'e': s.e}) AS e, $f::INTEGER AS f, 'base' AS relation,
        NOT any_value(own.declared) AS inferred
    FROM w AS own JOIN setting AS mine ON mine.e = own.e AND mine.f = $f
    JOIN setting AS s ON s.o = own.o AND s.f = $f AND s.pos <= mine.base_pos AND s.e <> own.e
    WHERE $f IS NOT NULL
    UNION ALL
    SELECT max_by(s.e, {'pos': s.pos, 'e': s.e}), NULL, 'base', NOT any_value(own.declared)
    FROM w AS own JOIN write AS s ON s.o = own.o AND s.pos <= coalesce(own.base_pos,
        (SELECT max(base_pos) FROM setting WHERE e = $e)) AND s.e <> own.e AND NOT s.void
    WHERE $f IS NULL
),
linked AS (  -- the writes of the versions that a merge names as its bases; without an order, of any base
    SELECT m.base, max(s.e) AS e, max_by(s.pos, s.e) AS pos, any_value(m.inferred) AS inferred
    FROM (
        SELECT o, unnest(bases) AS base, false AS inferred FROM event WHERE e = $e
        UNION ALL
        SELECT e.o, {'version': e.base, 'label': e.base_label}, coalesce(e.base_inferred, false)
        FROM event AS e JOIN write AS own ON own.e = e.e
        WHERE e.e = $e AND own.pos IS NULL
    ) AS m
    JOIN event AS v ON v.o = m.o AND v.version IS NOT DISTINCT FROM m.base.version
        AND v.label IS NOT DISTINCT FROM m.base.label
    JOIN write AS s ON s.e = v.e
    WHERE v.e <> $e
    GROUP BY m.base
),
merged AS (  -- of a field, what it was at each of them
    SELECT e, NULL::INTEGER AS f, 'base' AS relation, inferred FROM linked WHERE $f IS NULL OR pos IS NULL
    UNION ALL
    SELECT max_by(s.e, {'pos': s.pos, 'e': s.e}), $f, 'base', any_value(l.inferred)
    FROM w AS own JOIN linked AS l ON true
    JOIN setting AS s ON s.o = own.o AND s.f = $f AND s.pos <= l.pos AND s.e <> own.e
    WHERE $f IS NOT NULL
    GROUP BY l.base
),
named AS (
    SELECT max(s.e) AS e, NULL::INTEGER AS f, 'input' AS relation, false AS inferred
    FROM (SELECT unnest(inputs) AS input FROM event WHERE e = $e) AS i
    JOIN object AS o ON o.object = i.input.object
    JOIN event AS v ON v.o = o.o AND v.version IS NOT DISTINCT FROM i.input.version
        AND v.label IS NOT DISTINCT FROM i.input.label
    JOIN write AS s ON s.e = v.e
    GROUP BY i.input
),
looked AS (  -- the newest read of each object by this branch, since its task or itself began
    SELECT r.o, max(r.e) AS e, max_by(r.pos, r.e) AS pos
    FROM read AS r, w, own_task
    WHERE r.b = w.b AND r.e < w.e AND r.e >= own_task.since AND (r.o <> w.o OR $f IS NOT NULL)
    GROUP BY r.o
),
inferred AS (
    SELECT max_by(s.e, {'pos': s.pos, 'e': s.e}) AS e, NULL::INTEGER AS f, 'read' AS relation, true AS inferred
    FROM looked AS l JOIN write AS s ON s.o = l.o AND s.pos <= l.pos AND NOT s.void AND s.e <> $e
    WHERE NOT EXISTS (SELECT 1 FROM event WHERE e = $e AND inputs IS NOT NULL)
    GROUP BY l.o
)
SELECT DISTINCT e, f, relation, inferred
FROM (FROM base UNION ALL FROM merged UNION ALL FROM named UNION ALL FROM inferred)
WHERE e IS NOT NULL
ORDER BY relation, e DESC
"""

# Who read what a write set while it stood, and who wrote from it.
_READERS: Final = """
WITH span AS (
    SELECT o, f, pos, until FROM setting WHERE e = $e AND ($f IS NULL OR f = $f) AND digest IS NOT NULL
)
SELECT DISTINCT r.e, $f::INTEGER AS f, 'reader' AS relation, false AS inferred
FROM span AS s JOIN read AS r ON r.o = s.o AND r.pos >= s.pos AND (s.until IS NULL OR r.pos < s.until) AND r.e > $e
WHERE r.whole OR EXISTS (SELECT 1 FROM field WHERE field.e = r.e AND field.f = s.f)
UNION
SELECT DISTINCT d.e, CASE WHEN $f IS NULL THEN NULL ELSE d.f END, 'derived', NOT w.declared
FROM span AS s
JOIN setting AS d ON d.o = s.o AND d.f = s.f AND d.base_pos >= s.pos AND (s.until IS NULL OR d.base_pos < s.until)
    AND d.e <> $e AND d.changed
JOIN write AS w ON w.e = d.e
UNION
SELECT DISTINCT i.e, NULL, 'derived', false
FROM (SELECT e, unnest(inputs) AS input FROM event WHERE inputs IS NOT NULL) AS i
JOIN event AS v ON v.e = $e JOIN object AS o ON o.o = v.o
WHERE i.input.object = o.object AND i.input.version IS NOT DISTINCT FROM v.version
    AND i.input.label IS NOT DISTINCT FROM v.label
UNION  -- without an order, who names this very version
SELECT x.e, NULL, CASE WHEN x.op = 'read' THEN 'reader' ELSE 'derived' END, coalesce(x.base_inferred, false)
FROM write AS own
JOIN (SELECT *, coalesce(label, version::VARCHAR) AS named FROM event) AS v ON v.e = own.e
JOIN event AS x ON x.o = v.o AND x.e <> v.e
WHERE own.e = $e AND own.pos IS NULL AND (
    (x.op = 'read' AND coalesce(x.label, x.version::VARCHAR) = v.named)
    OR coalesce(x.base_label, x.base::VARCHAR) = v.named
    OR list_contains(list_transform(x.bases, lambda b: coalesce(b.label, b.version::VARCHAR)), v.named)
)
ORDER BY 1
"""

# What a reading branch wrote afterwards without naming other inputs, in a task that the read is part of or in none.
_WRITTEN_AFTER: Final = """
SELECT w.e, NULL::INTEGER AS f, 'derived' AS relation, true AS inferred
FROM event AS r JOIN write AS w ON w.b = r.b AND w.e > r.e
JOIN event AS e ON e.e = w.e
LEFT JOIN task AS t ON t.t = e.t
WHERE r.e = $e AND e.inputs IS NULL AND (t.began IS NULL OR t.began < r.e)
ORDER BY w.e
"""


def causes(analysis: Analysis, step: _Step) -> list[_Step]:
    """What a write was derived from; of a read, nothing."""
    return _steps(analysis, _UP, step)


def effects(analysis: Analysis, step: _Step) -> list[_Step]:
    """Who read what a write set and what was derived from it; of a read, what its branch wrote then."""
    return _steps(analysis, _WRITTEN_AFTER if step.relation == "reader" else _READERS, step)


def _steps(analysis: Analysis, query: str, step: _Step) -> list[_Step]:
    parameters: dict[str, Any] = {"e": step.e}
    if "$f" in query:
        parameters["f"] = step.f
    return [_Step(*row) for row in analysis.rows_named(query, parameters)]


def _described(analysis: Analysis, steps: list[_Step]) -> list[LineageNode]:
    events = {step.e for step in steps}
    described, drifted = moments(analysis, events), findings_at(analysis, events)
    texts = values(analysis, {(step.e, step.f) for step in steps if step.f is not None})
    wanted = sorted({step.f for step in steps if step.f is not None})
    paths: dict[int | None, str] = dict(
        analysis.rows("SELECT f, path FROM path WHERE list_contains(?::INTEGER[], f)", [wanted]),
    )
    return [
        LineageNode(
            moment=described[step.e],
            path=paths.get(step.f),
            value=None if step.f is None else texts.get((step.e, step.f)),
            relation=step.relation,
            inferred=step.inferred,
            findings=codes(drifted.get(step.e, []), paths.get(step.f)),
        )
        for step in steps
    ]
