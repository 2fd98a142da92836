"""Simultaneous intervals: of every method against a baseline named beforehand, or against the unknown best.

All of them hold at once with 95%, and each verdict is read off the interval that is shown: it leaves out
zero, or lies within the margin, or does neither.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from analysis.differences import ALPHA
from analysis.noise import Losses, PairNoise, pair_noise

CORRELATION = 0.5  # of two differences from one method, where all vary alike
NODES = 48  # of each quadrature: the quantile to 5 digits


@dataclass(frozen=True)
class Interval:
    """A method's loss minus the baseline's, or minus that of the best of the others; nats per token."""

    n: int  # seeds in common with what the mean is to
    mean: float  # to the baseline, or to the lowest mean of the others
    low: float  # simultaneous; NaN where nothing is tested
    high: float
    p: float  # adjusted for all comparisons: below alpha if and only if the interval leaves out zero
    identical: bool = False  # to it, in every seed


def against_baseline(losses: dict[str, Losses], baseline: str, alpha: float = ALPHA) -> dict[str, Interval]:
    """Two-sided intervals of every other method's loss minus the baseline's.

    Args:
        losses: method -> seed -> loss.
        baseline: one of the methods.
        alpha: family-wise error.

    References:
        Dunnett 1955, A multiple comparison procedure for comparing several treatments with a control; here of
        paired losses, with moderated variances.
    """
    noise = pair_noise(losses)
    others = {name: noise[name, baseline] for name in losses if name != baseline}
    m = sum(pair.tested for pair in others.values())
    return {name: interval_of(pair, m, alpha) for name, pair in others.items()}


def interval_of(pair: PairNoise, m: int, alpha: float) -> Interval:
    if pair.identical:
        return Interval(pair.n, 0.0, 0.0, 0.0, 1.0, identical=True)
    if not pair.tested:
        return Interval(pair.n, pair.mean, math.nan, math.nan, math.nan)
    width = critical_value(m, pair.df, alpha) * pair.error
    p = exceedance(abs(pair.mean) / pair.error, m, pair.df)
    return Interval(pair.n, pair.mean, pair.mean - width, pair.mean + width, p)


def against_best(losses: dict[str, Losses], alpha: float = ALPHA) -> dict[str, Interval]:
    """Intervals of every method's loss minus that of the best of the others, whichever that is.

    Whichever method is the best, its two-sided comparisons with all others hold at once with 1 - alpha; so it
    is among the candidates, which no other is significantly below. A method's interval covers what every
    candidate would say, so it lies above zero only if the method is significantly above them all.

    Args:
        losses: method -> seed -> loss; those without a completed seed are left out.
        alpha: family-wise error, in the strong sense: also where several methods are equally good.

    References:
        Edwards and Hsu 1983, Multiple comparisons with the best treatment (intervals by unknown control); Hsu
        1996, Multiple Comparisons, chapter 4.
    """
    noise = pair_noise(losses)
    names = [name for name in losses if any(noise[name, other].n for other in losses if other != name)]
    m = max((sum(noise[name, other].tested for other in names if other != name) for name in names), default=0)
    if not m:
        return {name: untested(name, names, noise) for name in names}
    pairs = {
        (first, second): interval_of(noise[first, second], m, alpha)
        for first in names
        for second in names
        if first != second
    }
    candidates = [
        name for name in names if not any(pairs[name, other].low > 0 for other in names if other != name)
    ]
    return {name: to_best(name, names, candidates, pairs) for name in names}


def to_best(name: str, names, candidates, pairs) -> Interval:
    """One method's interval from its intervals to the candidates; of a single candidate, to all others."""
    rivals = [other for other in candidates if other != name] or [other for other in names if other != name]
    found = [pairs[name, rival] for rival in rivals]
    nearest = max(found, key=lambda interval: interval.mean)  # to the lowest of them
    if nearest.identical and len(found) == 1:
        return nearest
    known = [interval for interval in found if not math.isnan(interval.low)]
    if not known:
        return nearest
    p = max(interval.p for interval in known)
    if name in candidates and len(candidates) == 1:  # minus the lowest of the others: the largest difference
        low, high = (max(getattr(interval, end) for interval in known) for end in ("low", "high"))
        return Interval(nearest.n, nearest.mean, low, high, p)
    low = min(interval.low for interval in known)
    high = max(0.0, max(interval.high for interval in known))
    return Interval(nearest.n, nearest.mean, low, high, p)


def untested(name: str, names, noise) -> Interval:
    """Where no two methods can be tested: the mean difference to the lowest, and no more."""
    nearest = max((noise[name, other] for other in names if other != name), key=lambda pair: pair.mean)
    return interval_of(nearest, 1, ALPHA)


# -- Dunnett's distribution


def critical_value(m: int, df: float, alpha: float) -> float:
    """The largest of m absolute t statistics stays below it with probability 1 - alpha."""
    return _critical_value(m, round(df, 1) if df < 100 else round(df), alpha)


@lru_cache(maxsize=4096)
def _critical_value(m: int, df: float, alpha: float) -> float:
    from scipy import optimize

    def excess(log_c):
        return exceedance(math.exp(log_c), m, df) - alpha

    return math.exp(optimize.brentq(excess, -10, 40))


def exceedance(c: float, m: int, df: float) -> float:
    """Probability that the largest of m absolute t statistics with a common variance is above c.

    Any two of them have the correlation 1/2, as differences from one method have; a smaller one in truth
    makes it a little too small, a larger one too large.

    Args:
        c: at least 0.
        m: at least 1.
        df: degrees of freedom of the variance, at least 1.
    """
    from scipy import special

    (z, z_weights), (scale, scale_weights) = normal_nodes(), scale_nodes(df)
    a, b = math.sqrt(CORRELATION), math.sqrt(1 - CORRELATION)
    bound = c * scale[:, None]
    within = special.ndtr((a * z + bound) / b) - special.ndtr((a * z - bound) / b)
    outside = -np.expm1(m * np.log(np.maximum(within, 1e-300)))  # 1 - within**m, to the last digit
    return float(scale_weights @ (outside @ z_weights))


@lru_cache(maxsize=1)
def normal_nodes() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return nodes, weights / weights.sum()


@lru_cache(maxsize=256)
def scale_nodes(df: float) -> tuple[np.ndarray, np.ndarray]:
    """Of the estimated standard deviation over the true one."""
    from scipy import stats

    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return np.sqrt(stats.chi2.ppf((nodes + 1) / 2, df) / df), weights / 2
