"""What says the order beforehand: the convex bound in two ways, and the simplest rivals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from studies.bound_vs_practice.regimes import BASE, Data, Point, Regime
from theory import bound, optimal_peak_lr

TOP = 3  # points of a parabola


@dataclass(frozen=True)
class Scale:
    """The two numbers that the bound leaves open, of one model."""

    distance: float  # D / G
    factor: float  # nats per token


@dataclass(frozen=True)
class Predictor:
    name: str
    value: Callable[[Point, Scale], float]
    in_nats: bool = True
    either_sign: bool = False  # of its own choice, regime by regime


def at_best_peak(point: Point, scale: Scale) -> float:
    return scale.factor * optimal_peak_lr(point.lrs, distance=scale.distance)[1]


def as_trained(point: Point, scale: Scale) -> float:
    return scale.factor * bound(point.lrs, distance=scale.distance)


BEST, TRAINED = Predictor("bound, best peak", at_best_peak), Predictor("bound, as trained", as_trained)
LR_SUM = Predictor("lr sum", lambda point, _: float(point.lrs.sum()), in_nats=False, either_sign=True)
FINAL_LR = Predictor(
    "final lr ratio",
    lambda point, _: float(point.lrs[-1] / point.lrs.max()),
    in_nats=False,
    either_sign=True,
)
PREDICTORS = [BEST, TRAINED, LR_SUM, FINAL_LR]


def scale_of(peaks: Regime, best: Regime) -> Scale:
    """D / G from the peaks of one schedule, the factor from all schedules at their best peaks."""
    base = [point for point in peaks.points if point.name == BASE[peaks.model]]
    distance = measured_peak(base) / optimal_peak_lr(base[0].lrs)[0]
    bounds = [at_best_peak(point, Scale(distance, 1.0)) for point in best.points]
    return Scale(distance, centred_slope(np.array(bounds), np.array([point.loss for point in best.points])))


def scales(data: Data) -> dict[str, Scale]:
    """Of each model."""
    large_every, large_best = (by[max(by)] for by in (data.large_every, data.large_best))
    found = [scale_of(data.small_every, data.small_best), scale_of(large_every, large_best)]
    return dict(zip(BASE, found))


def measured_peak(points: list[Point]) -> float:
    """Where a parabola in log2 of the peak is lowest: through the lowest loss and its neighbours, or the
    last three where the lowest is at an end; NaN with fewer points, or where it has no lowest."""
    if len(points) < TOP:
        return np.nan
    points = sorted(points, key=lambda point: point.peak_lr)
    best = int(np.argmin([point.loss for point in points]))
    first = min(max(best - 1, 0), len(points) - TOP)
    near = points[first : first + TOP]
    curvature, slope, _ = np.polyfit(np.log2([p.peak_lr for p in near]), [p.loss for p in near], 2)
    return float(2 ** (-slope / (2 * curvature))) if curvature > 0 else np.nan


def centred_slope(x: np.ndarray, y: np.ndarray) -> float:
    """Of y on x by least squares, with a level."""
    x = x - x.mean()
    return float(x @ y / (x @ x)) if x.any() else np.nan
