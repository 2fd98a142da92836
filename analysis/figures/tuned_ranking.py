"""tuned_ranking.png: what tuning the peak lr does to the ranking."""

from __future__ import annotations

import math

import numpy as np

from analysis.comparison import Comparison
from analysis.figures.basins import Basin, basins_of, tuned_title
from analysis.figures.dots import bar_words, dot_page, draw_bar, interval_bar
from analysis.figures.page import DARK
from analysis.figures.titles import setup_words
from analysis.outliers import outlier_limit
from analysis.text import format_lr


def tuned_ranking_page(comparison: Comparison):
    """A row for each schedule: filled its judged loss at its own best peak lr, hollow at the common one."""
    basins = basins_of(comparison)
    fig, ax, ys = dot_page(
        [basin.label for basin in basins],
        [basin_words(basin) for basin in basins],
        tuned_title(basins),
        tuned_caption(basins, comparison),
        [basin.setting.scheduler for basin in basins],
        "final validation loss, mean over seeds (nats per token)",
    )
    rankings = [comparison.judged[basin.setting.steps] for basin in basins]
    bars = [interval_bar(basin.ranked, ranking) for basin, ranking in zip(basins, rankings)]
    low, high = loss_limits(basins, np.array(bars))
    ax.set_xlim(low, high)
    if len(comparison.judged) == 1:
        ax.axvline(rankings[0].reference.entry.loss, color=DARK, lw=0.7, zorder=1)
    for basin, bar, y in zip(basins, bars, ys):
        draw_bar(ax, basin.colour, bar, y)
        draw_row(ax, basin, high, y)
    return fig


def draw_row(ax, basin: Basin, high: float, y: float):
    best, common = basin.tuned.best.loss, basin.common_loss
    if math.isfinite(common):
        ax.plot([best, min(common, high)], [y, y], color=basin.colour, lw=0.8, ls=(0, (1, 2)))
        ax.plot(common, y, "o", ms=5, mfc="white", mec=basin.colour, mew=1.2)
    ax.plot(best, y, "o", color=basin.colour, ms=5.5)


def loss_limits(basins: list[Basin], bars: np.ndarray) -> tuple[float, float]:
    """x limits around the losses, outliers left outside, and around the intervals that end near."""
    losses = np.array([loss for b in basins for loss in (b.tuned.best.loss, b.common_loss)])
    losses = losses[np.isfinite(losses)]
    low, high = losses.min(), losses[losses <= outlier_limit(losses)].max()
    span = high - low or 0.01 * high
    ends = np.clip(bars[np.isfinite(bars)], low - span / 4, high + span / 4)
    return min([low, *ends]) - 0.06 * span, max([high, *ends]) + 0.06 * span


# -- words


def basin_words(basin: Basin) -> str:
    place = f"#{basin.tuned.common_rank} in common" if basin.tuned.common_rank else "-"
    return f"{basin.tuned.best.loss:.4f} at {format_lr(basin.best_peak, 1)}; {place}"


def tuned_caption(basins: list[Basin], comparison: Comparison) -> str:
    words = bar_words(next(iter(comparison.judged.values())))
    known = any(math.isfinite(basin.ranked.interval[0]) for basin in basins)
    return (
        "Filled: each schedule at its own best peak lr; hollow: at the peak lr that all had in common"
        + ", by the difference with the seeds that chose" * comparison.held_out
        + ". "
        + f"{words} " * known
        + "The best may be an average of the weights, which has no row. " * bool(comparison.config.average)
        + "Right: the loss, the best peak lr, and the place in the ranking at the common one. "
        f"The axis is zoomed to the data. Colour: the schedule's family. {setup_words(comparison)}"
    )
