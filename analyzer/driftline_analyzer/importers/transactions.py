"""What formats of transactional histories share: sessions of transactions over a key-value store, as events.

Sessions become branches, transactions units, keys objects of one value. Versions are named by their values, which such
histories keep unique for each key. The base of a transaction's first write of a key is the version that its first read
of that key returned, if it read it before; what it writes again is based on its own version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from xxhash import xxh3_64_intdigest

from driftline.errors import DriftlineError

Operation = tuple[Literal["r", "w"], str, str]

_TYPE: Final = "key"


@dataclass
class Transaction:
    """One transaction.

    Attributes:
        session: Name of its session.
        name: Its own, unique in the history.
        operations: `r` or `w`, key, value; in order.
        committed: Whether it was.
    """

    session: str
    name: str
    operations: list[Operation] = field(default_factory=list)
    committed: bool = True


def numbered_lines(source: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that hold something, with their numbers from 1.

    Raises:
        DriftlineError: If it cannot be read, or is no text.
    """
    try:
        with source.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line.strip()
    except UnicodeDecodeError as fault:
        where = f"{fault.reason} near byte {fault.start}"
        raise DriftlineError(f"{source} is not text: {where}", "name a text file") from fault


def malformed(source: Path, number: int, line: str, expected: str) -> DriftlineError:
    """The error for a line that is not understood."""
    shown = line if len(line) <= 60 else f"{line[:60]}…"  # noqa: PLR2004 - fits a line
    return DriftlineError(f"{source}, line {number}: {shown!r} is not understood", f"a line is {expected}")


def transaction_events(transactions: Iterable[Transaction]) -> Iterator[dict[str, Any]]:
    """The events of transactions; each session's in the order in which they are given."""
    sessions: dict[str, str] = {}
    for transaction in transactions:
        branch = sessions.get(transaction.session)
        if branch is None:
            branch = sessions[transaction.session] = f"{transaction.session}#1"
            yield {"op": "branch-start", "branch": branch, "name": transaction.session}
        yield from _events(transaction, {"branch": branch, "unit": f"{transaction.name}#1"})
    for branch in sessions.values():
        yield {"op": "branch-end", "branch": branch, "status": "ok"}


def _events(transaction: Transaction, where: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {**where, "op": "unit-begin", "name": transaction.name}
    seen: dict[str, str] = {}
    written: dict[str, str] = {}
    for op, key, value in transaction.operations:
        about = {**where, "object": f"{_TYPE}/{key}", "type": _TYPE, "label": value, "fields": [_field(value)]}
        if op == "r":
            seen.setdefault(key, value)
            yield {**about, "op": "read", "whole": True}
        else:
            yield {**about, "op": "write", "base_label": written.get(key, seen.get(key))}
            seen.setdefault(key, value)  # what it reads from now on is not what it wrote from
            written[key] = value
    end = {"op": "unit-commit", "status": "ok"} if transaction.committed else {"op": "unit-abort", "status": "failed"}
    yield {**where, **end}


def _field(value: str) -> dict[str, Any]:
    """The one field of a key's value: a whole number, as these histories have it."""
    encoded = value.encode()
    return {"path": "", "digest": xxh3_64_intdigest(encoded), "size": len(encoded), "leaves": 1, "value": value}
