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
    groups = groups_of(comparison)
    return groups if len(groups) <= MAX_PANELS else one_each(groups)


def shared_words(comparison: Comparison, groups: list[Group]) -> str:
    """What every caption of panels ends with."""
    crosses = "Dashed, with a cross: a seed that diverged. " * any(group.diverged for group in groups)
    chosen = CHOSEN * (len(groups) < len(comparison.rows))
    return crosses + chosen + setup_words(comparison)


def max_steps(comparison: Comparison) -> int:
    return max(comparison.rankings)


def panels(
    labels: list[str],
    steps: int,
    notes: list[str],
    title: str,
    caption: str,
    ylabel: str,
    xlabel: str = "step",
):
    """A page with a panel for each label, with a note above each; returns (figure, axes)."""
    count = len(labels)
    columns = min(5, math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    width = (WIDTH - LEFT - RIGHT - GAP * (columns - 1)) / columns
    height = min(2.6, 0.8 * width)
    heads = [f"{fold(label, chars(width, TEXT))}\n{note}" for label, note in zip(labels, notes)]
    head = max(height_of(text, TEXT) for text in heads) + 0.16
    fig, above, below = new_page(rows * (head + height) + 0.5, title, caption)

    total = fig.get_figheight()
    grid = fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    fig.subplots_adjust(
        left=LEFT / WIDTH,
        right=1 - RIGHT / WIDTH,
        bottom=(below + 0.5) / total,
        top=1 - (above + head) / total,
        wspace=GAP / width,
        hspace=head / height,
    )
    axes = list(grid.flat)
    for ax in axes[count:]:
        ax.remove()
    for i, (ax, text) in enumerate(zip(axes, heads)):
        ax.set_title(text, loc="left", y=1, pad=4, linespacing=1.2)
        ax.set_xlim(0, steps)
        ax.set_xticks(sorted({0, steps // 2, steps}))
        lowest = i + columns >= count  # of its column, in a ragged last row too
        ax.tick_params(length=2, labelbottom=lowest)
        for label, side in zip(ax.get_xticklabels(), ("left", "center", "right")):
            label.set_ha(side)  # or the neighbours' would touch
    middle = (below + 0.5 + total - above - head) / 2
    fig.text(0.15 / WIDTH, middle / total, ylabel, rotation=90, va="center")
    fig.text((LEFT + (WIDTH - LEFT - RIGHT) / 2) / WIDTH, (below + 0.1) / total, xlabel, ha="center")
    return fig, axes[:count]


def draw_behind(ax, lines: list[tuple[np.ndarray, np.ndarray]]):
    """Grey lines as one artist, which is much faster than one each."""
    from matplotlib.collections import LineCollection

    points = [np.column_stack(line) for line in lines]
    ax.add_collection(LineCollection(points, colors=GREY, linewidths=0.6), autolim=False)


def draw_diverged(ax, group: Group, column: str, window: int):
    """Diverged seeds, dashed, with a cross where they end, at the panel's edge if they leave it."""
    for curve in group.diverged:
        values = getattr(curve, column)
        x, y = smooth(values[np.isfinite(values)], window)
        ax.plot(x, y, color=group.colour, lw=1.2, ls=(0, (3, 1.5)))
        end = (len(values) - 1, y[-1] if len(y) else ax.get_ylim()[1])
        across, up = ax.transAxes.inverted().transform(ax.transData.transform(end))
        cross = dict(color="black", ms=7, mew=2, transform=ax.transAxes, zorder=5)
        ax.plot(across, np.clip(up, 0.07, 0.93), "x", **cross)
