"""The one exception class of Driftline."""

from __future__ import annotations


class DriftlineError(Exception):
    """Something the user can mend: what is wrong and where, and what to do about it.

    Every error that Driftline raises on purpose is one of these; the command line prints it once and exits with
    status 2.

    Args:
        message: What is wrong, and where, in one line.
        hint: What to do about it, in one line; may be empty.

    Example:
        >>> print(DriftlineError("no trace at run.drift", "record one with `driftline demo`"))
        no trace at run.drift
          try: record one with `driftline demo`
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  try: {self.hint}" if self.hint else self.message
