"""Learning rates designed by a fitted loss law: the ones whose predicted final loss is lowest."""

from __future__ import annotations

import numpy as np

# Found on few knots first, then refined; on one per step it would be a staircase that only the law likes.
KNOTS = (8, 16, 32, 64, 128, 256)
MAX_GAIN = 0.1  # over the best usual schedule, as a fraction of its loss: more is a weakness of the law
STARTS = ("linear", "wsd", "cosine")


def optimal_lrs(law, steps: int, peak_lr: float, warmup_lrs, non_increasing: bool = True) -> np.ndarray:
    """The learning rates that minimise a law's final loss after a fixed warmup, none above the peak.

    A local minimum found by L-BFGS-B from several starts, on up to 256 knots with straight lines between
    them; laws of this kind aren't convex in the lrs.

    Args:
        law: has L0 and final_loss_gradient(lrs) -> (loss, gradient (steps,)), as a `LossLaw`.
        steps: of the whole run, warmup included.
        peak_lr: the highest lr allowed; with `non_increasing` also the first one after the warmup.
        warmup_lrs: what the run begins with, float64, shape (W,), W < steps.
        non_increasing: no lr after the warmup is above the one before it; default True.

    Returns:
        float64, shape (steps,).

    Raises:
        ValueError: no step after the warmup; a law that promises more than MAX_GAIN over usual schedules,
            or gives no finite loss.

    References:
        Luo et al. 2025, arXiv 2503.12811.
    """
    warmup_lrs = np.asarray(warmup_lrs, dtype=float)
    free = steps - len(warmup_lrs)
    if free < 1:
        raise ValueError(
            f"steps={steps} is not allowed: a warmup of {len(warmup_lrs)} steps leaves none to design"
        )
    shape = NonIncreasing if non_increasing else AnyShape
    designs = [search(law, warmup_lrs, peak_lr, free, start, shape) for start in STARTS]
    loss, lrs = min(designs, key=lambda pair: pair[0])
    check_promise(law, loss, warmup_lrs, peak_lr, free)
    return lrs


def check_promise(law, loss: float, warmup_lrs, peak_lr: float, free: int):
    """ValueError for a design whose predicted loss can't be true."""
    if not np.isfinite(loss):
        raise ValueError("the law gives no finite loss for any start: fit it on other curves")
    starts = [np.concatenate([warmup_lrs, peak_lr * start_values(start, free)]) for start in STARTS]
    usual = min(law.final_loss_gradient(lrs)[0] for lrs in starts)
    if loss < max(law.L0, (1 - MAX_GAIN) * usual):
        raise ValueError(
            f"the law promises a loss of {loss:.3g}, where the best of {', '.join(STARTS)} has {usual:.3g}: "
            "schedules don't differ so much; use it at the peak lr it was fitted at, "
            "and keep non_increasing=True"
        )


def search(law, warmup_lrs, peak_lr: float, free: int, start: str, shape) -> tuple[float, np.ndarray]:
    """(loss, lrs) of the minimum that is reached from `start`."""
    from scipy.optimize import minimize

    at = np.arange(free)
    values = start_values(start, free)
    for count in [*(n for n in KNOTS if n < free), *[free] * (free <= KNOTS[-1])]:
        knots = Knots(count, free)
        result = minimize(
            objective(law, warmup_lrs, peak_lr, knots, shape),
            shape.parameters(np.interp(knots.places, at, values)),
            jac=True,
            method="L-BFGS-B",
            bounds=[shape.BOUNDS] * count,
            options=dict(maxiter=2000, ftol=1e-13, gtol=1e-10),
        )
        values = np.interp(at, knots.places, shape.values(result.x)[0])
    return float(result.fun), np.concatenate([warmup_lrs, peak_lr * values])


def objective(law, warmup_lrs, peak_lr: float, knots: Knots, shape):
    """x -> (the law's final loss, its gradient by x)."""

    def loss(x):
        relative, back = shape.values(x)
        value, gradient = law.final_loss_gradient(
            np.concatenate([warmup_lrs, peak_lr * knots.to_steps(relative)])
        )
        return value, back(knots.to_knots(peak_lr * gradient[len(warmup_lrs) :]))

    return loss


def start_values(name: str, free: int) -> np.ndarray:
    """lr over the peak of a usual schedule, (free,)."""
    p = np.arange(free) / free
    return {
        "linear": 1 - p,
        "wsd": np.minimum(1, (1 - p) / 0.2),
        "cosine": 0.05 + 0.95 * (1 + np.cos(np.pi * p)) / 2,
    }[name]


class Knots:
    """`count` places spread evenly over the steps 0 .. steps-1, with straight lines between them."""

    def __init__(self, count: int, steps: int):
        at, self.places = np.arange(steps), np.linspace(0, steps - 1, count)
        self.count, self.every_step = count, count == steps
        self.left = np.clip(np.searchsorted(self.places, at, side="right") - 1, 0, max(count - 2, 0))
        gap = self.places[np.minimum(self.left + 1, count - 1)] - self.places[self.left]
        self.weight = np.where(gap > 0, (at - self.places[self.left]) / np.where(gap > 0, gap, 1), 0)

    def to_steps(self, values: np.ndarray) -> np.ndarray:
        """Values at the knots (count,) -> at every step (steps,)."""
        if self.every_step:
            return values
        return (1 - self.weight) * values[self.left] + self.weight * values[self.left + 1]

    def to_knots(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient by the values at every step (steps,) -> by those at the knots (count,)."""
        if self.every_step:
            return gradient
        by_left = np.bincount(self.left, (1 - self.weight) * gradient, self.count)
        return by_left + np.bincount(self.left + 1, self.weight * gradient, self.count)


class AnyShape:
    """lr over the peak as it is, from 0 to 1."""

    BOUNDS = (0, 1)

    @staticmethod
    def parameters(values):
        return np.clip(values, 0, 1)

    @staticmethod
    def values(x):
        return x, lambda gradient: gradient


class NonIncreasing:
    """lr over the peak as the fraction of all drops still to come: from 1, never rising, never below 0."""

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
