"""Curves as they are drawn: means over seeds, smoothed, and with fewer points."""

from __future__ import annotations

import numpy as np

from nanosched.history import RunCurve

POINTS = 100  # of a grey line: more can't be seen and take their time


def mean_curve(curves: list[RunCurve], column: str) -> np.ndarray:
    """One column's mean over runs of the same length."""
    return np.mean([getattr(curve, column) for curve in curves], axis=0)


def smoothing(steps: int) -> int:
    """How many steps of a run each point of its smoothed curve is the mean of."""
    return max(1, steps // 20)


def smooth(values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """(steps, means of the `window` values up to each)."""
    window = min(window, len(values))
    if not window:
        return np.arange(0), np.zeros(0)
    return np.arange(window - 1, len(values)), np.convolve(values, np.ones(window) / window, "valid")


def thin(x: np.ndarray, y: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """About so many of the points, the last one among them."""
    every = max(1, len(x) // points)
    return x[(len(x) - 1) % every :: every], y[(len(x) - 1) % every :: every]
