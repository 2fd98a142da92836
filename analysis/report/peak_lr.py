"""The report's section on the peak learning rate: the final loss against it, where there are several."""

from __future__ import annotations

import math

import numpy as np

from analysis.comparison import Comparison
from analysis.figures.basins import Basin, basin_caption, basin_title, basins_of, tuned_title
from analysis.report.blocks import Block, Paragraph, Plot, Schedule, Table
from analysis.report.row_ticks import with_ticks
from analysis.text import format_lr
from analysis.tuning_words import bottom_words, tuning_notes

CAPTION = (
    "Final validation loss at each peak lr, mean over seeds; * is the lowest, - was not tried. "
    "Parabola: in the logarithm of the peak lr through the lowest and its neighbours, where it is lowest "
    "(95% by bootstrap over the seeds). May be as good: peak lrs that those seeds can't tell from the best"
)
TUNED = (
    "Filled: each schedule at its own best peak lr; hollow: what it is higher by at the peak lr that all had "
    "in common, with the seeds that chose. "
)
INTERVAL = "Line: the interval of the difference to the best, around the schedule's own loss."


def peak_lrs(comparison: Comparison) -> list[Block]:
    if len({setting.peak_lr for setting in comparison.settings}) < 2:
        return []
    basins = basins_of(comparison)
    if not basins:
        return []
    peaks = sorted({peak for basin in basins for peak in basin.losses})
    notes = [Paragraph(" ".join(found))] if (found := tuning_notes(comparison)) else []
    tuned = [tuned_plot(basins)] * comparison.tuned
    return [*notes, basin_plot(basins, peaks), *tuned, basin_table(basins, peaks)]


def basin_plot(basins: list[Basin], peaks: list[float]) -> Plot:
    data = dict(lines=list(map(basin_line, basins)), peaks=[[peak, format_lr(peak, 1)] for peak in peaks])
    return Plot("basins", basin_title(basins) + ".", basin_caption(basins), data)


def basin_line(basin: Basin) -> dict:
    x, y = basin.mean
    return dict(
        schedule=basin.setting.scheduler,
        label=basin.label,
        steps=basin.setting.steps,
        x=x,
        y=y,
        seeds=[(peak, loss) for peak, losses in basin.losses.items() for loss in losses],
        incomplete=basin.incomplete,
        best=basin.best_peak,
    )


def basin_table(basins: list[Basin], peaks: list[float]) -> Table:
    rows = [
        [
            basin_name(basin),
            *(basin_cell(basin, peak) for peak in peaks),
            bottom_words(basin.tuned),
            ", ".join(map(format_lr, basin.tuned.as_good)) or "-",
        ]
        for basin in basins
    ]
    return Table(CAPTION, ["schedule", *map(format_lr, peaks), "parabola", "may be as good"], rows)


def basin_name(basin: Basin) -> Schedule:
    scheduler = basin.setting.scheduler
    return Schedule(scheduler, basin.label[len(scheduler) :])


def basin_cell(basin: Basin, peak: float) -> str:
    if peak not in basin.losses:
        return "-"
    losses = basin.losses[peak]
    loss = f"{np.mean(losses):.4f}" if losses else ""
    if peak in basin.incomplete:
        return f"{loss} × a seed diverged or failed".strip()
    return loss + " *" * (peak == basin.best_peak)


def tuned_plot(basins: list[Basin]) -> Plot:
    """Each schedule's loss at its own best peak lr and at the common one."""
    rows = [tuned_dot(basin) for basin in basins]
    edge = np.nanmax([loss for row in rows for loss in (row["x"], row["hollow"])])
    known = any(math.isfinite(row["low"]) for row in rows)
    data = dict(rows=with_ticks(rows), edge=edge, zero=False, xtitle="final validation loss (nats per token)")
    return Plot("dots", tuned_title(basins) + ".", TUNED + INTERVAL * known, data)


def tuned_dot(basin: Basin) -> dict:
    low, high = basin.interval
    return dict(
        schedule=basin.setting.scheduler,
        label=basin.label,
        words=tuned_words(basin),
        x=basin.tuned.best.loss,
        hollow=basin.common_loss,
        low=low,
        high=high,
    )


def tuned_words(basin: Basin) -> str:
    words = f"{basin.tuned.best.loss:.4f} at its own best peak lr of {format_lr(basin.best_peak)}"
    if not basin.tuned.common_rank:
        return words
    return f"{words}; at the common one {basin.common_loss:.4f}, number {basin.tuned.common_rank}"
