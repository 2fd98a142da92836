"""How many seeds tell two schedules apart, and what a number of seeds can tell apart."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import lru_cache

import numpy as np

from analysis.differences import ALPHA
from analysis.noise import PairNoise
from analysis.simultaneous import critical_value

POWER = 0.8
MAX_SEEDS = 1000  # of seeds_needed
MAX_EFFECT = 1e4  # standard deviations; beyond it scipy's noncentral t gives NaN


def power(effect: float, n: int, alpha: float = ALPHA) -> float:
    """Probability that a paired t-test with n >= 2 seeds finds a true difference of `effect` standard
    deviations.

    By the noncentral t (Cohen 1988, chapter 2), without its other tail: that would be a verdict the wrong way
    round.
    """
    from scipy import special

    critical = -special.stdtrit(n - 1, alpha / 2)  # stats.t.isf is the same, and takes twenty times as long
    return beyond(critical, n - 1, min(abs(effect), MAX_EFFECT) * math.sqrt(n))


def seeds_needed(mean: float, sd: float, alpha: float = ALPHA) -> int | None:
    """The fewest seeds, at least 2, that tell two schedules apart with power 0.8; None is more than
    MAX_SEEDS.

    Args:
        mean, sd: of the paired differences, as if the true ones. The answer is as rough as they are: five
        seeds of a pair that
            needs 18 say something between 10 and 31 half of the time.
        alpha: two-sided, of this one test.

    Raises:
        ValueError: if mean isn't finite or sd isn't above 0.
    """
    if not (math.isfinite(mean) and sd > 0):
        raise ValueError(
            f"mean={mean} and sd={sd} are not allowed: give a finite mean and a standard deviation above 0"
        )
    n = 2 + bisect_left(range(2, MAX_SEEDS + 1), POWER, key=lambda n: power(mean / sd, n, alpha))
    return n if n <= MAX_SEEDS else None


def seeds_to_decide(
    pair: PairNoise, m: int, margin: float, both_sides: bool, alpha: float = ALPHA
) -> int | None:
    """The fewest seeds with which a simultaneous interval decides with power 0.8: it leaves out zero, or lies
    within the margin, whichever takes fewer.

    Args:
        pair: its mean and moderated variance, as if the true ones; each further seed counts for one degree of
            freedom.
        m: comparisons that the intervals hold for at once.
        margin: nats per token.
        both_sides: whether the interval must lie above -margin too, and not only below the margin.
        alpha: family-wise.

    Returns:
        more than there are now, or None for more than MAX_SEEDS, or without noise to go by.
    """
    if not pair.tested:
        return None

    def chance(n: int) -> float:
        df, error = pair.df + n - pair.n, math.sqrt(pair.variance / n)
        critical = critical_value(m, df, alpha)

        def sure(distance: float) -> float:
            return beyond(critical, df, min(distance / error, MAX_EFFECT))

        below, above = sure(margin - pair.mean), sure(margin + pair.mean) if both_sides else 1.0
        return max(sure(abs(pair.mean)), below + above - 1)

    more = range(pair.n + 1, MAX_SEEDS + 1)
    n = pair.n + 1 + bisect_left(more, POWER, key=chance)
    return n if n <= MAX_SEEDS else None


def beyond(critical: float, df: float, effect: float) -> float:
    """Probability that a t statistic with this noncentrality is above its critical value."""
    from scipy import stats

    with np.errstate(all="ignore"):  # scipy 1.11 divides by zero on the way to the right answer
        return float(stats.nct.sf(critical, df, effect))


@lru_cache(maxsize=64)
def smallest_effect(n: int, alpha: float) -> float:
    """The effect, in standard deviations, that n seeds find with power 0.8; inf beyond MAX_EFFECT."""
    from scipy.optimize import brentq

    if power(MAX_EFFECT, n, alpha) < POWER:
        return math.inf
    return brentq(lambda effect: power(effect, n, alpha) - POWER, 0, MAX_EFFECT)
