"""predictions.png: measured final losses against the convex bound and against two loss laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.figures.colours import colour_of
from analysis.figures.page import DARK, WIDTH, draw_page, new_page
from analysis.text import format_lr
from studies.theory_vs_practice.data import METHODS, Method, Outcome, Study

SIDE, LEFT, GAP = 2.4, 0.7, 0.55  # inches


def draw_predictions(out: Path, study: Study) -> Path:
    """Draw out/predictions.png."""
    return draw_page(out / "predictions.png", predictions_page, study)


def predictions_page(study: Study):
    fig, _, below = new_page(SIDE + 0.5, title(study), caption(study))
    height = fig.get_figheight()
    for i, method in enumerate(METHODS):
        left = LEFT + i * (SIDE + GAP)
        ax = fig.add_axes((left / WIDTH, (below + 0.45) / height, SIDE / WIDTH, SIDE / height))
        draw_method(ax, method, study.outcomes)
        ax.set(ylabel="measured (nats per token)" if i == 0 else None)
    return fig


def title(study: Study) -> str:
    correlations = (f"{method.name} {method.correlation(study.new):+.2f}" for method in METHODS)
    return "Rank correlation with what was measured: " + ", ".join(correlations)


def caption(study: Study) -> str:
    return (
        f"A point is a schedule: filled if no law was fitted on it ({len(study.new)}), hollow if it was. "
        f"Vertical: mean final validation loss of {study.seeds} seeds with its standard deviation. "
        "Dashed: predicted = measured. The bound, at each schedule's own best peak lr, is over the lowest "
        f"one; it has no unit of loss. {study.steps:,} steps, peak lr {format_lr(study.peak_lr)}. "
        "Colour: the schedule's family."
    )


def draw_method(ax, method: Method, outcomes: list[Outcome]):
    points = [
        (method.value(outcome.prediction), outcome)
        for outcome in outcomes
        if np.isfinite(method.value(outcome.prediction))
    ]
    for x, outcome in points:
        draw_point(ax, x, outcome)
    ax.margins(x=0.1, y=0.18)
    name_extremes(ax, points)
    if method.in_nats:
        means = [outcome.mean for outcome in outcomes]
        diagonal = [min(means), max(means)]
        ax.plot(diagonal, diagonal, color=DARK, lw=0.7, ls="--", zorder=0)
    ax.set_xlabel(f"predicted by the {method.name} (nats per token)" if method.in_nats else "bound / lowest")


def draw_point(ax, x: float, outcome: Outcome):
    colour = colour_of(outcome.scheduler)
    ax.errorbar(
        x,
        outcome.mean,
        yerr=outcome.std,
        color=colour,
        fmt="o",
        ms=5,
        mfc="white" if outcome.fitted_on else colour,
        mew=1,
        elinewidth=0.7,
    )


def name_extremes(ax, points: list[tuple[float, Outcome]]):
    """The names of the lowest and the highest loss, out of the way of the others."""
    xs = [x for x, _ in points]
    middle = (min(xs) + max(xs)) / 2
    for (x, outcome), up in ((points[0], -26), (points[-1], 12)):
        ax.annotate(
            outcome.family,
            (x, outcome.mean),
            (0, up),
            textcoords="offset points",
            size=7,
            color=DARK,
            ha="left" if x < middle else "right",
        )
