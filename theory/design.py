"""Learning rates designed by a fitted loss law: the ones whose predicted final loss is lowest (Luo et al. 2025, arXiv 2503.12811)."""

from __future__ import annotations

import numpy as np

KNOTS = (
    8,
    16,
    32,
    64,
    128,
    256,
)  # the shape is found on few knots first, then refined; on one a step it would be a staircase that only the law likes
MOST_GAIN = 0.1  # over the best of the usual schedules, as part of its loss: what promises more is a weakness of the law
STARTS = ("linear", "wsd", "cosine")


def optimal_lrs(law, steps: int, peak_lr: float, warmup_lrs, non_increasing: bool = True) -> np.ndarray:
    """The lrs that minimise `law`'s final loss after a fixed warmup, none above `peak_lr`: float64 (steps,).

    A local minimum found by L-BFGS-B from several starts, on up to 256 knots with straight lines between them; laws of this kind aren't
    convex in the lrs.

    Args:
        law: has final_loss_gradient(lrs) -> (loss, gradient (steps,)), as the laws of analysis.forecast.
        steps: of the whole run, warmup included.
        peak_lr: the highest lr allowed; with `non_increasing` also the first one after the warmup.
        warmup_lrs: float64 (W,), W < steps, what the run begins with.
        non_increasing: no lr after the warmup is above the one before it.

    Raises:
        ValueError: no step after the warmup; a law that promises more than MOST_GAIN over usual schedules, or no finite loss.
    """
    warmup_lrs = np.asarray(warmup_lrs, dtype=float)
    free = steps - len(warmup_lrs)
    if free < 1:
        raise ValueError(
            f"steps={steps} is not allowed: a warmup of {len(warmup_lrs)} steps leaves none to design"
        )
    shape = Falling if non_increasing else Free
    found = [search(law, warmup_lrs, peak_lr, free, start, shape) for start in STARTS]
    loss, lrs = min(found, key=lambda pair: pair[0])
    if not np.isfinite(loss):
        raise ValueError("the law gives no finite loss for any start: fit it on other curves")
    usual = min(
        law.final_loss_gradient(np.concatenate([warmup_lrs, peak_lr * start_values(start, free)]))[0]
        for start in STARTS
    )
    if loss < max(law.L0, (1 - MOST_GAIN) * usual):
        raise ValueError(
            f"the law promises a loss of {loss:.3g}, where the best of {', '.join(STARTS)} has {usual:.3g}: schedules don't differ so much; use it at the peak lr it was fitted at, and keep non_increasing=True"
        )
    return lrs


def search(law, warmup_lrs, peak_lr: float, free: int, start: str, shape) -> tuple[float, np.ndarray]:
    """(loss, lrs) of the minimum that is reached from `start`."""
    from scipy.optimize import minimize

    at = np.arange(free)
    values = start_values(start, free)
    for knots in [*(n for n in KNOTS if n < free), *[free] * (free <= KNOTS[-1])]:
        places = np.linspace(0, free - 1, knots)
        values = np.interp(places, at, values)
        left, weight = left_knot(at, places)

        def loss(x):
            relative, back = shape.values(x)
            spread = (
                relative if knots == free else (1 - weight) * relative[left] + weight * relative[left + 1]
            )
            lrs = np.concatenate([warmup_lrs, peak_lr * spread])
            value, gradient = law.final_loss_gradient(lrs)
            gradient = peak_lr * gradient[len(warmup_lrs) :]
            if knots < free:
                gradient = np.bincount(left, (1 - weight) * gradient, knots) + np.bincount(
                    left + 1, weight * gradient, knots
                )
            return value, back(gradient)

        result = minimize(
            loss,
            shape.parameters(values),
            jac=True,
            method="L-BFGS-B",
            bounds=[shape.BOUNDS] * knots,
            options=dict(maxiter=2000, ftol=1e-13, gtol=1e-10),
        )
        values = np.interp(at, places, shape.values(result.x)[0])
    return float(result.fun), np.concatenate([warmup_lrs, peak_lr * values])


def start_values(name: str, free: int) -> np.ndarray:
    p = np.arange(free) / free
    return {
        "linear": 1 - p,
        "wsd": np.minimum(1, (1 - p) / 0.2),
        "cosine": 0.05 + 0.95 * (1 + np.cos(np.pi * p)) / 2,
    }[name]


def left_knot(at, places) -> tuple[np.ndarray, np.ndarray]:
    """For each step the knot at or before it, and how far it is on the way to the next (0 to 1)."""
    left = np.clip(np.searchsorted(places, at, side="right") - 1, 0, max(len(places) - 2, 0))
    gap = places[np.minimum(left + 1, len(places) - 1)] - places[left]
    return left, np.where(gap > 0, (at - places[left]) / np.where(gap > 0, gap, 1), 0)


class Free:
    """lr over the peak as it is, from 0 to 1."""

    BOUNDS = (0, 1)

    @staticmethod
    def parameters(values):
        return np.clip(values, 0, 1)

    @staticmethod
    def values(x):
        return x, lambda gradient: gradient


class Falling:
    """lr over the peak as the part of all drops that is still to come: it begins at 1, never rises, and never falls below 0."""

    BOUNDS = (0, None)

    @staticmethod
    def parameters(values):
        return values - np.append(values[1:], 0.0)

    @staticmethod
    def values(x):
        total = max(x.sum(), 1e-100)
        relative = x[::-1].cumsum()[::-1] / total

        def back(gradient):
            return (gradient.cumsum() - gradient @ relative) / total

        return relative, back
