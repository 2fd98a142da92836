"""Differences between schedules over seeds: one pair, Holm's correction for all pairs, the probability of
being best.

Losses come as {schedule: {seed: final validation loss}}, in nats per token and the lower the better; None,
NaN or inf is a run that did not complete. Runs with one seed see the same batches and start from the same
weights, so they are compared seed by seed. NaN in a result is what the seeds can't say. Everything is a pure
function of its arguments, to the last bit.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

ALPHA = 0.05  # two-sided
RESAMPLES = 10_000  # of the bootstrap
KEY = 20250101  # of its random numbers
ROUNDING = 1e-12  # what agrees to this part of the losses is equal


@dataclass(frozen=True)
class PairedDifference:
    """Of two schedules over the seeds that both completed, in nats per token.

    One seed has a mean and nothing else. Differences of 0 in every seed are the same run under two names: p
    is 1 and the interval (0, 0). Equal differences that aren't 0 have a standard deviation of 0 but no
    interval and no p: seeds that show no noise don't say how much there is, and p = 0 from two seeds would be
    absurd.
    """

    n: int  # seeds
    mean: float
    sd: float = math.nan  # with n - 1
    low: float = math.nan  # confidence interval of the mean, Student's t: 95%, or of another level
    high: float = math.nan
    p: float = math.nan  # two-sided paired t-test, not corrected

    def at_level(self, alpha: float) -> PairedDifference:
        """The same with the interval of confidence 1 - alpha."""
        from scipy import special

        if not self.sd > 0:
            return self
        half = -special.stdtrit(self.n - 1, alpha / 2) * self.sd / math.sqrt(self.n)
        return replace(self, low=self.mean - half, high=self.mean + half)


@dataclass(frozen=True)
class NoiseFloor:
    """What two samples of one schedule differ by: mean of the second minus the first, in nats per token."""

    n: tuple[int, int]  # seeds of each
    mean: float
    low: float = math.nan  # 95% confidence interval, Welch
    high: float = math.nan
    p: float = math.nan

    @property
    def different(self) -> bool:
        return self.p < ALPHA


# -- one pair


def paired_difference(losses: dict[int, float], minus: dict[int, float]) -> PairedDifference:
    """The difference of two schedules, `losses` - `minus`, over the seeds that are finite in both.

    Args:
        losses, minus: seed -> final validation loss.
    """
    a, b = finite(losses), finite(minus)
    seeds = [seed for seed in a if seed in b]
    differences = np.array([a[seed] - b[seed] for seed in seeds])
    n, mean = len(seeds), float(differences.mean()) if seeds else math.nan
    if n < 2:
        return PairedDifference(n, mean)
    rounding = ROUNDING * max(abs(losses[seed]) for losses in (a, b) for seed in seeds)
    if np.abs(differences).max() <= rounding:
        return PairedDifference(n, mean=0.0, sd=0.0, low=0.0, high=0.0, p=1.0)
    if np.ptp(differences) <= rounding:
        return PairedDifference(n, mean, sd=0.0)
    low, high, p = map(float, t_test(differences))
    return PairedDifference(n, mean, float(differences.std(ddof=1)), low, high, p)


def t_test(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Student's paired t: 95% confidence interval of the mean and two-sided p.

    Args:
        differences: (..., n), n >= 2 and not all equal.

    Returns:
        low, high, p: each of shape (...).
    """
    from scipy import stats  # here and below: its import takes a second

    test = stats.ttest_1samp(differences, 0, axis=-1)
    return *test.confidence_interval(1 - ALPHA), test.pvalue


@lru_cache(maxsize=4)
def resamples(n: int) -> np.ndarray:
    """How often each of n seeds is in each bootstrap sample: (RESAMPLES, n), the same at every call."""
    rng = np.random.Generator(np.random.Philox(key=KEY))
    return rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)


@lru_cache(maxsize=4)
def widening(n: int) -> np.ndarray:
    """What makes the deviations of a normal sample's bootstrap those of Student's t with n - 1 degrees of
    freedom: (RESAMPLES, 1).
    """
    rng = np.random.Generator(np.random.Philox(key=KEY + 1))
    return np.sqrt(
        n / rng.chisquare(n - 1, size=(RESAMPLES, 1))
    )  # sqrt(n / (n - 1)) for the bootstrap's variance, and sqrt((n - 1) / chi2)


# -- all of them


def holm(p: np.ndarray) -> np.ndarray:
    """p-values (m,) corrected for their number, step-down, Holm 1979; below alpha means different
    at that family-wise error.

    A NaN is no test: it stays NaN and isn't counted.
    """
    p = np.asarray(p, float)
    order = np.argsort(p)[: np.isfinite(p).sum()]  # NaN is sorted last
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return corrected


