"""What a store is opened with: a policy, however it is named, and the place of its state."""

from __future__ import annotations

import os
from pathlib import Path

from driftline.discipline.load import load, loads
from driftline.discipline.policy import Policy
from driftline.store.backend import Backend, MemoryBackend


def policy_of(policy: Policy | str | os.PathLike[str] | None) -> Policy:
    """A policy, however it was named."""
    if policy is None:
        return Policy()
    if isinstance(policy, Policy):
        return policy
    if isinstance(policy, str) and not policy.endswith(".toml"):
        return loads(policy, "the text given as policy=")
    return load(Path(policy))


def backend_at(path: str | os.PathLike[str] | None) -> Backend:
    """The back end at a path; without one, in memory."""
    if path is None:
        return MemoryBackend()
    from driftline.store.sqlite import SqliteBackend  # only now: who keeps nothing on disk need not wait for it to load

    return SqliteBackend(Path(path))
