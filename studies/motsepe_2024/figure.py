"""protocols.png: ten schedules one after another, published and carried over, and each from fresh weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.differences import rank_correlation
from analysis.figures.colours import colour_of
from analysis.figures.page import DARK, WIDTH, draw_page, new_page
from studies.motsepe_2024.data import LastLosses, Published

HEIGHT, LEFT, GAP, RIGHT = 2.6, 0.6, 0.75, 0.25  # inches
PANELS = [
    "Published: each goes on from the one before",
    "The same on a small model (carry-over)",
    "The same schedules, each from fresh weights",
]


def draw_protocols(
    out: Path, published: list[Published], losses: LastLosses, curves: list[list[np.ndarray]]
) -> Path:
    """Draw out/protocols.png.

    Args:
        out: the study's folder.
        published: what the blog's numbers say of each schedule, in the order in which they ran.
        losses: the last ones of each protocol.
        curves: for each of PANELS the training losses of every step, (steps,), in the blog's order.
    """
    return draw_page(out / "protocols.png", protocols_page, published, losses, curves)


def protocols_page(published: list[Published], losses: LastLosses, curves: list[list[np.ndarray]]):
    fig, _, below = new_page(HEIGHT + 0.9, title(losses), caption(published, losses))
    width, height = (WIDTH - LEFT - RIGHT - 2 * GAP) / len(PANELS), fig.get_figheight()
    for i, (panel, chain) in enumerate(zip(PANELS, curves)):
        left = LEFT + i * (width + GAP)
        ax = fig.add_axes((left / WIDTH, (below + 0.45) / height, width / WIDTH, HEIGHT / height))
        draw_chain(ax, chain, published)
        ax.set(title=panel, xlabel="steps of all schedules", ylabel="training loss (nats per token)")
    return fig


def title(losses: LastLosses) -> str:
    by_place = rank_correlation(losses.place, losses.published)
    fresh = rank_correlation(losses.fresh, losses.published)
    return (
        "The published ranking is the order in which the schedules ran: "
        f"rank correlation {by_place:+.2f} with the place in it, {fresh:+.2f} with fresh weights for each"
    )


def caption(published: list[Published], losses: LastLosses) -> str:
    numbered = ", ".join(f"{row.place} {row.name}" for row in published)
    return (
        "Training loss of each step, the ten schedules side by side in the blog's order, "
        f"numbered at their last loss: {numbered}. Left: 124M parameters, one run, from the blog's raw "
        f"numbers. Middle and right: configs/motsepe_small.toml, mean over {losses.seeds} seeds."
    )


def draw_chain(ax, curves: list[np.ndarray], published: list[Published]):
    start = 0
    for losses, row in zip(curves, published):
        colour, end = colour_of(row.schedule), start + len(losses) - 1
        ax.plot(range(start, end + 1), losses, color=colour, lw=1.2)
        ax.plot(end, losses[-1], "o", color=colour, ms=3)
        ax.annotate(
            str(row.place),
            (end, min(losses[-12:])),
            (0, -9),
            textcoords="offset points",
            ha="center",
            va="center",
            size=7,
            color=DARK,
        )
        start = end + 1
    ax.set_ylim(bottom=ax.get_ylim()[0] - 0.06 * np.ptp(ax.get_ylim()))
