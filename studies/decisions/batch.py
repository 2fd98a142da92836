"""analysis/noise.py and analysis/simultaneous.py for many comparisons at once: the same numbers, for complete
runs whose seeds are 0, 1, 2, ... of each method, and none of which went up alone (noise.calm_row).

Arrays begin with the comparisons: losses (R, seeds, methods), pairs (R, methods, methods) as first minus
second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.noise import LOUD, POOLED_FROM
from analysis.simultaneous import critical_value


@dataclass(frozen=True)
class Pairs:
    """The differences of all pairs of methods, with moderated variances."""

    mean: np.ndarray
    error: np.ndarray  # standard error of the mean; 0 on the diagonal
    df: np.ndarray


@dataclass(frozen=True)
class Intervals:
    """Of each method, (R, methods); NaN for the baseline."""

    low: np.ndarray
    high: np.ndarray


def pairs_of(losses: np.ndarray, seeds: np.ndarray) -> Pairs:
    """Every pair, over the seeds that both have.

    Args:
        losses: (R, most seeds, methods).
        seeds: that each method has, (R, methods).
    """
    methods = losses.shape[2]
    n = np.minimum(seeds[:, :, None], seeds[:, None, :])
    mean, variance = np.zeros(n.shape), np.zeros(n.shape)
    for count in np.unique(n):
        here = n == count
        means, variances = moments(losses[:, :count])
        mean[here], variance[here] = means[here], variances[here]
    df = n - 1.0
    if methods >= POOLED_FROM:
        variance, df = pooled(losses, seeds, variance, df)
    error = np.sqrt(variance / n)
    error[:, range(methods), range(methods)] = 0
    return Pairs(mean, error, df)


def moments(losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each pair's difference."""
    mean = losses.mean(1)
    residuals = losses - mean[:, None]
    covariance = residuals.transpose(0, 2, 1) @ residuals / (losses.shape[1] - 1)
    own = np.diagonal(covariance, axis1=1, axis2=2)
    variance = own[:, :, None] + own[:, None, :] - 2 * covariance
    return mean[:, :, None] - mean[:, None, :], np.maximum(variance, 0)


def pooled(losses, seeds, variance, df) -> tuple[np.ndarray, np.ndarray]:
    """Variances and their degrees of freedom as noise.pair_noise has them."""
    quiet = ~loud_methods(losses, seeds, variance, df)
    found, found_df = moderated(variance, df, *pooled_df(losses, seeds, quiet), quiet)
    both = quiet[:, :, None] & quiet[:, None, :]
    return np.where(both, found, np.maximum(variance, found)), np.where(both, found_df, df)


