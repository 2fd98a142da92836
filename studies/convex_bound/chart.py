"""What the experiments share: two flags, a table, and a page of panels whose lines carry their labels."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from analysis.figures.page import DARK, STYLE, TEXT, WIDTH, new_page, save, width_of

LEFT, GAP, HEIGHT, HEAD = 0.6, 0.25, 2.9, 0.35  # inches
# shades in the order of a number, after plasma
BLUE_TO_YELLOW = ["#0d0887", "#7e03a8", "#cc4778", "#f08a3c", "#c9a400"]


@dataclass
class Line:
    label: str  # "" for none
    colour: str
    x: list
    y: list
    style: str = "-"
    marker: str = ""
    note: str = ""  # beside the last point, where a thread from the label would be long


@dataclass
class Panel:
    heading: str
    xlabel: str
    lines: list[Line]
    log: str = ""  # "x", "y" or "xy"
    xlim: tuple | None = None
    ylim: tuple | None = None
    xticks: list = field(default_factory=list)


def arguments(doc: str, name: str, steps: int):
    """The flags --steps and --out of the experiment `name`."""
    parser = argparse.ArgumentParser(
        prog=f"python -m studies.convex_bound.{name}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--steps", type=int, default=steps, help=f"run length T, at least 20, default {steps}"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results/theory"),
        help=f"folder for {name}.png, default results/theory",
    )
    args = parser.parse_args()
    if args.steps < 20:
        parser.error(f"steps={args.steps} is not allowed: give a whole number of at least 20")
    return args


def print_table(headings, rows):
    """Rows of words and numbers in columns; numbers with four digits, at the right."""
    cells = [
        [
            cell if isinstance(cell, str) else f"{cell:,}" if isinstance(cell, int) else f"{cell:.4g}"
            for cell in row
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(headings, *cells)]
    for row in [headings, *cells]:
        print(
            "  ".join(
                cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))
            )
        )


def draw(path: Path, title: str, caption: str, panels: list[Panel]):
    """Write a page of panels side by side, with the labels of its lines at their ends, and say where."""
    from matplotlib import style

    with style.context(STYLE, after_reset=True):
        print(f"\n{title}\n{save(page(title, caption, panels), path)}")


def page(title, caption, panels):
    fig, _, below = new_page(HEIGHT + HEAD + 0.45, title, caption)
    total = fig.get_figheight()
    margins = [
        0.22 + max((width_of(line.label) for line in panel.lines if line.label), default=0)
        for panel in panels
    ]
    width = (WIDTH - sum(margins) - LEFT * len(panels) - GAP * (len(panels) - 1)) / len(panels)
    x = 0
    for panel, margin in zip(panels, margins):
        ax = fig.add_axes(((x + LEFT) / WIDTH, (below + 0.45) / total, width / WIDTH, HEIGHT / total))
        draw_panel(ax, panel)
        x += LEFT + width + margin + GAP
    return fig


def draw_panel(ax, panel):
    from matplotlib.ticker import LogLocator, NullLocator

    for line in panel.lines:
        ax.plot(line.x, line.y, color=line.colour, ls=line.style, marker=line.marker, ms=4, lw=1.5)
        ax.annotate(
            line.note,
            (line.x[-1], line.y[-1]),
            (-6, 0),
            textcoords="offset points",
            ha="right",
            va="center_baseline",
            color=DARK,
        )
    ax.set_title(panel.heading, loc="left", pad=8)
    ax.set(
        xlabel=panel.xlabel,
        xscale="log" if "x" in panel.log else "linear",
        yscale="log" if "y" in panel.log else "linear",
    )
    ax.set(xlim=panel.xlim, ylim=panel.ylim)
    for axis in [axis for axis, name in ((ax.xaxis, "x"), (ax.yaxis, "y")) if name in panel.log]:
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    if panel.xticks:
        ax.set_xticks(panel.xticks, [f"{tick:,g}" for tick in panel.xticks])
    label_ends(ax, [line for line in panel.lines if line.label])


def label_ends(ax, lines):
    """Each line's label right of the panel with a thread to its last point, apart where two would touch."""
    if not lines:
        return
    ends = ax.transAxes.inverted().transform([ax.transData.transform(last_point(ax, line)) for line in lines])
    order = np.argsort(ends[:, 1], kind="stable")
    x = 1 + 0.12 / (ax.get_position().width * WIDTH)
    for index, y in zip(order, spread(ends[order, 1], 1.35 * TEXT / 72 / HEIGHT)):
        thread = dict(
            arrowstyle="-", color=lines[index].colour, lw=0.8, shrinkA=0, shrinkB=0, relpos=(0, 0.5)
        )
        ax.annotate(
            lines[index].label,
            ends[index],
            (x, y),
            "axes fraction",
            "axes fraction",
            va="center_baseline",
            color=DARK,
            arrowprops=thread,
        )


def last_point(ax, line):
    """The last finite point within the panel's x limits, cut at its top and bottom."""
    shown = np.flatnonzero(np.isfinite(line.y) & (np.asarray(line.x) <= ax.get_xlim()[1]))[-1]
    return line.x[shown], np.clip(line.y[shown], *sorted(ax.get_ylim()))


def spread(places, distance):
    """Ascending places from 0 to 1, moved up and down alike so that neighbours are `distance` apart."""
    rungs = distance * np.arange(len(places))
    up = np.maximum.accumulate(places - rungs) + rungs
    down = np.minimum.accumulate((places - rungs)[::-1])[::-1] + rungs
    return np.maximum(np.minimum((up + down) / 2, 1 + rungs - rungs[-1]), rungs)
