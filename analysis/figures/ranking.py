"""ranking.png: the final validation loss of every seed, a row for each schedule, the lowest mean first."""

from __future__ import annotations

import numpy as np

from analysis.comparison import Comparison
from analysis.figures.dots import dot_page, draw_beyond
from analysis.figures.groups import Group, groups_of, schedules_of
from analysis.figures.page import DARK
from analysis.figures.titles import extremes, setup_words, unranked
from analysis.outliers import outlier_limit
from analysis.sentences import NO_RUN, ONE_SEED
from analysis.text import counted, listed, shorten


def ranking_page(comparison: Comparison):
    groups, seeds = groups_of(comparison), len(comparison.row_seeds)
    fig, ax, ys = dot_page(
        [group.label for group in groups],
        [group.loss_words() for group in groups],
        ranking_title(groups, seeds),
        ranking_caption(seeds, setup_words(comparison)),
        schedules_of(groups),
        "final validation loss (nats per token)",
    )
    losses = [np.array([result.loss for result in group.entry.completed]) for group in groups]
    low, high = zoom(np.concatenate([np.zeros(0), *losses]))
    ax.set_xlim(low, high)
    if not any(len(values) for values in losses):
        ax.set_xticks([])
    if groups[0].completed and len(comparison.rankings) == 1:
        ax.axvline(groups[0].entry.loss, color=DARK, lw=0.7, zorder=1)
    for group, values, y in zip(groups, losses, ys):
        draw_seeds(ax, group.colour, values, high, y)
    return fig


def draw_seeds(ax, colour: str, losses: np.ndarray, high: float, y: float):
    """A dot for each seed, a bar at their mean, and an arrow for those beyond `high`."""
    inside, beyond = losses[losses <= high], losses[losses > high]
    if len(inside) > 1:
        ax.plot([inside.min(), high if len(beyond) else inside.max()], [y, y], color=colour, lw=1)
    if len(losses) > 1 and losses.mean() <= high:
        ax.plot(losses.mean(), y, "|", color="black", ms=12, mew=1.6)
    ax.plot(inside, np.full(len(inside), y), "o", color=colour, ms=5, mec="white", mew=0.5)
    if len(beyond):
        draw_beyond(ax, colour, high, y, ", ".join(f"{loss:.3f}" for loss in sorted(beyond)))


def zoom(losses: np.ndarray) -> tuple[float, float]:
    """x limits around the losses, outliers left outside."""
    if not len(losses):
        return 0.0, 1.0
    low, high = losses.min(), losses[losses <= outlier_limit(losses)].max()
    pad = 0.06 * (high - low) or 0.01 * low
    return low - pad, high + pad


# -- words


def ranking_title(groups: list[Group], seeds: int) -> str:
    """Which schedule is lowest, and how sure that looks: in how many seeds it is below the next."""
    if groups[0].setting.steps != groups[-1].setting.steps:
        return horizons_title(groups, seeds)
    first = groups[0]
    if not first.completed:
        return NO_RUN
    loss = first.entry.loss
    ties = [group.label for group in groups[1:] if group.entry.loss == loss]
    others = [group for group in groups[1:] if group.completed and group.label not in ties]
    names = " and ".join(map(shorten, [first.label, *ties]))
    if len(groups) == 1:
        return f"{names} ends at a validation loss of {loss:.4f}"
    if not others:
        return f"{names} end{'s' * (not ties)} at the lowest validation loss, {loss:.4f}"
    if seeds == 1:
        ends = {group.label: group.entry.loss for group in groups if group.completed}
        return unranked(extremes(ends, "validation losses end between {} and {}", "", "{:.4f}"))
    incomplete = any(group.completed and group.incomplete_words() for group in groups[1:])
    of = " of those that completed every seed" * incomplete
    below, pairs = seeds_below(first, others[0])
    next_one = f"below {shorten(others[0].label)}, the next, in {below} of {counted(pairs, 'seed')}"
    return f"{names} {'have' if ties else 'has'} the lowest mean validation loss{of}, {loss:.4f}: {next_one}"


def horizons_title(groups: list[Group], seeds: int) -> str:
    lowest = [
        f"{shorten(group.setting.scheduler)} at {group.setting.steps:,}"
        for group in groups
        if group.ranked.rank == 1 and group.completed
    ]
    if not lowest:
        return NO_RUN
    if seeds == 1:
        horizons = listed([f"{steps:,}" for steps in sorted({group.setting.steps for group in groups})])
        return unranked(f"validation losses at {horizons} steps")
    return f"Lowest mean validation loss: {', '.join(lowest)} steps"


def seeds_below(group: Group, other: Group) -> tuple[int, int]:
    """(in how many seeds `group` is below `other`, how many seeds both completed)."""
    one, two = ({result.seed: result.loss for result in g.entry.completed} for g in (group, other))
    both = one.keys() & two.keys()
    return sum(one[seed] < two[seed] for seed in both), len(both)


def ranking_caption(seeds: int, setup: str) -> str:
    if seeds == 1:
        meaning = f"{ONE_SEED} Dot: the run; vertical line: the lowest loss."
    else:
        meaning = (
            "Dot: a seed; black bar: mean over seeds (numbers at the right); "
            "line: from lowest to highest; vertical line: the lowest mean."
        )
    axis = "The axis is zoomed to the data; an arrow is a run beyond it."
    return f"{meaning} {axis} Colour: the schedule's family. {setup}"
