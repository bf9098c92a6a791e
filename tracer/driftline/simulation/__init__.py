"""Simulated runs: a multi-agent pipeline of any size without a fault, and faults planted in it, with the ground truth.

    from driftline.simulation import Settings, simulate

    simulate("big.drift", Settings(events=1_000_000, seed=1, faults={"DRF101": 0.001}))

Start with `run.py`, the course of a run; `work.py` is what its agents do, `scenes/` holds the faults, one file a rule.
Nothing in here is needed to use Driftline, and `import driftline` does not load it.
"""

from driftline.simulation.folder import truth_path
from driftline.simulation.run import Simulated, simulate
from driftline.simulation.settings import PHASES, RATE, Settings, parse_faults, parse_phases

__all__ = ["PHASES", "RATE", "Settings", "Simulated", "parse_faults", "parse_phases", "simulate", "truth_path"]
