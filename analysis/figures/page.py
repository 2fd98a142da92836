"""What all figures share: the style, the text around the drawing, and how a figure becomes a file.

Sizes are in inches and points, so that text is as large in a figure of 2 schedules as in one of 25.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

from analysis.text import shorten
from nanosched.files import atomic

WIDTH = 9.5  # inches
DPI = 120
TITLE, TEXT = 11, 8  # points
GREY, DARK = "#c4c4c4", "#333333"
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.formatter.useoffset": False,
    "agg.path.chunksize": 10000,  # or a noisy line of many thousand steps can't be drawn
    "text.parse_math": False,  # a label may have a $
}


def new_page(body: float, title: str, caption: str):
    """A figure with `body` inches between its title and its caption.

    Returns:
        (figure, inches above the body, inches below it)
    """
    from matplotlib.figure import Figure

    # ordinary text runs narrower than labels do, bold doesn't
    title, caption = wrap(title, TITLE), wrap(caption, 0.92 * TEXT)
    above, below = height_of(title, TITLE) + 0.2, height_of(caption, TEXT) + 0.2
    height = above + body + below
    fig = Figure(figsize=(WIDTH, height), dpi=DPI)
    fig.text(0.15 / WIDTH, 1 - 0.1 / height, title, size=TITLE, weight="bold", va="top", linespacing=1.2)
    fig.text(0.15 / WIDTH, 0.1 / height, caption, color=DARK, va="bottom", linespacing=1.2)
    return fig, above, below


def wrap(text: str, size: float) -> str:
    """Lines that fit the page's width."""
    return "\n".join(textwrap.wrap(text, chars(WIDTH - 0.3, size), break_on_hyphens=False))


def chars(inches: float, size: float) -> int:
    """How many letters of a schedule's name fit."""
    return int(inches * 72 / (0.6 * size))


def height_of(text: str, size: float) -> float:
    return (text.count("\n") + 1) * 1.25 * size / 72


def width_of(text: str, size: float = TEXT) -> float:
    """Inches that the longest line takes."""
    from matplotlib.textpath import TextPath

    return max(TextPath((0, 0), line or " ", size=size).get_extents().width for line in text.split("\n")) / 72


def fold(label: str, width: int) -> str:
    """A schedule's label in about three lines of `width` letters at most, broken after a comma or colon."""
    spaced = re.sub(r"([,:])(?=\S)", r"\1\t", shorten(label, 3 * width))
    lines = textwrap.wrap(spaced, width, expand_tabs=False, replace_whitespace=False, break_on_hyphens=False)
    return "\n".join(line.replace("\t", "") for line in lines)


def draw_page(path: Path, page: Callable, *args) -> Path:
    """Draw page(*args) in the figures' style, whatever the user's matplotlibrc says, and save it."""
    from matplotlib import style

    with style.context(STYLE, after_reset=True):
        return save(page(*args), path)


def save(fig, path: Path) -> Path:
    """Write the figure as a PNG and return its path."""
    with atomic(path) as temporary:
        fig.savefig(temporary, format="png")
    return path
