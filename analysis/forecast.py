"""Predict what schedules will do, by a loss law fitted on the curves that a comparison measured.

    python -m analysis.forecast results/NAME                              # fit on every run, predict them all
    python -m analysis.forecast results/NAME --fit-on constant,cosine,wsd # predict the others, unseen
    python -m analysis.forecast results/NAME --schedulers wsd:cooldown=0.5,rex --steps 1000

Reads runs.csv, curves.csv and manifest.json, prints the predicted final losses with their intervals, and
writes forecast.csv, figures/forecast.png and, if there is none yet, law.json, which
`forecast_optimal:law=results/NAME/law.json` designs a schedule with.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from analysis.design_words import forecast_promises
from analysis.figures.forecast import draw_forecast
from analysis.measured import Measured, read_measured
from analysis.predictions import MAX_OPEN, ForecastRow, forecast_rows, predictable
from analysis.terminal import print_table, print_text
from analysis.text import format_number
from analysis.text_table import TextTable
from nanosched.command import fail
from nanosched.csv_files import write_csv
from schedulers import resolve
from theory import AnnealingLaw, LossLaw, MultiPowerLaw, PublishedMultiPowerLaw

LAWS = {
    "multi-power": MultiPowerLaw,
    "published-multi-power": PublishedMultiPowerLaw,
    "annealing": AnnealingLaw,
}
COLUMNS = ["scheduler", "steps", "peak_lr", "fitted_on", "predicted", "low", "high", "measured", "error"]


def main():
    args = parse_args()
    try:
        measured = read_measured(args.out, args.peak_lr)
        fit_on = list(measured.curves) if args.fit_on is None else resolve(args.fit_on)
        law = LAWS[args.law].fit([measured.curve(label) for label in fit_on])
        steps = measured.steps if args.steps is None else args.steps
        labels = predictable(measured, steps) if args.schedulers is None else resolve(args.schedulers)
        rows = forecast_rows(law, measured, labels, steps, fit_on)
        files = write_forecast(args.out, law, rows, measured, args.save_law)
    except (OSError, ValueError, RuntimeError) as e:
        fail(e)
    print_forecast(law, rows, measured, files)


def parse_args() -> argparse.Namespace:
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
    return parser.parse_args()


def write_forecast(
    out: Path, law: LossLaw, rows: list[ForecastRow], measured: Measured, save_law: Path | None = None
) -> list[Path]:
    """forecast.csv, its figure, and the law; an earlier law.json stays: a schedule may be designed by it."""
    table = out / "forecast.csv"
    write_csv(table, COLUMNS, ({name: getattr(row, name) for name in COLUMNS} for row in rows))
    files = [table, draw_forecast(out, rows, measured)]
    path = save_law or out / "law.json"
    if save_law or not path.exists():
        law.save(path)
        files.append(path)
    return files


def print_forecast(law: LossLaw, rows: list[ForecastRow], measured: Measured, files: list[Path]):
    steps, peak_lr = rows[0].steps, measured.peak_lr
    title = f"final {measured.what} after {steps:,} steps at a peak lr of {peak_lr:g}{measured.column}:"
    print_table(forecast_table(rows), title)
    print_text("\n".join([*law.doubts, *notes(rows, files)]))
    print("\n".join(["", *map(str, files)]))


def forecast_table(rows: list[ForecastRow]) -> TextTable:
    headings = ["#", "schedule", "predicted", "95% interval", "measured", "error"]
    return TextTable(headings, [[str(rank), *cells(row)] for rank, row in enumerate(rows, 1)])


def cells(row: ForecastRow) -> list[str]:
    return [
        row.scheduler + " (fitted on)" * row.fitted_on,
        format_number(row.predicted),
        "left open" if row.left_open else f"{row.low:.4f} to {row.high:.4f}",
        format_number(row.measured),
        format_number(row.error, "+.4f"),
    ]


def notes(rows: list[ForecastRow], files: list[Path]) -> list[str]:
    """What the reader must know beside the numbers."""
    lines = [
        "Intervals: the noise of the fitted curves, and how far the law misses them; "
        "a schedule unlike all of those can be further off."
    ]
    if any(row.left_open for row in rows):
        lines.append(
            f"Left open: the fitted curves don't tell it to within {MAX_OPEN:.0%}; "
            "more seeds, or a curve of such a shape, would."
        )
    lines += forecast_promises(rows)
    if not any(path.suffix == ".json" for path in files):
        lines.append(
            "law.json is of an earlier fit and was kept, since a schedule may be designed by it; "
            "--save-law FILE.json keeps this one."
        )
    return lines


if __name__ == "__main__":
    main()
