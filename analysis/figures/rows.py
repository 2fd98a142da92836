"""A page with rows: a label at the left of each, and room at the right for what is said of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from analysis.figures.page import TEXT, WIDTH, height_of, new_page, width_of


def row_page(
    labels: list[str], cells: list[str], title: str, caption: str, schedules: Iterable[str], xlabel: str
):
    """The page, with room for the cells, which are not drawn yet.

    Args:
        labels: folded, one at least.
        cells: what will stand right of the axes, or right of what is drawn in them.
        title, caption, schedules: as in `new_page`.
        xlabel: with its unit.

    Returns:
        (figure, axes, y of each row)
    """
    heights = np.array([height_of(label, TEXT) + 0.09 for label in labels])
    body = heights.sum()
    fig, above, below = new_page(body + 0.5, title, caption, schedules)
    total = fig.get_figheight()
    left, right = (0.3 + max(map(width_of, words)) for words in (labels, cells))
    ax = fig.add_axes((left / WIDTH, (below + 0.45) / total, 1 - (left + right) / WIDTH, body / total))
    ys = np.cumsum(heights) - heights / 2
    ax.set(ylim=(body, 0), xlabel=xlabel)
    ax.set_yticks(ys, labels, size=TEXT)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return fig, ax, ys
