"""Fit a loss law to curves, and refuse curves that don't support one.

Parameters are positive and fitted as logarithms. Residuals are log predicted - log measured, under Huber's
loss (Luo et al. 2025). A few curves leave some exponents almost free, and a fit that follows their last
wiggle predicts other schedules worse; so a second fit is drawn to the law's TYPICAL values, in proportion
to what the first one left unexplained: where the law is exact, that changes nothing. Nothing is random.
"""

from __future__ import annotations

import numpy as np

from theory.curves import Curve
from theory.drops import first_step_at_peak
from theory.fit_problem import Problem, make_problem, model
from theory.solve import best_of, limits, start_points
from theory.uncertainty import Fit, make_fit, standard_error

PRIOR_STRENGTH = (
    2.0  # a factor of two from a typical value costs this many times the whole cost of the first fit
)
MAX_MISFIT = (
    0.02  # how far the mean over the last quarter of a curve may be missed, as a fraction of its loss
)
MAX_STANDARD_ERROR = 0.025  # of a predicted loss, as a fraction: beyond, it is wider than schedules differ
MIN_L0 = 0.05  # of the lowest loss: below, the fit found no level that the loss tends to
AT_LIMIT = 0.01  # as a fraction of the parameter


def fit(law: type, curves: list[Curve]) -> Fit:
    """The parameters of the law whose predictions are nearest to the curves.

    Args:
        law: the class of the law, as `theory.fit_problem` describes it.
        curves: measured runs.

    Returns:
        The fit: `parameters`, and what intervals need.

    Raises:
        ValueError: the curves can't support it: too few points, no lr drop that was measured, an end that it
            misses by more than MAX_MISFIT, or a standard error above MAX_STANDARD_ERROR.
        RuntimeError: no start converged.
    """
    problem = make_problem(law, curves)
    starts = start_points(problem)
    without_prior = best_of(problem, starts)
    prior_strength = np.sqrt(2 * PRIOR_STRENGTH * without_prior.cost)
    theta = best_of(problem, [without_prior.x, *starts], prior_strength).x
    residuals = problem.split(problem.log_losses - np.log(model(problem, theta)[0]))
    check_misfit(problem, residuals)
    result = make_fit(problem, theta, residuals)
    check_standard_error(result)
    return result


def check_misfit(problem: Problem, residuals: list[np.ndarray]):
    """ValueError where the law is far from the end of a curve that it was fitted on."""
    for number, (curve, errors) in enumerate(zip(problem.curves, residuals), 1):
        misfit = abs(errors[-max(len(errors) // 4, 1) :].mean())  # noise cancels out of it
        if not misfit < MAX_MISFIT:
            raise ValueError(
                f"{problem.law.__name__} doesn't describe these curves: over the last quarter of "
                f"{curve.name or f'curve {number}'} it is {misfit:.2%} of the loss off, and at most "
                f"{MAX_MISFIT:.0%} is allowed; fit on others, or train longer or at a lower peak lr"
            )


def check_standard_error(fit: Fit):
    """ValueError where the curves don't determine the final losses of a constant lr and of a decay.

    Both are as long as the longest curve, at its highest lr. A cosine alone, for example, can't tell what
    its drops brought from the progress of the steps.
    """
    for name, lrs in probe_lrs(fit.problem).items():
        predicted = model(fit.problem.probe(lrs, np.array([len(lrs) - 1])), fit.theta)
        error = standard_error(fit, *predicted)[0]
        if not error < MAX_STANDARD_ERROR:
            raise ValueError(
                f"the curves leave {fit.problem.law.__name__} open: the final loss of {name} would be "
                f"uncertain by {error:.1%} of it, and at most {MAX_STANDARD_ERROR:.1%} is allowed; "
                "add a curve of another shape, such as a constant lr beside a decay"
            )


def doubts(fit: Fit) -> list[str]:
    """A line for each parameter at the end of its range, where the curves didn't determine it."""
    problem, name = fit.problem, fit.problem.law.__name__
    lines = []
    if np.exp(fit.theta[0]) < MIN_L0 * np.exp(problem.log_losses.min()):
        lines.append(
            f"{name}'s L0 is {np.exp(fit.theta[0]):.2g}: the curves don't show where the loss ends, "
            "so don't predict longer runs with it; fit on longer ones."
        )
    low, high = limits(problem)
    at_end = (fit.theta < low + AT_LIMIT) | (fit.theta > high - AT_LIMIT)
    for parameter in np.array(problem.names)[1:][at_end[1:]]:
        lines.append(
            f"{name}'s {parameter} is at the end of its range: the curves don't determine it; "
            "add a curve of another shape."
        )
    return lines


def probe_lrs(problem: Problem) -> dict[str, np.ndarray]:
    """The two runs of `check_standard_error`."""
    longest = max(problem.curves, key=lambda curve: len(curve.lrs)).lrs
    first, steps = first_step_at_peak(longest), len(longest)
    flat = np.append(longest[:first], np.full(steps - first, longest.max()))
    decay = flat * np.minimum(1, (steps - np.arange(steps)) / max(0.2 * steps, 1))
    return {"a constant lr": flat, "a decay over the last fifth": decay}
