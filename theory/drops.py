"""The drops of a run's learning rate, counted from the highest on: a warmup, or an own rise, has none."""

from __future__ import annotations

import numpy as np

MIN_LR = 1e-9  # of the highest lr: below it an lr counts as this, since a negative power of 0 is infinite


def first_step_at_peak(lrs) -> int:
    """The first step at the highest lr; a later one that is higher by rounding only doesn't count."""
    return int((lrs >= (1 - 1e-9) * lrs.max()).argmax())


def drop_sizes(lrs) -> np.ndarray:
    """eta_{k-1} - eta_k at each step k after the peak, 0 up to it: shape (T,); a rise is a negative drop."""
    size = np.append(0.0, lrs[:-1] - lrs[1:])
    size[: first_step_at_peak(lrs) + 1] = 0
    return size
