"""Histories in the text format of PolySI (Huang et al. 2023, "Efficient Black-Box Checking of Snapshot Isolation").

Each line is `r(KEY,VALUE,SESSION,TRANSACTION)` or `w(…)`. Every key begins as 0, which nobody writes. Transaction -1
stands for one that was aborted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from driftline.errors import DriftlineError
from driftline_analyzer.importers.transactions import Transaction, malformed, numbered_lines, transaction_events

_OPERATION: Final = re.compile(r"([rw])\(" + ",".join([r"\s*(-?[0-9]{1,19})\s*"] * 4) + r"\)")
_EXPECTED: Final = "r(KEY,VALUE,SESSION,TRANSACTION) or w(…) in whole numbers"
_ABORTED: Final = "-1"


def events(source: Path) -> Iterator[dict[str, Any]]:
    """The events of a history.

    Raises:
        DriftlineError: If a line is not understood, or a transaction is torn apart.
    """
    return transaction_events(transactions(source))


def transactions(source: Path) -> Iterator[Transaction]:
    """The transactions of a history, each session's in its order."""
    current: dict[str, tuple[str, Transaction]] = {}  # session → the transaction that it is in
    known: set[str] = set()
    aborted = 0
    for at, line in numbered_lines(source):
        found = _OPERATION.fullmatch(line)
        if found is None:
            raise malformed(source, at, line, _EXPECTED)
        op, key, value, session, number = (found[1], *(str(int(found[group])) for group in range(2, 6)))
        in_force, transaction = current.get(session, ("", None))
        if transaction is None or in_force != number:
            if number in known:
                raise DriftlineError(
                    f"{source}, line {at}: transaction {number} goes on after it had ended",
                    "the lines of a transaction must follow one another in its session",
                )
            if transaction is not None:
                yield transaction
            if number == _ABORTED:
                aborted += 1
                transaction = Transaction(f"session-{session}", f"aborted-{aborted}", committed=False)
            else:
                known.add(number)
                transaction = Transaction(f"session-{session}", f"transaction-{number}")
            current[session] = number, transaction
        transaction.operations.append(("r" if op == "r" else "w", key, value))
    for _, transaction in current.values():
        yield transaction
