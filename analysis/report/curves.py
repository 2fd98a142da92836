"""The report's sections with a line for each schedule against the step: losses, learning rates, norms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.comparison import Comparison
from analysis.curves import mean_curve, smooth, smoothing, thin
from analysis.figures.groups import Group, groups_of, one_each
from analysis.figures.titles import loss_title, lr_title, norm_title
from analysis.report.blocks import Block, Plot
from analysis.text import counted

MAX_LINES = 100  # of a plot's data; of these, as many are drawn at a time as there are schedules
POINTS = 200  # of a line, which may have up to twice as many; fewer where there are very many lines
MIN_POINTS = 50
ALL_POINTS = 10_000  # of all lines of a plot


@dataclass(frozen=True)
class Drawn:
    """The settings whose curves are drawn."""

    groups: list[Group]
    lowest: list[Group]  # each schedule at the peak lr where it is lowest, at each horizon
    all: bool  # whether these are all settings; of very many, the lowest are drawn

    @property
    def longest(self) -> list[Group]:
        """The lowest at the longest horizon, which is the one that is shown first."""
        steps = max(group.setting.steps for group in self.lowest)
        return [group for group in self.lowest if group.setting.steps == steps]

    @property
    def measured(self) -> list[Group]:
        return [group for group in self.groups if group.curves]

    @property
    def points(self) -> int:
        """Of each line."""
        return max(MIN_POINTS, min(POINTS, ALL_POINTS // len(self.groups)))

    def caption(self) -> str:
        """What holds for all plots."""
        diverged = any(group.diverged for group in self.groups)
        return (
            "Grey: schedules that are not ticked. "
            + "Thin, with a cross where it ends: a seed that diverged. " * diverged
            + "Each schedule at the peak lr where it ended lowest. " * (not self.all)
        )


def drawn_groups(comparison: Comparison) -> Drawn:
    groups = groups_of(comparison)
    horizons = ([g for g in groups if g.setting.steps == steps] for steps in comparison.rankings)
    lowest = [group for horizon in horizons for group in one_each(horizon)]
    few = len(groups) <= MAX_LINES
    return Drawn(groups if few else lowest, lowest, all=few)


def losses(comparison: Comparison) -> list[Block]:
    """Training loss, and the validation loss as a choice."""
    drawn = drawn_groups(comparison)
    if not drawn.measured:
        return []
    ends = {
        group.label: smooth(mean_curve(group.completed, "loss"), window_of(group))
        for group in drawn.longest
        if group.completed
    }
    series = dict(
        training=[line_of(drawn, group, "loss", window_of(group), band=True) for group in drawn.measured],
        validation=[line_of(drawn, group, "val_loss", 1, band=True) for group in drawn.measured],
    )
    *others, longest = sorted({window_of(group) for group in drawn.measured})
    windows = " or ".join([*map(str, others), counted(longest, "step")])
    caption = (
        "Mean over seeds; with at most three schedules ticked, a band from the lowest seed to the highest. "
        f"Each point of the training loss is the mean of {windows}. "
        "With a baseline chosen: each loss minus the baseline's at the same step, on the same batches, where "
        "both completed the same seeds. "
        f"The first steps may lie above the axis. {drawn.caption()}"
    )
    data = dict(series=series, ytitle="loss (nats per token)", settles=0.2, differs=True)
    return [Plot("curves", loss_title(ends, len(comparison.row_seeds)) + ".", caption, data, tuple(series))]


def lrs(comparison: Comparison) -> list[Block]:
    """The learning rate of each step."""
    drawn = drawn_groups(comparison)
    if not drawn.measured:
        return []
    used = "Learning rate of each step as it was used, mean over seeds where it reacts to the loss."
    series = dict(lr=[line_of(drawn, group, "lr", 1) for group in drawn.measured])
    data = dict(series=series, ytitle="learning rate", settles=0, zero=True)
    return [Plot("curves", lr_title(drawn.longest) + ".", f"{used} {drawn.caption()}", data)]


def norms(comparison: Comparison) -> list[Block]:
    """The gradient norm before clipping."""
    drawn, clip = drawn_groups(comparison), comparison.config.grad_clip
    if not drawn.measured:
        return []
    clipped = f"; dotted line: what is above {clip:g} is clipped to it" * (clip > 0)
    caption = (
        f"Norm before clipping, mean over seeds and as many steps as the loss{clipped}. "
        f"The warmup's may lie above the axis. {drawn.caption()}"
    )
    series = dict(norm=[line_of(drawn, group, "grad_norm", window_of(group)) for group in drawn.measured])
    data = dict(series=series, ytitle="gradient norm", settles=0.2, tops=True, level=clip)
    return [Plot("curves", norm_title(drawn.longest) + ".", caption, data)]


def window_of(group: Group) -> int:
    return smoothing(group.setting.steps)


def line_of(drawn: Drawn, group: Group, column: str, window: int, band: bool = False) -> dict:
    """One line of a plot, with the lines of the seeds that diverged."""
    completed = [smoothed(getattr(curve, column), window) for curve in group.completed]
    diverged = [getattr(curve, column) for curve in group.diverged]
    setting, points = group.setting, drawn.points
    line = dict(
        schedule=setting.scheduler,
        label=group.label,
        steps=setting.steps,
        peak=repr(setting.peak_lr),
        seeds=[result.seed for result in group.entry.completed],
        best=any(group.label == other.label for other in drawn.lowest),
        diverged=[sample(*smoothed(ys, window), points) | dict(end=len(ys) - 1) for ys in diverged],
    )
    if completed:
        x, ys = completed[0][0], [y for _, y in completed]
        line["y"] = sample(x, np.mean(ys, axis=0), points)
        if band and len(ys) > 1:
            line["low"] = sample(x, np.min(ys, axis=0), points)["y"]
            line["high"] = sample(x, np.max(ys, axis=0), points)["y"]
    return line


def smoothed(values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """(steps, values) without those that are no numbers."""
    known = np.flatnonzero(np.isfinite(values))
    x, y = smooth(values[known], window)
    return known[x], y


def sample(x: np.ndarray, y: np.ndarray, points: int) -> dict:
    """About so many points; the steps by their first and their distance where that is even."""
    x, y = thin(x, y, points)
    even = len(x) > 1 and len(set(np.diff(x))) == 1
    return dict(y=y) | (dict(start=x[0], every=x[1] - x[0]) if even else dict(x=x))
