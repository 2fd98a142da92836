"""A number with its uncertainty: Student's t around it, or draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from studies.claims.claim import Question


@dataclass(frozen=True)
class Estimate:
    value: float
    n: int  # seeds, the fewest that any part of it has
    error: float  # standard error
    below: Callable[[float], float]  # probability that the true value is below
    quantile: Callable[[float], float]
    by_seed: dict[int, float] = field(default_factory=dict)  # of each seed alone, where that has a meaning

    def interval(self, alpha: float) -> tuple[float, float]:
        return self.quantile(alpha / 2), self.quantile(1 - alpha / 2)

    def p(self, question: Question) -> float:
        """The level at which the interval gives a verdict."""
        low, high = question.holds
        within = self.outside(low, high)
        without = 2 * min(self.below(high), 1 - self.below(low))
        failing = self.outside(*question.fails) if question.fails else 1.0
        return float(min(1.0, within, without, failing))

    def outside(self, low: float, high: float) -> float:
        return 2 * max(self.below(low), 1 - self.below(high))


def student(value: float, error: float, df: float, by_seed: dict[int, float]) -> Estimate:
    """With an error of 0 the value itself: two choices that were the same run in every seed."""
    from scipy import stats

    n = len(by_seed)
    if error == 0:
        return Estimate(value, n, 0.0, lambda x: float(value < x), lambda q: value, by_seed)
    t = stats.t(df, loc=value, scale=error)
    return Estimate(value, n, error, lambda x: float(t.cdf(x)), lambda q: float(t.ppf(q)), by_seed)


def drawn(value: float, n: int, draws: np.ndarray, by_seed: dict[int, float] | None = None) -> Estimate:
    """By the share of the draws, none of which is sure: at least half of one is on either side."""
    draws = np.sort(draws[np.isfinite(draws)])

    def below(x: float) -> float:
        if math.isinf(x):
            return float(x > 0)
        count = (np.searchsorted(draws, x, "left") + np.searchsorted(draws, x, "right")) / 2
        return float(np.clip(count, 0.5, len(draws) - 0.5) / len(draws))

    return Estimate(
        value, n, float(draws.std()), below, lambda q: float(np.quantile(draws, q)), by_seed or {}
    )
