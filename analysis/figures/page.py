"""What all figures share: the style, the text around the drawing, and how a figure becomes a file.

Sizes are in inches and points, so that text is as large in a figure of 2 schedules as in one of 25.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

from analysis.figures.colours import families_of
from analysis.text import shorten
from nanosched.files import atomic

WIDTH = 9.5  # inches
DPI = 120
MARGIN = 0.15  # inches left of title, legend and caption
LEGEND, DOT, GAP = 0.22, 0.14, 0.15  # inches: the legend's row, a dot in it, what is between families
TITLE, TEXT = 11, 8  # points
GREY, DARK = "#c4c4c4", "#333333"
DRAWN_BY = ("matplotlib.figure", "matplotlib.style", "matplotlib.backends.backend_agg")
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
    "text.hinting": "none",  # which takes a quarter of the time, and letters have their own widths without
    "text.parse_math": False,  # a label may have a $
}


def new_page(body: float, title: str, caption: str, schedules: Iterable[str] = ()):
    """A figure with `body` inches between its title and its caption.

    Args:
        body: inches.
        title: of any length; it is wrapped, as the caption is.
        caption: what is drawn, and in which regime.
        schedules: those whose colours the figure has; where they are of several families, a legend stands
            under the title.

    Returns:
        (figure, inches above the body, inches below it)
    """
    from matplotlib.figure import Figure

    # ordinary text runs narrower than labels do, bold doesn't
    title, caption = wrap(title, TITLE), wrap(caption, 0.92 * TEXT)
    legend = legend_rows(schedules)
    head = height_of(title, TITLE) + 0.2
    above, below = head + len(legend) * LEGEND, height_of(caption, TEXT) + 0.2
    height = above + body + below
    fig = Figure(figsize=(WIDTH, height), dpi=DPI)
    fig.text(MARGIN / WIDTH, 1 - 0.1 / height, title, size=TITLE, weight="bold", va="top", linespacing=1.2)
    fig.text(MARGIN / WIDTH, 0.1 / height, caption, color=DARK, va="bottom", linespacing=1.2)
    for i, row in enumerate(legend):
        draw_legend(fig, row, 1 - (head + (i + 0.3) * LEGEND) / height)
    return fig, above, below


def legend_rows(schedules: Iterable[str]) -> list[list[tuple[str, list[str], float]]]:
    """(family, its colours, inches from the left) of each family, in rows; none for one family alone."""
    families = families_of(schedules)
    if len(families) < 2:
        return []
    rows, x = [[]], MARGIN
    for family, colours in families.items():
        width = DOT * len(colours) + width_of(family) + GAP
        if rows[-1] and x + width > WIDTH:
            rows.append([])
            x = MARGIN
        rows[-1].append((family, colours, x))
        x += width
    return rows


def draw_legend(fig, row: list[tuple[str, list[str], float]], y: float):
    """A dot in each of a family's colours, and its name."""
    from matplotlib.lines import Line2D

    for family, colours, x in row:
        for i, colour in enumerate(colours):
            dot = dict(marker="o", ms=5, color=colour, transform=fig.transFigure)
            fig.add_artist(Line2D([(x + (i + 0.4) * DOT) / WIDTH], [y], **dot))
        fig.text((x + len(colours) * DOT) / WIDTH, y, family, color=DARK, va="center_baseline")


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
    from matplotlib.font_manager import findfont, get_font

    font, widths = get_font(findfont(STYLE["font.family"])), []
    font.set_size(size, DPI)
    for line in text.split("\n"):
        font.set_text(line)
        widths.append(font.get_width_height()[0] / 64)  # it counts in 64ths of a pixel
    return max(widths) / DPI


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
        fig.savefig(temporary, format="png", pil_kwargs=dict(compress_level=3))  # of 6: as small, sooner
    return path
