"""Fit a loss law: robust least squares on the logarithm of the loss, from several starts, with analytic derivatives.

Parameters are positive and fitted as logarithms. Residuals are log predicted - log measured, under Huber's loss with a threshold of
0.001 (Luo et al. 2025). A curve counts from its highest lr on and without its first tenth: what a rise brings, and the first fast fall
of the loss, no law here describes. A few curves leave some exponents almost free, and a fit that follows their last wiggle predicts
other schedules worse; so a second fit is pulled to the law's TYPICAL values, in proportion to what the first one left unexplained: where
the law is exact, that changes nothing. Nothing is random but the bootstrap, whose numbers are the same at every call.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from theory.loss_laws import Curve, LossLaw, Units, fall_sizes, top

HUBER = 1e-3  # in log loss
ALPHAS = (0.2, 0.4, 0.7)  # to start from
STARTS = 4  # of all combinations of start values, those that fit best
PULL = 2.0  # a factor of two away from a typical value costs this many times the whole cost of the first fit
FIRST = 0.1  # of a run's steps, left out
MOST_MISFIT = 0.02  # how far the mean over the last quarter of a curve may be missed, as part of its loss
PARTS = 4  # of the last half of a curve, for how far a law misses it
MOST_DOUBT = 0.025  # standard error of a predicted loss, as part of it: beyond, its interval is wider than schedules differ
LEAST, MOST = 1e-6, 1e6  # of a parameter in its units; beyond, the loss no longer changes with it
KEY = 20250102  # of the bootstrap's random numbers


@dataclass(frozen=True)
class Problem:
    """Curves as a fit sees them, in `units`."""

    law: type
    curves: list  # of Curve, from the highest lr on
    units: Units
    prepared: list  # of each curve: (lr sums (n,), what the law's terms need)
    log_losses: np.ndarray  # of all curves


@dataclass(frozen=True)
class Fitted:
    """What a bootstrap needs of a fit."""

    problem: Problem
    theta: np.ndarray  # logarithms of the parameters, in units
    pull: float
    residuals: list  # of each curve (n,), in log loss
    error: float  # the largest miss of a curve
    spread: (
        np.ndarray
    )  # (p, p): a derivative by theta (p,) times it is the standard error in p independent parts
    refitted: dict = field(
        default_factory=dict
    )  # draws -> theta of the fits of a bootstrap, which every interval needs


def fit(law: type, curves: list[Curve]) -> LossLaw:
    """The law whose predictions are nearest to the curves.

    Raises:
        ValueError: the curves can't support it: too few points, no fall of the lr that was measured, an end that it misses by more than
            MOST_MISFIT, or predictions that are uncertain by more than MOST_DOUBT of the loss.
        RuntimeError: no start converged.
    """
    problem = make_problem(law, curves)
    begin = starts(problem)
    free = best_of(problem, begin)
    pull = np.sqrt(2 * PULL * free.cost)
    theta = best_of(problem, [free.x, *begin], pull).x
    residuals = split(problem, problem.log_losses - np.log(model(problem, theta)[0]))
    check_misfit(problem, residuals)
    fitted = Fitted(problem, theta, pull, residuals, *uncertainty(problem, theta, residuals))
    check_doubt(fitted)
    return make_law(problem, theta, fitted)


def make_problem(law: type, curves: list[Curve]) -> Problem:
    curves = [
        Curve(c.lrs, c.steps[keep], c.losses[keep], c.name)
        for c in distinct(curves)
        if (keep := c.steps >= max(top(c.lrs), FIRST * len(c.lrs))).any()
    ]
    points, parameters = sum(len(curve.steps) for curve in curves), 4 + len(law.SHAPES)
    if points <= parameters:
        raise ValueError(
            f"{law.__name__} has {parameters} parameters and the curves have {points} points after their highest lr and first tenth: give more curves or points"
        )
    if not any(fall_sizes(curve.lrs)[: curve.steps[-1] + 1].any() for curve in curves):
        raise ValueError(
            f"no curve has a lr that falls before its last point, so {law.__name__} can't learn what falls bring: add a curve with a decay"
        )
    units = Units(
        lr=max(c.lrs.max() for c in curves),
        total=max(c.lrs.sum() for c in curves),
        steps=max(len(c.lrs) for c in curves),
    )
    prepared = [
        (curve.lrs.cumsum()[curve.steps] / units.total, law.prepare(curve.lrs, curve.steps, units))
        for curve in curves
    ]
    return Problem(law, curves, units, prepared, np.log(np.concatenate([curve.losses for curve in curves])))


def distinct(curves: list[Curve]) -> list[Curve]:
    """Curves of the same lrs at the same steps as one, with their mean loss: a second copy is no new evidence."""
    groups = {}
    for curve in curves:
        groups.setdefault((curve.lrs.tobytes(), curve.steps.tobytes()), []).append(curve)
    return [
        replace(own[0], losses=np.mean([curve.losses for curve in own], axis=0)) for own in groups.values()
    ]


# -- the model: theta is the logarithms of L0, A, alpha, B and the law's own parameters


@np.errstate(over="ignore")  # a start that is far off
def model(problem: Problem, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(predicted losses of all points (n,), their derivatives by theta (n, p))."""
    L0, A, alpha, B, *shape = np.exp(theta)
    losses, derivatives = [], []
    for total, prepared in problem.prepared:
        term, by_shape = problem.law.terms(shape, prepared)
        power = A * total**-alpha
        losses.append(L0 + power - B * term)
        derivatives.append(
            np.column_stack(
                [np.full(len(total), L0), power, -alpha * np.log(total) * power, -B * term, -B * by_shape]
            )
        )
    return np.concatenate(losses), np.concatenate(derivatives)


