"""Numbers made of best peaks or of ranks, with intervals from noise drawn anew."""

from __future__ import annotations

import numpy as np

from schedulers import get_schedule
from studies.claims.claim import Choice, PeakSlope, Ranks
from studies.claims.estimate import Estimate, drawn
from studies.claims.grid import DRAWS, KEY, grids_of
from studies.claims.runs import Runs
from theory import optimal_peak_lr


def estimate_slope(runs: Runs, slope: PeakSlope) -> Estimate:
    """Least squares with a level for each group: x and y without their group's means.

    Raises:
        ValueError: half of the best peaks or more are at an end of the grid, where the true ones may lie
            beyond.
    """
    grids = grids_of(runs, slope.choices)
    x = np.array([x for _, x, _ in slope.points])
    ends = sum(at_an_end(grids, choice) for choice in slope.choices)
    if 2 * ends >= len(x):
        raise ValueError(f"{ends} of {len(x)} best peaks are at an end of the grid")
    peaks = np.stack([grids[choice.regime].best_peak(choice) for choice in slope.choices], axis=1)
    for group in {group for *_, group in slope.points}:
        members = [i for i, point in enumerate(slope.points) if point[2] == group]
        x[members] -= x[members].mean()
        peaks[:, members] -= peaks[:, members].mean(axis=1, keepdims=True)
    slopes = peaks @ x / (x @ x)
    return drawn(float(slopes[0]), min(grid.seeds for grid in grids.values()), slopes[1:])


def at_an_end(grids: dict, choice: Choice) -> bool:
    x, means = grids[choice.regime].of(choice)
    return bool(means[0].argmin() in (0, len(x) - 1))


def estimate_ranks(runs: Runs, ranks: Ranks) -> Estimate:
    losses, others = rank_values(runs, ranks)
    rng = np.random.Generator(np.random.Philox(key=[KEY, 100]))
    settings = rng.integers(losses.shape[1], size=(DRAWS, losses.shape[1]))
    again = [np.take_along_axis(values[1:], settings, axis=1) for values in (losses, others)]
    value = float(correlations(losses[:1], others[:1])[0])
    seeds = min(grid.seeds for grid in grids_of(runs, ranks.choices).values())
    return drawn(value, seeds, correlations(*again))


def rank_values(runs: Runs, ranks: Ranks) -> tuple[np.ndarray, np.ndarray]:
    """The losses at best peaks and what they are compared with, (1 + DRAWS, settings) each."""
    grids = grids_of(runs, ranks.choices)
    losses = np.stack([grids[choice.regime].best_loss(choice) for choice in ranks.choices_], axis=1)
    if ranks.others:
        others = [grids[choice.regime].best_loss(choice) for choice in ranks.others]
        return losses, np.stack(others, axis=1)
    return losses, np.broadcast_to([lowest_bound(choice) for choice in ranks.choices_], losses.shape)


def lowest_bound(choice: Choice) -> float:
    """At the peak lr that the bound likes best."""
    regime = choice.regime
    schedule = get_schedule(
        choice.schedules[0], steps=regime.steps, peak_lr=1.0, warmup_steps=regime.warmup_steps
    )
    return optimal_peak_lr(schedule.lrs())[1]


def correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's, row by row; NaN where a row is all ties."""
    from scipy import stats

    a, b = (stats.rankdata(values, axis=1) for values in (a, b))
    a, b = (values - values.mean(axis=1, keepdims=True) for values in (a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
