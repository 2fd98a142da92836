"""Final losses so far off that an axis which shows them would squeeze all others."""

from __future__ import annotations

import numpy as np


def outlier_limit(losses: np.ndarray) -> float:
    """Losses above this are outliers: 5 times as far from the lowest as the median, and 5% above it."""
    low = np.min(losses)
    return low + max(5 * (np.median(losses) - low), 0.05 * low)
