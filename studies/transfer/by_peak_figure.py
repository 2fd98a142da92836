"""by_peak.png: differences at both horizons, by peak lr and by the place that makes them one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.figures.page import DARK, WIDTH, draw_page, new_page
from studies.transfer.by_peak_models import Fitted, place
from studies.transfer.by_peak_runs import COSINE_TO_TENTH, HORIZONS, PEAKS, WSD, Losses, Run

REFERENCE = WSD[0.6]
COLOURS = {  # shades in the order of the cooldown's length
    WSD[0.1]: "#0d0887",
    WSD[0.2]: "#7e03a8",
    WSD[0.4]: "#cc4778",
    WSD[0.8]: "#f08a3c",
    WSD[0.9]: "#c9a400",
    COSINE_TO_TENTH: "#009e73",
}
SIDE, HEIGHT, LEFT, GAP = 3.6, 3.2, 0.65, 0.25  # inches
ASKED = 50_000


def draw_by_peak(out: Path, losses: Losses, fitted: Fitted) -> Path:
    """Draw out/by_peak.png."""
    return draw_page(out / "by_peak.png", by_peak_page, losses, fitted)


def by_peak_page(losses: Losses, fitted: Fitted):
    fig, _, below = new_page(
        HEIGHT + 0.6,
        "A longer 124M run is as a shorter one at a higher peak: the differences between schedules at two "
        "horizons fall on one line each",
        f"Final validation loss minus that of {REFERENCE.name}, hollow at {HORIZONS[0]:,} steps, filled at "
        f"{HORIZONS[1]:,}, one seed each (standard deviation of a difference 0.0017). Right: the same "
        f"against peak lr times the root of the steps; dashed: the fit, up to what a peak of 2e-3 is at "
        f"{ASKED:,} steps. The constant lr, far above, is left out.",
    )
    total = fig.get_figheight()
    for i, shift in enumerate((0.0, fitted.model.shift)):
        left = LEFT + i * (SIDE + GAP)
        ax = fig.add_axes((left / WIDTH, (below + 0.45) / total, SIDE / WIDTH, HEIGHT / total))
        for setting in COLOURS:
            draw_points(ax, setting, losses, shift)
        ax.axhline(0, color=DARK, lw=0.5)
        ticks = np.array([5e-4, 1e-3, 2e-3])
        ax.set(
            xticks=np.log2(ticks / 1e-3), xticklabels=[f"{tick:g}" for tick in ticks], ylim=(-0.012, 0.052)
        )
        ax.set_xlabel("peak lr" if i == 0 else f"peak lr x sqrt(steps / {HORIZONS[1]:,})")
        ax.tick_params(labelleft=i == 0)
        if i == 0:
            ax.set_ylabel("difference (nats per token)")
    for setting in COLOURS:
        draw_line(ax, setting, fitted)
    return fig


def draw_points(ax, setting, losses: Losses, shift: float):
    colour = COLOURS[setting]
    for steps, filled in zip(HORIZONS, (False, True)):
        points = [
            (place(peak, steps, shift), losses[run] - losses[Run(REFERENCE, peak, steps)])
            for peak in PEAKS
            if (run := Run(setting, peak, steps)) in losses
        ]
        ax.plot(*zip(*points), ls="none", marker="o", ms=5, color=colour, mfc=colour if filled else "white")


def draw_line(ax, setting, fitted: Fitted):
    """The fit from the lowest place seen to the highest asked for, and the setting's name at its end."""
    runs = [Run(setting, PEAKS[0], HORIZONS[0]), Run(setting, PEAKS[-1], ASKED)]
    x = [place(run.peak_lr, run.steps, fitted.model.shift) for run in runs]
    y = [fitted.difference(run, REFERENCE) for run in runs]
    ax.plot(x, y, color=COLOURS[setting], lw=0.9, ls="--", zorder=0)
    ax.annotate(setting.name, (x[1], y[1]), (4, 0), textcoords="offset points", va="center", size=7)
