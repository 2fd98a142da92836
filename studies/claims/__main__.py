"""The claims, tested again: verdicts on published claims from finished comparisons.

    python -m studies.claims --data DIR...

Each DIR is a folder that compare.py wrote, or a folder of such folders; of their runs.csv those on tiny
Shakespeare in one of the claims' regimes count. What decides, and why, is in protocol.md and in the claims'
own files, which were written before the runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nanosched.command import fail
from studies.claims import words
from studies.claims.all_claims import CLAIMS
from studies.claims.figure import draw_claim
from studies.claims.judge import Study, judge
from studies.claims.page import write_readme
from studies.claims.runs import Runs, read_runs


def main():
    parser = argparse.ArgumentParser(
        prog="python -m studies.claims",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, nargs="+", metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("results/claims"), metavar="DIR")
    args = parser.parse_args()
    try:
        runs = read_runs(args.data)
        study = judge(runs, CLAIMS)
        print_study(study)
        args.out.mkdir(parents=True, exist_ok=True)
        print("\n".join(map(str, report(args.out, runs, study))))
    except (OSError, ValueError, RuntimeError) as e:
        fail(e)


def print_study(study: Study):
    for judged in study.judged:
        print(f"{words.finding(judged.claim.number, judged.primary)}")
    for name, why in study.left_out.items():
        print(f"{name} is left out: {why}")


def report(out: Path, runs: Runs, study: Study) -> list[Path]:
    return [write_readme(out, study), *(draw_claim(out, runs, judged) for judged in study.judged)]


if __name__ == "__main__":
    main()
