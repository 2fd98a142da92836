"""Whether the bound says which schedule wants a higher peak, and how that moves with the horizon."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from studies.bound_vs_practice.measures import Agreement, drawn
from studies.bound_vs_practice.predictors import Scale, measured_peak
from studies.bound_vs_practice.regimes import BASE, Point, Regime
from studies.transfer.agreement import Number
from theory import optimal_peak_lr


@dataclass(frozen=True)
class BestPeak:
    """Of one schedule: as measured, as the bound has it, and the one with the lr sum of the base's best."""

    name: str
    spec: str
    measured: float
    bound: float
    same_sum: float
    inside: bool  # of the peaks tried


@dataclass(frozen=True)
class Peaks:
    """Of one regime."""

    regime: Regime
    rows: list[BestPeak]

    @property
    def bound(self) -> Agreement:
        return self.compared([row.bound for row in self.rows])

    @property
    def same_sum(self) -> Agreement:
        return self.compared([row.same_sum for row in self.rows])

    def compared(self, predicted: list[float]) -> Agreement:
        """In octaves."""
        measured = np.log2([[row.measured] for row in self.rows])
        return drawn(np.log2(predicted), measured, [np.array([i]) for i in range(len(measured))])


def best_peaks(regime: Regime, scale: Scale) -> Peaks:
    """Of the schedules whose measured peak a parabola gives."""
    by_name = {name: list(points) for name, points in groupby(regime.points, key=lambda point: point.name)}
    base = by_name[BASE[regime.model]]
    base_sum = measured_peak(base) * shape_sum(base[0])
    rows = [best_peak(points, scale, base_sum) for points in by_name.values()]
    return Peaks(regime, [row for row in rows if np.isfinite(row.measured)])


def best_peak(points: list[Point], scale: Scale, base_sum: float) -> BestPeak:
    first, measured = points[0], measured_peak(points)
    tried = [point.peak_lr for point in points]
    return BestPeak(
        first.name,
        first.spec,
        measured,
        optimal_peak_lr(first.lrs, distance=scale.distance)[0],
        base_sum / shape_sum(first),
        min(tried) < measured < max(tried),
    )


def shape_sum(point: Point) -> float:
    return float(point.lrs.sum() / point.lrs.max())


@dataclass(frozen=True)
class PeakChange:
    """Of the best peak from the shorter to the longer horizon, in octaves: means over schedules."""

    schedules: int
    measured: Number
    bound: float


def peak_change(shorter: Peaks, longer: Peaks) -> PeakChange:
    """Over the schedules that both have, with a 95% interval of Student's t."""
    from scipy import special

    before = {row.name: row for row in shorter.rows}
    pairs = [(before[row.name], row) for row in longer.rows if row.name in before]
    changes = np.array([np.log2(after.measured / first.measured) for first, after in pairs])
    half = -special.stdtrit(len(pairs) - 1, 0.025) * changes.std(ddof=1) / np.sqrt(len(pairs))
    mean = float(changes.mean())
    bounds = [np.log2(after.bound / first.bound) for first, after in pairs]
    return PeakChange(len(pairs), Number(mean, mean - half, mean + half), float(np.mean(bounds)))