def best_of(problem: Problem, begin: list[np.ndarray], pull: float = 0.0):
    """scipy's result of the best of the fits from these starts; RuntimeError if none converged."""
    ends = [end for theta in begin if (end := solve(problem, theta, pull=pull)).success]
    if not ends:
        raise RuntimeError(
            f"the fit of {problem.law.__name__} did not converge from any of {len(begin)} starts: leave out the curve that differs most from the others"
        )
    return min(ends, key=lambda end: end.cost)


def solve(problem: Problem, theta: np.ndarray, log_losses=None, pull: float = 0.0):
    """scipy's result of the robust fit from `theta`; to other losses than the measured ones, if given."""
    from scipy.optimize import least_squares

    log_losses = problem.log_losses if log_losses is None else log_losses
    least = 0.1 * np.exp(
        log_losses.min()
    )  # a loss near 0 or below is far from any measured one, and has no logarithm
    names, rows = list(problem.law.SHAPES), pulls(problem, pull)
    typical = np.zeros(len(theta))
    typical[[4 + names.index(name) for name in problem.law.TYPICAL]] = np.log(
        list(problem.law.TYPICAL.values())
    )

    def residuals(theta):
        losses, _ = model(problem, theta)
        return np.append(np.log(np.maximum(losses, least)) - log_losses, rows @ (theta - typical))

    def jacobian(theta):
        losses, derivatives = model(problem, theta)
        return np.vstack([np.where(losses > least, 1 / losses, 0)[:, None] * derivatives, rows])

    low, high = np.full((2, len(theta)), np.log([[LEAST], [MOST]]))
    for name, limit in problem.law.LIMITS.items():
        high[4 + names.index(name)] = np.log(limit)
    theta = np.clip(theta, low + 1e-6, high - 1e-6)
    return least_squares(
        residuals,
        theta,
        jacobian,
        loss=huber(len(log_losses)),
        f_scale=HUBER,
        x_scale="jac",
        bounds=(low, high),
        max_nfev=300,
        ftol=1e-5,
    )


def pulls(problem: Problem, strength: float) -> np.ndarray:
    """A row for each typical value: `strength` for a factor of two away from it; (typical values, p)."""
    names = list(problem.law.SHAPES)
    rows = np.zeros((len(problem.law.TYPICAL), 4 + len(names)))
    for row, name in zip(rows, problem.law.TYPICAL):
        row[4 + names.index(name)] = strength / np.log(2)
    return rows


