"""Predict what schedules will do, by a loss law fitted on the curves that a comparison measured.

    python -m analysis.forecast results/NAME                                    # fit on every run, predict every schedule
    python -m analysis.forecast results/NAME --fit-on constant,cosine,wsd       # predict the others without having seen them
    python -m analysis.forecast results/NAME --schedulers wsd:cooldown=0.5,rex --steps 1000

Reads runs.csv, curves.csv and manifest.json, prints the predicted final losses with their intervals, and writes forecast.csv,
figures/forecast.png and, if there is none yet, law.json, which `forecast_optimal:law=results/NAME/law.json` designs a schedule with.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np

from analysis.measured import Measured, read_measured
from schedulers import get_schedule, resolve
from theory.loss_laws import AnnealingLaw, Curve, LossLaw, MultiPowerLaw, load_law

__all__ = ["AnnealingLaw", "Curve", "LossLaw", "MultiPowerLaw", "load_law"]

LAWS = {"multi-power": MultiPowerLaw, "annealing": AnnealingLaw}
FIT_ON = (
    "constant",
    "cosine",
    "wsd",
)  # what tells a law most: one that stays high, one slow decay, one late and fast
MOST_OPEN = 0.1  # half an interval over its prediction: beyond, no number is given
COLUMNS = ["scheduler", "steps", "peak_lr", "fitted_on", "predicted", "low", "high", "measured", "error"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="results/NAME", help="a folder that compare.py wrote")
    parser.add_argument(
        "--schedulers",
        metavar="all|NAME[:k=v,...][,NAME...]|FILE.py",
        help="which to predict, default those of the comparison",
    )
    parser.add_argument(
        "--steps", type=int, metavar="N", help="of the runs to predict, default the comparison's"
    )
    parser.add_argument(
        "--fit-on",
        metavar="NAME[,NAME...]",
        help="schedules of the comparison to fit the law on, default all",
    )
    parser.add_argument(
        "--save-law",
        type=Path,
        metavar="FILE.json",
        help="where the law is kept, default law.json in that folder, if there is none yet",
    )
    parser.add_argument("--law", choices=LAWS, default="multi-power", help="default multi-power")
    parser.add_argument(
        "--peak-lr",
        type=float,
        metavar="X",
        help="of the runs to fit on and to predict, default the comparison's",
    )
    args = parser.parse_args()
    try:
        measured = read_measured(args.out, args.peak_lr)
        fit_on = list(measured.curves) if args.fit_on is None else resolve(args.fit_on)
        law = LAWS[args.law].fit([measured.curve(label) for label in fit_on])
        steps = measured.steps if args.steps is None else args.steps
        asked = measurable(measured, steps) if args.schedulers is None else resolve(args.schedulers)
        rows = forecast_rows(law, measured, asked, steps, fit_on)
        files = write_forecast(args.out, law, rows, measured, args.save_law)
    except (OSError, ValueError, RuntimeError) as e:
        sys.exit(f"error: {e}")
    print_forecast(rows, measured, files)


def forecast_rows(
    law: LossLaw, measured: Measured, asked: list[str], steps: int, fit_on: list[str]
) -> list[dict]:
    """A row for each schedule asked for, the lowest prediction first; `measured` and `error` where it was trained so long.

    Both are of the last measured step. Numbers that aren't known are NaN: what was not measured, and a prediction whose interval goes
    further than MOST_OPEN.

    Raises:
        ValueError: a schedule that can't be made, or that reacts to the loss, of which no law knows the lrs.
    """
    rows = []
    for label in asked:
        known = measured.curves.get(label) if steps == measured.steps else None
        lrs, last, final = (
            (known.lrs, known.steps[-1:], float(known.losses[-1]))
            if known
            else (lrs_of(label, steps, measured), np.array([steps - 1]), math.nan)
        )
        predicted, low, high = predict_at(law, lrs, last)
        if high - low > 2 * MOST_OPEN * predicted:
            predicted = low = high = math.nan
        rows.append(
            dict(
                scheduler=label,
                steps=steps,
                peak_lr=measured.peak_lr,
                fitted_on=label in fit_on,
                predicted=predicted,
                low=low,
                high=high,
                measured=final,
                error=predicted - final,
            )
        )
    return sorted(rows, key=lambda row: (math.isnan(row["predicted"]), row["predicted"]))


def predict_at(law: LossLaw, lrs: np.ndarray, step: np.ndarray) -> tuple[float, float, float]:
    """(prediction, low, high) at one step, (1,)."""
    return tuple(float(values[0]) for values in (law.predict(lrs, step), *law.interval(lrs, step)))


def measurable(measured: Measured, steps: int) -> list[str]:
    """The comparison's schedules; at another horizon without those that react to the loss."""
    labels = list(measured.curves)
    return (
        labels
        if steps == measured.steps
        else [label for label in labels if not made(label, steps, measured).reactive]
    )


def made(label: str, steps: int, measured: Measured):
    return get_schedule(label, steps=steps, peak_lr=measured.peak_lr, warmup_steps=measured.warmup_steps)


def lrs_of(label: str, steps: int, measured: Measured) -> np.ndarray:
    schedule = made(label, steps, measured)
    if schedule.reactive:
        raise ValueError(
            f"{label} reacts to the loss, so its learning rates are not known before it is trained: leave it out of --schedulers"
        )
    return schedule.lrs()


def write_forecast(
    out: Path, law: LossLaw, rows: list[dict], measured: Measured, save_law: Path | None = None
) -> list[Path]:
    """forecast.csv, its figure, and the law; law.json stays as it is if there is one, since a schedule may be designed by it."""
    from analysis.figures.forecast import draw_forecast
    from analysis.tables import write_csv

    write_csv(out / "forecast.csv", COLUMNS, rows)
    files, path = [out / "forecast.csv", draw_forecast(out, rows, measured)], save_law or out / "law.json"
    if save_law or not path.exists():
        law.save(path)
        files.append(path)
    return files


def print_forecast(rows: list[dict], measured: Measured, files: list[Path]):
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("schedule", no_wrap=True)
    for heading in ("predicted", "95% interval", "measured", "error"):
        table.add_column(heading, justify="right")
    for rank, row in enumerate(rows, 1):
        seen = (
            ["-", "-"]
            if math.isnan(row["measured"])
            else [f"{row['measured']:.4f}", "-" if math.isnan(row["error"]) else f"{row['error']:+.4f}"]
        )
        said = (
            ["-", "left open"]
            if math.isnan(row["predicted"])
            else [f"{row['predicted']:.4f}", f"{row['low']:.4f} to {row['high']:.4f}"]
        )
        table.add_row(str(rank), escape(row["scheduler"]) + " (fitted on)" * row["fitted_on"], *said, *seen)
    console = Console(
        highlight=False, width=max(Console().width, 80 + max(len(row["scheduler"]) for row in rows))
    )
    console.print(
        f"final {measured.what} after {rows[0]['steps']:,} steps at a peak lr of {measured.peak_lr:g}:"
    )
    console.print(table)
    lines = [
        "Intervals: the noise of the fitted curves, and how far the law misses them; a schedule unlike all of those can be further off."
    ]
    if any(math.isnan(row["predicted"]) for row in rows):
        lines.append(
            f"Left open: the fitted curves don't tell it to within {MOST_OPEN:.0%}; more seeds, or a curve of such a shape, would."
        )
    if not any(path.suffix == ".json" for path in files):
        lines.append(
            "law.json is of an earlier fit and was kept, since a schedule may be designed by it; --save-law FILE.json keeps this one."
        )
    console.print("\n".join([*lines, "", *map(str, files)]), markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
