"""Driftline's analyzer: finds state drift in a trace and answers questions about it, in DuckDB."""

from driftline_analyzer.analysis import Analysis, Summary, analyze
from driftline_analyzer.catalogue import Rule, chosen, rule, rules
from driftline_analyzer.findings import Blast, Finding, Party

__all__ = ["Analysis", "Blast", "Finding", "Party", "Rule", "Summary", "analyze", "chosen", "rule", "rules"]
