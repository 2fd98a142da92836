"""How far the predictions of a fitted law may be off, by the delta method.

How far a law misses curves that it has not seen is estimated from how far it misses those that it was fitted
on, as their root mean square, and an interval takes the normal quantile of it: with the largest miss or with
Student's t for so few curves it counts the same doubt twice. What is calibrated is MIN_ERROR and each law's
UNSEEN, on laws of three curves of one model: 100M parameters, 124M at two peak lrs, 0.1M on two data sets and
at two horizons. For the multi-power law an UNSEEN chosen on four of these five is 0.64 to 0.90 and covers 82%
to 100% of the ends of the fifth; 1 leaves room for sizes that are missed by more, and covers 91% to 100%. The
other two laws have each their own, for about 95% on average.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory.fit_problem import Problem, model
from theory.solve import prior_rows

BLOCKS = 4  # of the last half of a curve, for how far a law misses it
MIN_ERROR = 5e-4  # of a law, in log loss: along a 100M run's last half 95% intervals hold 98%, without it 92%
LONE = 4 / 3  # curves that a single one counts as: what it shows of the miss is doubled


@dataclass(frozen=True)
class Fit:
    """A law's parameters as they were fitted, and what intervals need."""

    problem: Problem
    theta: np.ndarray
    error: float  # of the law on a curve that it hasn't seen, in log loss, were theta exact
    spread: np.ndarray  # (p, p): a derivative by theta (p,) times it is the standard error in p parts

    @property
    def parameters(self) -> dict[str, float]:
        return self.problem.parameters(self.theta)


def make_fit(problem: Problem, theta: np.ndarray, residuals: list[np.ndarray]) -> Fit:
    """The fit with its uncertainty.

    What a law gets wrong it gets wrong all along a curve, so a curve counts as one observation with the
    error `law_error`, which is more than noise alone would do. The typical values count as known to a factor
    of two, or to less where they are drawn to more strongly.
    """
    error = law_error(problem.law, residuals)
    losses, derivatives = model(problem, theta)
    weights = np.concatenate([np.full(len(part), 1 / (error * len(part) ** 0.5)) for part in residuals])
    rows = np.vstack([derivatives * (weights / losses)[:, None], prior_rows(problem, 1.0)])
    _, size, directions = np.linalg.svd(rows, full_matrices=False)
    return Fit(problem, theta, error, directions.T / np.maximum(size, 1e-12 * size[0]))


def law_error(law: type, residuals: list[np.ndarray]) -> float:
    """How far it misses a curve like those that it was fitted on, which have residuals (n,), in log loss.

    The root mean square over these, as if its parameters had taken one of them.
    """
    miss = max(MIN_ERROR, np.mean([block_rmse(part) ** 2 for part in residuals]) ** 0.5)
    curves = max(len(residuals), LONE)
    return law.UNSEEN * miss * (curves / (curves - 1)) ** 0.5


def block_rmse(residuals: np.ndarray) -> float:
    """Root mean square of the means of BLOCKS blocks of the last half, where most of the noise cancels."""
    last = residuals[len(residuals) // 2 :]
    return np.sqrt(np.mean([block.mean() ** 2 for block in np.array_split(last, min(BLOCKS, len(last)))]))


def standard_error(fit: Fit, losses: np.ndarray, by_theta: np.ndarray) -> np.ndarray:
    """Of predicted losses (n,) with these derivatives (n, p), as a fraction of them: (n,)."""
    return np.hypot(np.linalg.norm(by_theta @ fit.spread, axis=1) / np.abs(losses), fit.error)


def interval(fit: Fit, lrs: np.ndarray, steps: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) at `steps`: the prediction and the normal quantile of its standard error."""
    from scipy.special import ndtri  # as scipy.stats.norm.ppf, which takes half a second to import

    losses, by_theta = model(fit.problem.probe(lrs, steps), fit.theta)
    half = ndtri((1 + level) / 2) * standard_error(fit, losses, by_theta) * losses
    return losses - half, losses + half
