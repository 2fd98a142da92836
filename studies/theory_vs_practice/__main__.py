"""Theory against practice: what the convex bound and two loss laws say of schedules, and what came out.

    python -m studies.theory_vs_practice results/theory_vs_practice --predict    # before the training
    python -m studies.theory_vs_practice results/theory_vs_practice              # after it

Protocol, in this order:

1. constant, cosine and wsd are trained with five seeds, and nothing else;
2. `--predict` fits both laws on their mean validation losses and writes law.json, predictions.csv and
   fitted_curves.csv: bound and predictions of every schedule of `all`, and of the one that the multi-power
   law designs;
3. these files are committed;
4. all other schedules and the designed one are trained with the same seeds, wsd and cosine at other peak lrs
   too, in the folder `peaks`;
5. this script puts predictions and measurements side by side, in README.md and predictions.png.

Fixed beforehand: the three schedules that are fitted on, and the predictions. They are judged on the others,
by Spearman's rank correlation with the mean final validation loss and, for the laws, by the mean absolute
error. The designed schedule is compared with wsd and cosine, each at the best of its peak lrs, paired by
seed. README.md gives the commands, and says what was made anew afterwards.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from analysis.measured import read_measured
from analysis.predictions import FIT_ON
from nanosched.command import fail
from studies.theory_vs_practice.data import read_study
from studies.theory_vs_practice.figure import draw_predictions
from studies.theory_vs_practice.page import write_readme
from studies.theory_vs_practice.predict import predict


def main():
    parser = argparse.ArgumentParser(
        prog="python -m studies.theory_vs_practice",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path, metavar="DIR", help="a folder that compare.py wrote")
    parser.add_argument(
        "--predict",
        action="store_true",
        help=f"write predictions.csv and law.json from the runs of {', '.join(FIT_ON)}",
    )
    args = parser.parse_args()
    try:
        files = predict(args.out, read_measured(args.out)) if args.predict else report(args.out)
    except (OSError, ValueError, RuntimeError) as e:
        fail(e)
    print("\n".join(map(str, files)))


def report(out: Path) -> list[Path]:
    study = read_study(out)
    return [write_readme(out, study), draw_predictions(out, study)]


if __name__ == "__main__":
    main()