def loud_methods(losses, seeds, variance, df) -> np.ndarray:
    """As noise.loud_methods: (R, methods)."""
    methods = seeds.shape[1]
    half = max(POOLED_FROM, (methods + 1) // 2)
    if methods <= half:
        return np.zeros(seeds.shape, bool)
    others = ~np.eye(methods, dtype=bool)
    shape = len(seeds), methods, methods - 1
    own, own_df = (np.median(x[:, others].reshape(shape), axis=2) for x in (variance, df))
    order = np.argsort(own, axis=1, kind="stable")
    louder = np.zeros(seeds.shape, bool)
    np.put_along_axis(louder, order[:, half:], True, axis=1)
    most = np.take_along_axis(own, order[:, half - 1 : half], axis=1)
    quiet_df = pooled_df(losses, seeds, ~louder)[0][:, None]
    return louder & (own > most * special.fdtri(own_df, quiet_df, 1 - LOUD / methods))


def moderated(
    variance: np.ndarray, df: np.ndarray, most_df: np.ndarray, directions: np.ndarray, block: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As noise.moderate, with noise.prior of the pairs of each comparison's methods in `block`."""
    first, second = np.triu_indices(variance.shape[1], 1)
    own, own_df = variance[:, first, second], df[:, first, second]
    inside = block[:, first] & block[:, second]
    n = inside.sum(1)
    logs = np.log(own) - special.digamma(own_df / 2) + np.log(own_df / 2)
    mean = (logs * inside).sum(1) / n
    apart = np.minimum(1, n / (n - 1) * (1 - 1 / directions))
    chance = (special.polygamma(1, own_df / 2) * inside).sum(1) / n
    spread = ((logs - mean[:, None]) ** 2 * inside).sum(1) / (n - 1) - apart * chance
    alike = spread <= 0
    half = inverse_trigamma(np.where(alike, 1, spread))
    prior_df = 2 * half[:, None, None]
    prior = (np.exp(mean + special.digamma(half)) / half)[:, None, None]
    own_df = own_df * inside
    common = ((own * own_df).sum(1) / own_df.sum(1))[:, None, None]
    mixed = (prior_df * prior + df * variance) / (prior_df + df)
    most_df, alike = most_df[:, None, None], alike[:, None, None]
    found_df = np.where(alike, most_df, 1 / (1 / (prior_df + df) + 1 / most_df))
    return np.where(alike, common, mixed), np.maximum(df, found_df)


def inverse_trigamma(y: np.ndarray) -> np.ndarray:
    """By Newton's method on 1 / trigamma, which is nearly a line (Smyth 2004, appendix)."""
    x = 0.5 + 1 / y
    for _ in range(50):
        trigamma = special.polygamma(1, x)
        x = x + trigamma * (1 - trigamma / y) / special.polygamma(2, x)
    return x


def pooled_df(losses: np.ndarray, seeds: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As noise.pooled_df of the methods `inside`, (R, methods): (R,) each."""
    best, directions = np.ones(len(losses)), np.ones(len(losses))
    for least in np.unique(seeds):
        block = inside & (seeds >= least)
        possible = (block.sum(1) >= POOLED_FROM) & (inside & (seeds == least)).any(1)
        if possible.any() and least >= 2:
            found = np.ones(len(losses))
            found[possible] = dimensions(losses[possible, :least], block[possible])
            more = possible & ((least - 1) * found > best)
            best, directions = np.where(more, (least - 1) * found, best), np.where(more, found, directions)
    return best, directions


def dimensions(table: np.ndarray, block: np.ndarray) -> np.ndarray:
    """As noise.dimensions, of the methods in `block`, (R, methods): (R,)."""
    df, methods, inside = table.shape[1] - 1, block.sum(1), block[:, None, :]
    if df == 1:
        return np.ones(len(table))
    centred = (table - table.mean(1, keepdims=True)) * inside
    residuals = (centred - centred.sum(2, keepdims=True) / methods[:, None, None]) * inside
    gram = residuals @ residuals.transpose(0, 2, 1) / df
    trace, trace_of_square = np.trace(gram, axis1=1, axis2=2), (gram**2).sum((1, 2))
    unbiased = df**2 / ((df - 1) * (df + 2)) * (trace_of_square - trace**2 / df)
    most = methods - 1.0
    at_most = unbiased <= trace**2 / most
    return np.where(at_most, most, np.maximum(1, trace**2 / np.where(at_most, 1, unbiased)))


def widths(error: np.ndarray, df: np.ndarray, m: int, alpha: float) -> np.ndarray:
    """Half the width of simultaneous intervals, of m comparisons."""
    digits = 10 ** (2 - np.floor(np.log10(df)))
    dfs, places = np.unique(np.rint(df * digits) / digits, return_inverse=True)  # as simultaneous.rounded
    critical = np.array([critical_value(m, float(df), alpha) for df in dfs])
    return critical[places].reshape(df.shape) * error


def against_baseline(pairs: Pairs, baseline: int, alpha: float) -> Intervals:
    mean, error, df = (found[:, :, baseline] for found in (pairs.mean, pairs.error, pairs.df))
    mean, width = mean.copy(), widths(error, df, mean.shape[1] - 1, alpha)
    mean[:, baseline] = np.nan
    return Intervals(mean - width, mean + width)


def against_best(pairs: Pairs, alpha: float) -> Intervals:
    """Of each method to all candidates for the best, or of a single candidate to the lowest other."""
    methods = pairs.mean.shape[1]
    width, itself = widths(pairs.error, pairs.df, methods - 1, alpha), np.eye(methods, dtype=bool)
    low, high = pairs.mean - width, pairs.mean + width
    candidates = ~((low > 0) & ~itself).any(2)  # (R, methods)
    single = candidates & (candidates.sum(1, keepdims=True) == 1)
    rivals = np.where(candidates.sum(1)[:, None, None] > 0, candidates[:, None, :], True) & ~itself
    rivals = np.where(rivals.any(2, keepdims=True), rivals, ~itself)
    lowest = np.where(rivals, low, np.inf).min(2)
    highest = np.where(rivals, high, -np.inf).max(2)
    return Intervals(
        np.where(single, np.where(itself, -np.inf, low).max(2), lowest),
        np.where(single, highest, np.maximum(0, highest)),
    )
