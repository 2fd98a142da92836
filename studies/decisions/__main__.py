"""Decisions: how often are simultaneous intervals and verdicts wrong, and what do looks save?

    python -m studies.decisions results/decisions

Trains nothing: losses are drawn, many comparisons at once, and judged by what analysis/simultaneous.py and
analysis/looks.py do (batch.py does the same for many comparisons; a test says that the numbers are the same).
It takes some ten minutes on two cores.

Protocol, fixed before anything was simulated:

- Coverage. All intervals of a comparison hold at once with 95%. 3, 5, 8 and 20 seeds by 2, 4, 8, 21 and 25
  methods, 10,000 comparisons each; a loss is a seed's own share, which all methods have in common, plus
  independent normal noise. Against a baseline the methods are equal. Against the best there are two cases:
  one method is better by far, where the intervals are those against it, and all are equal, where they are
  wider than they need be. It holds if every cell of the baseline and of the clear best is between 94 and
  96%, and no cell of the equal ones below 94%.
- A/A with looks. All methods are equal; 4,000 comparisons each. They stop as `--until-decided` does: at 3, 5,
  8, 12 and 20 seeds, at the level of each look; who is decided keeps the verdict and gets no more seeds, but
  for what the others are compared with. An error is a comparison that calls a method better or worse, at any
  look. It holds if that is at most 5% (the upper end of its 95% interval at most 6%) in every cell.
- A/B with looks. 2,000 comparisons each; every other method is worse than the rest by 0.5, 1, 2 or 4 standard
  deviations of a paired difference. Reported: the share of those that are called worse (power), of the rest
  that are called worse or better and of those that are called better (errors), of what differs by more than
  the margin and is called equivalent, and the mean number of runs; beside the same with 20 seeds for all.
- Noise, of A/A and A/B: independent, with a standard deviation of 0.007 for a paired difference, as in the
  0.1M model of the published claims; and the covariance of real paired losses over five seeds, of
  results/low_tokens/common (0.8M parameters, peak lr 1e-3) and of results/low_tokens/tuned at 8e-3. Schedules
  that are identical in every seed count once. Five seeds give a covariance of rank 4, in which methods vary
  together more than they do in truth, so each is also taken half and half with the one of equal variances and
  equal correlations. Each with all of its schedules and with four, drawn anew for every comparison; the
  baseline is drawn too. The margin is 0.005 nats per token.

What doesn't hold is reported, with its cause.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from nanosched.command import fail
from nanosched.csv_files import write_csv
from studies.decisions.coverage import COVERAGE_COLUMNS, coverage_cells, coverage_row
from studies.decisions.data import read_tables
from studies.decisions.figure import draw_decisions
from studies.decisions.noise import read_noises
from studies.decisions.page import write_readme
from studies.decisions.races import RACE_COLUMNS, race_cells, race_row


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="results/decisions, beside the references that it reads")
    out = parser.parse_args().out
    try:
        noises = read_noises(out.parent)
    except (OSError, ValueError) as e:
        fail(e)
    with ProcessPoolExecutor() as pool:
        coverage = list(pool.map(coverage_row, coverage_cells()))
        races = list(pool.map(race_row, race_cells(noises)))
    write_csv(out / "coverage.csv", COVERAGE_COLUMNS, coverage)
    write_csv(out / "races.csv", RACE_COLUMNS, races)
    tables = read_tables(out)
    for path in write_readme(out, tables), draw_decisions(out, tables):
        print(path)


if __name__ == "__main__":
    main()
