"""decisions.png: how often A/A comparisons with looks err, and what looks find and save."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.figures.page import DARK, GREY, WIDTH, draw_page, new_page
from studies.decisions.data import ALLOWED, Tables
from studies.decisions.words import finding

COLOURS = {"baseline": "#0072b2", "best": "#d55e00"}
SHAPES = {True: "o", False: "D"}  # all methods, four
LINES = {"looks": "-", "fixed": "--"}
HEIGHT, FOOT = 2.9, 0.5  # inches
PANELS = ((1.75, 2.35), (4.75, 1.95), (7.35, 1.95))  # inches from the left, wide


def draw_decisions(out: Path, tables: Tables) -> Path:
    """Draw out/decisions.png."""
    return draw_page(out / "decisions.png", decisions_page, tables)


def decisions_page(tables: Tables):
    fig, above, _ = new_page(HEIGHT + FOOT, finding(tables), caption(tables))
    height = fig.get_figheight()
    bottom = (height - above - HEIGHT) / height
    errors, power, seeds = (
        fig.add_axes((x / WIDTH, bottom, width / WIDTH, (HEIGHT - 0.35) / height)) for x, width in PANELS
    )
    draw_errors(errors, tables)
    draw_by_effect(power, tables, "power", "called worse, of those that are")
    draw_by_effect(seeds, tables, "seeds", "seeds of a method, mean")
    return fig


def caption(tables: Tables) -> str:
    aa, ab = tables.aa("best")[0].comparisons, tables.ab("best", "looks", tables.effects[0])[0].comparisons
    return (
        "Left: A/A comparisons with looks at 3, 5, 8, 12 and 20 seeds that call any method better or worse, "
        f"of {aa:,} each, with 95% intervals; circles with all methods, diamonds with four. Middle, right: "
        f"A/B of {ab:,} each, every other method worse by so many standard deviations of a paired "
        "difference; means over the kinds of noise, with all methods. Solid: looks; dashed: 20 seeds. "
        "Blue: against a baseline; orange: against the unknown best."
    )


def draw_errors(ax, tables: Tables):
    for against, colour in COLOURS.items():
        for row in tables.aa(against):
            many = row.methods == max(r.methods for r in tables.aa(against) if r.noise == row.noise)
            y = tables.noises.index(row.noise) + 0.14 * (1 if against == "best" else -1) + 0.06 * (not many)
            ax.plot(row.interval, [y, y], color=colour, lw=1)
            ax.plot(row.any_wrong, y, SHAPES[many], color=colour, ms=4)
    ax.axvline(ALLOWED, color=DARK, lw=0.8, ls=":")
    ax.set(ylim=(len(tables.noises) - 0.5, -0.5), yticks=range(len(tables.noises)), xlim=(0, None))
    ax.set_yticklabels([noise.replace(", ", ",\n") for noise in tables.noises])
    ax.set(xlabel="A/A comparisons with an error")
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")


def draw_by_effect(ax, tables: Tables, what: str, label: str):
    for against, colour in COLOURS.items():
        for design, line in LINES.items():
            means = [mean_of(tables, against, design, effect, what) for effect in tables.effects]
            ax.plot(tables.effects, means, line, marker="o", ms=3, color=colour, lw=1.2)
    ax.set_xscale("log", base=2)
    ax.set(xticks=tables.effects, xlabel="true difference (standard deviations)", ylim=(0, None))
    ax.set_xticklabels([f"{effect:g}" for effect in tables.effects])
    ax.set_title(label, loc="left")
    ax.grid(axis="y", color=GREY, lw=0.4)


def mean_of(tables: Tables, against: str, design: str, effect: float, what: str) -> float:
    return float(np.mean([getattr(row, what) for row in tables.ab(against, design, effect)]))
