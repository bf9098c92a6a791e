"""Cures compared: what a trace would have come to under other ways of dealing with concurrent writes."""

from driftline_analyzer.cures.compare import Comparison, compare
from driftline_analyzer.cures.outcome import Outcome

__all__ = ["Comparison", "Outcome", "compare"]
