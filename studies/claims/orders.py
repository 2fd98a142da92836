"""Numbers made of best peaks or of ranks, with intervals from noise drawn anew."""

from __future__ import annotations

import numpy as np

from schedulers import get_schedule
from studies.claims.claim import Choice, PeakSlope, Ranks
from studies.claims.estimate import Estimate, drawn
from studies.claims.grid import DRAWS, KEY, grids_of, lowest_peak
from studies.claims.runs import Runs
from theory import optimal_peak_lr


def estimate_slope(runs: Runs, slope: PeakSlope) -> Estimate:
    """Least squares with a level for each group: x and y without their group's means.

    Raises:
        ValueError: half of the best peaks or more are at an end of the grid, where the true ones may lie
            beyond.
    """
    grids = grids_of(runs, slope.choices)
    ends = sum(at_an_end(grids, choice) for choice in slope.choices)
    if 2 * ends >= len(slope.points):
        raise ValueError(f"{ends} of {len(slope.points)} best peaks are at an end of the grid")
    peaks = np.stack([grids[choice.regime].best_peak(choice) for choice in slope.choices], axis=1)
    slopes = least_squares(slope, peaks)
    seeds = min(grid.seeds for grid in grids.values())
    return drawn(float(slopes[0]), seeds, slopes[1:], slopes_by_seed(runs, slope))


def least_squares(slope: PeakSlope, peaks: np.ndarray) -> np.ndarray:
    """(rows,) from log2 of the best peak lrs (rows, points)."""
    x, peaks = np.array([x for _, x, _ in slope.points]), peaks.copy()
    for group in {group for *_, group in slope.points}:
        members = [i for i, point in enumerate(slope.points) if point[2] == group]
        x[members] -= x[members].mean()
        peaks[:, members] -= peaks[:, members].mean(axis=1, keepdims=True)
    return peaks @ x / (x @ x)


def slopes_by_seed(runs: Runs, slope: PeakSlope) -> dict[int, float]:
    """Of each seed alone, if it has finished every peak of every setting; they decide nothing."""
    rows = [[runs.of(cell) for cell in choice.cells()] for choice in slope.choices]
    seeds = set.intersection(
        *({s for s in losses if np.isfinite(losses[s])} for row in rows for losses in row)
    )
    return {
        seed: float(
            least_squares(
                slope,
                np.array([[best_of_seed(choice, row, seed) for choice, row in zip(slope.choices, rows)]]),
            )[0]
        )
        for seed in sorted(seeds)
    }


def best_of_seed(choice: Choice, row: list[dict[int, float]], seed: int) -> float:
    return float(lowest_peak(np.log2(choice.peaks), np.array([[losses[seed] for losses in row]]))[0])


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
