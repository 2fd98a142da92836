"""What the convex bound orders well and what it doesn't: the page, from kept runs and the published ones.

    python -m studies.bound_vs_practice --data DATA    # the folder of the 124M runs, which is not kept here

The protocol is protocol.md. The small model's runs are results/reference-tuned-cpu and reference-cpu.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nanosched.command import fail
from studies.bound_vs_practice.figure import draw_bound
from studies.bound_vs_practice.page import study_of, write_readme
from studies.bound_vs_practice.regimes import read_data
from studies.transfer.by_peak_runs import read_losses


def main():
    parser = argparse.ArgumentParser(
        prog="python -m studies.bound_vs_practice",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder of the 124M runs")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("results/bound_vs_practice"), metavar="DIR")
    args = parser.parse_args()
    try:
        study = study_of(read_data(args.results, read_losses(args.data)))
        args.out.mkdir(parents=True, exist_ok=True)
        print(write_readme(args.out, study), draw_bound(args.out, study), sep="\n")
    except (OSError, ValueError) as e:
        fail(e)


if __name__ == "__main__":
    main()
