"""How far the predictions of a fitted law may be off: the delta method, and a residual bootstrap."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from theory.fit_problem import Problem, model
from theory.solve import prior_rows, solve

BLOCKS = 4  # of the last half of a curve, for how far a law misses it
MIN_ERROR = 1e-3  # of a law, in log loss
BOOTSTRAP_KEY = 20250102  # of the bootstrap's random numbers, which are the same at every call


@dataclass(frozen=True)
class Fit:
    """A law's parameters as they were fitted, and what intervals need."""

    problem: Problem
    theta: np.ndarray
    prior_strength: float
    residuals: list[np.ndarray]  # of each curve (n,), in log loss
    block_rmse: float  # the largest of a curve
    spread: np.ndarray  # (p, p): a derivative by theta (p,) times it is the standard error in p parts
    refits: dict[int, list] = field(default_factory=dict)  # draws -> theta of each; every interval needs them

    @property
    def parameters(self) -> dict[str, float]:
        return self.problem.parameters(self.theta)


def make_fit(problem: Problem, theta: np.ndarray, prior_strength: float, residuals: list[np.ndarray]) -> Fit:
    """The fit with its uncertainty, by the delta method.

    What a law gets wrong it gets wrong all along a curve, so a curve counts as one observation, with the
    largest `block_rmse` of them, or MIN_ERROR if that is less. The typical values count as known to a factor
    of two, or to less where they are drawn to more strongly.
    """
    error = max(MIN_ERROR, *map(block_rmse, residuals))
    losses, derivatives = model(problem, theta)
    weights = np.concatenate([np.full(len(part), 1 / (error * len(part) ** 0.5)) for part in residuals])
    rows = np.vstack([derivatives * (weights / losses)[:, None], prior_rows(problem, 1.0)])
    _, size, directions = np.linalg.svd(rows, full_matrices=False)
    spread = directions.T / np.maximum(size, 1e-12 * size[0])
    return Fit(problem, theta, prior_strength, residuals, error, spread)


def block_rmse(residuals: np.ndarray) -> float:
    """Root mean square of the means of BLOCKS blocks of the last half, where most of the noise cancels."""
    last = residuals[len(residuals) // 2 :]
    return np.sqrt(np.mean([block.mean() ** 2 for block in np.array_split(last, min(BLOCKS, len(last)))]))


def standard_error(fit: Fit, losses: np.ndarray, by_theta: np.ndarray) -> np.ndarray:
    """Of predicted losses (n,) with these derivatives (n, p), as a fraction of them: (n,)."""
    return np.hypot(np.linalg.norm(by_theta @ fit.spread, axis=1) / np.abs(losses), fit.block_rmse)


def interval(
    fit: Fit, lrs: np.ndarray, steps: np.ndarray, level: float, draws: int
) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) at `steps`: t times the standard error and the bootstrap's quantiles, added as squares."""
    from scipy.special import stdtrit  # as scipy.stats.t.ppf, which takes half a second to import

    probe = fit.problem.probe(lrs, steps)
    losses, by_theta = model(probe, fit.theta)
    quantile = stdtrit(len(fit.problem.curves), (1 + level) / 2)  # of Student's t
    by_law = quantile * standard_error(fit, losses, by_theta) * losses
    resampled = [model(probe, theta)[0] for theta in bootstrap(fit, draws)]
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2], axis=0)
    below, above = (np.hypot(by_law, np.maximum(noise, 0)) for noise in (losses - low, high - losses))
    return losses - below, losses + above


def bootstrap(fit: Fit, draws: int) -> list[np.ndarray]:
    """theta of fits to the predicted curves with resampled residuals; RuntimeError if under half converge."""
    if draws not in fit.refits:
        fit.refits[draws] = refit(fit, draws)
    return fit.refits[draws]


def refit(fit: Fit, draws: int) -> list[np.ndarray]:
    rng = np.random.Generator(np.random.Philox(key=BOOTSTRAP_KEY))
    predicted = np.log(model(fit.problem, fit.theta)[0])
    thetas = []
    for _ in range(draws):
        noise = np.concatenate([resample(residuals, rng) for residuals in fit.residuals])
        result = solve(fit.problem, fit.theta, predicted + noise, fit.prior_strength)
        if result.success:
            thetas.append(result.x)
    if 2 * len(thetas) < draws:
        raise RuntimeError(
            f"only {len(thetas)} of {draws} fits to other noise converged: "
            "the curves are too few for an interval"
        )
    return thetas


def resample(residuals: np.ndarray, rng) -> np.ndarray:
    """As many residuals, in blocks of about their square root that begin at random places and wrap around."""
    length = max(1, round(len(residuals) ** 0.5))
    begins = rng.integers(len(residuals), size=-(-len(residuals) // length))
    return residuals[(begins[:, None] + np.arange(length)).ravel()[: len(residuals)] % len(residuals)]
