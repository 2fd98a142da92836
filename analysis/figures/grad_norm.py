"""grad_norm.png: the gradient norm before clipping, raw and smoothed, and the threshold it is clipped at."""

from __future__ import annotations

import numpy as np

from analysis.comparison import Comparison
from analysis.curves import mean_curve, smooth, smoothing
from analysis.figures.groups import Group, schedules_of
from analysis.figures.page import DARK
from analysis.figures.panels import draw_diverged, max_steps, panel_groups, panels, shared_words
from analysis.figures.titles import norm_title
from analysis.text import counted

LOG_FROM = 10**1.5  # highest over lowest norm from which on the axis is logarithmic


def grad_norm_page(comparison: Comparison):
    groups, steps, clip = panel_groups(comparison), max_steps(comparison), comparison.config.grad_clip
    window = smoothing(steps)
    fig, axes = panels(
        [group.label for group in groups],
        [norm_words(group, clip) for group in groups],
        steps,
        norm_title(groups),
        f"{norm_caption(window, clip)}{shared_words(comparison, groups)}",
        schedules_of(groups),
        "gradient norm",
    )
    low, high = norm_limits(groups, comparison.config.warmup_steps)
    for group, ax in zip(groups, axes):
        set_scale(ax, low, high)
        if clip and ax.get_ylim()[0] < clip < ax.get_ylim()[1]:
            ax.axhline(clip, color=DARK, lw=0.7, ls="--")
        for curve in group.completed:
            ax.plot(curve.grad_norm, color=group.colour, lw=0.5, alpha=0.4)
        if group.completed:
            smoothed = smooth(mean_curve(group.completed, "grad_norm"), window)
            ax.plot(*smoothed, color=group.colour, lw=1.6)
        draw_diverged(ax, group, "grad_norm", 1)
    return fig


def set_scale(ax, low: float, high: float):
    """From 0 on, or logarithmic where the norms go over decades."""
    if high <= low * LOG_FROM:
        ax.set(ylim=(0, high * 1.04))
        return
    ax.set(yscale="log", ylim=(low / 1.1, high * 1.1))
    ax.yaxis.set_major_formatter(lambda norm, _: f"{norm:g}")
    ax.yaxis.set_minor_formatter(lambda norm, _: "")


def norm_limits(groups: list[Group], warmup_steps: int) -> tuple[float, float]:
    """The range of completed runs' norms after the warmup.

    The first steps' norms, or a diverging run's, would leave them no room.
    """
    curves = [c for g in groups for c in g.completed] or [c for g in groups for c in g.diverged]
    norms = [curve.grad_norm for curve in curves]
    after = np.concatenate([norm[warmup_steps:] if len(norm) > warmup_steps else norm for norm in norms])
    after = after[np.isfinite(after) & (after > 0)]
    return (after.min(), after.max()) if len(after) else (0.1, 1.0)


# -- words


def norm_words(group: Group, clip: float) -> str:
    if not group.completed:
        return group.incomplete_words()
    clipped = f", {group.entry.mean('clip_fraction'):.0%} clipped" * (clip > 0)
    return f"mean {group.entry.mean('grad_norm_mean'):.2f}{clipped}"


def norm_caption(window: int, clip: float) -> str:
    threshold = (
        f", and the part of all steps above the clipping threshold of {clip:g} (dashed, where it is in range)"
    )
    return (
        "Norm before clipping: every step of every seed in pale, "
        f"the mean over seeds and {counted(window, 'step')} in full; the warmup's may lie above the axis. "
        f"Above each panel: mean after the warmup{threshold * (clip > 0)}. "
    )
