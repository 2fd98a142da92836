"""ranking.png: the final validation loss of every seed, a row for each schedule, the lowest mean first."""

from __future__ import annotations

import numpy as np

from analysis.comparison import Comparison
from analysis.figures.dots import bar_words, dot_page, draw_bar, draw_beyond, interval_bar
from analysis.figures.groups import Group, ranked_groups, schedules_of
from analysis.figures.page import DARK
from analysis.figures.titles import extremes, setup_words, unranked
from analysis.outliers import outlier_limit
from analysis.sentences import NO_RUN, ONE_SEED, answer
from analysis.text import listed, shorten


def ranking_page(comparison: Comparison):
    groups = ranked_groups(comparison)
    fig, ax, ys = dot_page(
        [group.label for group in groups],
        [group.loss_words() for group in groups],
        ranking_title(groups, comparison),
        ranking_caption(comparison),
        schedules_of(groups),
        "final validation loss (nats per token)",
    )
    losses = [np.array([result.loss for result in group.entry.completed]) for group in groups]
    bars = [interval_bar(group.ranked, comparison.rankings[group.setting.steps]) for group in groups]
    low, high = zoom(np.concatenate([np.zeros(0), *losses]), np.array(bars))
    ax.set_xlim(low, high)
    if not any(len(values) for values in losses):
        ax.set_xticks([])
    draw_references(ax, comparison, ys)
    for group, values, bar, y in zip(groups, losses, bars, ys):
        draw_bar(ax, group.colour, np.clip(bar, low, high), y)
        draw_seeds(ax, group.colour, values, high, y, hollow=bool(group.setting.average))
    return fig


def draw_references(ax, comparison: Comparison, ys: np.ndarray):
    """A vertical line along each horizon's rows at the loss that its intervals are to."""
    begin, half = 0, (ys[1] - ys[0]) / 2 if len(ys) > 1 else ys[0]
    for ranking in comparison.rankings.values():
        rows = ys[begin : begin + len(ranking.rows)]
        begin += len(rows)
        if ranking.reference.entry.completed:
            ends = rows[0] - half, rows[-1] + half
            ax.plot([ranking.reference.entry.loss] * 2, ends, color=DARK, lw=0.7, zorder=1)


def draw_seeds(ax, colour: str, losses: np.ndarray, high: float, y: float, hollow: bool = False):
    """A dot for each seed, hollow for an average of the weights, a bar at their mean, and an arrow for those
    beyond `high`.
    """
    inside, beyond = losses[losses <= high], losses[losses > high]
    if len(inside) > 1:
        ax.plot([inside.min(), high if len(beyond) else inside.max()], [y, y], color=colour, lw=1)
    if len(losses) > 1 and losses.mean() <= high:
        ax.plot(losses.mean(), y, "|", color="black", ms=12, mew=1.6)
    looks = dict(mfc="white", mec=colour, mew=1.2) if hollow else dict(mec="white", mew=0.5)
    ax.plot(inside, np.full(len(inside), y), "o", color=colour, ms=5, **looks)
    if len(beyond):
        draw_beyond(ax, colour, high, y, ", ".join(f"{loss:.3f}" for loss in sorted(beyond)))


def zoom(losses: np.ndarray, bars: np.ndarray) -> tuple[float, float]:
    """x limits around the losses, outliers left outside, and around the bars that end near."""
    if not len(losses):
        return 0.0, 1.0
    low, high = losses.min(), losses[losses <= outlier_limit(losses)].max()
    span = high - low or 0.1 * low
    ends = np.clip(bars[np.isfinite(bars)], low - span / 4, high + span / 4)
    low, high = min([low, *ends]), max([high, *ends])
    pad = 0.06 * (high - low) or 0.01 * low
    return low - pad, high + pad


# -- words


def ranking_title(groups: list[Group], comparison: Comparison) -> str:
    """Which schedules may be the best, or what differs from the baseline; with one seed the range."""
    seeds, several = len(comparison.row_seeds), "validation losses end between {} and {}"
    if groups[0].setting.steps != groups[-1].setting.steps:
        return horizons_title(groups, seeds)
    first = groups[0]
    if not first.completed:
        return NO_RUN
    if len(groups) == 1:
        return f"{shorten(first.label)} ends at a validation loss of {first.entry.loss:.4f}"
    if seeds == 1:
        ends = {group.label: group.entry.loss for group in groups if group.completed}
        return unranked(extremes(ends, several, "a run ends at {}", "{:.4f}"))
    return answer(comparison.rankings[first.setting.steps].verdicts, shorten)


def horizons_title(groups: list[Group], seeds: int) -> str:
    lowest = [
        f"{shorten(group.setting.name)} at {group.setting.steps:,}"
        for group in groups
        if group.ranked.rank == 1 and group.completed
    ]
    if not lowest:
        return NO_RUN
    if seeds == 1:
        horizons = listed([f"{steps:,}" for steps in sorted({group.setting.steps for group in groups})])
        return unranked(f"validation losses at {horizons} steps")
    return f"Lowest mean validation loss: {', '.join(lowest)} steps"


def ranking_caption(comparison: Comparison) -> str:
    ranking = next(iter(comparison.rankings.values()))
    if len(comparison.row_seeds) == 1:
        meaning = f"{ONE_SEED} Dot: the run; vertical line: the lowest loss."
    else:
        line = f"{ranking.verdicts.baseline}'s" if ranking.verdicts.baseline else "the lowest"
        meaning = (
            "Dot: a seed; black bar: mean over seeds (numbers at the right); "
            f"line: from lowest to highest; vertical line: {line} mean. {bar_words(ranking)}"
        )
    hollow = " Hollow: an average of the weights." * bool(comparison.config.average)
    axis = "The axis is zoomed to the data; an arrow is a run beyond it."
    return f"{meaning}{hollow} {axis} Colour: the schedule's family. {setup_words(comparison)}"
