"""Differences between schedules of 124M runs at 50,000 steps, predicted at three peak lrs from shorter runs.

    python -m studies.transfer.by_peak --data DATA

Given are final losses at 15,000 and 25,000 steps (`by_peak_runs`); asked is each schedule's difference to
cosine to zero at the same peak lr, at twice the longer horizon, where nothing was seen. The rule, simplest first:

1. The candidates are CANDIDATES, in this order. They are compared by how well they predict runs that they
   were not fitted on: either horizon from the other one, and each peak at each horizon from all the rest, peaks
   from 5e-4 up, all settings that the rest has.
2. An error is that of a difference between two settings of one peak and horizon; the score its root mean
   square over all pairs of all these splits. (The baseline itself was not run at 15,000 steps.)
3. Chosen is the first candidate whose score is within 5% of the lowest, and fitted on all runs.

Out come results/transfer/predictions_by_peak.csv and by_peak.md, which says how far to trust them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from nanosched.command import fail
from nanosched.csv_files import write_csv
from studies.transfer.by_peak_models import Fitted, Model
from studies.transfer.by_peak_runs import ASKED, COSINE, HORIZONS, Losses, Run, read_losses

PEAKS, STEPS = (5e-4, 1e-3, 2e-3), 50_000
CANDIDATES = [
    Model("no change with the horizon"),
    Model("a change with log(steps) of each schedule's own", drift=0.005),
    Model("a longer run is as one at a higher peak, straight lines", shift=0.5),
    Model("the same with slightly curved lines", shift=0.5, curvature=0.002),
    Model("the same with curved lines through peak 1e-4 too", shift=0.5, curvature=0.01, lowest_peak=1e-4),
]
TIED = 1.05
COLUMNS = [
    "schedule",
    "cooldown_fraction",
    "cooldown_shape",
    "final_lr_ratio",
    "peak_lr",
    "predicted_difference",
]


@dataclass(frozen=True)
class Split:
    """Runs to fit on and runs to judge on, the latter of one peak and horizon in each of `cells`."""

    name: str
    seen: Losses
    cells: list[Losses]


def splits(losses: Losses) -> list[Split]:
    """Either horizon from the other one, then each peak at each horizon from the rest."""
    by_cell = {(steps, peak): cell(losses, steps, peak) for steps in HORIZONS for peak in PEAKS}
    other = [
        Split(
            f"{first:,} steps to {second:,}",
            {run: loss for run, loss in losses.items() if run.steps == first},
            [by_cell[second, peak] for peak in PEAKS],
        )
        for first, second in (HORIZONS, HORIZONS[::-1])
    ]
    one = [
        Split(
            f"peak {peak:g} at {steps:,} steps",
            {run: loss for run, loss in losses.items() if run not in left_out},
            [left_out],
        )
        for (steps, peak), left_out in by_cell.items()
    ]
    return other + one


def cell(losses: Losses, steps: int, peak: float) -> Losses:
    return {run: loss for run, loss in losses.items() if (run.steps, run.peak_lr) == (steps, peak)}


def pair_errors(model: Model, split: Split) -> np.ndarray:
    """Predicted minus measured differences, of all pairs of settings in each cell that the model knows."""
    fitted = model.fit(split.seen)
    errors = []
    for losses in split.cells:
        known = [run for run in losses if run.setting in fitted.coefficients]
        for first, second in combinations(known, 2):
            predicted = fitted.difference(first, second.setting)
            errors.append(predicted - (losses[first] - losses[second]))
    return np.array(errors)


def root_mean_square(errors) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def score(model: Model, losses: Losses) -> float:
    return root_mean_square(np.concatenate([pair_errors(model, split) for split in splits(losses)]))


def choose(losses: Losses) -> Model:
    """The first candidate whose score is within 5% of the lowest."""
    scores = [score(model, losses) for model in CANDIDATES]
    return CANDIDATES[next(i for i, value in enumerate(scores) if value <= TIED * min(scores))]


def prediction_rows(fitted: Fitted) -> list[dict]:
    return [
        dict(
            schedule=setting.schedule,
            cooldown_fraction=setting.cooldown_fraction,
            cooldown_shape=setting.cooldown_shape,
            final_lr_ratio=f"{setting.final_lr_ratio:g}",
            peak_lr=peak,
            predicted_difference=round(fitted.difference(Run(setting, peak, STEPS), COSINE), 5),
        )
        for peak in PEAKS
        for setting in ASKED
    ]


def main():
    parser = argparse.ArgumentParser(
        prog="python -m studies.transfer.by_peak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder of the 124M runs")
    parser.add_argument("--out", type=Path, default=Path("results/transfer"), metavar="DIR")
    args = parser.parse_args()
    try:
        losses = read_losses(args.data)
    except OSError as e:
        fail(e)
    args.out.mkdir(parents=True, exist_ok=True)
    for model in CANDIDATES:
        by_split = [root_mean_square(pair_errors(model, split)) for split in splits(losses)]
        print(f"{score(model, losses):.4f}", " ".join(f"{value:.4f}" for value in by_split), model.name)
    fitted = choose(losses).fit(losses)
    write_csv(args.out / "predictions_by_peak.csv", COLUMNS, prediction_rows(fitted))
    print(fitted.model.name)


if __name__ == "__main__":
    main()
