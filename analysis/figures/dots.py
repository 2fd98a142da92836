"""Dots in rows, a row for each schedule, with a number at the right, and bars that are intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable

from analysis.comparison import Ranked, Ranking
from analysis.figures.page import TEXT, chars, fold
from analysis.figures.rows import row_page

BAR = 6  # points
LABELS = 2.6  # inches a label may take before it is folded


def dot_page(
    labels: list[str], cells: list[str], title: str, caption: str, schedules: Iterable[str], xlabel: str
):
    """A page with a row for each label, and its cell at the right; returns (figure, axes, ys)."""
    folded = [fold(label, chars(LABELS, TEXT)) for label in labels]
    fig, ax, ys = row_page(folded, cells, title, caption, schedules, xlabel)
    ax.grid(axis="y", color="#e4e4e4", lw=0.6)
    ax.set_axisbelow(True)
    at = dict(xycoords=("axes fraction", "data"), textcoords="offset points", va="center_baseline")
    for y, cell in zip(ys, cells):
        ax.annotate(cell, (1, y), (9, 0), **at)
    return fig, ax, ys


def draw_beyond(ax, colour: str, edge: float, y: float, text: str):
    """An arrow at the right edge, with what lies beyond it in numbers."""
    ax.plot(edge, y, ">", color=colour, ms=6, clip_on=False, zorder=5)
    at = dict(textcoords="offset points", ha="right", va="center_baseline")
    ax.annotate(text, (edge, y), (-7, 0), size=7, bbox=dict(fc="white", ec="none", pad=1), **at)


def interval_bar(row: Ranked, ranking: Ranking) -> tuple[float, float]:
    """The ends of the interval of a difference, from the reference's loss on; NaN where there is none.

    The reference itself has none: whether the best is so for sure is seen in the others' bars.
    """
    low, high = row.interval
    if row is ranking.reference or math.isnan(low):
        return math.nan, math.nan
    return ranking.reference.entry.loss + low, ranking.reference.entry.loss + high


def draw_bar(ax, colour: str, ends, y: float):
    ax.plot(ends, [y, y], color=colour, lw=BAR, alpha=0.3, solid_capstyle="butt")


def bar_words(ranking: Ranking) -> str:
    to = "the baseline" if ranking.verdicts.baseline else "the best"
    return (
        f"Pale bar: {ranking.verdicts.method} of the differences to {to}; one that reaches the vertical line "
        "is no significant difference."
    )
