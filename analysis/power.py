"""How many seeds tell two schedules apart, and what a number of seeds can tell apart."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import lru_cache

import numpy as np

from analysis.differences import ALPHA

POWER = 0.8
MAX_SEEDS = 1000  # of seeds_needed
MAX_EFFECT = 1e4  # standard deviations; beyond it scipy's noncentral t gives NaN


def power(effect: float, n: int, alpha: float = ALPHA) -> float:
    """Probability that a paired t-test with n >= 2 seeds finds a true difference of `effect` standard
    deviations.

    By the noncentral t (Cohen 1988, chapter 2), without its other tail: that would be a verdict the wrong way
    round.
    """
    from scipy import special, stats

    critical = -special.stdtrit(n - 1, alpha / 2)  # stats.t.isf is the same, and takes twenty times as long
    with np.errstate(all="ignore"):  # scipy 1.11 divides by zero on the way to the right answer
        return float(stats.nct.sf(critical, n - 1, min(abs(effect), MAX_EFFECT) * math.sqrt(n)))


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


@lru_cache(maxsize=64)
def smallest_effect(n: int, alpha: float) -> float:
    """The effect, in standard deviations, that n seeds find with power 0.8; inf beyond MAX_EFFECT."""
    from scipy.optimize import brentq

    if power(MAX_EFFECT, n, alpha) < POWER:
        return math.inf
    return brentq(lambda effect: power(effect, n, alpha) - POWER, 0, MAX_EFFECT)
