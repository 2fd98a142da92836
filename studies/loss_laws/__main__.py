"""How far loss laws fitted on three curves are off on others: the page, with the forms that lost.

    python -m studies.loss_laws --data DATA    # the folder of the 100M and 124M curves

DATA is not kept here; the small model's curves are, in results/loss_laws/curves.csv. Takes a few minutes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nanosched.command import fail
from studies.loss_laws.curves import read_curves
from studies.loss_laws.figure import draw_errors
from studies.loss_laws.page import write_readme
from studies.loss_laws.study import study_of


def main():
    parser = argparse.ArgumentParser(
        prog="python -m studies.loss_laws",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder of the curves")
    parser.add_argument("--out", type=Path, default=Path("results/loss_laws"), metavar="DIR")
    args = parser.parse_args()
    try:
        study = study_of(read_curves(args.data, args.out / "curves.csv"))
        print(write_readme(args.out, study), draw_errors(args.out, study), sep="\n")
    except (OSError, ValueError) as e:
        fail(e)


if __name__ == "__main__":
    main()
