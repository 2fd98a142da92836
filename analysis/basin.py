"""Where a basin is lowest: a parabola through its lowest mean and the two beside it, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.differences import ALPHA, resamples, widening

NONE = float("nan")


@dataclass(frozen=True)
class Bottom:
    """The peak lr at which a basin is lowest; NaN where it isn't known."""

    peak: float
    low: float = NONE  # 95% interval, which ends at the outermost peak lrs tried
    high: float = NONE


def bottom(losses: dict[float, dict[int, float]]) -> Bottom:
    """The lowest point of a quadratic in log2 of the peak lr, and its interval by a bootstrap over the seeds.

    The seeds are drawn again, the same ones at all peak lrs, and what their means differ by from the mean is
    widened as Student's t widens the normal. So in some draws another peak lr is lowest.

    Args:
        losses: peak lr -> seed -> final loss in nats per token. A peak lr counts if it has every seed and all
            are finite.

    Returns:
        no peak where the lowest mean has no worse one on either side, no interval from a single seed.

    References:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13 (percentile interval).
    """
    most = max(map(len, losses.values()), default=0)
    rows = {
        peak: [row[seed] for seed in sorted(row)]
        for peak, row in sorted(losses.items())
        if len(row) == most and np.isfinite(list(row.values())).all()
    }
    if len(rows) < 3:
        return Bottom(NONE)
    x, table = np.log2(list(rows)), np.array(list(rows.values())).T  # (seeds, peak lrs)
    mean = table.mean(axis=0)
    best = int(mean.argmin())
    if best in (0, len(x) - 1) or np.ptp(mean[best - 1 : best + 2]) == 0:
        return Bottom(NONE)
    peak = float(2 ** lowest(x, mean[None])[0])
    n = len(table)
    if n < 2:
        return Bottom(peak)
    means = mean + widening(n) * (resamples(n) / n @ (table - mean))
    low, high = 2 ** np.quantile(lowest(x, means), [ALPHA / 2, 1 - ALPHA / 2])
    return Bottom(peak, float(low), float(high))


def lowest(x: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Where the parabola through each row's lowest point and its neighbours is lowest; on the edge, there.

    Args:
        x: (points,), ascending, three or more.
        means: (rows, points).

    Returns:
        (rows,), each less than halfway to a neighbour from the row's lowest point.
    """
    rows, best = np.arange(len(means)), means.argmin(axis=1)
    inner = np.clip(best, 1, len(x) - 2)
    left, right = x[inner] - x[inner - 1], x[inner + 1] - x[inner]
    rise_left = means[rows, inner - 1] - means[rows, inner]
    rise_right = means[rows, inner + 1] - means[rows, inner]
    curvature = left * rise_right + right * rise_left
    slope = left**2 * rise_right - right**2 * rise_left
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = -slope / (2 * curvature)
    return np.where((best == inner) & (curvature > 0), x[inner] + shift, x[best])
