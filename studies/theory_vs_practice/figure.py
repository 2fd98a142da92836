"""predictions.png: measured final losses against the convex bound and against two loss laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.figures.colours import colour_of
from analysis.figures.page import DARK, STYLE, WIDTH, new_page, save
from analysis.text import format_lr

SIDE, LEFT, GAP = 2.4, 0.7, 0.55  # inches


def draw_predictions(out: Path, rows: list[dict], new: list[dict], measured) -> Path:
    """Draw out/predictions.png; `rows` as in analysis.theory_vs_practice, `new` those that no law was fitted on."""
    from matplotlib import style

    from studies.theory_vs_practice.study import METHODS, order_found

    ranks = {method: order_found(new, method) for method in METHODS}
    with style.context(STYLE, after_reset=True):
        fig, _, below = new_page(
            SIDE + 0.5,
            "Rank correlation with what was measured: "
            + ", ".join(f"{name} {ranks[method]:+.2f}" for method, name in METHODS.items()),
            f"A point is a schedule: filled if no law was fitted on it ({len(new)}), hollow if it was. Vertical: mean final validation loss of {measured.seeds} seeds with its standard deviation. "
            f"Dashed: predicted = measured. The bound, at each schedule's own best peak lr, is over the lowest one; it has no unit of loss. {measured.steps:,} steps, peak lr {format_lr(measured.peak_lr)}. Colour: the schedule's family.",
        )
        for i, (method, name) in enumerate(METHODS.items()):
            ax = fig.add_axes(
                (
                    (LEFT + i * (SIDE + GAP)) / WIDTH,
                    (below + 0.45) / fig.get_figheight(),
                    SIDE / WIDTH,
                    SIDE / fig.get_figheight(),
                )
            )
            scatter(ax, rows, new, method)
            ax.set(
                xlabel="bound / lowest" if method == "bound" else f"predicted by the {name} (nats a token)",
                ylabel="measured (nats a token)" if i == 0 else None,
            )
        return save(fig, Path(out) / "predictions.png")


def scatter(ax, rows, new, method):
    for row in rows:
        if np.isfinite(row[method]):
            colour, seen = colour_of(row["scheduler"]), row not in new
            ax.errorbar(
                row[method],
                row["measured"],
                yerr=row["std"],
                color=colour,
                fmt="o",
                ms=5,
                mfc="white" if seen else colour,
                mew=1,
                elinewidth=0.7,
            )
    ax.margins(x=0.1, y=0.18)
    finite = sorted((row for row in rows if np.isfinite(row[method])), key=lambda row: row["measured"])
    middle = np.mean([min(row[method] for row in finite), max(row[method] for row in finite)])
    for row, up in (
        (finite[0], -26),
        (finite[-1], 12),
    ):  # the lowest and the highest, out of the way of the others
        side = "left" if row[method] < middle else "right"
        ax.annotate(
            row["scheduler"].split(":")[0],
            (row[method], row["measured"]),
            (0, up),
            textcoords="offset points",
            size=7,
            color=DARK,
            ha=side,
        )
    if method != "bound":
        both = [min(row["measured"] for row in rows), max(row["measured"] for row in rows)]
        ax.plot(both, both, color=DARK, lw=0.7, ls="--", zorder=0)
