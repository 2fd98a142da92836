"""What the curves say in one sentence each: titles that the figures and the report share."""

from __future__ import annotations

import numpy as np

from analysis.comparison import Comparison
from analysis.figures.groups import Group
from analysis.sentences import NO_RUN
from analysis.text import counted, format_lr, listed, shorten


def loss_title(lines: dict[str, tuple[np.ndarray, np.ndarray]]) -> str:
    """Which schedule ends lowest in training loss, and where it was halfway.

    Args:
        lines: label -> (steps, smoothed losses) of each schedule with a completed run.
    """
    if not lines:
        return NO_RUN
    ends = {label: y[-1] for label, (_, y) in lines.items()}
    halves = {label: y[len(y) // 2] for label, (_, y) in lines.items()}
    first, early = min(ends, key=ends.get), min(halves, key=halves.get)
    if len(lines) == 1:
        return f"{shorten(first)} ends at a training loss of {ends[first]:.3f}"
    title = f"{shorten(first)} ends at the lowest training loss, {ends[first]:.3f}"
    if early == first:
        return f"{title}, and was lowest halfway too"
    place = sorted(halves, key=halves.get).index(first) + 1
    halfway = f"halfway {shorten(early)} was lowest, and {shorten(first)} in place {place} of {len(lines)}"
    return f"{title}; {halfway}"


def lr_title(groups: list[Group]) -> str:
    """How much of the peak lr the schedules keep on average."""
    fractions = {g.label: mean_lr(g) / g.setting.peak_lr for g in groups if g.completed}
    several = "The mean learning rate goes from {} to {} of the peak lr"
    return extremes(fractions, several, "The mean learning rate is {} of the peak lr", "{:.0%}")


def mean_lr(group: Group) -> float:
    """Over all steps of the completed runs."""
    return float(np.mean([curve.lr for curve in group.completed]))


def norm_title(groups: list[Group]) -> str:
    """How far the schedules' gradient norms lie apart."""
    means = {g.label: g.entry.mean("grad_norm_mean") for g in groups if g.completed}
    several = "After the warmup the mean gradient norm goes from {} to {}"
    return extremes(means, several, "After the warmup the mean gradient norm is {}", "{:.2f}")


def extremes(values: dict[str, float], several: str, one: str, form: str) -> str:
    """ "... from 43% (rex) to 95% (constant)"."""
    if not values:
        return NO_RUN
    labels = (min(values, key=values.get), max(values, key=values.get))
    ends = [f"{form.format(values[label])} ({shorten(label)})" for label in labels]
    return several.format(*ends) if len(values) > 1 else one.format(ends[0])


def time_title(ranges: dict[str, np.ndarray]) -> str:
    """That schedules cost the same, or that these runs didn't.

    Args:
        ranges: as from analysis.figures.groups.step_times; one at least.
    """
    lows, medians, highs = ({label: ends[i] for label, ends in ranges.items()} for i in range(3))
    slow, fast = max(medians, key=medians.get), min(medians, key=medians.get)
    if len(ranges) == 1:
        return f"A step takes {medians[fast]:.1f} ms"
    apart = f"({medians[slow] / medians[fast] - 1:.0%} apart)"
    span = f"{medians[fast]:.1f} to {medians[slow]:.1f} ms per step {apart}"
    late, early = max(lows, key=lows.get), min(highs, key=highs.get)
    if lows[late] <= highs[early]:
        noise = "all ranges overlap, so the differences are machine noise"
        return f"Schedules cost the same to run: medians of {span}, and {noise}"
    busier = "so the machine was busier, or something else differed, in one of them"
    return f"Steps took {span}: the ranges of {shorten(early)} and {shorten(late)} don't overlap, {busier}"


def setup_words(comparison: Comparison) -> str:
    """What was trained, so that a figure can stand alone; one run at least has a curve."""
    record, settings, seeds = (
        comparison.result_with_curve().run.record,
        comparison.settings,
        comparison.seeds,
    )
    peak_lrs = {setting.peak_lr for setting in settings}
    *shorter, longest = sorted({setting.steps for setting in settings})
    words = [
        record.dataset,
        f"{record.parameters / 1e6:.1f}M parameters",
        listed([*(f"{steps:,}" for steps in shorter), counted(longest, "step")]),
        *[f"peak lr {format_lr(peak_lr)}" for peak_lr in peak_lrs if len(peak_lrs) == 1],
        f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
    ]
    return ", ".join(words) + "."
