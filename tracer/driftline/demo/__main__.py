"""Record the demo: `python -m driftline.demo OUT.drift [--nodes N] [--seed S] [--clean | --discipline]`."""

from __future__ import annotations

import argparse
import sys

import driftline as dl
from driftline.demo import run_demo


def main() -> int:
    """Record one run; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m driftline.demo", description="Record a run of the demo.")
    parser.add_argument("out", metavar="OUT.drift", help="folder to make")
    parser.add_argument("--nodes", type=int, default=600, help="run at least so many nodes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="decides topics, latencies, faults (default: %(default)s)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--clean", action="store_true", help="the same nodes with care: nothing drifts")
    how.add_argument("--discipline", action="store_true", help="the same nodes on a store under a policy, likewise")
    args = parser.parse_args()
    try:
        with dl.record(args.out):
            done = run_demo(nodes=args.nodes, seed=args.seed, clean=args.clean, discipline=args.discipline)
    except dl.DriftlineError as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    sys.stdout.write(
        f"{done.nodes} nodes on {done.topics} topics in {done.threads} threads, {done.failed} failed;"
        f" recorded to {args.out} in {done.seconds:.1f} s\n",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
