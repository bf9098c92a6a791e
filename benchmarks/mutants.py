"""Mutation check of the SQL: break every detector and step in the obvious ways, and see whether the tests notice.

    python benchmarks/mutants.py [--random N] [FILE…]

FILE is `detectors/NAME.sql` or `steps/NAME.sql`; all of them if none is named. Survivors that mean the same are listed,
with the reason, in tests/equivalent_mutants.toml. The exit status is 1 if there are others.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from mutation import Corpus, judge, record_corpus

from driftline_analyzer.catalogue import rules
from driftline_analyzer.pipeline import STEPS


def main() -> int:
    """Parse the command line, judge, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--random", type=int, default=10, help="random traces of either kind")
    given = parser.parse_args()
    detectors = [f"detectors/{rule.name.replace('-', '_')}.sql" for rule in rules()]
    files = given.files or [*detectors, *(f"steps/{step}.sql" for step in STEPS)]
    left = 0
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        corpora = [Corpus(path, stack) for path in record_corpus(Path(folder), random=given.random)]
        print("| file | killed | survived | equivalent | no SQL |\n|---|---:|---:|---:|---:|", flush=True)
        for file in files:
            found = judge(corpora, file)
            counts = (found.killed, len(found.survived), len(found.equivalent), found.invalid)
            print(f"| {file} | {' | '.join(map(str, counts))} |", flush=True)
            for name in found.survived:
                print(f"    survived: {name}", file=sys.stderr, flush=True)
            for name in found.stale:
                print(f"    declared equivalent, but noticed or gone: {name}", file=sys.stderr, flush=True)
            left += len(found.survived) + len(found.stale)
    return int(left > 0)


if __name__ == "__main__":
    sys.exit(main())
