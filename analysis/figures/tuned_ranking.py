"""tuned_ranking.png: what tuning the peak lr does to the ranking."""

from __future__ import annotations

import math

import numpy as np

from analysis.comparison import Comparison
from analysis.figures.basins import Basin, basins_of, tuned_title
from analysis.figures.dots import dot_page
from analysis.outliers import outlier_limit
from analysis.text import format_lr

CAPTION = (
    "Filled: each schedule at its own best peak lr; hollow: at the peak lr that all had in common. "
    "Right: the loss, the best peak lr, and the place in the ranking at the common one. "
    "The axis is zoomed to the data. Colour: the schedule's family."
)


def tuned_ranking_page(comparison: Comparison):
    """A row for each schedule: filled its mean loss at its own best peak lr, hollow at the common one."""
    basins = basins_of(comparison)
    best = np.array([basin.tuned.best.loss for basin in basins])
    common = np.array([basin.common_loss for basin in basins])
    fig, ax, ys = dot_page(
        [basin.label for basin in basins],
        [basin_words(basin) for basin in basins],
        tuned_title(basins),
        CAPTION,
        "final validation loss, mean over seeds (nats per token)",
    )
    losses = np.concatenate([best, common[np.isfinite(common)]])
    low, high = losses.min(), losses[losses <= outlier_limit(losses)].max()
    pad = 0.06 * (high - low) or 0.01 * high
    ax.set_xlim(low - pad, high + pad)
    for basin, filled, hollow, y in zip(basins, best, common, ys):
        if math.isfinite(hollow):
            ax.plot([filled, min(hollow, high + pad)], [y, y], color=basin.colour, lw=1)
            ax.plot(hollow, y, "o", ms=5, mfc="white", mec=basin.colour, mew=1.2)
        ax.plot(filled, y, "o", color=basin.colour, ms=5.5)
    return fig


def basin_words(basin: Basin) -> str:
    place = f"#{basin.tuned.common_rank} in common" if basin.tuned.common_rank else "-"
    return f"{basin.tuned.best.loss:.4f} at {format_lr(basin.best_peak, 1)}; {place}"
