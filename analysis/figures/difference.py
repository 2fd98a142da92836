"""difference.png: every schedule's training loss minus a baseline's, whose batches are the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.comparison import Comparison, Result
from analysis.curves import smooth, smoothing, thin
from analysis.figures.baseline import baseline_reason, baselines_of
from analysis.figures.groups import Group, judged_groups, schedules_of
from analysis.figures.page import DARK
from analysis.figures.panels import (
    at_most_one_page,
    draw_behind,
    draw_cut,
    mark_above,
    max_steps,
    panels,
    shared_words,
)
from analysis.figures.titles import extremes, unranked
from analysis.outliers import outlier_limit
from analysis.text import counted, listed, shorten


@dataclass(frozen=True)
class Difference:
    """A setting's training loss minus its baseline's at the same step and seed."""

    group: Group
    baseline: Group
    window: int  # steps that each point is the mean of

    @cached_property
    def seeds(self) -> np.ndarray:
        """(seeds that both completed, points)"""
        return np.array([smooth(loss, self.window)[1] for loss in self.paired(self.group.entry.completed)])

    @cached_property
    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """(steps, mean over the seeds)"""
        steps, window = self.group.setting.steps, min(self.window, self.group.setting.steps)
        return np.arange(window - 1, steps), self.seeds.mean(axis=0)

    @property
    def end(self) -> float:
        return float(self.mean[1][-1])

    @property
    def always_below(self) -> bool:
        """Whether every seed ends below the baseline."""
        return bool((self.seeds[:, -1] < 0).all())

    def paired(self, results: list[Result]) -> list[np.ndarray]:
        """The difference at each step, of those results whose seed the baseline completed."""
        minus = {result.seed: result.curve.loss for result in self.baseline.entry.completed}
        curves = {result.seed: result.curve.loss for result in results if result.seed in minus}
        return [loss - minus[seed][: len(loss)] for seed, loss in curves.items()]


def differences_of(comparison: Comparison) -> list[Difference]:
    """One for each setting that is ranked and shares a completed seed with its horizon's baseline.

    None where the runs did not begin with fresh weights: what they see at one step is not the same batch.
    """
    if comparison.protocol != "fresh":
        return []
    groups, window = at_most_one_page(judged_groups(comparison)), smoothing(max_steps(comparison))
    baselines = baselines_of(groups, comparison.judged)
    found = [
        Difference(group, baselines[group.setting.steps], window)
        for group in groups
        if group.setting.steps in baselines and group is not baselines[group.setting.steps]
    ]
    return [difference for difference in found if len(difference.seeds)]


def difference_page(comparison: Comparison):
    differences = differences_of(comparison)
    groups, seeds = [difference.group for difference in differences], len(comparison.judging_seeds)
    fig, axes = panels(
        [group.label for group in groups],
        [f"{difference.end:+.3f} at the end" for difference in differences],
        max_steps(comparison),
        difference_title(differences, seeds),
        difference_caption(differences, comparison),
        schedules_of(groups),
        "training loss minus the baseline's (nats per token)",
    )
    low, high = difference_limits(differences)
    grey = [thin(*difference.mean) for difference in differences]
    for difference, ax in zip(differences, axes):
        ax.set_ylim(low, high)
        draw_behind(ax, grey)
        ax.axhline(0, color=DARK, lw=0.7, ls="--", zorder=1.5)
        draw_difference(ax, difference)
    return fig


def draw_difference(ax, difference: Difference):
    """The mean, a band over the seeds, and dashed the seeds that diverged."""
    colour, (x, y) = difference.group.colour, difference.mean
    if len(difference.seeds) > 1:
        ends = difference.seeds.min(axis=0), difference.seeds.max(axis=0)
        ax.fill_between(x, *ends, color=colour, alpha=0.25, lw=0)
    ax.plot(x, y, color=colour, lw=1.8)
    mark_above(ax, x, y, colour)
    for values in difference.paired(difference.group.entry.diverged):
        draw_cut(ax, colour, values, difference.window)


def difference_limits(differences: list[Difference]) -> tuple[float, float]:
    """y limits that show 0 and the second half of the run, without outliers."""
    late = [y[len(y) // 2 :] for _, y in (difference.mean for difference in differences)]
    limit = outlier_limit(np.array([0, *(difference.end for difference in differences)]))
    inside = [y for y in late if y[-1] <= limit] or late
    low, high = min(0, *(y.min() for y in inside)), max(0, *(y.max() for y in inside))
    pad = 0.05 * (high - low) or 0.1
    return low - pad, high + pad


# -- words


def difference_title(differences: list[Difference], seeds: int) -> str:
    """How many schedules end below the baseline at the longest horizon; with one seed the range."""
    steps = max(difference.group.setting.steps for difference in differences)
    longest = [difference for difference in differences if difference.group.setting.steps == steps]
    first = min(longest, key=lambda difference: difference.end)
    baseline = shorten(first.baseline.label)
    if seeds == 1:
        ends = {difference.group.label: difference.end for difference in longest}
        against = f"against {baseline}, training losses end"
        return unranked(extremes(ends, f"{against} from {{}} to {{}}", f"{against} at {{}}", "{:+.3f}"))
    if len(longest) == 1:
        side = "below" if first.end < 0 else "above"
        return f"{shorten(first.group.label)} ends {abs(first.end):.3f} {side} {baseline} in training loss"
    below, schedules = sum(difference.always_below for difference in longest), f"{len(longest)} schedules"
    if not below:
        return f"None of {schedules} ends below {baseline} in training loss with every seed"
    some = f"{below} of {schedules} end{'s' * (below == 1)}"
    which = some if below < len(longest) else f"All {schedules} end"
    furthest = f"{shorten(first.group.label)} furthest, by {-first.end:.3f}"
    return f"{which} below {baseline} in training loss with every seed: {furthest}"


def difference_caption(differences: list[Difference], comparison: Comparison) -> str:
    baselines = list(dict.fromkeys(difference.baseline.label for difference in differences))
    window, groups = differences[0].window, at_most_one_page(judged_groups(comparison))
    shown = {difference.group.label for difference in differences}.union(baselines)
    left_out = [shorten(group.label) for group in groups if group.label not in shown]
    band = "band: from the lowest seed to the highest; "
    baseline = f"{listed(baselines)} ({baseline_reason(differences[0].baseline, comparison.judged)})"
    return (
        f"Training loss minus that of {baseline} at the same step and seed, so on the same batch. "
        f"Thick: mean over seeds; {band * (len(comparison.judging_seeds) > 1)}grey: all others. "
        f"Each point is the mean of {counted(window, 'step')}. The first half may leave the axis. "
        + f"No panel: {listed(left_out)}, without a seed that completed. " * bool(left_out)
        + shared_words(comparison, groups)
    )
