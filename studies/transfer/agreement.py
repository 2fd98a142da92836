"""How well a small model's differences between schedules say what a larger one's are.

A setting's number is its difference to a base setting, seed by seed. Peaks are chosen by seeds that don't
judge: each seed is judged at the peak with the lowest mean over the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.differences import rank_correlation
from studies.best_peaks import best_by, is_end, others_of
from studies.transfer.by_peak_runs import Setting
from studies.transfer.small_runs import Grid

APART = 0.005  # nats per token: pairs of settings that are nearer than this in the larger model don't count
DRAWS, LEVEL = 2_000, 0.95


@dataclass(frozen=True)
class Judged:
    """A setting at its best peaks: the loss of each seed, and the peak that all seeds together choose."""

    losses: np.ndarray  # float64 (seeds,), nats per token
    peak_lr: float
    at_the_end: bool  # of the grid: the best peak may lie beyond it


def judge(grid: Grid) -> dict[Setting, Judged]:
    """Each setting at the peaks that the other seeds choose."""
    return {setting: judge_one(peaks) for setting, peaks in grid.items()}


def judge_one(peaks: dict[float, dict[int, float]]) -> Judged:
    """Peaks with fewer seeds than others are not chosen; they only tell whether the best one is an end."""
    seeds = sorted(max(peaks.values(), key=len))
    full = {peak: peaks[peak] for peak in sorted(peaks) if len(peaks[peak]) == len(seeds)}
    losses = [full[best_by(full, others_of(seeds, seed))][seed] for seed in seeds]
    best = best_by(full, seeds)
    return Judged(np.array(losses), best, is_end(best, peaks))


def differences(judged: dict[Setting, Judged], base: Setting) -> dict[Setting, np.ndarray]:
    """Each setting's difference to the base, float64 (seeds,)."""
    return {setting: one.losses - judged[base].losses for setting, one in judged.items()}


@dataclass(frozen=True)
class Number:
    """A statistic with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """Of a small model's differences with a larger one's."""

    rank_correlation: Number  # Spearman's
    pairs_right: Number  # share of those apart in the larger model
    slope: Number  # of the larger model's differences on the small one's, through the origin
    settings: int
    pairs: int


def agreement(small: dict[Setting, np.ndarray], large: dict[Setting, float], base: Setting) -> Agreement:
    """How well the mean differences agree, with seeds and settings resampled.

    Args:
        small: setting -> differences to the base, float64 (seeds,).
        large: setting -> difference to the base.
        base: which is 0 in both, and always among the settings drawn.
    """
    settings = [setting for setting in small if setting in large and setting != base]
    table = np.array([small[setting] for setting in settings])
    target = np.array([large[setting] for setting in settings])
    found = statistics(np.append(table.mean(axis=1), 0.0), np.append(target, 0.0))
    rng, (n, seeds) = np.random.Generator(np.random.Philox(0)), table.shape
    draws = []
    for _ in range(DRAWS):
        rows, columns = rng.integers(n, size=n), rng.integers(seeds, size=seeds)
        drawn = table[np.ix_(rows, columns)].mean(axis=1)
        draws.append(statistics(np.append(drawn, 0.0), np.append(target[rows], 0.0)))
    tail = 100 * (1 - LEVEL) / 2
    lows, highs = np.nanpercentile(draws, [tail, 100 - tail], axis=0)
    numbers = [Number(*map(float, one)) for one in zip(found, lows, highs)]
    return Agreement(*numbers, settings=n + 1, pairs=len(pairs_apart(np.append(target, 0.0))))


def statistics(small: np.ndarray, large: np.ndarray) -> tuple[float, float, float]:
    """(rank correlation, share of pairs in the right order, slope through the origin)."""
    return rank_correlation(small, large), share_right(small, large), slope(small, large)


def pairs_apart(large: np.ndarray) -> list[tuple[int, int]]:
    return [(i, j) for i, j in combinations(range(len(large)), 2) if abs(large[i] - large[j]) > APART]


def share_right(small: np.ndarray, large: np.ndarray) -> float:
    pairs = pairs_apart(large)
    right = [(small[i] < small[j]) == (large[i] < large[j]) for i, j in pairs]
    return float(np.mean(right)) if right else np.nan


def slope(small: np.ndarray, large: np.ndarray) -> float:
    return float(small @ large / (small @ small)) if small.any() else np.nan
