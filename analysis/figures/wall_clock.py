"""wall_clock.png: the time of a step, median and 5th to 95th percentile, a row for each schedule."""

from __future__ import annotations

import numpy as np

from analysis.comparison import Comparison
from analysis.figures.dots import dot_page, draw_beyond
from analysis.figures.groups import Group, groups_of, schedules_of, step_times
from analysis.figures.titles import setup_words, time_title


def wall_clock_page(comparison: Comparison):
    groups = groups_of(comparison)
    ranges = step_times(groups)
    fig, ax, ys = dot_page(
        [group.label for group in groups],
        [time_words(group) for group in groups],
        time_title(ranges),
        wall_clock_caption(comparison),
        schedules_of(groups),
        "ms per step",
    )
    medians, highs = ([ends[i] for ends in ranges.values()] for i in (1, 2))
    edge = min(
        1.05 * max(highs), 3 * np.median(medians)
    )  # one run on a busy machine would squeeze all others
    ax.set_xlim(0, edge)
    for group, y in zip(groups, ys):
        if group.label in ranges:
            draw_range(ax, group.colour, *ranges[group.label], edge, y)
    return fig


def draw_range(ax, colour: str, low: float, median: float, high: float, edge: float, y: float):
    ax.plot([low, min(high, edge)], [y, y], color=colour, lw=1.4)
    ax.plot(median, y, "o", color=colour, ms=5, mec="white", mew=0.5)
    if high > edge:
        words = f"{median:,.0f}, to {high:,.0f}" if median > edge else f"to {high:,.0f}"
        draw_beyond(ax, colour, edge, y, words)


# -- words


def time_words(group: Group) -> str:
    """The seconds that a run trained."""
    return f"{group.entry.mean('wall_s'):,.1f} s" if group.completed else "-"


def wall_clock_caption(comparison: Comparison) -> str:
    device = comparison.result_with_curve().run.record.device
    return (
        "Dot: median over all steps of all seeds; "
        "line: 5th to 95th percentile, with an arrow where it goes on. "
        "Right: seconds that a run trained (mean over seeds), validation left out. "
        f"Same order as the ranking. Device: {device}. {setup_words(comparison)}"
    )
