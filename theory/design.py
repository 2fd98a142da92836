"""Learning rates designed by a fitted loss law: the ones whose predicted final loss is lowest."""

from __future__ import annotations

import numpy as np

# Found on few knots first, then refined; on one per step it would be a staircase that only the law likes.
KNOTS = (8, 16, 32, 64, 128, 256)
MAX_GAIN = 0.1  # over the best usual schedule, as a fraction of its loss: more is a weakness of the law
STARTS = ("linear", "wsd", "cosine")
# A law knows an end near zero from built-in schedules, whose decays take a fifth of a run or more; where it
# may, it ends higher, or drops in the last steps, which no curve has shown it.
END = 0.2  # of the steps after the warmup: from there on no lr is above wsd's line to zero
LOWEST = 0.01  # of that line: at an lr of zero the gradient of a law may be infinite


def optimal_lrs(law, steps: int, peak_lr: float, warmup_lrs, non_increasing: bool = True) -> np.ndarray:
    """The learning rates that minimise a law's final loss after a fixed warmup, none above the peak.

    They end near zero, as the schedules do that laws are fitted on: over the last fifth they are a straight
    line to zero times a factor, which is what is searched for: a local minimum by L-BFGS-B from several
    starts, on up to 256 knots with straight lines between them, since laws of this kind aren't convex in the
    lrs.

    Args:
        law: has final_loss_gradient(lrs) -> (loss, gradient (steps,)), as a `LossLaw`.
        steps: of the whole run, warmup included.
        peak_lr: the highest lr allowed; with `non_increasing` also the first one after the warmup.
        warmup_lrs: what the run begins with, float64, shape (W,), W < steps.
        non_increasing: no lr after the warmup is above the one before it, and over the last fifth none
            falls more slowly than in proportion to the steps that are left; default True.

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
    if loss < (1 - MAX_GAIN) * usual:
        raise ValueError(
            f"the law promises a loss of {loss:.3g}, where the best of {', '.join(STARTS)} has {usual:.3g}: "
            "schedules don't differ so much; use it at the peak lr it was fitted at, "
            "and keep non_increasing=True"
        )


def search(law, warmup_lrs, peak_lr: float, free: int, start: str, shape) -> tuple[float, np.ndarray]:
    """(loss, lrs) of the minimum that is reached from `start`."""
    from scipy.optimize import minimize

    at, family = np.arange(free), Family(free)
    factors = family.factors(start_values(start, free))
    for count in [*(n for n in KNOTS if n < free), *[free] * (free <= KNOTS[-1])]:
        knots = Knots(count, free)
        result = minimize(
            objective(law, warmup_lrs, peak_lr, family, knots, shape),
            shape.parameters(np.interp(knots.places, at, factors)),
            jac=True,
            method="L-BFGS-B",
            bounds=[shape.BOUNDS] * count,
            options=dict(maxiter=2000, ftol=1e-11, gtol=1e-8),
        )
        factors = np.interp(at, knots.places, shape.values(result.x)[0])
    return float(result.fun), np.concatenate([warmup_lrs, peak_lr * family.relative(factors)])


def objective(law, warmup_lrs, peak_lr: float, family: Family, knots: Knots, shape):
    """x -> (the law's final loss, its gradient by x)."""

    def loss(x):
        factors, back = shape.values(x)
        relative = family.relative(knots.to_steps(factors))
        value, gradient = law.final_loss_gradient(np.concatenate([warmup_lrs, peak_lr * relative]))
        by_factors = peak_lr * gradient[len(warmup_lrs) :] * family.slope
        return value, back(knots.to_knots(by_factors))

    return loss


def start_values(name: str, free: int) -> np.ndarray:
    """lr over the peak of a usual schedule that ends near zero, (free,)."""
    p = np.arange(free) / free
    return {
        "linear": 1 - p,
        "wsd": highest(free),
        "cosine": (1 + np.cos(np.pi * p)) / 2,
    }[name]


def highest(free: int) -> np.ndarray:
    """lr over the peak that no design is above: 1, and wsd's line to zero at the end; (free,)."""
    return np.minimum(1, np.arange(free, 0, -1) / max(END * free, 1))


class Family:
    """The lrs over the peak that end near zero, by factors from 0 to 1 of the highest at each step."""

    def __init__(self, free: int):
        self.highest = highest(free)
        self.slope = (1 - LOWEST) * self.highest  # of the lrs by the factors

    def relative(self, factors: np.ndarray) -> np.ndarray:
        return LOWEST * self.highest + self.slope * factors

    def factors(self, relative: np.ndarray) -> np.ndarray:
        """Of lrs that may lie outside the family, those of the nearest ones in it."""
        return np.clip((relative - LOWEST * self.highest) / self.slope, 0, 1)


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
    """Factors as they are, from 0 to 1."""

    BOUNDS = (0, 1)

    @staticmethod
    def parameters(values):
        return np.clip(values, 0, 1)

    @staticmethod
    def values(x):
        return x, lambda gradient: gradient


class NonIncreasing:
    """Factors as the fraction of all drops still to come: from 1, never rising, never below 0."""

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
