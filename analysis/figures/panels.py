"""Small multiples: a panel for each schedule, all on the same axes."""

from __future__ import annotations

import math

import numpy as np

from analysis.comparison import Comparison
from analysis.curves import smooth
from analysis.figures.groups import MAX_PANELS, Group, groups_of, one_each
from analysis.figures.page import GREY, TEXT, WIDTH, chars, fold, height_of, new_page
from analysis.figures.titles import setup_words

LEFT, RIGHT, GAP = 0.7, 0.2, 0.14  # inches
CHOSEN = "Each schedule at the peak lr where it ended lowest; ranking.png has them all. "


def panel_groups(comparison: Comparison) -> list[Group]:
    """All groups, or of very many one for each schedule."""
    return at_most_one_page(groups_of(comparison))


def at_most_one_page(groups: list[Group]) -> list[Group]:
    return groups if len(groups) <= MAX_PANELS else one_each(groups)


def shared_words(comparison: Comparison, groups: list[Group]) -> str:
    """What every caption of panels ends with."""
    crosses = "Dashed, with a cross: a seed that diverged. " * any(group.diverged for group in groups)
    chosen = CHOSEN * (len(groups) < len(groups_of(comparison)))
    return crosses + chosen + setup_words(comparison)


def max_steps(comparison: Comparison) -> int:
    return max(comparison.rankings)


def panels(
    labels: list[str],
    notes: list[str],
    steps: int,
    title: str,
    caption: str,
    schedules: list[str],
    ylabel: str,
    xlabel: str = "step",
):
    """A page with a panel for each label, all on the axes that the caller gives each alike.

    Args:
        labels: one at least.
        notes: what stands above each panel, under its label.
        steps: where the x axes end.
        title, caption, schedules: as in `new_page`.
        ylabel, xlabel: with their units; said once for all panels, whose outermost alone have ticks.

    Returns:
        (figure, list of axes)
    """
    count = len(labels)
    columns = min(5, math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    width = (WIDTH - LEFT - RIGHT - GAP * (columns - 1)) / columns
    height = min(2.6, 0.8 * width)
    heads = [f"{fold(label, chars(width, TEXT))}\n{note}" for label, note in zip(labels, notes)]
    head = max(height_of(text, TEXT) for text in heads) + 0.16
    fig, above, below = new_page(rows * (head + height) + 0.5, title, caption, schedules)

    total = fig.get_figheight()
    axes = []
    for i, text in enumerate(heads):
        row, column = divmod(i, columns)
        bottom = total - above - (row + 1) * (head + height)
        left = LEFT + column * (width + GAP)
        ax = fig.add_axes((left / WIDTH, bottom / total, width / WIDTH, height / total))
        ax.set_title(text, loc="left", y=1, pad=4, linespacing=1.2)
        ax.set_xlim(0, steps)
        ax.tick_params(length=2)
        ax.yaxis.set_visible(column == 0)
        ax.xaxis.set_visible(i + columns >= count)  # the lowest of its column, in a ragged last row too
        if ax.xaxis.get_visible():
            ax.set_xticks(sorted({0, steps // 2, steps}))
            for label, side in zip(ax.get_xticklabels(), ("left", "center", "right")):
                label.set_ha(side)  # or the neighbours' would touch
        axes.append(ax)
    middle = (below + 0.5 + total - above - head) / 2
    fig.text(0.15 / WIDTH, middle / total, ylabel, rotation=90, va="center")
    fig.text((LEFT + (WIDTH - LEFT - RIGHT) / 2) / WIDTH, (below + 0.1) / total, xlabel, ha="center")
    return fig, axes


def draw_behind(ax, lines: list[tuple[np.ndarray, np.ndarray]]):
    """Grey lines as one artist, which is much faster than one each."""
    from matplotlib.collections import LineCollection

    points = [np.column_stack(line) for line in lines]
    ax.add_collection(LineCollection(points, colors=GREY, linewidths=0.6), autolim=False)


def draw_diverged(ax, group: Group, column: str, window: int):
    """Diverged seeds, dashed, with a cross where they end, at the panel's edge if they leave it."""
    for curve in group.diverged:
        draw_cut(ax, group.colour, getattr(curve, column), window)


def draw_cut(ax, colour: str, values: np.ndarray, window: int):
    """A run that ended early, dashed, with a cross where it did."""
    x, y = smooth(values[np.isfinite(values)], window)
    ax.plot(x, y, color=colour, lw=1.2, ls=(0, (3, 1.5)))
    end = (len(values) - 1, y[-1] if len(y) else ax.get_ylim()[1])
    across, up = ax.transAxes.inverted().transform(ax.transData.transform(end))
    cross = dict(color="black", ms=7, mew=2, transform=ax.transAxes, zorder=5)
    ax.plot(across, np.clip(up, 0.07, 0.93), "x", **cross)


def mark_above(ax, x: np.ndarray, y: np.ndarray, colour: str):
    """An arrow with the last value where a line ends above the panel."""
    top = ax.get_ylim()[1]
    if y[-1] > top:
        ax.plot(x[-1], top, "^", color=colour, ms=6, clip_on=False, zorder=5)
        at = dict(textcoords="offset points", ha="right", va="top")
        ax.annotate(f"ends at {y[-1]:.2f}", (x[-1], top), (-7, -2), size=7, **at)
