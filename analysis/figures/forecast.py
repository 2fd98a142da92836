"""forecast.png: what a loss law predicts for each schedule, beside what was measured."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from analysis.figures.colours import colour_of
from analysis.figures.dots import dot_page
from analysis.figures.draw import save
from analysis.figures.page import DARK, STYLE, counted, shorten, spell_lr
from analysis.stats import rank_correlation


def draw_forecast(out: Path, rows: list[dict], measured) -> Path:
    """Draw out/figures/forecast.png from the rows of forecast.csv and return its path."""
    from matplotlib import style

    with style.context(STYLE, after_reset=True):
        groups = [SimpleNamespace(label=row["scheduler"] + " (fitted on)" * row["fitted_on"]) for row in rows]
        fig, ax, ys = dot_page(
            groups,
            [cell(row) for row in rows],
            forecast_title(rows),
            caption(rows, measured),
            f"final {measured.what} (nats a token)",
        )
        for row, y in zip(rows, ys):
            colour = colour_of(row["scheduler"])
            ax.plot([row["low"], row["high"]], [y, y], color=colour, lw=3, alpha=0.5, solid_capstyle="butt")
            ax.plot(row["predicted"], y, "D", color=colour, ms=5, mec="white", mew=0.5)
            if not math.isnan(row["measured"]):
                ax.plot(row["measured"], y, "o", color="none", mec=DARK, ms=6, mew=1.2)
        return save(fig, Path(out) / "figures" / "forecast.png")


def cell(row: dict) -> str:
    said = "left open" if math.isnan(row["predicted"]) else f"{row['predicted']:.4f}"
    return said + ("" if math.isnan(row["measured"]) else f", measured {row['measured']:.4f}")


def forecast_title(rows: list[dict]) -> str:
    """How well the law did on schedules that it had not seen; what it says where none was measured."""
    seen = [row for row in rows if not math.isnan(row["error"]) and not row["fitted_on"]]
    if math.isnan(rows[0]["predicted"]):
        return "The fitted curves leave these schedules open"
    if len(seen) < 3:
        return (
            f"{shorten(rows[0]['scheduler'])} has the lowest predicted final loss, {rows[0]['predicted']:.3f}"
        )
    errors = np.abs([row["error"] for row in seen])
    rank = rank_correlation([row["predicted"] for row in seen], [row["measured"] for row in seen])
    return f"Predicted and measured final losses of {len(seen)} schedules that the law had not seen: rank correlation {rank:+.2f}, mean error {errors.mean():.3f}"


def caption(rows: list[dict], measured) -> str:
    fitted = [row["scheduler"] for row in rows if row["fitted_on"]]
    return (
        "Diamond: predicted; bar: 95% interval, from how far the law misses the fitted curves; ring: measured, mean over "
        + counted(measured.seeds, "seed")
        + ". Left open: the interval would be wider than a tenth of the loss either way"
        * any(math.isnan(row["predicted"]) for row in rows)
        + f". {len(fitted)} of these schedules were fitted on. {rows[0]['steps']:,} steps, peak lr {spell_lr(measured.peak_lr)}. The axis is zoomed to the data."
    )
