"""protocols.png: the ten schedules one after another, as published and as carried over, and each from fresh weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.figures.colours import colour_of
from analysis.figures.draw import save
from analysis.figures.page import DARK, STYLE, WIDTH, new_page
from analysis.stats import rank_correlation

HEIGHT, LEFT, GAP, RIGHT = 2.6, 0.6, 0.75, 0.25  # inches


def draw_protocols(out: Path, raw: dict, published: list[dict], ours: dict) -> Path:
    """Draw out/protocols.png; arguments as in analysis.motsepe."""
    from matplotlib import style

    from studies.motsepe_2024.study import columns_of

    columns, seeds = columns_of(published, ours), min(len(losses) for losses in ours["fresh"].values())
    curves = [
        [run["losses"] for run in raw.values()],
        chain(out / "carry-over", published),
        chain(out / "fresh", published),
    ]
    titles = [
        "Published: each goes on from the one before",
        "The same on a small model (carry-over)",
        "The same schedules, each from fresh weights",
    ]
    with style.context(STYLE, after_reset=True):
        fig, above, below = new_page(
            HEIGHT + 0.9,
            f"The published ranking is the order in which the schedules ran: rank correlation {rank_correlation(columns['place'], columns['published']):+.2f} with the place in it, {rank_correlation(columns['fresh'], columns['published']):+.2f} with fresh weights for each",
            "Training loss of each step, the ten schedules side by side in the blog's order, numbered at their last loss: "
            + ", ".join(f"{i} {row['name']}" for i, row in enumerate(published, 1))
            + f". Left: 124M parameters, one run, from the blog's raw numbers. Middle and right: configs/motsepe_small.toml, mean over {seeds} seeds.",
        )
        width = (WIDTH - LEFT - RIGHT - 2 * GAP) / 3
        for i, (panel, title) in enumerate(zip(curves, titles)):
            ax = fig.add_axes(
                (
                    (LEFT + i * (width + GAP)) / WIDTH,
                    (below + 0.45) / fig.get_figheight(),
                    width / WIDTH,
                    HEIGHT / fig.get_figheight(),
                )
            )
            draw_chain(ax, panel, published)
            ax.set(title=title, xlabel="steps of all schedules", ylabel="training loss (nats a token)")
        return save(fig, Path(out) / "protocols.png")


def chain(folder: Path, published: list[dict]) -> list[np.ndarray]:
    """The loss of every step, mean over seeds, of each schedule in the blog's order."""
    from studies.motsepe_2024.study import read_csv

    losses = {}
    for row in read_csv(folder / "curves.csv"):
        losses.setdefault(row["scheduler"], {}).setdefault(row["step"], []).append(row["loss"])
    return [np.array([np.mean(values) for values in losses[row["schedule"]].values()]) for row in published]


def draw_chain(ax, curves, published):
    start = 0
    for i, (losses, row) in enumerate(zip(curves, published), 1):
        colour = colour_of(row["schedule"])
        ax.plot(range(start, start + len(losses)), losses, color=colour, lw=1.2)
        ax.plot(start + len(losses) - 1, losses[-1], "o", color=colour, ms=3)
        ax.annotate(
            str(i),
            (start + len(losses) - 1, min(losses[-12:])),
            (0, -9),
            textcoords="offset points",
            ha="center",
            va="center",
            size=7,
            color=DARK,
        )
        start += len(losses)
    ax.set_ylim(bottom=ax.get_ylim()[0] - 0.06 * np.ptp(ax.get_ylim()))
