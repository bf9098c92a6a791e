"""The discipline: the policy, and what it decides. Pure: live guard and offline replay both call it."""

from driftline.discipline.candidates import Base, Candidate, Conflict
from driftline.discipline.checks import CHECKS
from driftline.discipline.load import Checked, check, check_text, discover, load, loads
from driftline.discipline.policy import (
    FieldPolicy,
    GateCheck,
    Phases,
    Policy,
    Reconcile,
    Strategy,
    TypePolicy,
    strategy_named,
)
from driftline.discipline.problems import Problem
from driftline.discipline.reconcile import FieldDecision, reconcile_field
from driftline.discipline.strategies import STRATEGIES

__all__ = [
    "CHECKS",
    "STRATEGIES",
    "Base",
    "Candidate",
    "Checked",
    "Conflict",
    "FieldDecision",
    "FieldPolicy",
    "GateCheck",
    "Phases",
    "Policy",
    "Problem",
    "Reconcile",
    "Strategy",
    "TypePolicy",
    "check",
    "check_text",
    "discover",
    "load",
    "loads",
    "reconcile_field",
    "strategy_named",
]
