"""bound.png: predicted and measured losses at best peaks and at every peak, and the best peaks themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.figures.colours import colour_of
from analysis.figures.page import DARK, GREY, WIDTH, draw_page, new_page
from studies.bound_vs_practice.page import Study
from studies.bound_vs_practice.predictors import BEST, TRAINED, Predictor
from studies.bound_vs_practice.regimes import LARGE, SMALL, Regime
from studies.transfer.by_peak_models import NOISE

LEFT, GAP, SIDE = 0.7, 0.75, 3.9  # inches
HEIGHT, BETWEEN = 2.9, 0.75
SHORT = {"cosine to 10%": "cosine 10%", "cosine to zero": "cosine 0"}
RIGHT, LEFTWARD = (5, -2.5), (-5, -2.5)  # points
NAMED = {  # where a name stands, if not right of its point; of 0.1M only these are named
    "inverse_sqrt": LEFTWARD,
    "fast_slow": (0, 12),
    "wsd": (0, -15),
    "piecewise": RIGHT,
    "cyclic": RIGHT,
    "wsd_s": RIGHT,
    "multistep": LEFTWARD,
    "cosine_restarts": LEFTWARD,
    "wsd 10% linear": LEFTWARD,
    "wsd 80% linear": (1, -19),
    "cosine to 10%": LEFTWARD,
}


def draw_bound(out: Path, study: Study) -> Path:
    """Draw out/bound.png."""
    return draw_page(out / "bound.png", bound_page, study)


def bound_page(study: Study):
    data, longer = study.data, study.longer
    caption = (
        "Predicted and measured final validation loss, nats per token over the mean of the panel; dashed: "
        f"equal. Above: each schedule at its best peak lr; left {SMALL}, 20 tokens per parameter, mean of "
        f"{data.small_best.seeds} seeds with its standard error; right {LARGE}, {longer:,} steps, one seed, "
        "bars of its standard deviation (0.0012). Below left: the bound at the peak of the run, filled "
        f"{SMALL} (one seed), hollow {LARGE}. Below right: best peak lr by the bound, D / G fitted on wsd "
        "20%, and by a parabola through the losses. The constant lr, far above, stands below right alone."
    )
    specs = [point.spec for point in data.small_best.points]
    fig, _, below = new_page(2 * HEIGHT + BETWEEN + 0.6, study.finding, caption, specs)
    axes = [panel(fig, below, i) for i in range(4)]
    small, large = (regime.without_constant() for regime in (data.small_best, data.large_best[longer]))
    draw_best(axes[0], study, small)
    draw_best(axes[1], study, large)
    for regime in (data.small_every, data.large_every[longer]):
        draw_every(axes[2], study, regime.without_constant())
    equal(axes[2], "predicted, bound as trained")
    draw_peaks(axes[3], study)
    axes[0].set(ylabel="measured", title=f"{SMALL}, best peaks")
    axes[1].set(title=f"{LARGE}, best peaks")
    axes[2].set(ylabel="measured", title="both, every peak")
    return fig


def panel(fig, below: float, i: int):
    total, row, column = fig.get_figheight(), i // 2, i % 2
    bottom = below + 0.45 + (1 - row) * (HEIGHT + BETWEEN)
    left = LEFT + column * (SIDE + GAP)
    return fig.add_axes((left / WIDTH, bottom / total, SIDE / WIDTH, HEIGHT / total))


def values_of(regime: Regime, study: Study, predictor: Predictor) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and measured, over their means."""
    scale = study.scales[regime.model]
    predicted = np.array([predictor.value(point, scale) for point in regime.points])
    measured = np.array([point.loss for point in regime.points])
    return predicted - predicted.mean(), measured - measured.mean()


def draw_best(ax, study: Study, regime: Regime):
    for point, x, y in zip(regime.points, *values_of(regime, study, BEST)):
        seeds = len(point.losses)
        error = point.losses.std(ddof=1) / np.sqrt(seeds) if seeds > 1 else NOISE
        ax.errorbar(x, y, yerr=error, fmt="o", ms=4, lw=0.8, color=colour_of(point.spec))
        if regime.model == LARGE or point.name in NAMED:
            name = SHORT.get(point.name, point.name.removesuffix(" linear"))
            annotate(ax, name, (x, y), NAMED.get(point.name, RIGHT))
    ax.margins(y=0.12)
    equal(ax, "predicted, bound at its own best peak")


def annotate(ax, name: str, at: tuple[float, float], place: tuple[float, float]):
    ha = {0: "center"}.get(place[0], "left" if place[0] > 0 else "right")
    ax.annotate(name, at, place, textcoords="offset points", ha=ha, size=7, color=DARK)


def draw_every(ax, study: Study, regime: Regime):
    for point, x, y in zip(regime.points, *values_of(regime, study, TRAINED)):
        colour = colour_of(point.spec)
        filled = colour if regime.model == SMALL else "white"
        ax.plot(x, y, ls="none", marker="o", ms=4, color=colour, mfc=filled)


def draw_peaks(ax, study: Study):
    for peaks in study.peaks[:2]:
        for row in peaks.rows:
            colour = colour_of(row.spec)
            filled = colour if peaks.regime.model == SMALL else "white"
            ax.plot(row.bound, row.measured, ls="none", marker="o", ms=4, color=colour, mfc=filled)
    ax.set(xscale="log", yscale="log", title="best peak lr")
    equal(ax, "by the bound")
    ax.set_ylabel("measured")
    ax.minorticks_off()
    ticks = [1e-3, 2e-3, 5e-3, 1e-2, 2e-2]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])


def equal(ax, label: str):
    ax.axline(*equal_points(ax), color=GREY, lw=0.8, ls="--", zorder=0)
    ax.set_xlabel(label)


def equal_points(ax) -> tuple[tuple[float, float], tuple[float, float]]:
    """Two on the diagonal, of linear and of logarithmic axes."""
    low, high = (1e-3, 1e-2) if ax.get_xscale() == "log" else (0.0, 0.01)
    return (low, low), (high, high)
