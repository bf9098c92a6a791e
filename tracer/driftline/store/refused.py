"""What a writer is told whose write was refused."""

from __future__ import annotations

from driftline.discipline.pipeline import Decision
from driftline.errors import DriftlineError


class RefusedError(DriftlineError):
    """A write was rejected, or failed its branch: it never became part of the shared state.

    Raised for the verdicts `rejected` and `failed`, which a policy chooses where the writer must know at once; one that
    was quarantined, merged or discarded is told by the `Decision` that the call returns.

    Args:
        decision: What was decided.
        others: The decisions on the other writes of its unit.

    Attributes:
        decision: What was decided.
        others: The decisions on the other writes of its unit.
    """

    def __init__(self, decision: Decision, others: tuple[Decision, ...] = ()) -> None:
        what = f"version {decision.version} of {decision.object}" if decision.version else decision.object
        super().__init__(
            f"{what} was {'refused, and fails its branch' if decision.verdict == 'failed' else 'rejected'}:"
            f" {decision.reason}",
            "read the object again and derive the change from what stands, or mend what the check names",
        )
        self.decision = decision
        self.others = others
