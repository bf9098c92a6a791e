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

from driftline.discipline import Checked, Policy, Problem, check, check_text, discover, load
from driftline.errors import DriftlineError
from driftline.header import Header
from driftline.reader import Trace

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


@dataclass(frozen=True)
class Found:
    """A policy that somebody asks about, sound or not.

    Attributes:
        origin: Whether it stands in a `file` of its own, in the table [tool.driftline] of a `pyproject`, in a `trace`,
            or is the `default`.
        checked: It, and what is wrong with it.
    """

    origin: Literal["file", "pyproject", "trace", "default"]
    checked: Checked


def find_policy(path: Path | None, *, default: bool) -> Found:
    """The policy that a path leads to.

    Args:
        path: A policy, a pyproject.toml, a trace, or a folder with a policy; None for the working directory.
        default: Whether a trace or working directory without any means the default policy.

    Raises:
        DriftlineError: If there is none, or it cannot be read.
    """
    if path is not None and (path / "trace.json").exists():
        text = Trace(path).header.policy
        if text is not None:
            return Found("trace", check_text(text, f"the policy of {path}"))
        if not default:
            raise DriftlineError(f"{path} carries no policy", f"driftline policy init {path} writes a first one")
        return Found("default", Checked(f"the default, since {path} carries none", Policy(), ()))
    if path is None or path.is_dir():
        try:
            path = discover(path or Path())
        except DriftlineError:
            if not default:
                raise
            return Found("default", Checked("the default", Policy(), ()))
    return Found("pyproject" if path.name == "pyproject.toml" else "file", check(path))


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
