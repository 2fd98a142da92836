"""training_loss.png: every schedule's smoothed training loss in front of all the others'."""

from __future__ import annotations

import numpy as np

from analysis.comparison import Comparison
from analysis.curves import mean_curve, smooth, smoothing, thin
from analysis.figures.groups import Group, schedules_of
from analysis.figures.panels import (
    draw_behind,
    draw_diverged,
    mark_above,
    max_steps,
    panel_groups,
    panels,
    shared_words,
)
from analysis.figures.titles import loss_title
from analysis.outliers import outlier_limit
from analysis.text import counted


def training_loss_page(comparison: Comparison):
    groups, steps = panel_groups(comparison), max_steps(comparison)
    window = smoothing(steps)
    lines = {g.label: smooth(mean_curve(g.completed, "loss"), window) for g in groups if g.completed}
    longest = max((g.setting.steps for g in groups if g.completed), default=steps)
    ends = {g.label: lines[g.label] for g in groups if g.completed and g.setting.steps == longest}
    fig, axes = panels(
        [group.label for group in groups],
        [group.loss_words() for group in groups],
        steps,
        loss_title(ends, len(comparison.row_seeds)),
        "Thick: this schedule, mean over its seeds; grey: all others. "
        f"Each point is the mean of {counted(window, 'step')}. Above each panel: final validation loss. "
        f"The first steps may lie above the axis. {shared_words(comparison, groups)}",
        schedules_of(groups),
        "training loss (nats per token)",
    )
    low, high = loss_limits(groups, lines)
    grey = [thin(x, y) for x, y in lines.values()]
    for group, ax in zip(groups, axes):
        ax.set(ylim=(low, high))
        draw_behind(ax, grey)
        if group.label in lines:
            ax.plot(*lines[group.label], color=group.colour, lw=1.8)
            mark_above(ax, *lines[group.label], group.colour)
        draw_diverged(ax, group, "loss", window)
    return fig


def loss_limits(groups: list[Group], lines: dict) -> tuple[float, float]:
    """y limits that show the last four fifths of the run, where schedules differ, without outliers."""
    if not lines:
        finite = np.concatenate([c.loss[np.isfinite(c.loss)] for g in groups for c in g.diverged])
        return (finite.min() - 0.1, np.percentile(finite, 90) + 0.1) if len(finite) else (0, 1)
    late = [y[len(y) // 5 :] for _, y in lines.values()]
    ends = np.array([y[-1] for y in late])
    low = min(y.min() for y in late)
    high = max(ends[ends <= outlier_limit(ends)].max(), np.median([y[0] for y in late]))
    pad = 0.05 * (high - low) or 0.1
    return low - pad, high + pad
