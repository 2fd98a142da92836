"""peak_lr.png: the final loss of every schedule against its peak lr."""

from __future__ import annotations

import math

import numpy as np

from analysis.comparison import Comparison
from analysis.figures.basins import Basin, basin_caption, basin_title, basins_of
from analysis.figures.panels import draw_behind, panels
from analysis.figures.titles import setup_words
from analysis.outliers import outlier_limit
from analysis.text import format_lr

TICKS = 4  # of the peak lrs at most: more would touch
PARABOLA = "Black line: where a parabola through the ring and its neighbours is lowest, 95% by bootstrap. "
MARGIN = 1.3  # factor between the outermost peak lrs and the panel's edges


def peak_lr_page(comparison: Comparison):
    """A panel for each schedule: every seed's loss and their mean, the best peak lr ringed."""
    basins = basins_of(comparison)
    fig, axes = panels(
        [basin.label for basin in basins],
        [f"best at {format_lr(basin.best_peak, 1)}" for basin in basins],
        1,
        basin_title(basins),
        f"{basin_caption(basins)} {PARABOLA * any_bottom(basins)}{setup_words(comparison)}",
        [basin.setting.scheduler for basin in basins],
        "final validation loss (nats per token)",
        "peak learning rate (log scale)",
    )
    behind = [basin.mean for basin in basins]
    for basin, ax in zip(basins, axes):
        set_axes(ax, basins)
        draw_behind(ax, behind)
        draw_basin(ax, basin)
    return fig


def set_axes(ax, basins: list[Basin]):
    """The limits and ticks, the same for all panels."""
    peaks = sorted({peak for basin in basins for peak in basin.losses})
    low, high = loss_limits(basins)
    ax.set_xscale("log", base=2)
    ax.set(xlim=(peaks[0] / MARGIN, peaks[-1] * MARGIN), ylim=(low, high))
    shown = spread(peaks)
    ax.set_xticks(shown, [format_lr(peak, 1) for peak in shown])
    for label in ax.get_xticklabels():
        label.set_ha("center")
    ax.minorticks_off()


def spread(peaks: list[float]) -> list[float]:
    """The peak lrs whose labels don't touch: each a TICKS-th of the log axis from the one before, or more."""
    width = math.log(MARGIN**2 * peaks[-1] / peaks[0]) / TICKS
    shown = peaks[:1]
    for peak in peaks[1:]:
        if math.log(peak / shown[-1]) >= width:
            shown.append(peak)
    return shown


def loss_limits(basins: list[Basin]) -> tuple[float, float]:
    """From the lowest seed to the highest mean that is no outlier."""
    means = np.concatenate([basin.mean[1] for basin in basins])
    low = min(loss for basin in basins for losses in basin.losses.values() for loss in losses)
    high = means[means <= outlier_limit(means)].max()
    pad = 0.08 * (high - low) or 0.01 * low
    return low - pad, high + pad


def any_bottom(basins: list[Basin]) -> bool:
    """Whether an interval of a lowest point is drawn."""
    return any(basin.tuned.bottom.low > 0 for basin in basins)


def draw_basin(ax, basin: Basin):
    ax.plot(*basin.mean, color=basin.colour, lw=1.6)
    for peak, losses in basin.losses.items():
        ax.plot([peak] * len(losses), losses, "o", color=basin.colour, ms=2.5)
    bottom = basin.tuned.bottom
    ax.plot([bottom.low, bottom.high], [basin.tuned.chosen.loss] * 2, color="black", lw=1.2)
    ax.plot(basin.best_peak, basin.tuned.chosen.loss, "o", ms=8, mfc="none", mec="black", mew=1)
    for peak in basin.incomplete:
        ax.plot(peak, 0.94, "x", color="black", ms=6, mew=1.6, transform=ax.get_xaxis_transform())
