"""Simultaneous intervals: of every method against a baseline named beforehand, or against the unknown best.

All of them hold at once with 95%, and each verdict is read off the interval that is shown: it leaves out
zero, or lies within the margin, or does neither.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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
    to: str = ""  # whose mean the mean is to: the baseline, or the lowest of the others


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
    others = [name for name in losses if name != baseline]
    m = sum(noise[name, baseline].tested for name in others)
    return {name: interval_of(name, [baseline], noise, m, alpha) for name in others}


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
    others = {name: [o for o in losses if o != name and noise[name, o].n] for name in losses}
    others = {name: rivals for name, rivals in others.items() if rivals}
    m = max((sum(noise[name, o].tested for o in rivals) for name, rivals in others.items()), default=0)
    candidates = [
        name for name, rivals in others.items() if not any(above(noise[name, o], m, alpha) for o in rivals)
    ]
    return {name: to_best(name, rivals, candidates, noise, m, alpha) for name, rivals in others.items()}


def above(pair: PairNoise, m: int, alpha: float) -> bool:
    """Whether the first of the two is significantly higher."""
    return pair.tested and ends_of(pair, m, alpha)[0] > 0


def to_best(name: str, others: list[str], candidates: list[str], noise, m: int, alpha: float) -> Interval:
    """One method's interval from its intervals to the candidates; of a single candidate, to all others."""
    rivals = [other for other in others if other in candidates] or others
    interval = interval_of(name, rivals, noise, m, alpha, lowest_rival=candidates == [name])
    if candidates == [name] or interval.identical or math.isnan(interval.high):
        return interval
    return replace(interval, high=max(0.0, interval.high))


def interval_of(
    name: str, rivals: list[str], noise, m: int, alpha: float, lowest_rival: bool = False
) -> Interval:
    """That covers the intervals to all rivals, or is of the loss minus the lowest of the rivals'."""
    known = [rival for rival in rivals if noise[name, rival].tested or noise[name, rival].identical]
    to = max(known or rivals, key=lambda rival: noise[name, rival].mean)
    nearest, pairs = noise[name, to], [noise[name, rival] for rival in known]
    if not known:
        return Interval(nearest.n, nearest.mean, math.nan, math.nan, math.nan, to=to)
    if nearest.identical and len(rivals) == 1:
        return Interval(nearest.n, 0.0, 0.0, 0.0, 1.0, identical=True, to=to)
    ends = [ends_of(pair, m, alpha) for pair in pairs]
    low, high = (max if lowest_rival else min)(low for low, _ in ends), max(high for _, high in ends)
    return Interval(nearest.n, nearest.mean, low, high, p_of(pairs, m), to=to)


def ends_of(pair: PairNoise, m: int, alpha: float) -> tuple[float, float]:
    """Of a pair with a run that went up, the end that this can only have moved is the other seeds'."""
    if pair.identical:
        return 0.0, 0.0
    width = critical_value(m, pair.df, alpha) * pair.error
    low, high = pair.mean - width, pair.mean + width
    if pair.calm is None or not pair.calm.tested:
        return low, high
    calm_low, calm_high = ends_of(pair.calm, m, alpha)
    return (max(low, calm_low), high) if pair.calm.mean < pair.mean else (low, min(high, calm_high))


def p_of(pairs: list[PairNoise], m: int) -> float:
    """The largest of their p-values: at each number of degrees of freedom that of the smallest t."""
    smallest, others = {}, []
    for pair in pairs:
        if pair.identical:
            return 1.0
        if pair.calm is not None and pair.calm.tested:
            others.append(p_beside_calm(pair, m))
            continue
        t, df = abs(pair.mean) / pair.error, rounded(pair.df)
        smallest[df] = min(t, smallest.get(df, math.inf))
    return min(1.0, max([exceedance(t, m, df) for df, t in smallest.items()] + others))


def p_beside_calm(pair: PairNoise, m: int) -> float:
    """The smaller p-value, where the other seeds are beyond zero at the end that they bound."""
    side = math.copysign(1.0, pair.mean - pair.calm.mean)  # 1: they bound it from below
    both = [pair] + [pair.calm] * (side * pair.calm.mean > 0)
    return min(exceedance(abs(each.mean) / each.error, m, rounded(each.df)) for each in both)


# -- Dunnett's distribution


def critical_value(m: int, df: float, alpha: float) -> float:
    """The largest of m absolute t statistics stays below it with probability 1 - alpha."""
    return _critical_value(m, rounded(df), alpha)


def rounded(df: float) -> float:
    """With three digits, so that few quantiles are needed; the same for the interval and for p."""
    return float(f"{df:.3g}")


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
    nodes, weights = (nodes + 1) / 2, weights / 2
    # as a cube, since the tail of t comes from small estimates: to 5 digits down to an alpha of 0.001
    return np.sqrt(stats.chi2.ppf(nodes**3, df) / df), 3 * nodes**2 * weights
