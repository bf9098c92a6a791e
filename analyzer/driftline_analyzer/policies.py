"""The policy that an analysis is made under, and the step that puts it into tables.

    policy_phase      rank, phase               always filled: the default order where no policy says otherwise
    policy_type       type                      the types that the policy says anything of
    policy_required   type, path
    policy_reference  type, pattern, target     a segment `*` of a pattern stands for any one
    policy_immutable  type, path                path '' is the whole object

The variable `phases_stated` says whether the policy states its phases.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import msgspec

from driftline.discipline import Policy, Problem, check_text, load
from driftline.header import Header

_TABLES: Final = {
    "policy_phase": "rank INTEGER, phase VARCHAR",
    "policy_type": "type VARCHAR",
    "policy_required": "type VARCHAR, path VARCHAR",
    "policy_reference": "type VARCHAR, pattern VARCHAR, target VARCHAR",
    "policy_immutable": "type VARCHAR, path VARCHAR",
}


@dataclass(frozen=True)
class InForce:
    """The policy that an analysis is made under.

    Attributes:
        policy: The policy.
        origin: Whether it was `given`, is the `trace`'s own, or is the `default`.
        problems: What is wrong with the trace's own: those parts of it are left out.
    """

    policy: Policy
    origin: Literal["given", "trace", "default"]
    problems: tuple[Problem, ...] = ()

    def key(self) -> bytes:
        """What tells it from every other, as far as tables go."""
        return msgspec.json.encode(self.policy, order="deterministic")


def in_force(header: Header, given: Policy | str | Path | None) -> InForce:
    """The policy to analyse a trace under: the one given, else the trace's own, else the default.

    Args:
        header: The trace's header.
        given: A policy, or the file that holds one; None for the trace's own.

    Raises:
        DriftlineError: If the file cannot be read, or something is wrong with the policy in it. What is wrong with the
            trace's own policy is no error, since the trace itself is whole: it is left out, and told.
    """
    if isinstance(given, Policy):
        return InForce(given, "given")
    if given is not None:
        return InForce(load(given), "given")
    if header.policy is None:
        return InForce(Policy(), "default")
    checked = check_text(header.policy, "the trace's own policy")
    return InForce(checked.policy, "trace", checked.problems)


def make_policy_tables(connection: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    """Make the tables, and set the variable, that this module's text lists."""
    types = policy.types.items()
    rows: dict[str, Iterable[Sequence[Any]]] = {
        "policy_phase": enumerate(policy.phases.order, 1),
        "policy_type": [(name,) for name in policy.types],
        "policy_required": [(name, path) for name, type_ in types for path in type_.required],
        "policy_reference": [
            (name, pattern, target) for name, type_ in types for pattern, target in type_.references.items()
        ],
        "policy_immutable": [(name, path) for name, type_ in types for path in type_.immutable],
    }
    for table, columns in _TABLES.items():
        connection.execute(f"CREATE TABLE {table} ({columns})")
        marks = ", ".join("?" * (columns.count(",") + 1))
        if found := [list(row) for row in rows[table]]:
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", found)  # noqa: S608 - names of our own
    connection.execute("SET VARIABLE phases_stated = ?", [policy.phases.stated])
