"""forecast.png: what a loss law predicts for each schedule, beside what was measured."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from analysis.differences import rank_correlation
from analysis.figures.colours import colour_of
from analysis.figures.dots import dot_page
from analysis.figures.page import DARK, draw_page
from analysis.measured import Measured
from analysis.predictions import ForecastRow
from analysis.text import counted, format_lr, shorten


def draw_forecast(out: Path, rows: list[ForecastRow], measured: Measured) -> Path:
    """Draw out/figures/forecast.png, a row for each of forecast.csv, and return its path."""
    return draw_page(Path(out) / "figures" / "forecast.png", forecast_page, rows, measured)


def forecast_page(rows: list[ForecastRow], measured: Measured):
    fig, ax, ys = dot_page(
        [row.scheduler + " (fitted on)" * row.fitted_on for row in rows],
        [forecast_words(row) for row in rows],
        forecast_title(rows),
        forecast_caption(rows, measured),
        [row.scheduler for row in rows],
        f"final {measured.what} (nats per token)",
    )
    for row, y in zip(rows, ys):
        colour = colour_of(row.scheduler)
        ax.plot([row.low, row.high], [y, y], color=colour, lw=3, alpha=0.5, solid_capstyle="butt")
        ax.plot(row.predicted, y, "D", color=colour, ms=5, mec="white", mew=0.5)
        if not math.isnan(row.measured):
            ax.plot(row.measured, y, "o", color="none", mec=DARK, ms=6, mew=1.2)
    return fig


# -- words


def forecast_words(row: ForecastRow) -> str:
    prediction = "left open" if row.left_open else f"{row.predicted:.4f}"
    return prediction if math.isnan(row.measured) else f"{prediction}, measured {row.measured:.4f}"


def forecast_title(rows: list[ForecastRow]) -> str:
    """How well the law did on schedules that it was not fitted on; without these, what it predicts."""
    first, tests = rows[0], [row for row in rows if row.is_test]
    if first.left_open:
        return "The fitted curves leave these schedules open"
    if len(tests) < 3:
        return f"{shorten(first.scheduler)} has the lowest predicted final loss, {first.predicted:.3f}"
    error = np.abs([row.error for row in tests]).mean()
    rank = rank_correlation([row.predicted for row in tests], [row.measured for row in tests])
    schedules = f"{len(tests)} schedules that the law was not fitted on"
    agreement = f"rank correlation {rank:+.2f}, mean error {error:.3f}"
    return f"Predicted and measured final losses of {schedules}: {agreement}"


def forecast_caption(rows: list[ForecastRow], measured: Measured) -> str:
    left_open = "Left open: the interval would be wider than a tenth of the loss either way. "
    return (
        "Diamond: predicted; bar: 95% interval, from how far the law misses the fitted curves; "
        f"ring: measured, mean over {counted(measured.seeds, 'seed')}. "
        + left_open * any(row.left_open for row in rows)
        + f"Fitted on {sum(row.fitted_on for row in rows)} of these schedules. "
        + f"{counted(rows[0].steps, 'step')}, peak lr {format_lr(measured.peak_lr)}. "
        + "The axis is zoomed to the data."
    )
