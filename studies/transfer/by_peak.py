"""Differences between schedules of 124M runs at 50,000 steps, predicted at three peak lrs from shorter runs.

    python -m studies.transfer.by_peak --data DATA

Given are final losses at 15,000 and 25,000 steps (`by_peak_runs`). Asked is each schedule's difference to
cosine to zero at the same peak lr, at twice the longer horizon, where nothing was seen. The rule:

1. The candidates are CANDIDATES, simplest first. They are compared by how well they predict runs that they
   were not fitted on: either horizon from the other one, and each peak at each horizon from all the rest
   (`by_peak_splits`), at peaks from 5e-4 up.
2. An error is that of a difference between two schedules of one peak and horizon; a score is the root mean
   square over all pairs of all splits. (The baseline itself was not run at 15,000 steps.)
3. Chosen is the first candidate whose score is within 5% of the lowest, fitted on all runs.

Out come predictions_by_peak.csv, by_peak.md, which says how far to trust it, and by_peak.png.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from nanosched.command import fail
from nanosched.csv_files import write_csv
from studies.transfer.by_peak_figure import draw_by_peak
from studies.transfer.by_peak_models import Fitted, Model
from studies.transfer.by_peak_page import Prediction, law_changes, write_by_peak
from studies.transfer.by_peak_runs import CONSTANT, PEAKS, SETTINGS, Losses, Run, read_losses
from studies.transfer.by_peak_splits import score

STEPS = 50_000
CURVED = Model("the same, slightly curved", shift=0.5, curvature=0.002)
CANDIDATES = [
    Model("no change with the horizon"),
    Model("a change of each schedule's own with log(steps)", drift=0.005),
    Model("a longer run is as one at a higher peak, straight lines", shift=0.5),
    CURVED,
    Model("the same, curved, through a peak of 1e-4 too", shift=0.5, curvature=0.01, lowest_peak=1e-4),
    Model("the same, straight, fading as in the bound", shift=0.5, fading=0.5),
]
TIED = 1.05
CAREFUL = Model("for the errors", shift=0.5, curvature=0.003)
SHIFT_ERROR = 0.1  # assumed of the shift, to twice the horizon; least squares leave it open by half as much
COLUMNS = [
    "schedule",
    "cooldown_fraction",
    "cooldown_shape",
    "final_lr_ratio",
    "peak_lr",
    "predicted_difference",
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
        args.out.mkdir(parents=True, exist_ok=True)
        print("\n".join(map(str, report(args.data, args.out, losses))))
    except (OSError, ValueError, RuntimeError) as e:
        fail(e)


def report(data: Path, out: Path, losses: Losses) -> list[Path]:
    chosen = choose(losses)
    fitted = chosen.fit(losses)
    predictions = predict(fitted, losses)
    write_csv(table := out / "predictions_by_peak.csv", COLUMNS, map(row_of, predictions))
    page = write_by_peak(
        out,
        losses,
        candidates=CANDIDATES,
        chosen=chosen,
        predictions=predictions,
        shifts=shifts_that_fit(chosen, losses),
        laws=law_changes(data, losses, chosen),
        moved=max(
            abs(p.difference - CURVED.fit(losses).difference(p.run))
            for p in predictions
            if p.run.setting != CONSTANT
        ),
    )
    return [table, page, draw_by_peak(out, losses, fitted)]


def choose(losses: Losses) -> Model:
    """The first candidate whose score is within 5% of the lowest."""
    scores = [score(model, losses) for model in CANDIDATES]
    return CANDIDATES[next(i for i, value in enumerate(scores) if value <= TIED * min(scores))]


def predict(fitted: Fitted, losses: Losses) -> list[Prediction]:
    """Of every setting at every peak, with the error that it may have."""
    careful = CAREFUL.fit(losses)
    lower, higher = (replace(CAREFUL, shift=0.5 + by).fit(losses) for by in (-SHIFT_ERROR, SHIFT_ERROR))
    predictions = []
    for peak in PEAKS:
        for setting in SETTINGS:
            run = Run(setting, peak, STEPS)
            by_shift = (higher.difference(run) - lower.difference(run)) / 2
            error = float(np.hypot(careful.deviation(run), by_shift))
            predictions.append(Prediction(run, fitted.difference(run), error))
    return predictions


def row_of(prediction: Prediction) -> dict:
    setting = prediction.run.setting
    return dict(
        schedule=setting.schedule,
        cooldown_fraction=setting.cooldown_fraction,
        cooldown_shape=setting.cooldown_shape,
        final_lr_ratio=f"{setting.final_lr_ratio:g}",
        peak_lr=prediction.run.peak_lr,
        predicted_difference=round(prediction.difference, 5),
    )


def shifts_that_fit(model: Model, losses: Losses) -> tuple[float, float, float]:
    """(best, lowest, highest) shift: those whose misfit is within 4 of the lowest, about a 95% interval."""
    shifts = np.arange(101) / 100
    misfits = np.array([replace(model, shift=float(shift)).fit(losses).misfit for shift in shifts])
    fitting = shifts[misfits <= misfits.min() + 4]
    return float(shifts[misfits.argmin()]), float(fitting[0]), float(fitting[-1])


if __name__ == "__main__":
    main()