def huber(points: int):
    """Huber's loss of the first residuals, and the plain square of those after them."""

    def rho(z):
        inner = (z <= 1) | (np.arange(len(z)) >= points)
        root = np.sqrt(np.maximum(z, 1))
        return np.array(
            [
                np.where(inner, z, 2 * root - 1),
                np.where(inner, 1, 1 / root),
                np.where(inner, 0, -0.5 / root**3),
            ]
        )

    return rho


def starts(problem: Problem) -> list[np.ndarray]:
    """The STARTS combinations of start values with the smallest residuals, L0, A and B being the best ones for each."""
    from scipy.optimize import nnls

    losses, found = np.exp(problem.log_losses), []
    for shape in product(*problem.law.SHAPES.values()):
        terms = np.concatenate([problem.law.terms(shape, prepared)[0] for _, prepared in problem.prepared])
        for alpha in ALPHAS:
            power = np.concatenate([total for total, _ in problem.prepared]) ** -alpha
            columns = np.column_stack([np.ones_like(power), power, -terms]) / losses[:, None]
            (L0, A, B), _ = nnls(columns, np.ones(len(losses)))
            least = 1e-3 * losses.mean()  # a start at 0 has no logarithm
            found.append(
                (
                    np.abs(columns @ (L0, A, B) - 1).sum(),
                    np.log([max(L0, least), max(A, least), alpha, max(B, least), *shape]),
                )
            )
    return [theta for _, theta in sorted(found, key=lambda pair: pair[0])[:STARTS]]


# -- whether the curves support it


