"""Robust least squares on the logarithm of the loss, from several starts, with analytic derivatives."""

from __future__ import annotations

from itertools import product

import numpy as np

from theory.fit_problem import COMMON, Problem, model

HUBER = (
    3e-3  # threshold of Huber's loss, in log loss: under 1e-3 the few points of a decay's end are outliers
)
ALPHAS = (0.2, 0.4, 0.7)  # to start from
STARTS = 4  # of all combinations of start values, those that fit best
MIN_PARAMETER, MAX_PARAMETER = 1e-6, 1e6  # in its units; beyond, the loss no longer changes with it
EVALUATIONS = 300  # at most, of a run of the optimizer
SETTLED = 1e-3  # a second run that lowers the cost by less, as a fraction of it, had nothing left to find


def start_points(problem: Problem) -> list[np.ndarray]:
    """The STARTS combinations of start values that fit best, each with its best L0, A and B."""
    from scipy.optimize import nnls

    losses, candidates = np.exp(problem.log_losses), []
    weights = np.concatenate(curve_weights(problem))
    smallest = 1e-3 * losses.mean()  # a start at 0 has no logarithm
    for shape in product(*problem.law.SHAPES.values()):
        terms = [problem.law.terms(shape, prepared) for prepared in problem.prepared]
        log_progress, drops = (
            np.concatenate([getattr(t, name) for t in terms]) for name in ("log_progress", "drops")
        )
        for alpha in ALPHAS:
            power = np.exp(-alpha * log_progress)
            columns = np.column_stack([np.ones_like(power), power, -drops]) / losses[:, None]
            (L0, A, B), _ = nnls(weights[:, None] ** 0.5 * columns, weights**0.5)
            theta = np.log([max(L0, smallest), max(A, smallest), alpha, max(B, smallest), *shape])
            candidates.append((weights @ np.abs(columns @ (L0, A, B) - 1), theta))
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
    """scipy's result of the robust fit from `theta`; to other losses than the measured ones, if given.

    A run that used up its evaluations is a success too, if a second one from there finds next to nothing.
    """
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

    def run(theta):
        return least_squares(
            residuals,
            np.clip(theta, low + 1e-6, high - 1e-6),
            jacobian,
            loss=huber(np.concatenate(curve_weights(problem))),
            f_scale=HUBER,
            x_scale="jac",
            bounds=(low, high),
            max_nfev=EVALUATIONS,
            ftol=1e-5,
        )

    result = run(theta)
    if result.success:
        return result
    second = run(result.x)
    second.success |= second.cost > (1 - SETTLED) * result.cost
    return second


def curve_weights(problem: Problem) -> list[np.ndarray]:
    """A weight for each point of each curve: every curve counts the same, and a point 1 on average."""
    counts = [len(curve.steps) for curve in problem.curves]
    return [np.full(n, sum(counts) / len(counts) / n) for n in counts]


def limits(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """(lowest, highest) theta, (p,) each."""
    low, high = np.full((2, COMMON + len(problem.law.SHAPES)), np.log([[MIN_PARAMETER], [MAX_PARAMETER]]))
    for name, ends in problem.law.LIMITS.items():
        low[problem.index(name)], high[problem.index(name)] = np.log(ends)
    return low, high


def typical_theta(problem: Problem) -> np.ndarray:
    """The logarithms of the typical values, 0 where there is none: (p,)."""
    theta = np.zeros(COMMON + len(problem.law.SHAPES))
    for name, (value, _) in problem.law.TYPICAL.items():
        theta[problem.index(name)] = np.log(value)
    return theta


def prior_rows(problem: Problem, strength: float) -> np.ndarray:
    """A row per typical value, with a residual of `strength` times its own for a factor of 2; (values, p)."""
    rows = np.zeros((len(problem.law.TYPICAL), COMMON + len(problem.law.SHAPES)))
    for row, (name, (_, own)) in zip(rows, problem.law.TYPICAL.items()):
        row[problem.index(name)] = strength * own / np.log(2)
    return rows


def huber(weights: np.ndarray):
    """Huber's loss of the first residuals times these weights, and the plain square of those after them."""

    def rho(z):
        beyond = np.append(z[: len(weights)] > 1, np.zeros(len(z) - len(weights), bool))
        weight = np.append(weights, np.ones(len(z) - len(weights)))
        root = np.sqrt(np.maximum(z, 1))
        value = np.where(beyond, 2 * root - 1, z)
        return weight * np.array([value, np.where(beyond, 1 / root, 1), np.where(beyond, -0.5 / root**3, 0)])

    return rho
