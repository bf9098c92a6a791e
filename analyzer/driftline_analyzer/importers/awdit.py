"""Histories in the text format of AWDIT (Møldrup et al. 2025, "AWDIT: An Optimal Weak Database Isolation Tester").

A line of `=` ends a session, a line of `-` a transaction; every other line is `r KEY VALUE` or `w KEY VALUE`. All
transactions are committed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from driftline_analyzer.importers.transactions import Transaction, malformed, numbered_lines, transaction_events

_OPERATION: Final = re.compile(r"([rw])\s+(-?[0-9]{1,19})\s+(-?[0-9]{1,19})")
_EXPECTED: Final = "r KEY VALUE or w KEY VALUE in whole numbers, or a line of - or of ="


def events(source: Path) -> Iterator[dict[str, Any]]:
    """The events of a history.

    Raises:
        DriftlineError: If a line is not understood.
    """
    return transaction_events(transactions(source))


def transactions(source: Path) -> Iterator[Transaction]:
    """The transactions of a history."""
    session = number = 1
    current = Transaction("session-1", "transaction-1")
    for at, line in numbered_lines(source):
        if set(line) in ({"-"}, {"="}):
            if current.operations:
                yield current
                number += 1
            session += line[0] == "="
            current = Transaction(f"session-{session}", f"transaction-{number}")
        elif found := _OPERATION.fullmatch(line):
            op, key, value = found.groups()
            current.operations.append(("r" if op == "r" else "w", str(int(key)), str(int(value))))
        else:
            raise malformed(source, at, line, _EXPECTED)
    if current.operations:
        yield current
