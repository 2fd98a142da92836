"""The report's section on the peak learning rate: the final loss against it, where there are several."""

from __future__ import annotations

import math

import numpy as np

from analysis.comparison import Comparison, Ranking
from analysis.figures.basins import Basin, basin_caption, basin_title, basins_of, tuned_title
from analysis.figures.dots import interval_bar
from analysis.report.blocks import Block, Paragraph, Plot, Schedule, Table
from analysis.report.row_ticks import with_ticks
from analysis.text import format_lr
from analysis.tuning_words import bottom_words, tuning_notes

CAPTION = "Final validation loss at each peak lr, mean over seeds; * is the lowest, - was not tried"
CHOSEN = (
    "The chosen peak lrs. Parabola: in the logarithm of the peak lr through the lowest mean and its two "
    "neighbours, where it is lowest, with 95% by bootstrap over the seeds. May be as good: others that are "
    "lowest in 5% of the bootstrap or more"
)
TUNED = (
    "Filled: each schedule at its own best peak lr; hollow: what it is higher by at the peak lr that all had "
    "in common, with the seeds that chose. "
)
INTERVAL = "Line with ends: {} of the differences to {}, from its loss on."


def peak_lrs(comparison: Comparison) -> list[Block]:
    if len({setting.peak_lr for setting in comparison.settings}) < 2:
        return []
    basins = basins_of(comparison)
    if not basins:
        return []
    peaks = sorted({peak for basin in basins for peak in basin.losses})
    notes = [Paragraph(" ".join(found))] if (found := tuning_notes(comparison)) else []
    tuned = [tuned_plot(basins, comparison), chosen_table(basins)] if comparison.tuned else []
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
    rows = [[basin_name(basin), *(basin_cell(basin, peak) for peak in peaks)] for basin in basins]
    return Table(CAPTION, ["schedule", *map(format_lr, peaks)], rows)


def chosen_table(basins: list[Basin]) -> Table:
    rows = [
        [
            basin_name(basin),
            format_lr(basin.best_peak),
            bottom_words(basin.tuned),
            ", ".join(map(format_lr, basin.tuned.as_good)) or "-",
        ]
        for basin in basins
    ]
    return Table(CHOSEN, ["schedule", "chosen", "parabola", "may be as good"], rows)


def basin_name(basin: Basin) -> Schedule:
    scheduler = basin.setting.scheduler
    return Schedule(scheduler, basin.label[len(scheduler) :])


def basin_cell(basin: Basin, peak: float) -> str:
    if peak not in basin.losses:
        return "-"
    if peak in basin.incomplete:
        losses = basin.losses[peak]
        mean = [f"{np.mean(losses):.4f}"] if losses else []
        return " ".join([*mean, "× a seed diverged or failed"])
    means = dict(zip(*basin.mean))
    return f"{means[peak]:.4f}" + " *" * (peak == basin.best_peak)


def tuned_plot(basins: list[Basin], comparison: Comparison) -> Plot:
    """Each schedule's loss at its own best peak lr and at the common one."""
    rows = [tuned_dot(basin, comparison.judged[basin.setting.steps]) for basin in basins]
    edge = np.nanmax([loss for row in rows for loss in (row["x"], row["hollow"])])
    known = any(math.isfinite(row["low"]) for row in rows)
    ranking = comparison.judged[basins[0].setting.steps]
    words = INTERVAL.format(ranking.verdicts.method, ranking.reference.entry.setting.name)
    data = dict(rows=with_ticks(rows), edge=edge, zero=False, xtitle="final validation loss (nats per token)")
    return Plot("dots", tuned_title(basins) + ".", TUNED + words * known, data)


def tuned_dot(basin: Basin, ranking: Ranking) -> dict:
    low, high = interval_bar(basin.ranked, ranking)
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
