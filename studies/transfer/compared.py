"""Each regime of the small models beside the 124M runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studies.transfer.agreement import Agreement, Judged, agreement, differences, judge
from studies.transfer.by_peak_runs import CONSTANT, COSINE, HORIZONS, PEAKS, WSD, Losses, Run, Setting
from studies.transfer.larger import best_differences
from studies.transfer.small_runs import Grid, Regime

FACTOR = 8  # between the peaks of the two sizes, where all are compared; of best ones it is 4 to 16
SHORT_HORIZON = 12.3  # tokens per parameter of the 124M runs of 15,000 steps
LARGE_NAME = {HORIZONS[0]: "12", HORIZONS[1]: "21"}  # tokens per parameter


@dataclass(frozen=True)
class Compared:
    """One regime of the small models with the 124M runs at a horizon."""

    regime: Regime
    horizon: int  # steps of the 124M runs
    judged: dict[Setting, Judged]
    small: dict[Setting, np.ndarray]  # differences to the base, float64 (seeds,)
    large: dict[Setting, float]
    base: Setting
    without_constant: Agreement
    with_constant: Agreement

    @property
    def seeds(self) -> int:
        return len(self.small[self.base])

    @property
    def large_tokens(self) -> str:
        return LARGE_NAME[self.horizon]

    @property
    def at_the_end(self) -> list[str]:
        """Settings whose best peak lr is the lowest or highest tried."""
        return [setting.name for setting, one in self.judged.items() if one.at_the_end]


def compare(regime: Regime, grid: Grid, losses: Losses) -> Compared:
    """With the 124M runs of 25,000 steps, but 12 tokens per parameter with those of 15,000.

    Those lack cosine to zero, so wsd 20% is the base there.
    """
    short = abs(regime.tokens_per_parameter - SHORT_HORIZON) < 0.5
    horizon, base = (HORIZONS[0], WSD[0.2]) if short else (HORIZONS[1], COSINE)
    large = best_differences(losses, horizon, base)
    judged = judge(grid)
    small = differences(judged, base)
    decaying = {setting: values for setting, values in small.items() if setting != CONSTANT}
    return Compared(
        regime,
        horizon,
        judged,
        small,
        large,
        base,
        agreement(decaying, large, base),
        agreement(small, large, base),
    )


def at_all_peaks(grid: Grid, losses: Losses) -> list[tuple[Setting, float, float]]:
    """(setting, small, large): differences to cosine to zero at each peak lr that both sizes have."""
    steps, points = max(HORIZONS), []
    for setting, peaks in grid.items():
        for peak in PEAKS:
            run, base = Run(setting, peak, steps), Run(COSINE, peak, steps)
            if setting != COSINE and run in losses and base in losses and peak * FACTOR in peaks:
                small = mean_difference(grid, setting, peak * FACTOR)
                points.append((setting, small, losses[run] - losses[base]))
    return points


def mean_difference(grid: Grid, setting: Setting, peak: float) -> float:
    """To cosine to zero, over the seeds that both have."""
    seeds = grid[setting][peak].keys() & grid[COSINE][peak].keys()
    return float(np.mean([grid[setting][peak][seed] - grid[COSINE][peak][seed] for seed in seeds]))
