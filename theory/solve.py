"""Robust least squares on the logarithm of the loss, from several starts, with analytic derivatives."""

from __future__ import annotations

from itertools import product

import numpy as np

from theory.fit_problem import COMMON, Problem, model

HUBER = 1e-3  # threshold of Huber's loss, in log loss (Luo et al. 2025)
ALPHAS = (0.2, 0.4, 0.7)  # to start from
STARTS = 4  # of all combinations of start values, those that fit best
MIN_PARAMETER, MAX_PARAMETER = 1e-6, 1e6  # in its units; beyond, the loss no longer changes with it


def start_points(problem: Problem) -> list[np.ndarray]:
    """The STARTS combinations of start values that fit best, each with its best L0, A and B."""
    from scipy.optimize import nnls

    losses, candidates = np.exp(problem.log_losses), []
    lr_sums = np.concatenate([lr_sum for lr_sum, _ in problem.prepared])
    smallest = 1e-3 * losses.mean()  # a start at 0 has no logarithm
    for shape in product(*problem.law.SHAPES.values()):
        terms = [problem.law.drop_term_of(shape, prepared)[0] for _, prepared in problem.prepared]
        for alpha in ALPHAS:
            power = lr_sums**-alpha
            columns = np.column_stack([np.ones_like(power), power, -np.concatenate(terms)]) / losses[:, None]
            (L0, A, B), _ = nnls(columns, np.ones(len(losses)))
            theta = np.log([max(L0, smallest), max(A, smallest), alpha, max(B, smallest), *shape])
            candidates.append((np.abs(columns @ (L0, A, B) - 1).sum(), theta))
    return [theta for _, theta in sorted(candidates, key=lambda pair: pair[0])[:STARTS]]


def best_of(problem: Problem, starts: list[np.ndarray], prior_strength: float = 0.0):
    """scipy's result of the best of the fits from these starts; RuntimeError if none converged."""
    results = [solve(problem, theta, prior_strength=prior_strength) for theta in starts]
    converged = [result for result in results if result.success]
    if not converged:
        raise RuntimeError(
            f"the fit of {problem.law.__name__} did not converge from any of {len(starts)} starts: "
            "leave out the curve that differs most from the others"
        )
    return min(converged, key=lambda result: result.cost)


def solve(problem: Problem, theta: np.ndarray, log_losses=None, prior_strength: float = 0.0):
    """scipy's result of the robust fit from `theta`; to other losses than the measured ones, if given."""
    from scipy.optimize import least_squares

    log_losses = problem.log_losses if log_losses is None else log_losses
    smallest = 0.1 * np.exp(log_losses.min())  # a loss of 0 or below has no logarithm, and is far from any
    prior, typical = prior_rows(problem, prior_strength), typical_theta(problem)
    last = {}  # theta's bytes -> the model there: the derivatives are wanted where the residuals just were

    def model_at(theta):
        if (key := theta.tobytes()) not in last:
            last.clear()
            last[key] = model(problem, theta)
        return last[key]

    def residuals(theta):
        losses, _ = model_at(theta)
        return np.append(np.log(np.maximum(losses, smallest)) - log_losses, prior @ (theta - typical))

    def jacobian(theta):
        losses, derivatives = model_at(theta)
        return np.vstack([np.where(losses > smallest, 1 / losses, 0)[:, None] * derivatives, prior])

    low, high = limits(problem)
    return least_squares(
        residuals,
        np.clip(theta, low + 1e-6, high - 1e-6),
        jacobian,
        loss=huber(len(log_losses)),
        f_scale=HUBER,
        x_scale="jac",
        bounds=(low, high),
        max_nfev=300,
        ftol=1e-5,
    )


def limits(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """(lowest, highest) theta, (p,) each."""
    low, high = np.full((2, COMMON + len(problem.law.SHAPES)), np.log([[MIN_PARAMETER], [MAX_PARAMETER]]))
    for name, limit in problem.law.LIMITS.items():
        high[problem.index(name)] = np.log(limit)
    return low, high


def typical_theta(problem: Problem) -> np.ndarray:
    """The logarithms of the typical values, 0 where there is none: (p,)."""
    theta = np.zeros(COMMON + len(problem.law.SHAPES))
    for name, value in problem.law.TYPICAL.items():
        theta[problem.index(name)] = np.log(value)
    return theta


def prior_rows(problem: Problem, strength: float) -> np.ndarray:
    """A row per typical value: a residual of `strength` for a factor of two away from it; (values, p)."""
    rows = np.zeros((len(problem.law.TYPICAL), COMMON + len(problem.law.SHAPES)))
    for row, name in zip(rows, problem.law.TYPICAL):
        row[problem.index(name)] = strength / np.log(2)
    return rows


def huber(points: int):
    """Huber's loss of the first residuals, and the plain square of those after them, as scipy wants it."""

    def rho(z):
        inner = (z <= 1) | (np.arange(len(z)) >= points)
        root = np.sqrt(np.maximum(z, 1))
        value = np.where(inner, z, 2 * root - 1)
        return np.array([value, np.where(inner, 1, 1 / root), np.where(inner, 0, -0.5 / root**3)])

    return rho