def check_misfit(problem: Problem, residuals: list[np.ndarray]):
    """ValueError where the law is far from the end of a curve that it was fitted on."""
    for number, (curve, own) in enumerate(zip(problem.curves, residuals), 1):
        misfit = abs(own[-max(len(own) // 4, 1) :].mean())  # noise cancels out of it
        if not misfit < MOST_MISFIT:
            raise ValueError(
                f"{problem.law.__name__} doesn't describe these curves: over the last quarter of {curve.name or f'curve {number}'} it is {misfit:.1%} of the loss off, and at most {MOST_MISFIT:.0%} is allowed; "
                "fit on others, or train longer or at a lower peak lr"
            )


def check_doubt(fitted: Fitted):
    """ValueError where the curves don't determine the final losses of a constant lr and of a decay.

    Both are as long as the longest curve, at its highest lr. A cosine alone, for example, can't tell what its fall brought from the
    progress of the steps.
    """
    for name, lrs in probes(fitted.problem).items():
        uncertain = doubt(fitted, *model(at(fitted.problem, lrs, np.array([len(lrs) - 1])), fitted.theta))[0]
        if not uncertain < MOST_DOUBT:
            raise ValueError(
                f"the curves leave {fitted.problem.law.__name__} open: the final loss of {name} would be uncertain by {uncertain:.1%} of it, and at most {MOST_DOUBT:.1%} is allowed; "
                "add a curve of another shape, such as a constant lr beside a decay"
            )


def probes(problem: Problem) -> dict[str, np.ndarray]:
    longest = max(problem.curves, key=lambda curve: len(curve.lrs)).lrs
    first, steps = top(longest), len(longest)
    flat = np.append(longest[:first], np.full(steps - first, longest.max()))
    down = flat * np.minimum(1, (steps - np.arange(steps)) / max(0.2 * steps, 1))
    return {"a constant lr": flat, "a decay over the last fifth": down}


def at(problem: Problem, lrs: np.ndarray, steps: np.ndarray) -> Problem:
    """The same problem with a run to predict in place of the curves."""
    return replace(
        problem,
        prepared=[
            (lrs.cumsum()[steps] / problem.units.total, problem.law.prepare(lrs, steps, problem.units))
        ],
    )


def split(problem: Problem, values: np.ndarray) -> list[np.ndarray]:
    return np.split(values, np.cumsum([len(curve.steps) for curve in problem.curves])[:-1])


# -- the law, and how far its predictions may be off


def make_law(problem: Problem, theta: np.ndarray, fitted: Fitted | None = None) -> LossLaw:
    names = ["L0", "A", "alpha", "B", *problem.law.SHAPES]
    values = problem.law.plain(dict(zip(names, map(float, np.exp(theta)))), problem.units)
    return problem.law(**{name: float(value) for name, value in values.items()}, fitted=fitted)


def interval(
    law: LossLaw, lrs: np.ndarray, steps: np.ndarray, level: float, draws: int
) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) of the law's predictions at `steps`: their doubt, and a residual bootstrap's quantiles, added as squares.

    Raises:
        ValueError: a law that was not fitted here.
        RuntimeError: fewer than half of the bootstrap's fits converge.
    """
    from scipy.stats import t

    if law.fitted is None:
        raise ValueError("this law has no curves that it was fitted on: get one from fit")
    probe = at(law.fitted.problem, lrs, steps)
    losses, by_theta = model(probe, law.fitted.theta)
    wrong = (
        t.ppf((1 + level) / 2, len(law.fitted.problem.curves)) * doubt(law.fitted, losses, by_theta) * losses
    )
    drawn = [model(probe, other)[0] for other in bootstrap(law.fitted, draws)]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return losses - np.hypot(wrong, np.maximum(losses - low, 0)), losses + np.hypot(
        wrong, np.maximum(high - losses, 0)
    )


def doubt(fitted: Fitted, losses: np.ndarray, by_theta: np.ndarray) -> np.ndarray:
    """Standard errors of predicted losses (n,) with these derivatives (n, p), as parts of them: (n,)."""
    return np.hypot(np.linalg.norm(by_theta @ fitted.spread, axis=1) / np.abs(losses), fitted.error)


def uncertainty(problem: Problem, theta: np.ndarray, residuals: list[np.ndarray]) -> tuple[float, np.ndarray]:
    """(error, spread) as `Fitted` has them.

    By the delta method, and by how far the law misses a curve: what it gets wrong it gets wrong all along a curve, so a curve counts as
    one observation, with the largest `miss` of them, or HUBER if that is less. The typical values count as known to a factor of two.
    """
    error = max(HUBER, *map(miss, residuals))
    losses, derivatives = model(problem, theta)
    weights = np.concatenate([np.full(len(own), 1 / (error * len(own) ** 0.5)) for own in residuals])
    _, size, directions = np.linalg.svd(
        np.vstack([derivatives * (weights / losses)[:, None], pulls(problem, 1.0)]), full_matrices=False
    )
    return error, directions.T / np.maximum(size, 1e-12 * size[0])


def miss(residuals: np.ndarray) -> float:
    """How far a law is from the last half of a curve, as the root mean square of PARTS means, in which most of the noise cancels out."""
    last = residuals[len(residuals) // 2 :]
    return np.sqrt(np.mean([part.mean() ** 2 for part in np.array_split(last, min(PARTS, len(last)))]))


def bootstrap(fitted: Fitted, draws: int) -> list[np.ndarray]:
    """theta of fits to the same curves with residuals drawn again, in blocks of about the square root of a curve's points."""
    if draws not in fitted.refitted:
        fitted.refitted[draws] = refit(fitted, draws)
    return fitted.refitted[draws]


def refit(fitted: Fitted, draws: int) -> list[np.ndarray]:
    rng = np.random.Generator(np.random.Philox(key=KEY))
    predicted = np.log(model(fitted.problem, fitted.theta)[0])
    ends = [
        solve(
            fitted.problem,
            fitted.theta,
            predicted + np.concatenate([drawn(r, rng) for r in fitted.residuals]),
            fitted.pull,
        )
        for _ in range(draws)
    ]
    ends = [end.x for end in ends if end.success]
    if 2 * len(ends) < draws:
        raise RuntimeError(
            f"only {len(ends)} of {draws} fits to other noise converged: the curves are too few for an interval"
        )
    return ends


def drawn(residuals: np.ndarray, rng) -> np.ndarray:
    """As many residuals, in blocks that begin at random places of the same curve, around its end to its start."""
    length = max(1, round(len(residuals) ** 0.5))
    begins = rng.integers(len(residuals), size=-(-len(residuals) // length))
    return residuals[(begins[:, None] + np.arange(length)).ravel()[: len(residuals)] % len(residuals)]