def holm_levels(p: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """The level at which Holm's procedure tests each of the p-values (m,).

    It steps down from the smallest p, at alpha / m, alpha / (m - 1) and so on, and stays at the level of the
    first that it doesn't reject. So an interval at this level leaves out zero if and only if the test is
    rejected. NaN for what is no test.
    """
    p = np.asarray(p, float)
    order = np.argsort(p)[: np.isfinite(p).sum()]
    levels, tested = np.full(len(p), np.nan), alpha / np.arange(len(order), 0, -1)
    rejected = int(np.cumprod(p[order] < tested).sum())
    levels[order] = np.minimum(tested, tested[rejected]) if rejected < len(order) else tested
    return levels


def prob_best(losses: dict[str, dict[int, float]]) -> dict[str, float]:
    """How often each schedule has the lowest mean when the seeds are drawn again: a bootstrap paired by seed,
    ties split.

    What a sample's means differ by from the mean is widened as Student's t widens the normal, because a few
    seeds, drawn again, vary less than new ones: without it, of two equal schedules with three seeds one has
    1.0 in a quarter of all comparisons. Only schedules with the most completed seeds are in it, on
    the seeds they have in common; the others get 0. All get NaN where these are fewer than two. The sum is 1.
    """
    rows = {name: finite(row) for name, row in losses.items()}
    most = max(map(len, rows.values()), default=0)
    rows = {name: row for name, row in rows.items() if len(row) == most}
    seeds = sorted(set.intersection(*map(set, rows.values()))) if rows else []
    if len(seeds) < 2:
        return dict.fromkeys(losses, math.nan)
    table = np.array([[row[seed] for row in rows.values()] for seed in seeds])  # (seeds, schedules)
    means = table.mean(axis=0) + widening(len(seeds)) * (
        resamples(len(seeds)) / len(seeds) @ (table - table.mean(axis=0))
    )
    lowest = means - means.min(axis=1, keepdims=True) <= ROUNDING * np.abs(table).max()
    shares = (lowest / lowest.sum(axis=1, keepdims=True)).mean(axis=0)
    return dict.fromkeys(losses, 0.0) | dict(zip(rows, map(float, shares)))


def rank_correlation(a, b) -> float:
    """Spearman's, of two lists of numbers; ties have their mean rank. NaN where one is all ties."""
    ranks = np.array([mean_ranks(a), mean_ranks(b)])  # scipy's takes a second to import
    with np.errstate(invalid="ignore"):
        return float(np.corrcoef(ranks)[0, 1])


def mean_ranks(values) -> np.ndarray:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


# -- A/A


def noise_floor(first: dict[int, float], second: dict[int, float]) -> NoiseFloor:
    """One schedule against itself under other seeds: Welch's t-test (1947), not paired.

    With fewer than two finite losses on a side, or no variance on either, there is no interval and no p.

    Args:
        first, second: seed -> final validation loss.

    Raises:
        ValueError: if a seed is in both: the same run on both sides is no test.
    """
    if shared := sorted(set(first) & set(second)):
        raise ValueError(f"seeds {shared} are in both samples: give each its own")
    a, b = (np.array([*finite(losses).values()]) for losses in (first, second))
    n = len(a), len(b)
    difference = float(b.mean() - a.mean()) if min(n) else math.nan
    if min(n) < 2 or max(np.ptp(a), np.ptp(b)) <= ROUNDING * max(np.abs(a).max(), np.abs(b).max()):
        return NoiseFloor(n, difference)
    return NoiseFloor(n, difference, *welch(a, b))


def welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """95% interval of mean(b) - mean(a) and two-sided p; (n,) and (m,), not both without variance."""
    from scipy import stats

    with warnings.catch_warnings():  # of one side without variance, which is fine
        warnings.simplefilter("ignore", RuntimeWarning)
        test = stats.ttest_ind(b, a, equal_var=False)
    return *map(float, test.confidence_interval(1 - ALPHA)), float(test.pvalue)


# -- one schedule


def finite(losses: dict[int, float]) -> dict[int, float]:
    """Those of the seeds that didn't diverge, by seed."""
    return {
        seed: float(losses[seed])
        for seed in sorted(losses)
        if losses[seed] is not None and math.isfinite(losses[seed])
    }


def incomplete(losses: dict[int, float]) -> int:
    return len(losses) - len(finite(losses))


def mean_loss(losses: dict[int, float]) -> float:
    values = list(finite(losses).values())
    return float(np.mean(values)) if values else math.nan
